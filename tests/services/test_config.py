"""Tests of L{cfos_cm.services.config} as a whole, and of the sample site."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain.registers import EVSE_TCP_PORT
from cfos_cm.electrical import ALL_PHASES, CurrentSteps, PhaseCurrents
from cfos_cm.errors import ConfigError
from cfos_cm.services.config import (
    Config,
    changes,
    differences,
    parse_config,
    read_config,
)
from cfos_cm.services.config.ini import MAX_BYTES
from cfos_cm.services.config.options import options_of
from cfos_cm.services.config.reference import option_reference
from cfos_cm.services.config.sections import NAMED_SECTIONS, SINGLE_SECTIONS
from cfos_cm.services.config.words import SimulatorType, Tls
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import ChargingMode, EvseSettings
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.site.policy import DEFAULT_POLICY, Policy, Sharing
from cfos_cm.virtual_devices import GRID_METER_PORT
from tests.issuer import Issuer

PROJECT = Path(__file__).resolve().parents[2]

#: Every section and nearly every option of the contract.
CONTRACT = """\
[manager]
title = Tiefgarage Köln
load_management = on            ; on | observe (read only, set nothing)
on_disable = block              ; block | minimum | cancel_limits
database = sqlite:///var/cfos_cm.sqlite
state_directory = var           ; keys, certificates, backups; 0700
cycle = 1.0                     ; s, at most; a change is acted on at once

[web]
listen = tcp:4712               ; any Twisted server endpoint string

[ocpp server]
port = 19520
interface =                     ; empty: all
tls = detect                    ; off | detect | on
password =                      ; empty: none; per-EVSE passwords override it
certificate =                   ; PEM chain
private_key =
ca_certificates =               ; one or more PEM files
unknown_charge_points = ask     ; ask | accept | refuse

[circuit house]
max_current = 63                ; A per phase; the main fuse
reserve = 2                     ; A
max_imbalance = 20              ; A between phases; 0: none
meter = grid

[circuit garage]
parent = house
max_current = 50

[meter grid]
type = sunspec                  ; sunspec | power_brain_meter | simulated
address = tcp:192.168.178.40:502
unit = 1
role = grid                     ; grid | consumption | generation | evse | display

[evse bay-1]
type = ocpp16
address = CP-0001               ; ChargeBox ID
connector = 1
circuit = garage
enabled = yes
min_current = 6                 ; A
max_current = 16
phases = L1 L2 L3               ; the order in which the EVSE's phases are wired
priority = 1                    ; higher first
failsafe_current = 0            ; A, when contact is lost
password =
fixed_tag =                     ; idTag used when no card was shown before plug-in
quirks = auto

[evse bay-2]
type = cfos_power_brain
address = tcp:192.168.178.50:4701
unit = 1
circuit = garage

[gateway bay-1]                 ; one section per EVSE and backend
evse = bay-1
url = wss://ocpp.secure-backend.com/path/
client_id = DE*KLN*E1
password =
password_form = auto            ; auto | hex | text
ca_certificates =               ; none: the server's certificate is pinned at first use
certificate =                   ; with private_key: profile 3
private_key =
role = authority                ; authority | report
outage = shield                 ; shield | strict
tags = *                        ; which idTags this backend is asked about
"""

#: A file with exactly ten mistakes; each line with one says so.
TEN_MISTAKES = """\
[manager]
titel = Garage                  ; 1: unknown option
cycle = 0                       ; 2: out of range
[ocpp server]
tls = of                        ; 3: no such word
a line that says nothing
password = "not closed          ; 5: quotes
[circuit house]
max_current = 63 A              ; 6: a unit
[circut garage]                 ; 7: unknown section
max_current = 16
[evse bay-1]
type = ocpp16
address = CP-1
circuit = hous                  ; 8: a reference to nothing
[evse bay-2]                    ; 9: no address
type = ocpp16
circuit = house
[circuit house]                 ; 10: there already
"""


class Reading(SynchronousTestCase):
    """A configuration's text."""

    def test_contract(self) -> None:
        """The contract's example is read, with warnings where it could be safer."""
        config = parse_config(CONTRACT, "site/tap.cfg")
        self.assertEqual("site", config.folder)
        self.assertEqual("Tiefgarage Köln", config.manager.title)
        self.assertEqual(["house", "garage"], [one.name for one in config.circuits])
        self.assertEqual("DE*KLN*E1", config.gateways[0].client_id)
        warned = [one.split(": ")[0] for one in config.warnings()]
        self.assertEqual(["site/tap.cfg:61"], warned)

    def test_empty(self) -> None:
        """A file that says nothing is a site with nothing in it, and all the defaults."""
        config = parse_config("", "tap.cfg")
        self.assertEqual((), config.evses)
        self.assertEqual(19520, config.ocpp_server.port)
        self.assertIs(Tls.DETECT, config.ocpp_server.tls)

    def test_places_do_not_matter(self) -> None:
        """Two files that say the same are equal, wherever the lines stand."""
        one = parse_config("[circuit a]\nmax_current = 16", "tap.cfg")
        two = parse_config("\n\n[circuit a]\n\nmax_current = 16.0 ; A", "tap.cfg")
        self.assertEqual(one, two)

    def test_ten_mistakes(self) -> None:
        """All mistakes of a file are reported at once, each with its line, in their order."""
        error = self.assertRaises(ConfigError, parse_config, TEN_MISTAKES, "tap.cfg")
        self.assertEqual(
            [
                (2, "manager", "titel"),
                (3, "manager", "cycle"),
                (5, "ocpp server", "tls"),
                (6, "ocpp server", ""),
                (7, "ocpp server", "password"),
                (9, "circuit house", "max_current"),
                (10, "circut garage", ""),
                (15, "evse bay-1", "circuit"),
                (16, "evse bay-2", "address"),
                (19, "circuit house", ""),
            ],
            [(one.line, one.section, one.option) for one in error.mistakes],
        )
        self.assertTrue(all(one.path == "tap.cfg" and one.allowed for one in error.mistakes))

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Any text is a configuration, or raises L{ConfigError} and nothing else."""
        _read_or_refuse(text)

    @given(st.data())
    def test_any_options(self, data: st.DataObject) -> None:
        """So does any text that is made of what a configuration is made of."""
        _read_or_refuse("\n".join(data.draw(st.lists(_lines(), max_size=30))))


def _lines() -> st.SearchStrategy[str]:
    schemas = SINGLE_SECTIONS | NAMED_SECTIONS
    names = [one.name for schema in schemas.values() for one in options_of(schema)]
    words = [
        *("on", "off", "ocpp16", "a", "b", "16", "0", "6", "80", "ws://h/", "CP-1", "tcp:h:1"),
        *("sunspec", "grid", "charge_point", "authority", "hex", "L1", "sqlite:///x", ""),
        *("evse", "consumption", "surplus", "cancel_limits", "6 8 10", "9 kW", "63 50 35"),
    ]
    named = [f"{kind} {name}" for kind in NAMED_SECTIONS for name in ("a", "b", "")]
    headings = [*SINGLE_SECTIONS, *named]
    value = st.sampled_from(words) | st.text(max_size=10)
    return (
        st.sampled_from(headings).map(lambda heading: f"[{heading}]")
        | st.builds(lambda name, written: f"{name} = {written}", st.sampled_from(names), value)
        | st.text(max_size=20)
    )


def _read_or_refuse(text: str) -> None:
    try:
        config = parse_config(text, "tap.cfg")
    except ConfigError as error:
        lines = [one.line for one in error.mistakes]
    else:
        lines = []
        # What was read can be used: nothing in it is left out.
        config.settings_changed()
        config.warnings()
        assert all(one.circuit for one in config.evses)
    assert lines == sorted(lines)


class Files(SynchronousTestCase):
    """A configuration's file."""

    def write(self, content: bytes) -> str:
        """A file with C{content}, in a folder of its own."""
        folder = self.mktemp()
        os.mkdir(folder)
        path = os.path.join(folder, "tap.cfg")
        Path(path).write_bytes(content)
        return path

    def refused(self, path: str) -> str:
        """Why a file is refused."""
        return str(self.assertRaises(ConfigError, read_config, path))

    def test_utf8(self) -> None:
        """A file is UTF-8, with or without a byte order mark."""
        text = "[manager]\ntitle = Köln"
        for encoding in ("utf-8", "utf-8-sig"):
            config = read_config(self.write(text.encode(encoding)))
            self.assertEqual("Köln", config.manager.title)

    def test_empty(self) -> None:
        """A file without anything in it, as while an editor writes it, is no site."""
        for text in ("", " \n\n", "\ufeff"):
            path = self.write(text.encode())
            self.assertEqual(f"{path}: is empty", self.refused(path))

    def test_other_encoding(self) -> None:
        """Another encoding is refused with the line, and without the text around it."""
        path = self.write("[ocpp server]\npassword = s3cret-ä\n".encode("latin-1"))
        error = self.assertRaises(ConfigError, read_config, path)
        (one,) = error.mistakes
        self.assertEqual((2, "byte 0xE4"), (one.line, one.found))
        self.assertNotIn("s3cret", str(error))
        self.assertIsNone(error.__cause__)
        self.assertTrue(error.__suppress_context__)

    def test_unreadable(self) -> None:
        """A file that is not there, or is no file, is refused with its name and the reason."""
        missing = self.mktemp()
        self.assertIn(f"{missing}: cannot be read: No such file", self.refused(missing))
        folder = os.path.dirname(self.write(b""))
        self.assertIn("not a regular file", self.refused(folder))
        self.assertIn("not the name of a file", self.refused("a\x00b"))

    def test_pipe(self) -> None:
        """A pipe is refused at once; opening it would wait."""
        pipe = self.mktemp()
        os.mkfifo(pipe)
        self.assertIn("not a regular file", self.refused(pipe))

    def test_too_large(self) -> None:
        """A file beyond the bound is refused as that, wherever the bound cuts it."""
        text = ("[manager]\n;" + "ä" * MAX_BYTES).encode()
        self.assertIn("larger", self.refused(self.write(text)))

    @given(st.binary())
    def test_any_bytes(self, content: bytes) -> None:
        """Any file is a configuration, or raises L{ConfigError} and nothing else."""
        path = self.write(content)
        try:
            read_config(path)
        except ConfigError as error:
            self.assertTrue(error.mistakes)

    def test_relative_paths(self) -> None:
        """Paths begin at the file's folder, wherever the program was started."""
        path = self.write(b"[manager]\nstate_directory = state\n")
        folder = os.path.abspath(os.path.dirname(path))
        config = read_config(path)
        self.assertEqual(f"sqlite:///{folder}/var/cfos_cm.sqlite", config.database_url)
        self.assertEqual(f"{folder}/state", config.state_directory)

    def test_absolute_paths(self) -> None:
        """An absolute path and a server's URL stay what they are."""
        path = self.write(b"[manager]\ndatabase = sqlite:////srv/x\nstate_directory = /srv/s\n")
        config = read_config(path)
        self.assertEqual("sqlite:////srv/x", config.database_url)
        self.assertEqual("/srv/s", config.state_directory)
        server = read_config(self.write(b"[manager]\ndatabase = postgresql://h/x\n"))
        self.assertEqual("postgresql://h/x", server.database_url)

    def test_certificates(self) -> None:
        """Certificates and keys that are named are there, beside the file."""
        text = b"[ocpp server]\ncertificate = c.pem\nprivate_key = k.pem\n"
        path = self.write(text)
        error = self.assertRaises(ConfigError, read_config, path)
        self.assertEqual(
            [(2, "certificate", "c.pem"), (3, "private_key", "k.pem")],
            [(one.line, one.option, one.found) for one in error.mistakes],
        )

    def test_each_ca_certificate(self) -> None:
        """Of several files, each one that is missing is reported; with all other mistakes."""
        text = (
            "[circuit a]\nmax_current = 9\n[evse e]\ntype = ocpp16\naddress = C\n"
            "[gateway g]\nevse = e\nurl = wss://h/\nclient_id = x\n"
            "ca_certificates = a.pem, b.pem, c.pem\n[nonsense]\n"
        )
        path = self.write(text.encode())
        issuer = Issuer("Root")
        Path(os.path.dirname(path), "b.pem").write_text(issuer.pem)
        error = self.assertRaises(ConfigError, read_config, path)
        found = [(one.line, one.found) for one in error.mistakes]
        self.assertEqual([(10, "a.pem"), (10, "c.pem"), (11, "nonsense")], found)


class Settings(SynchronousTestCase):
    """What the site is told."""

    def test_site(self) -> None:
        """Title, mode and each setting are as in the file."""
        event = parse_config(
            "[manager]\ntitle = T\nload_management = observe\n"
            "[meter m]\ntype = simulated\nrole = grid\n"
            "[circuit c]\nmax_current = 63.5\nreserve = 2\nmax_imbalance = 20\nmeter = m\n"
            "[evse e]\ntype = ocpp16\naddress = CP\nenabled = no\nmin_current = 7\n"
            "max_current = 32\nphases = L2 L3 L1\npriority = 3\nfailsafe_current = 8\n"
            "fixed_tag = 04A1\n",
            "tap.cfg",
        ).settings_changed()
        self.assertEqual(("T", True), (event.title, event.observe_only))
        circuit = CircuitSettings("c", 63500, None, 2000, 20000, "m")
        self.assertEqual((circuit,), event.circuits)
        phases = (*ALL_PHASES[1:], ALL_PHASES[0])
        evse = EvseSettings("e", "c", False, 7000, 32000, phases, 3, 8000, "04A1", False)
        self.assertEqual((evse,), event.evses)
        self.assertEqual((MeterSettings("m", MeterRole.GRID),), event.meters)
        self.assertEqual(DEFAULT_POLICY, event.policy)

    def test_policy(self) -> None:
        """How the site shares is as in the file."""
        event = parse_config(
            "[manager]\nsharing = min_first\nmin_pause = 60\nmin_charge_time = 61.5\n"
            "surplus_undercut = 62\nphase_switch_delay = 63\n",
            "tap.cfg",
        ).settings_changed()
        self.assertEqual(Policy(Sharing.MIN_FIRST, 60.0, 61.5, 62.0, 63.0), event.policy)

    def test_defaults(self) -> None:
        """What is not in the file is what the site takes for the usual."""
        event = parse_config(
            "[circuit c]\nmax_current = 63\n[evse e]\ntype = ocpp16\naddress = CP\n",
            "tap.cfg",
        ).settings_changed()
        self.assertEqual((CircuitSettings("c", 63000),), event.circuits)
        self.assertEqual((EvseSettings("e", "c"),), event.evses)
        self.assertEqual(((), DEFAULT_POLICY), (event.meters, event.policy))

    def test_circuit(self) -> None:
        """Each phase's rating, power, loads, imbalance and priority are as in the file."""
        (circuit,) = (
            parse_config(
                "[circuit c]\nmax_current = 63 50 35\nmax_power = 30 kW\nassumed_load = 5\n"
                "failsafe_load = 20 10 0\nmax_imbalance = 16\nimbalance_of = all\n"
                "priority = 4\n",
                "tap.cfg",
            )
            .settings_changed()
            .circuits
        )
        expected = CircuitSettings(
            "c",
            PhaseCurrents(63000, 50000, 35000),
            max_imbalance_ma=16000,
            max_power_w=30_000,
            assumed_load=PhaseCurrents(5000, 5000, 5000),
            failsafe_load=PhaseCurrents(20000, 10000, 0),
            imbalance_counts_load=True,
            priority=4,
        )
        self.assertEqual(expected, circuit)

    def test_meters(self) -> None:
        """Each meter has its role, and the circuit or the EVSE that it belongs to."""
        text = "[circuit c]\nmax_current = 63\n[evse e]\ntype = ocpp16\naddress = CP\n"
        for name, where in (
            ("consumption", "circuit = c"),
            ("generation", "circuit = c"),
            ("evse", "evse = e"),
            ("display", ""),
        ):
            text += f"[meter {name}]\ntype = reported\nrole = {name}\n{where}\n"
        self.assertEqual(
            (
                MeterSettings("consumption", MeterRole.CONSUMPTION, "c"),
                MeterSettings("generation", MeterRole.GENERATION, "c"),
                MeterSettings("evse", MeterRole.EVSE, None, "e"),
                MeterSettings("display", MeterRole.DISPLAY),
            ),
            parse_config(text, "tap.cfg").settings_changed().meters,
        )

    def test_evse(self) -> None:
        """Weight, steps, mode and phase switching are as in the file."""
        (evse,) = (
            parse_config(
                "[circuit c]\nmax_current = 63\n[evse e]\ntype = ocpp16\naddress = CP\n"
                "weight = 3\ncurrent_steps = 6 8 10\nmode = surplus\nphase_switching = yes\n",
                "tap.cfg",
            )
            .settings_changed()
            .evses
        )
        expected = EvseSettings(
            "e",
            "c",
            weight=3,
            steps=CurrentSteps(only_ma=(6000, 8000, 10000)),
            mode=ChargingMode.SURPLUS,
            can_switch_phases=True,
        )
        self.assertEqual(expected, evse)

    def test_minimum_is_a_step(self) -> None:
        """The least that a car gets is a current that its EVSE can be set to."""
        site = (
            "[manager]\non_disable = minimum\n[circuit c]\nmax_current = 63\n"
            "[evse e]\ntype = ocpp16\naddress = CP\n"
        )
        for least, steps, found_ma in (
            ("6", "8 10", 8000),
            ("9", "8 10", 10000),
            ("8", "8 10", 8000),
            ("6.5", "1", 7000),
            ("6.55", "0.1", 6600),
        ):
            text = f"{site}min_current = {least}\ncurrent_steps = {steps}\n"
            (evse,) = parse_config(text, "tap.cfg").settings_changed().evses
            self.assertEqual((found_ma,) * 2, (evse.min_current_ma, evse.disabled_current_ma))

    def test_parents_first(self) -> None:
        """A circuit comes after the one that feeds it, in whatever order they are written."""
        text = "".join(
            f"[circuit {name}]\nmax_current = 9\nparent = {parent}\n"
            for name, parent in (("a", "b"), ("b", "c"), ("d", "c"), ("c", ""), ("e", ""))
        )
        circuits = parse_config(text, "tap.cfg").settings_changed().circuits
        self.assertEqual(["c", "b", "a", "d", "e"], [one.name for one in circuits])

    def test_backend(self) -> None:
        """An EVSE with a backend that decides needs it; one whose backend is only told not."""
        text = "[circuit c]\nmax_current = 63\n"
        for name in "abc":
            text += f"[evse {name}]\ntype = ocpp16\naddress = {name}\n"
        for evse, role in (("a", "authority"), ("a", "report"), ("b", "report")):
            text += f"[gateway {evse}-{role}]\nevse = {evse}\nurl = ws://{evse}-{role}/\n"
            text += f"client_id = x\nrole = {role}\n"
        event = parse_config(text, "tap.cfg").settings_changed()
        self.assertEqual([True, False, False], [one.needs_backend for one in event.evses])


class Warnings(SynchronousTestCase):
    """What is configured that this version does not act on."""

    QUIET = "[ocpp server]\ntls = off\n"

    def warned(self, text: str) -> list[str]:
        """The warnings about what a text adds to a site without any."""
        return list(parse_config(self.QUIET + text, "t.cfg").warnings())

    def test_none(self) -> None:
        """A site within this version's means has no warning."""
        self.assertEqual([], self.warned("[circuit c]\nmax_current = 9\n"))

    def test_each(self) -> None:
        """Each thing that is not acted on is said with its line."""
        for text, start, part in (
            ("certificate = c\nprivate_key = k", "t.cfg:3: [ocpp server] certificate", "off"),
            ("ca_certificates = c", "t.cfg:3: [ocpp server] ca_certificates", "is not used"),
            (
                "signing_certificate = c\nsigning_key = k",
                "t.cfg:3: [ocpp server] signing_certificate",
                "is not used",
            ),
            (
                "[circuit c]\nmax_current = 9\n[evse e]\ntype = ocpp16\naddress = CP\n"
                "certificate_name = Box",
                "t.cfg:8: [evse e] certificate_name",
                "tls of [ocpp server] is off",
            ),
        ):
            (one,) = self.warned(text)
            self.assertTrue(one.startswith(start), one)
            self.assertIn(part, one)

    def test_gateways(self) -> None:
        """What makes a gateway less safe is said; a backend in this network is trusted."""
        start = "[circuit c]\nmax_current = 9\n[evse e]\ntype = ocpp16\naddress = CP\n"
        for url, password, ca, part in (
            ("wss://b.test/", "p", "", "10: [gateway g] url: found 'wss://b.test/'; ca_cert"),
            ("wss://10.0.0.1/", "", "", "whoever's it is"),
            ("wss://10.0.0.1/", "", "system", ""),
            ("ws://b.test/", "s3cret", "", "12: [gateway g] password: found '***'; is sent to"),
            ("ws://8.8.8.8/", "s3cret", "", "for anybody to read"),
            ("ws://[2a00::1]/", "s3cret", "", "for anybody to read"),
            ("wss://b.test/", "p", "a.pem", ""),
            ("ws://b.test/", "", "", ""),
            ("ws://192.168.1.2/", "p", "", ""),
            ("ws://127.0.0.1:9/", "p", "", ""),
            ("ws://[fd00::1]/", "p", "", ""),
            ("ws://backend/", "p", "", ""),
            ("ws://backend.local/", "p", "", ""),
        ):
            found = self.warned(
                f"{start}[gateway g]\nevse = e\nurl = {url}\nclient_id = x\n"
                f"password = {password}\nca_certificates = {ca}\n"
            )
            self.assertEqual(bool(part), len(found) == 1, (url, found))
            self.assertIn(part, "".join(found))
            self.assertNotIn("s3cret", "".join(found))

    def test_certificates_of_some(self) -> None:
        """Who wants certificates and takes plain connections too is told that he does."""
        text = "[ocpp server]\nca_certificates = c.pem"
        (one,) = parse_config(text, "t.cfg").warnings()
        self.assertTrue(one.startswith("t.cfg:2: [ocpp server] ca_certificates:"), one)
        self.assertIn("tls = on", one)
        self.assertEqual((), parse_config(f"{text}\ntls = on", "t.cfg").warnings())


class Disabled(SynchronousTestCase):
    """What a disabled EVSE is left with."""

    def test_onDisable(self) -> None:
        """
        With C{minimum} it keeps its own minimum, with C{cancel_limits} it is released from all
        limits; otherwise it keeps nothing.
        """
        site = "[circuit c]\nmax_current = 32\n[evse e]\ntype = ocpp16\naddress = CP-1\n"
        site += "min_current = 8\nenabled = no\n"
        for word, left_ma, is_released in (
            ("block", 0, False),
            ("minimum", 8000, False),
            ("cancel_limits", 0, True),
        ):
            config = parse_config(f"{site}[manager]\non_disable = {word}", "tap.cfg")
            (settings,) = config.settings_changed().evses
            self.assertEqual(left_ma, settings.disabled_current_ma, word)
            self.assertIs(is_released, settings.released_when_disabled, word)


class Differences(SynchronousTestCase):
    """What a reload cannot apply."""

    BASE = "[simulator s]\ntype = charge_point\naddress = CP-1\n"

    def between(self, old: str, new: str) -> tuple[str, ...]:
        """What a reload from one text to another cannot apply."""
        return differences(parse_config(old, "tap.cfg"), parse_config(new, "tap.cfg"))

    def test_nothing(self) -> None:
        """A file that says the same, or changes what a reload applies, has none."""
        site = "[circuit c]\nmax_current = 9\n"
        self.assertEqual((), self.between(self.BASE, "\n" + self.BASE))
        self.assertEqual((), self.between("", site))
        self.assertEqual((), self.between(site, site.replace("9", "16")))
        self.assertEqual((), self.between("", "[manager]\ntitle = T\non_disable = minimum"))
        self.assertEqual((), self.between("", "[manager]\ncycle = 2"))
        self.assertEqual((), self.between("", "[ocpp server]\nport = 80\ninterface = ::1"))

    def test_limits(self) -> None:
        """What limits charging applies at once, and is named as changed."""
        site = {
            "manager": "",
            "circuit c": "max_current = 63\n",
            "meter m": "type = simulated\nrole = consumption\ncircuit = c\n",
            "evse e": "type = ocpp16\naddress = CP\ncircuit = c\n",
            "circuit d": "max_current = 63\n",
            "meter n": "type = reported\nrole = evse\nevse = e\n",
            "evse f": "type = ocpp16\naddress = CP-2\ncircuit = c\n",
        }
        before = "".join(f"[{heading}]\n{lines}" for heading, lines in site.items())
        for heading, option, value in (
            ("manager", "sharing", "min_first"),
            ("manager", "min_pause", "60"),
            ("manager", "min_charge_time", "60"),
            ("manager", "surplus_undercut", "60"),
            ("manager", "phase_switch_delay", "60"),
            ("circuit c", "max_current", "63 63 50"),
            ("circuit c", "max_power", "30 kW"),
            ("circuit c", "imbalance_of", "all"),
            ("circuit c", "assumed_load", "5"),
            ("circuit c", "failsafe_load", "0"),
            ("circuit c", "priority", "2"),
            ("meter m", "circuit", "d"),
            ("meter n", "evse", "f"),
            ("evse e", "weight", "2"),
            ("evse e", "current_steps", "6 8"),
            ("evse e", "mode", "surplus"),
            ("evse e", "phase_switching", "yes"),
            ("evse e", "lease", "0"),
        ):
            lines = [one for one in site[heading].splitlines() if not one.startswith(option)]
            kept = "".join(f"{line}\n" for line in lines)
            changed = site | {heading: f"{kept}{option} = {value}\n"}
            after = "".join(f"[{each}]\n{lines}" for each, lines in changed.items())
            self.assertEqual((), self.between(before, after))
            old, new = parse_config(before, "tap.cfg"), parse_config(after, "tap.cfg")
            self.assertEqual((f"[{heading}] {option}",), changes(old, new))

    def test_options(self) -> None:
        """An option that takes a restart is named, without its value."""
        for section, option, value in (
            ("manager", "database", "postgresql://u:s3cret@h/x"),
            ("manager", "state_directory", "other"),
            ("web", "listen", "tcp:80"),
        ):
            expected = f"[{section}] {option}: takes effect after a restart"
            new = f"[{section}]\n{option} = {value}"
            self.assertEqual((expected,), self.between("", new))
            self.assertEqual((expected,), self.between(new, ""))

    def test_simulators(self) -> None:
        """A simulator that is new, gone or changed takes a restart."""
        sentence = "[simulator s]: takes effect after a restart"
        self.assertEqual((sentence,), self.between("", self.BASE))
        self.assertEqual((sentence,), self.between(self.BASE, ""))
        changed = self.between(self.BASE, self.BASE + "car_needs = 5")
        self.assertEqual(("[simulator s] car_needs: takes effect after a restart",), changed)


class Sample(SynchronousTestCase):
    """The C{tap.cfg} of the project."""

    def sample(self) -> Config:
        """The sample site."""
        return read_config(str(PROJECT / "tap.cfg"))

    def test_is_quiet(self) -> None:
        """It has no mistake and no warning."""
        self.assertEqual((), self.sample().warnings())

    def test_must_share(self) -> None:
        """
        Its two EVSEs, one with OCPP and one with Modbus, leave a house that carries anything
        too little, and a meter says what that is. All of it is simulated.
        """
        config = self.sample()
        house, _ = config.circuits
        self.assertEqual(("house", "grid"), (house.name, house.meter))
        wanted_ma = sum(one.max_current_ma for one in config.evses)
        self.assertLess(house.settings().usable.l1_ma - wanted_ma, 2000)
        self.assertEqual(["ocpp16", "cfos_power_brain"], [one.type for one in config.evses])
        box, power_brain, meter, backend = config.simulators
        self.assertEqual(
            (SimulatorType.CHARGE_POINT, SimulatorType.POWER_BRAIN, SimulatorType.METER),
            (box.type, power_brain.type, meter.type),
        )
        self.assertIs(SimulatorType.BACKEND, backend.type)
        self.assertEqual(config.evses[0].address, box.address)
        asked = {config.evses[1].address, config.meters[0].address}
        ports = {EVSE_TCP_PORT, GRID_METER_PORT}
        self.assertEqual({f"tcp:127.0.0.1:{port}" for port in ports}, asked)

    def test_bills(self) -> None:
        """Each EVSE bills through the backend that is simulated, under a name of its own."""
        config = self.sample()
        backend = config.simulators[-1]
        url = f"ws://{backend.interface}:{backend.backend_port}/"
        self.assertEqual({url}, {one.url for one in config.gateways})
        billed = {one.evse: one.client_id for one in config.gateways}
        self.assertEqual([one.name for one in config.evses], list(billed))
        self.assertEqual(2, len(set(billed.values())))

    def test_shows_every_option(self) -> None:
        """Every option is in it, in use or commented out with its default, if it has one."""
        lines = (PROJECT / "tap.cfg").read_text(encoding="utf-8").split("\n")
        shown: dict[str, set[str]] = {}
        section = ""
        for line in lines:
            text = line.removeprefix(";")
            if text.startswith("["):
                section = text.split("]")[0].removeprefix("[")
            name, equals, _ = text.partition(" =")
            if equals and not name.startswith(" "):
                shown.setdefault(section, set()).add(line.rstrip())
        for heading, schema in (SINGLE_SECTIONS | NAMED_SECTIONS).items():
            there = set().union(
                *(shown[one] for one in shown if one.split(" ")[0] == heading or one == heading)
            )
            names = {line.removeprefix(";").partition(" =")[0] for line in there}
            options = options_of(schema)
            self.assertEqual({one.name for one in options}, names, heading)
            for one in options:
                quiet = {line for line in there if line.startswith(f";{one.name} =")}
                if quiet and one.default is not None and heading != "meter":
                    self.assertEqual({f";{one.name} = {one.default}".rstrip()}, quiet)


class Reference(SynchronousTestCase):
    """The reference page."""

    def test_is_up_to_date(self) -> None:
        """
        The page says what the declarations say. To make it again, write what
        L{option_reference} returns to C{docs/tap.cfg.md}.
        """
        page = (PROJECT / "docs" / "tap.cfg.md").read_text(encoding="utf-8")
        self.assertEqual(option_reference(), page)

    def test_every_option(self) -> None:
        """Each option has a row of four cells, with its default."""
        rows = [line for line in option_reference().split("\n") if line.startswith("| `")]
        schemas = [*SINGLE_SECTIONS.values(), *NAMED_SECTIONS.values()]
        options = [one for schema in schemas for one in options_of(schema)]
        self.assertEqual(len(options), len(rows))
        for row, option in zip(rows, options, strict=True):
            self.assertTrue(row.startswith(f"| `{option.name}`"), row)
            self.assertEqual(5, row.replace("\\|", "").count("|"), row)
            self.assertIn(f"`{option.default}`" if option.default else "", row)
