"""Tests of the values that each option of C{tap.cfg} takes and refuses."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.electrical import CurrentSteps, Phase, PhaseCurrents
from cfos_cm.errors import ConfigError
from cfos_cm.quirk import Quirk
from cfos_cm.services.config import parse_config
from cfos_cm.services.config.configuration import Config
from cfos_cm.services.config.options import Section, options_of
from cfos_cm.services.config.sections import NAMED_SECTIONS, SINGLE_SECTIONS
from cfos_cm.services.config.values import shown_url

#: A site in which each section can be tried: one of each, with what it must have.
REQUIRED: dict[str, dict[str, str]] = {
    "manager": {},
    "web": {},
    "ocpp server": {},
    "circuit c": {"max_current": "63"},
    "circuit main": {"max_current": "100"},
    "meter m": {"type": "simulated", "role": "grid"},
    "evse e": {"type": "ocpp16", "address": "CP-1", "circuit": "main"},
    "evse f": {"type": "ocpp16", "address": "CP-2", "circuit": "main"},
    "gateway g": {"evse": "f", "url": "wss://backend.test/", "client_id": "G"},
    "simulator s": {"type": "charge_point", "address": "CP-1"},
}

Good = dict[str, object]
Bad = tuple[str, ...]

FLAG: tuple[Good, Bad] = (
    {
        "yes": True,
        "on": True,
        "true": True,
        "no": False,
        "off": False,
        "false": False,
        "": True,
    },
    ("YES", "1", "0", "ja", "yes no"),
)
PASSWORD: tuple[Good, Bad] = (
    {"": None, "p": "p", "p" * 40: "p" * 40, "a b;c": "a b;c", '" x ; y "': " x ; y "},
    ("p" * 41, "a\u200bb"),
)
TAG: tuple[Good, Bad] = ({"": None, "04A1": "04A1", "x" * 20: "x" * 20}, ("x" * 21,))
URL: tuple[Good, Bad] = (
    {
        "ws://h": "ws://h",
        "wss://h.test:443/a/b/": "wss://h.test:443/a/b/",
        "ws://[::1]:9/?k=v": "ws://[::1]:9/?k=v",
    },
    (
        *("http://h/", "ws:h", "ws://", "ws:///path", "h", "ws://u@h/", "ws://u:p@h/"),
        *("ws://h/#f", "ws://h:0/", "ws://h:65536/", "ws://h:x/", "ws://a b/", "ws://[::1/"),
        *("ws://h\\@e/", "ws://h/ä", "ws://" + "h" * 2001),
    ),
)
IDENTITY: tuple[Good, Bad] = (
    {"CP-0001": "CP-0001", "DE*KLN*E1": "DE*KLN*E1", "a_=:+|@.# b": "a_=:+|@.# b"}
    | {"x" * 48: "x" * 48},
    ("x" * 49, "a/b", "ä", "a%", "a?b"),
)
UNIT: tuple[Good, Bad] = ({"0": 0, "255": 255, "": 1}, ("256", "-1", "x", "1.0"))
WINDOW: tuple[Good, Bad] = ({"": 1, "1": 1, "16": 16}, ("0", "17", "-1", "x", "1.5"))
PHASES: tuple[Good, Bad] = (
    {
        "": (Phase.L1, Phase.L2, Phase.L3),
        "L2": (Phase.L2,),
        "L3 L1": (Phase.L3, Phase.L1),
        "L2  L3\tL1": (Phase.L2, Phase.L3, Phase.L1),
    },
    ("L4", "L1 L1", "1", "3", "l1", "L1,L2", "L1 L2 L3 L1"),
)
FILES: tuple[Good, Bad] = (
    {"": (), "a.pem": ("a.pem",), "a.pem, b c.pem": ("a.pem", "b c.pem")},
    ("a.pem,", ",", "a.pem,,b.pem", ",".join(f"{number}.pem" for number in range(51))),
)
AUTHORITIES: tuple[Good, Bad] = (
    {**FILES[0], "system": ("system",), "a.pem, system": ("a.pem", "system")},
    FILES[1],
)
#: Alone, for it needs the other one of its pair.
HALF_A_PAIR: tuple[Good, Bad] = ({"": None}, ("c.pem",))
SECONDS: tuple[Good, Bad] = (
    {"": 300.0, "0": 0.0, "3600": 3600.0, "7.5": 7.5},
    ("-1", "3600.1", "5 min", "x"),
)
PHASE_CURRENTS: tuple[Good, Bad] = (
    {
        "0": PhaseCurrents(),
        "16.5": PhaseCurrents(16500, 16500, 16500),
        "10000": PhaseCurrents(10_000_000, 10_000_000, 10_000_000),
        "1 0  2.5": PhaseCurrents(1000, 0, 2500),
    },
    ("-1", "10000.001", "1 2", "1 2 3 4", "1, 2, 3", "1 2 x", "1 2 -3", "16 A", "1e1"),
)
CURRENT_6_80: Bad = ("5.999", "80.001", "0", "-6", "1e1", "16 A", "16,5", "٦", "NaN", "6.0001")

TAGS: tuple[Good, Bad] = (
    {
        "": ("*",),
        "*": ("*",),
        "04A1 04B2": ("04A1", "04B2"),
        "DE-*, 04A2*": ("DE-*", "04A2*"),
        "a,b c": ("a", "b", "c"),
        "*" + "x" * 20: ("*" + "x" * 20,),
    },
    ("x" * 21, "a,,b", "a,", ",", "**"),
)
ACTION_NAMES: tuple[Good, Bad] = (
    {
        "": (),
        "Reset": ("Reset",),
        "UpdateFirmware, GetDiagnostics Reset": ("UpdateFirmware", "GetDiagnostics", "Reset"),
        "Reset Reset": ("Reset",),
    },
    ("reset", "Reset,,Reset", "StartTransaction", "*", "Reset;GetDiagnostics"),
)

#: For each section and option: what is read of which text, and what is refused.
TABLE: dict[str, dict[str, tuple[Good, Bad]]] = {
    "manager": {
        "title": ({"Garage Köln": "Garage Köln", "": "Charging site"}, ("x" * 81,)),
        "load_management": ({"on": "on", "observe": "observe", "": "on"}, ("off", "On", "x")),
        "on_disable": (
            {"block": "block", "minimum": "minimum", "cancel_limits": "cancel_limits"},
            ("cancel", "none"),
        ),
        "database": (
            {
                "": "sqlite:///var/cfos_cm.sqlite",
                "sqlite:///a b.sqlite": "sqlite:///a b.sqlite",
                "sqlite:////srv/a.sqlite": "sqlite:////srv/a.sqlite",
                "postgresql://u:p@h/db": "postgresql://u:p@h/db",
                "postgresql+psycopg://h:5432/db": "postgresql+psycopg://h:5432/db",
                "postgresql:///db?host=/run": "postgresql:///db?host=/run",
            },
            (
                *("sqlite://", "sqlite:///", "sqlite://h/a", "sqlite:///a/", "sqlite:///a?b"),
                *("mysql://h/db", "postgresql://h", "postgresql://h/", "var/x.sqlite", "x"),
            ),
        ),
        "state_directory": ({"": "var", "/srv/x": "/srv/x"}, ("x" * 1001,)),
        "cycle": (
            {"": 1.0, "0.1": 0.1, "60": 60.0, "2.5": 2.5},
            ("0", "0.09", "60.1", "-1", "1 s", "1,5", "inf", ".5", "1."),
        ),
        "sharing": (
            {"": "strict", "strict": "strict", "min_first": "min_first"},
            ("fair", "min-first", "Strict"),
        ),
        "min_pause": SECONDS,
        "min_charge_time": SECONDS,
        "surplus_undercut": SECONDS,
        "phase_switch_delay": SECONDS,
    },
    "web": {
        "listen": (
            {
                "": "tcp:4712",
                "tcp:80:interface=::1": "tcp:80:interface=::1",
                "unix:/x": "unix:/x",
            },
            ("4712", "tcp:", "TCP:1", ":1", "tcp: 80"),
        ),
        "names": (
            {
                "": (),
                "Charging.Example.com": ("charging.example.com",),
                "a, b-1.test c": ("a", "b-1.test", "c"),
            },
            ("a b,", "http://a", "a:80", "ä.test", "a/b", " ".join(["a"] * 51)),
        ),
        "trusted_proxies": (
            {
                "": (),
                "127.0.0.1, ::1": ("127.0.0.1", "::1"),
                "10.0.0.0/8": ("10.0.0.0/8",),
            },
            ("proxy", "10.0.0.1/8", "10.0.0.0/33", "*", "1.2.3"),
        ),
        "open_metrics": ({"": False, "yes": True, "off": False}, ("1", "open")),
    },
    "ocpp server": {
        "port": ({"": 19520, "1": 1, "65535": 65535}, ("0", "65536", "80.0", "-1", "1_0", "x")),
        "interface": (
            {"": None, "127.0.0.1": "127.0.0.1", "::1": "::1"},
            ("localhost", "1.2.3", "300.1.1.1"),
        ),
        "tls": (
            {"": "detect", "off": "off", "detect": "detect", "on": "on"},
            ("yes", "OFF", "auto"),
        ),
        "password": PASSWORD,
        "certificate": HALF_A_PAIR,
        "private_key": HALF_A_PAIR,
        "ca_certificates": FILES,
        "signing_certificate": HALF_A_PAIR,
        "signing_key": HALF_A_PAIR,
        "signing_passphrase": ({"": None, "geheim, sehr": "geheim, sehr"}, ("x" * 201,)),
        "unknown_charge_points": (
            {"": "ask", "ask": "ask", "accept": "accept", "refuse": "refuse"},
            ("no", "deny"),
        ),
    },
    "circuit c": {
        "parent": ({"": None, "main": "main"}, ("c", "mian", "a b")),
        "max_current": (
            {
                "1": PhaseCurrents(1000, 1000, 1000),
                "10000": PhaseCurrents(10_000_000, 10_000_000, 10_000_000),
                "16.5": PhaseCurrents(16500, 16500, 16500),
                "0063": PhaseCurrents(63000, 63000, 63000),
                "63 50\t35.5": PhaseCurrents(63000, 50000, 35500),
            },
            (
                *("", "0.999", "10000.001", "-16", "16A", "16,5", "1e2", "x"),
                *("63 50", "63 50 35 20", "63 50 0.9", "63, 50, 35", "63 50 x"),
            ),
        ),
        "max_power": (
            {
                "": None,
                "43500": 43500,
                "43500 W": 43500,
                "43.5 kW": 43500,
                "43.5kW": 43500,
                "4.199 kW": 4199,
                "4199.999 W": 4199,
                "1000": 1000,
                "10000 kW": 10_000_000,
            },
            (
                *("999.999", "43", "0", "-1", "10000001", "10000.1 kW", "43,5 kW", "43.5 KW"),
                *("43.5 kW W", "kW", "43.5 kVA", "1e4", "43.5 k W", "x"),
            ),
        ),
        "reserve": ({"": 0, "0": 0, "62.999": 62999}, ("63", "-1", "x")),
        "max_imbalance": ({"": 0, "20": 20000}, ("-1", "x", "10001")),
        "imbalance_of": ({"": "evses", "evses": "evses", "all": "all"}, ("house", "EVSEs")),
        "meter": ({"": None, "m": "m"}, ("n", "main")),
        "assumed_load": ({"": PhaseCurrents(), **PHASE_CURRENTS[0]}, PHASE_CURRENTS[1]),
        "failsafe_load": ({"": None, **PHASE_CURRENTS[0]}, PHASE_CURRENTS[1]),
        "priority": ({"": 1, "0": 0, "1000": 1000}, ("-1", "1001", "1.5")),
    },
    "meter m": {
        "type": ({"simulated": "simulated"}, ("", "modbus7", "Simulated", "ocpp16")),
        "address": ({"": None, "here": "here"}, ("x" * 301, "a\u200bb")),
        "unit": UNIT,
        "window": WINDOW,
        "role": (
            {one: one for one in ("grid", "display")},
            ("", "house"),
        ),
        "circuit": ({"": None}, ("c", "n", "a b")),
        "evse": ({"": None}, ("e", "n", "a b")),
        "phases": PHASES,
        "definition": ({"": None}, ("x" * 301,)),
        "registers": ({"": None}, ("x" * 2001,)),
        "word_order": ({"": "big", "big": "big", "little": "little"}, ("high", "Big")),
        "byte_order": ({"": "big", "big": "big", "little": "little"}, ("high", "Big")),
        "function": ({"": 3, "3": 3, "4": 4}, ("1", "5", "x")),
        "parameters": ({"": None, "house=3": "house=3"}, ("x" * 1001, "a\u200bb", "x=y")),
    },
    "evse e": {
        "type": ({"ocpp16": "ocpp16"}, ("", "ocpp", "ocpp20", "OCPP16")),
        "address": IDENTITY,
        "connector": ({"": 1, "1": 1, "100": 100}, ("0", "101", "-1", "x")),
        "unit": UNIT,
        "window": WINDOW,
        "circuit": ({"c": "c", "main": "main"}, ("", "d", "e")),
        "enabled": FLAG,
        "min_current": ({"": 6000, "6": 6000, "16": 16000}, (*CURRENT_6_80, "16.001")),
        "max_current": ({"": 16000, "6": 6000, "80": 80000, "7.5": 7500}, CURRENT_6_80),
        "current_steps": (
            {
                "": CurrentSteps(100),
                "0.1": CurrentSteps(100),
                "1": CurrentSteps(1000),
                "16": CurrentSteps(16000),
                "6 8 10 13 16": CurrentSteps(only_ma=(6000, 8000, 10000, 13000, 16000)),
                "7.5\t80": CurrentSteps(only_ma=(7500, 80000)),
            },
            (
                *("0", "0.05", "0.15", "80.1", "-1", "1 A", "x", "16.1"),
                *("5.9 8", "6 80.1", "8 6", "6 6", "6 7.55", "6, 8", "6 x"),
            ),
        ),
        "phases": PHASES,
        "phase_switching": ({**FLAG[0], "": False}, FLAG[1]),
        "priority": ({"": 1, "0": 0, "1000": 1000}, ("-1", "1001", "1.5")),
        "weight": ({"": 1, "1": 1, "1000": 1000}, ("0", "-1", "1001", "1.5", "x")),
        "mode": (
            {"": "normal", "normal": "normal", "surplus": "surplus"},
            ("pv", "Surplus", "off"),
        ),
        "failsafe_current": (
            {"": 0, "0": 0, "6": 6000, "16": 16000},
            ("5.9", "16.001", "1", "-1", "81"),
        ),
        "lease": (
            {"": 600, "0": 0, "60": 60, "86400": 86400},
            ("59", "86401", "-1", "0.0", "60.5", "10 min", "never"),
        ),
        "failsafe_after": (
            {"": 180, "10": 10, "3600": 3600},
            ("9", "3601", "0", "-1", "60.5", "3 min"),
        ),
        "wake": FLAG,
        "authorisation": (
            {"": "manager", "manager": "manager", "device": "device"},
            ("backend", "no", "Device"),
        ),
        "parameters": ({"": None}, ("x" * 1001, "a\u200bb", "x=y")),
        "password": PASSWORD,
        "certificate_name": ({"": None, "Säule 7": "Säule 7"}, ("x" * 101, "a\u200bb")),
        "fixed_tag": TAG,
        "quirks": (
            {
                "": QuirkPolicy(),
                "auto": QuirkPolicy(),
                "none": QuirkPolicy(auto=False),
                "strict": QuirkPolicy(auto=False, strict=True),
                "no-ping": QuirkPolicy(auto=False, named=frozenset({Quirk.NO_PING})),
                "no-clock auto": QuirkPolicy(named=frozenset({Quirk.NO_CLOCK})),
            },
            ("x", "none no-ping", "strict auto", "auto,no-ping"),
        ),
    },
    "gateway g": {
        "evse": ({"e": "e", "f": "f"}, ("", "g", "h")),
        "url": (URL[0], (*URL[1], "")),
        "client_id": (
            {
                **IDENTITY[0],
                **{one: one for one in ("DE*KLN*E1", "#1", "a/b", "Tür 7", "a;b", "x" * 255)},
                "a ; a comment": "a",
                '" a ; b "': " a ; b ",
                "Box #7": "Box #7",
            },
            ("", ".", "..", "x" * 256, "a\u200bb"),
        ),
        "connector": ({"": None, "1": 1, "100": 100}, ("0", "101", "x")),
        "password": PASSWORD,
        "password_form": ({"": "auto", "hex": "hex", "text": "text"}, ("utf8",)),
        "ca_certificates": AUTHORITIES,
        "certificate": HALF_A_PAIR,
        "private_key": HALF_A_PAIR,
        "role": ({"": "authority", "report": "report"}, ("admin",)),
        "outage": ({"": "shield", "strict": "strict"}, ("open",)),
        "tags": TAGS,
        "proxy": (
            {
                "": None,
                "socks5://h:1080": "socks5://h:1080",
                "http://u:p@[::1]:3128": "http://u:p@[::1]:3128",
            },
            ("h:1", "socks4://h:1", "http://h", "https://h:1", "http://h:1/path"),
        ),
        "allow": ACTION_NAMES,
        "refuse": ACTION_NAMES,
        "queue_limit": (
            {"": 1_000_000, "1000": 1000, "10000000": 10_000_000},
            ("999", "10000001", "x", "1e6"),
        ),
    },
    "simulator s": {
        "type": (
            {one: one for one in ("charge_point", "power_brain", "meter", "backend")},
            ("", "car"),
        ),
        "url": ({"": "ws://127.0.0.1:19520/", **URL[0]}, URL[1]),
        "address": (IDENTITY[0], (*IDENTITY[1], "")),
        "connector": ({"": 1, "2": 2}, ("0", "101")),
        "password": PASSWORD,
        # With the URL that holds without one it would be of no use.
        "ca_certificates": ({"": ()}, FILES[1]),
        "certificate": ({"": None}, ("x" * 1001,)),
        "private_key": HALF_A_PAIR,
        "id_tag": TAG,
        "arrives_after": ({"": 2.0, "0": 0.0, "20.5": 20.5}, ("-1", "86401", "x")),
        "car_max_current": ({"": 16000, "32": 32000}, CURRENT_6_80),
        "car_phases": ({"": 3, "1": 1, "2": 2}, ("0", "4", "L1")),
        "car_needs": ({"": 10000, "0.5": 500, "1000": 1_000_000}, ("0", "1000.1", "x")),
        "leaves_after": ({"": 30.0, "0": 0.0}, ("-1", "x")),
        "returns_after": ({"": 0.0, "60": 60.0}, ("-1", "x")),
        "meter_interval": ({"": 10.0, "1": 1.0}, ("0", "0.9", "3601")),
        "modbus_port": ({"": None, "1": 1, "65533": 65533}, ("0", "65534", "x")),
        "interface": (
            {"": "127.0.0.1", "0.0.0.0": "0.0.0.0", "::1": "::1"},
            ("localhost", "1.2.3"),
        ),
        "serial": ({"": None, "W00-1234": "W00-1234"}, ("x" * 17, "a b", "ä")),
        "phase_switching": FLAG,
        "max_current": ({"": None, "6": 6000, "63": 63000}, ("5.9", "63.1", "x")),
        "unit": UNIT,
        "reader": FLAG,
        "fixed_tag": TAG,
        "house": ({"": 1, "1": 1, "10000": 10_000}, ("0", "10001", "x", "1.5")),
        "solar_peak": (
            {"": 0, "0": 0, "9000": 9000, "9.9 kW": 9900, "100 kW": 100_000},
            ("-1", "100001", "x"),
        ),
        "backend_port": ({"": 9210, "1": 1, "65535": 65535}, ("0", "65536", "x")),
        "price": ({"": 0.4, "0": 0.0, "1000": 1000.0}, ("-1", "1000.1", "x")),
        "tags": TAGS,
        "book": ({"": None, "b.jsonl": "b.jsonl"}, ("x" * 1001, "a\u200bb")),
        "time_lapse": ({"": 1.0, "60": 60.0, "1.5": 1.5}, ("0", "0.5", "10001", "x")),
    },
}


def site(heading: str, option: str, written: str) -> str:
    """The required site, with C{option} of one section written so."""
    lines = []
    for one, required in REQUIRED.items():
        options = required | ({option: written} if one == heading else {})
        lines += [f"[{one}]", *(f"{name} = {value}" for name, value in options.items())]
    return "\n".join(lines)


def section_of(config: Config, heading: str) -> Section:
    """The section that was written under a heading."""
    (found,) = (one for one in config.sections if one.origin.heading == heading)
    return found


class Table(SynchronousTestCase):
    """The table of good and bad values."""

    def test_is_complete(self) -> None:
        """There is a row for each option that is declared, and no other."""
        schemas = SINGLE_SECTIONS | NAMED_SECTIONS
        for heading, rows in TABLE.items():
            schema = schemas.pop(heading if heading in schemas else heading.split()[0])
            self.assertEqual([one.name for one in options_of(schema)], list(rows))
        self.assertEqual({}, schemas)

    def test_good(self) -> None:
        """Each good text is read as its value."""
        for heading, rows in TABLE.items():
            for option, (good, _) in rows.items():
                for written, value in good.items():
                    config = parse_config(site(heading, option, written), "t.cfg")
                    section = section_of(config, heading)
                    (declared,) = (
                        one for one in options_of(type(section)) if one.name == option
                    )
                    read = getattr(section, declared.attribute)
                    self.assertEqual(value, read, (heading, option, written))
                    self.assertIs(type(value), str if isinstance(read, str) else type(read))

    def test_bad(self) -> None:
        """Each bad text is one mistake, at its line, with the text and what is allowed."""
        for heading, rows in TABLE.items():
            for option, (_, bad) in rows.items():
                for written in bad:
                    text = site(heading, option, written)
                    error = self.assertRaises(ConfigError, parse_config, text, "t.cfg")
                    (one,) = error.mistakes
                    place = (heading, option, written)
                    self.assertEqual((heading, option), (one.section, one.option), place)
                    lines = text.split("\n")
                    if written or f"{option} =" in lines[one.line - 1]:
                        self.assertEqual(f"{option} = {written}", lines[one.line - 1], place)
                    self.assertTrue(one.allowed, place)
                    if option in ("password", "parameters", "signing_passphrase"):
                        self.assertEqual("***", one.found)
                    elif option not in ("url", "database", "proxy"):
                        self.assertEqual(written[:40], one.found[:40], place)


class ShownUrls(SynchronousTestCase):
    """What an error repeats of a URL."""

    def test_secrets(self) -> None:
        """User, password and query are not in it; the rest is."""
        for written, shown in (
            ("ws://h/p", "ws://h/p"),
            ("ws://u:s3cret@h/p", "ws://***@h/p"),
            ("ws://u:s3/cr@et@h/p", "ws://***@h/p"),
            ("u:s3cret@h", "***@h"),
            ("s3:cret@://h", "***@://h"),
            ("postgresql://h/d?password=s3cret", "postgresql://h/d?***"),
            ("nonsense", "nonsense"),
        ):
            self.assertEqual(shown, shown_url(written))
