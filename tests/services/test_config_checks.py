"""Tests of what has to be true of a whole C{tap.cfg}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import ConfigError, Mistake
from cfos_cm.services.config import parse_config

CIRCUIT = "[circuit house]\nmax_current = 63\n"
EVSE = "[evse bay-1]\ntype = ocpp16\naddress = CP-1\n"


def mistakes(text: str) -> tuple[Mistake, ...]:
    """The mistakes in a text."""
    try:
        parse_config(text, "t.cfg")
    except ConfigError as error:
        return error.mistakes
    return ()


class CheckCase(SynchronousTestCase):
    """One mistake, and where."""

    def assertMistake(self, text: str, line: int, option: str, *parts: str) -> Mistake:
        """A text has exactly one mistake, about an option in a line; its text has C{parts}."""
        found = mistakes(text)
        self.assertEqual([(line, option)], [(one.line, one.option) for one in found], found)
        for part in parts:
            self.assertIn(part, str(found[0]))
        return found[0]

    def assertFine(self, text: str) -> None:
        """A text has no mistake."""
        self.assertEqual((), mistakes(text))


class Names(CheckCase):
    """Sections, options and words that are not there."""

    def test_option(self) -> None:
        """An unknown option is named with the nearest that there is, and with all."""
        text = CIRCUIT + "max_curent = 1"
        self.assertMistake(text, 3, "max_curent", "did you mean 'max_current'?", "reserve")

    def test_option_in_capitals(self) -> None:
        """An option in capitals is unknown, and the nearest is the same word."""
        self.assertMistake(CIRCUIT + "Reserve = 1", 3, "Reserve", "did you mean 'reserve'?")

    def test_far_option(self) -> None:
        """An option that resembles none gets no suggestion."""
        one = self.assertMistake(CIRCUIT + "xyzzy = 1", 3, "xyzzy")
        self.assertNotIn("did you mean", str(one))

    def test_section(self) -> None:
        """An unknown section is named with the nearest that there is."""
        for heading, near in (
            ("circut x", "'circuit'"),
            ("Manager", "'manager'"),
            ("ocpp sever", "'ocpp server'"),
            ("manager x", "'manager'"),
            ("evses", "'evse'"),
        ):
            self.assertMistake(f"[{heading}]", 1, "", heading, near, "[gateway NAME]")

    def test_unknown_section_is_one_mistake(self) -> None:
        """What an unknown section holds is not looked at."""
        found = mistakes("[nonsense]\na = 1\nb = 2\n[nonsense]\nc = 3")
        self.assertEqual([1, 4], [one.line for one in found])

    def test_word(self) -> None:
        """A word that is no choice is named with the nearest, and with all."""
        one = self.assertMistake("[manager]\nload_management = observ", 2, "load_management")
        self.assertEqual("observ", one.found)
        self.assertEqual("must be on or observe (did you mean 'observe'?)", one.allowed)

    def test_section_names(self) -> None:
        """A NAME has up to 40 letters, digits, hyphens, underscores and dots."""
        for name in ("a", "Bay-1_b.c", "x" * 40):
            self.assertFine(f"[circuit {name}]\nmax_current = 16")
        for name in ("", "a b", "x" * 41, "ä", "a/b", "a]"):
            self.assertMistake(f"[circuit {name}]\nmax_current = 16", 1, "", "circuit NAME")

    def test_missing(self) -> None:
        """An option that has to be there is reported at its section, or at its empty line."""
        self.assertMistake("[circuit a]", 1, "max_current", "is missing")
        self.assertMistake("\n[circuit a]\n\nmax_current =", 4, "max_current", "is missing")

    def test_repeated_section(self) -> None:
        """A section in two parts is one mistake, and not also options that are missing."""
        self.assertMistake(CIRCUIT + "[circuit house]\nreserve = 1", 3, "", "in line 1")

    def test_repeated_section_is_read(self) -> None:
        """What is wrong within the second part is reported all the same."""
        found = mistakes(CIRCUIT + "[circuit house]\nreserve = x\nfoo = 1")
        self.assertEqual([3, 4, 5], [one.line for one in found])


class References(CheckCase):
    """Names of other sections."""

    def test_unknown(self) -> None:
        """A reference to nothing is reported with the nearest name."""
        self.assertMistake(CIRCUIT + "parent = hose", 3, "parent", "did you mean 'house'?")
        self.assertMistake(CIRCUIT + "meter = grid", 3, "meter", "'grid'", "[meter NAME]")
        self.assertMistake(
            CIRCUIT + EVSE + "circuit = House", 6, "circuit", "did you mean 'house'?"
        )
        gateway = "[gateway g]\nurl = ws://h/\nclient_id = x\nevse = bay1"
        self.assertMistake(CIRCUIT + EVSE + gateway, 9, "evse", "did you mean 'bay-1'?")

    def test_broken_sections_are_there(self) -> None:
        """A section with a mistake can be referred to: that adds no second mistake."""
        text = EVSE + "circuit = house\n[circuit house]\nmax_current = x"
        self.assertMistake(text, 6, "max_current")

    def test_rings(self) -> None:
        """Circuits that feed each other are one mistake for each ring, with its names."""
        self.assertMistake(CIRCUIT + "parent = house", 3, "parent", "house <- house")
        ring = "".join(
            f"[circuit {one}]\nmax_current = 9\nparent = {parent}\n"
            for one, parent in ("xa", "ab", "bc", "ca", "de", "ed")
        )
        found = mistakes(ring)
        self.assertEqual([6, 15], [one.line for one in found])
        self.assertIn("a <- b <- c <- a", found[0].allowed)
        self.assertIn("d <- e <- d", found[1].allowed)

    def test_deep_trees(self) -> None:
        """A chain of thousands of circuits is read; it needs no deep stack and no long time."""
        count = 3000
        chain = "".join(
            f"[circuit c{n}]\nmax_current=9\nparent={f'c{n + 1}' if n + 1 < count else ''}\n"
            for n in range(count)
        )
        order = parse_config(chain, "t.cfg").settings_changed().circuits
        self.assertEqual([f"c{n}" for n in reversed(range(count))], [one.name for one in order])

    def test_many_unknown(self) -> None:
        """Thousands of references to nothing are reported; it needs no long time."""
        text = "".join(f"[circuit c{n}]\nmax_current=9\nparent=none-{n}\n" for n in range(3000))
        self.assertEqual(3000, len(mistakes(text)))


class DefaultCircuit(CheckCase):
    """An EVSE that names no circuit."""

    def test_only_one(self) -> None:
        """The only circuit feeds it."""
        self.assertEqual("house", parse_config(CIRCUIT + EVSE, "t.cfg").evses[0].circuit)

    def test_several(self) -> None:
        """With several it has to say which."""
        text = CIRCUIT + "[circuit garage]\nmax_current = 16\n" + EVSE
        self.assertMistake(text, 5, "circuit", "house, garage")

    def test_bad_name(self) -> None:
        """A circuit whose name is missing is one mistake, and not one of each EVSE too."""
        self.assertMistake("[circuit]\nmax_current = 9\n" + EVSE, 1, "", "circuit NAME")

    def test_none(self) -> None:
        """With none, the mistake says what to write."""
        self.assertMistake(EVSE, 1, "circuit", "[circuit NAME]", "max_current")


class Currents(CheckCase):
    """Currents that have to fit each other."""

    def test_reserve(self) -> None:
        """A reserve leaves something of the fuse."""
        self.assertFine(CIRCUIT + "reserve = 62.999")
        self.assertMistake(CIRCUIT + "reserve = 63", 3, "reserve", "63 A")

    def test_reserve_of_each_phase(self) -> None:
        """It leaves something on the phase with the smallest rating, which is named."""
        site = "[circuit house]\nmax_current = 63 35 50\nreserve = "
        self.assertFine(site + "34.9")
        self.assertMistake(site + "35", 3, "reserve", "less than max_current, 35 A on L2")

    def test_parent_and_child(self) -> None:
        """A circuit may have a larger fuse than the one that feeds it."""
        self.assertFine(CIRCUIT + "[circuit garage]\nparent = house\nmax_current = 100")

    def test_minimum_and_maximum(self) -> None:
        """The one that is written is to blame; with both, the maximum."""
        site = CIRCUIT + EVSE
        self.assertFine(site + "min_current = 16\nmax_current = 16")
        self.assertMistake(site + "min_current = 16.1", 6, "min_current", "16 A")
        self.assertMistake(site + "min_current = 8\nmax_current = 7", 7, "max_current", "8 A")

    def test_failsafe(self) -> None:
        """The fail-safe current is none, or one that the EVSE can offer."""
        site = CIRCUIT + EVSE + "min_current = 8\nmax_current = 10\nfailsafe_current = "
        for fine in ("0", "8", "10"):
            self.assertFine(site + fine)
        for bad in ("7.999", "10.001", "1"):
            self.assertMistake(site + bad, 8, "failsafe_current", "8 A to 10 A")

    def test_steps(self) -> None:
        """One of the steps is from the minimum to the maximum."""
        site = CIRCUIT + EVSE + "min_current = 8\nmax_current = 16\ncurrent_steps = "
        for fine in ("6 8", "16 32", "6 10 20", "0.1", "16", "8", "5"):
            self.assertFine(site + fine)
        for bad in ("6 7.9", "16.1 32", "6 17", "7 7.9 16.1", "17"):
            self.assertMistake(site + bad, 8, "current_steps", repr(bad), "8 A", "16 A")

    def test_switching(self) -> None:
        """Phases can be switched where there are three of them."""
        site = CIRCUIT + EVSE + "phase_switching = yes\nphases = "
        self.assertFine(site + "L2 L3 L1")
        for count, phases in (("1", "L1"), ("2", "L3 L1")):
            self.assertMistake(
                site + phases, 6, "phase_switching", "must be no", f"has {count}"
            )
        self.assertFine(CIRCUIT + EVSE + "phase_switching = no\nphases = L1")

    def test_one_mistake_is_one(self) -> None:
        """A current that is none is not compared with the others."""
        site = CIRCUIT + EVSE
        self.assertMistake(site + "min_current = 20\nmax_current = x", 7, "max_current")
        self.assertMistake(site + "min_current = x\nmax_current = 6", 6, "min_current")
        self.assertMistake("[circuit a]\nmax_current = x\nreserve = 99", 2, "max_current")
        steps = site + "current_steps = 6 7\nmin_current = 8\nmax_current = "
        self.assertMistake(steps + "x", 8, "max_current")
        self.assertMistake(steps + "7", 8, "max_current")
        self.assertMistake(site + "min_current = 8\ncurrent_steps = x", 7, "current_steps")
        switched = site + "phase_switching = yes\nphases = L4"
        self.assertMistake(switched, 7, "phases")


class Meters(CheckCase):
    """What a meter's role asks for."""

    METER = CIRCUIT + EVSE + "[meter m]\ntype = reported\nrole = "

    def test_needed(self) -> None:
        """A load and a generator are part of a circuit; an EVSE's meter belongs to one."""
        for role, option, name in (
            ("consumption", "circuit", "house"),
            ("generation", "circuit", "house"),
            ("evse", "evse", "bay-1"),
        ):
            site = f"{self.METER}{role}\n"
            self.assertFine(f"{site}{option} = {name}")
            needs = f"role {role} needs it", f"one of the [{option} NAME] sections"
            self.assertMistake(site, 6, option, "is missing", *needs)
            self.assertMistake(f"{site}{option} =", 9, option, "is missing", *needs)

    def test_needless(self) -> None:
        """What the role does not ask for is left out."""
        place = {"circuit": "circuit = house\n", "evse": "evse = bay-1\n"}
        for role, needed, needless in (
            ("grid", "", "circuit"),
            ("grid", "", "evse"),
            ("display", "", "circuit"),
            ("display", "", "evse"),
            ("consumption", "circuit", "evse"),
            ("generation", "circuit", "evse"),
            ("evse", "evse", "circuit"),
        ):
            site = f"{self.METER}{role}\n{place[needless]}{place.get(needed, '')}"
            self.assertMistake(site, 9, needless, "must be empty", role)

    def test_grid_in_circuit(self) -> None:
        """The mistake of a grid meter that names its circuit says how it is written."""
        site = self.METER + "grid\ncircuit = house"
        self.assertMistake(site, 9, "circuit", "named by its circuit, as meter = m")

    def test_unknown(self) -> None:
        """A place that is not there is one mistake, whatever the role."""
        for role in ("grid", "consumption"):
            site = f"{self.METER}{role}\ncircuit = hose"
            found = mistakes(site)
            self.assertEqual([(9, "circuit")], [(one.line, one.option) for one in found])
            self.assertIn("did you mean 'house'?", found[0].allowed)

    def test_unknown_role(self) -> None:
        """A meter whose role is none is not asked where it is."""
        self.assertMistake(self.METER + "gird\ncircuit = house", 8, "role", "'grid'")

    def test_of_circuit(self) -> None:
        """A circuit's own meter is one of the grid."""
        site = CIRCUIT + "meter = m\n[meter m]\ntype = simulated\nrole = "
        self.assertFine(site + "grid")
        for role in ("consumption\ncircuit = house", "display"):
            self.assertMistake(
                site + role, 3, "meter", "role grid", "[meter m], line 4", role.split("\n")[0]
            )

    def test_nameless(self) -> None:
        """A meter without a name is no circuit's."""
        site = CIRCUIT + "[meter]\ntype = simulated\nrole = display"
        self.assertMistake(site, 3, "", "meter NAME")

    def test_phases_of_evse(self) -> None:
        """What an EVSE draws is measured on each phase that it is wired to, in any order."""
        meter = CIRCUIT + EVSE + "[meter a]\ntype = reported\nrole = evse\nevse = bay-1\n"
        self.assertMistake(meter + "phases = L1 L3", 10, "phases", "must have L2, too")
        self.assertFine(meter + "phases = L3 L1 L2")
        one = meter.replace("CP-1\n", "CP-1\nphases = L2\n")
        self.assertFine(one + "phases = L2")
        self.assertMistake(one + "phases = L1", 11, "phases", "must have L2, too")

    def test_made_up(self) -> None:
        """What an EVSE draws is never made up."""
        meter = "[meter a]\ntype = simulated\nrole = evse\nevse = bay-1\n"
        self.assertMistake(CIRCUIT + EVSE + meter, 8, "role", "must not be evse")

    def test_two_of_one_evse(self) -> None:
        """An EVSE has one meter at most."""
        site = CIRCUIT + EVSE + EVSE.replace("-1", "-2")
        meter = "[meter {}]\ntype = reported\nrole = evse\nevse = {}\n"
        self.assertFine(site + meter.format("a", "bay-1") + meter.format("b", "bay-2"))
        both = site + meter.format("a", "bay-1") + meter.format("b", "bay-1")
        self.assertMistake(both, 16, "evse", "[meter a], line 9", "another EVSE")

    def test_two_of_no_evse(self) -> None:
        """Two that belong to nothing are two mistakes, and not a third."""
        meter = "[meter {}]\ntype = reported\nrole = evse\nevse = none\n"
        found = mistakes(meter.format("a") + meter.format("b"))
        self.assertEqual([4, 8], [one.line for one in found])


class Devices(CheckCase):
    """Addresses of devices."""

    def test_same_connector(self) -> None:
        """Two EVSEs are not the same connector of one Charge Point."""
        other = "[evse bay-2]\ntype = ocpp16\naddress = CP-1\n"
        self.assertMistake(CIRCUIT + EVSE + other, 8, "address", "[evse bay-1], line 3")
        self.assertFine(CIRCUIT + EVSE + other + "connector = 2")

    def test_same_unit(self) -> None:
        """Two EVSEs are not the same unit of one Modbus device; its connector is no matter."""
        first = "[evse a]\ntype = cfos_power_brain\naddress = tcp:h:1\n"
        other = "[evse b]\ntype = cfos_power_brain\naddress = tcp:h:1\nconnector = 2\n"
        self.assertMistake(CIRCUIT + first + other, 8, "address", "unit 1")
        self.assertFine(CIRCUIT + first + other + "unit = 2")

    def test_address_of_type(self) -> None:
        """An address has the form that the EVSE's type asks for."""
        evse = "[evse a]\ntype = cfos_power_brain\naddress = "
        for good in ("tcp:h:4701", "rtu:10.0.0.1:502", "serial:/dev/ttyUSB0:9600:8N1"):
            self.assertFine(CIRCUIT + evse + good)
        for bad in ("CP-1", "tcp:h", "tcp:h:0", "tcp:h:99999"):
            self.assertMistake(CIRCUIT + evse + bad, 5, "address", "tcp:HOST:PORT")
        ocpp = "[evse a]\ntype = ocpp16\naddress = tcp/1"
        self.assertMistake(CIRCUIT + ocpp, 5, "address", "ChargeBox ID")

    def test_address_of_meter(self) -> None:
        """A meter that is not simulated has an address."""
        meter = "[meter a]\nrole = grid\ntype = sunspec\n"
        self.assertMistake(meter, 1, "address", "is missing", "tcp:HOST:PORT")
        self.assertFine(meter + "address = tcp:h:502")
        self.assertMistake(meter + "address = tcp:h:0", 4, "address", "tcp:HOST:PORT")

    def test_address_of_simulator(self) -> None:
        """A simulated Charge Point has a ChargeBox ID; other simulators need none."""
        self.assertMistake("[simulator a]\ntype = charge_point", 1, "address", "is missing")
        self.assertFine("[simulator a]\ntype = backend")
        self.assertFine("[simulator a]\ntype = power_brain")

    def test_url_of_power_brain(self) -> None:
        """A virtual Power Brain that is told an OCPP server has to have an identity there."""
        box = "[simulator a]\ntype = power_brain\nurl = ws://127.0.0.1:1/\n"
        self.assertMistake(box, 3, "url", "needs an address, the ChargeBox ID")
        self.assertFine(box + "address = PB-1")

    def test_parameters(self) -> None:
        """What only other packages' drivers understand is a mistake for ours."""
        evse = "[evse a]\ntype = cfos_power_brain\naddress = tcp:h:1\nparameters = x=1"
        self.assertMistake(CIRCUIT + evse, 6, "parameters", "must be empty", "takes none")


class Secrets(CheckCase):
    """Certificates, keys and passwords."""

    GATEWAY = CIRCUIT + EVSE + "[gateway g]\nevse = bay-1\nurl = wss://h/\nclient_id = x\n"

    def test_pairs(self) -> None:
        """A certificate and its key come together."""
        for start, line in (("[ocpp server]\n", 2), (self.GATEWAY, 10)):
            self.assertFine(start + "certificate = a\nprivate_key = b")
            self.assertMistake(start + "certificate = a", line, "certificate", "private_key")
            self.assertMistake(start + "private_key = a", line, "private_key", "certificate")

    def test_hexadecimal(self) -> None:
        """A password that stands for bytes is pairs of hexadecimal digits."""
        start = self.GATEWAY + "password_form = hex\npassword = "
        self.assertFine(start + "00aAfF")
        self.assertFine(start)
        for bad in ("0", "0g", "00 11"):
            one = self.assertMistake(start + bad, 11, "password", "hexadecimal")
            self.assertEqual("***", one.found)

    def test_never_shown(self) -> None:
        """No password is in an error, whatever is wrong with it or near it."""
        secret = "hunter2secret"
        long = secret * 4
        for wrong in (
            f"password = {long}",
            f'password = "{secret}',
            f'password = "{secret}" x',
            f"password = {secret}\npassword = {secret}",
            f"password: {secret}",
            f"password {secret}",
            f"passwort = {secret}",
            f"password = {secret}\x00",
            f"password\x00 = {secret}",
            secret,
            f"{secret} = ",
            f'"{secret}"',
            f"[a\npassword = {secret}\nb",
            f"[gateway x]\nurl = ws://u:{secret}@h/",
            f"[gateway x]\nurl = u:{secret}@h",
            f'[gateway x]\nurl = "ws://u:{secret}@h/',
            f"[manager]\ndatabase = postgres://u:{secret}@h/x",
            f"[manager]\ndatabase = postgresql://h/?password={secret}",
            f"[manager]\ndatabase postgresql://u:{secret}@h/x",
            f"[manager]\ndatabase = x\ndatabase = postgresql://u:{secret}@h/x",
        ):
            found = mistakes("[ocpp server]\n" + wrong)
            self.assertTrue(found, wrong)
            if not wrong.startswith(f"{secret} ="):
                self.assertNotIn(secret, str(ConfigError(found)), wrong)
                self.assertNotIn(secret, repr(found), wrong)

    def test_option_before_sections(self) -> None:
        """A password above all sections is not shown either."""
        self.assertNotIn("s3cret", str(mistakes("password = s3cret")))

    def test_repr(self) -> None:
        """A configuration's repr has no password and no URL that could hold one."""
        text = self.GATEWAY.replace("wss://h/", "wss://h/key-s3cret") + (
            "password = s3cret\n[ocpp server]\npassword = s3cret\n"
            "[manager]\ndatabase = postgresql://u:s3cret@h/x\n"
            "[simulator s]\ntype = charge_point\naddress = CP-1\npassword = s3cret\n"
        )
        config = parse_config(text.replace("CP-1\n", "CP-1\npassword = s3cret\n", 1), "t.cfg")
        self.assertEqual("s3cret", config.evses[0].password)
        self.assertEqual("s3cret", config.gateways[0].password)
        self.assertNotIn("s3cret", repr(config))
        self.assertNotIn("s3cret", repr(config.evses[0].origin))


class Gateways(CheckCase):
    """Gateways, alone and together."""

    SITE = CIRCUIT + "".join(
        f"[evse bay-{number}]\ntype = ocpp16\naddress = CP-{number}\n" for number in (1, 2, 3)
    )

    def site(self, *gateways: str) -> str:
        """
        A site with three EVSEs, and gateways from line 12 on.

        @param gateways: the options of each, with semicolons between; what is not said is one
            identity's at one backend.
        """
        text = self.SITE
        for number, one in enumerate(gateways, 1):
            options = {"evse": f"bay-{number}", "url": "wss://h/a", "client_id": "x"}
            options |= dict(part.strip().split(" = ") for part in one.split(";") if part)
            text += f"[gateway g{number}]\n"
            text += "".join(f"{name} = {value}\n" for name, value in options.items())
        return text

    def test_one_authority(self) -> None:
        """One backend at most decides at an EVSE; any number may be told."""
        second = "evse = bay-1; url = wss://other/"
        self.assertMistake(
            self.site("", second), 17, "evse", "has an authority already, [gateway g1], line 12"
        )
        text = self.site("", second + "; role = authority")
        self.assertMistake(text, 20, "role", "must be role = report")
        third = "evse = bay-1; url = wss://third/; role = report"
        self.assertFine(self.site("", second + "; role = report", third))

    def test_one_identity(self) -> None:
        """Several EVSEs are connectors of one client id, however its URL is written."""
        self.assertFine(self.site("", "url = wss://H:443/a/x", "url = wss://h/a/"))

    def test_agree(self) -> None:
        """Whatever is said of one client id at one backend is said the same each time."""
        for option, value in (
            *(("password", "s3cret"), ("password_form", "text"), ("role", "report")),
            *(("outage", "strict"), ("tags", "DE*"), ("ca_certificates", "c.pem")),
            *(("proxy", "http://u:s3cret@p:1"), ("allow", "GetDiagnostics")),
            *(("refuse", "Reset"), ("queue_limit", "1000")),
        ):
            one = self.assertMistake(
                self.site("", f"{option} = {value}"),
                *(
                    20,
                    option,
                    "must be that of [gateway g1], line 12: it is the same client id",
                ),
            )
            self.assertNotIn("s3cret", str(one))
            self.assertMistake(
                self.site(f"{option} = {value}", ""), 20, "client_id", f"no {option}"
            )
            self.assertFine(self.site("", f"client_id = y; {option} = {value}"))

    def test_query(self) -> None:
        """URLs that differ in their query only are meant to be the same."""
        text = self.site("url = wss://h/a?key=s3cret", "url = wss://h/a")
        one = self.assertMistake(text, 18, "url", "only the query differs")
        self.assertNotIn("s3cret", str(one))

    def test_evses(self) -> None:
        """An EVSE is one connector of a client id, not two."""
        text = self.site("role = report", "evse = bay-1; role = report")
        self.assertMistake(text, 18, "evse", "is there already under this client id")

    def test_connectors(self) -> None:
        """No two EVSEs are the same connector of a client id."""
        text = self.site("connector = 2", "connector = 2")
        self.assertMistake(
            text, 21, "connector", "is taken under this client id by [gateway g1]"
        )
        self.assertFine(self.site("connector = 2", "connector = 1", ""))

    def test_colon(self) -> None:
        """A client id with a colon has no password."""
        self.assertFine(self.site("client_id = a:b"))
        text = self.site("client_id = a:b; password = s3cret")
        one = self.assertMistake(text, 15, "client_id", "must not have a colon")
        self.assertNotIn("s3cret", str(one))

    def test_certificates(self) -> None:
        """Certificates are of no use without TLS."""
        url = "url = ws://h/a; "
        text = self.site(url + "ca_certificates = c.pem")
        self.assertMistake(text, 16, "ca_certificates", "url must begin with wss://")
        text = self.site(url + "certificate = c.pem; private_key = k.pem")
        self.assertMistake(text, 16, "certificate", "url must begin with wss://")
        self.assertFine(self.site("ca_certificates = system, c.pem"))

    def test_consent(self) -> None:
        """What is allowed is not refused; a name that is none gets a suggestion."""
        text = self.site("allow = GetDiagnostics Reset; refuse = Reset")
        self.assertMistake(text, 16, "allow", "must not have Reset, which is in refuse too")
        text = self.site("refuse = Reset, UpdateFirmwar")
        self.assertMistake(text, 16, "refuse", "did you mean 'UpdateFirmware'?")
        text = self.site("allow = reset")
        self.assertMistake(text, 16, "allow", "did you mean 'Reset'?")

    def test_url(self) -> None:
        """A URL that nothing can be put behind is a mistake, not a failure."""
        self.assertMistake(self.site("url = wss://h%20/"), 14, "url", "can be put behind")


class Encryption(CheckCase):
    """What belongs to TLS, before any file is looked at."""

    SIMULATOR = "[simulator s]\ntype = charge_point\naddress = CP-1\n"

    def test_server(self) -> None:
        """The server takes what it is told, with a pair of its own or without."""
        for mode in ("off", "detect", "on"):
            self.assertFine(f"[ocpp server]\ntls = {mode}\nca_certificates = a.pem, b.pem")
        self.assertFine("[ocpp server]\ncertificate = c.pem\nprivate_key = k.pem")

    def test_halves(self) -> None:
        """A certificate needs its key, and a key its certificate, wherever they stand."""
        for certificate, key in (
            ("certificate", "private_key"),
            ("signing_certificate", "signing_key"),
        ):
            text = f"[ocpp server]\n{certificate} = c.pem"
            self.assertMistake(text, 2, certificate, f"needs a {key}")
            text = f"[ocpp server]\n{key} = c.pem"
            self.assertMistake(text, 2, key, f"needs a {certificate}")
        text = self.SIMULATOR + "url = wss://h/\n"
        self.assertMistake(text + "certificate = c", 5, "certificate", "needs a private_key")
        self.assertMistake(text + "private_key = c", 5, "private_key", "needs a certificate")

    def test_passphrase(self) -> None:
        """A passphrase alone is for the authority in the state directory."""
        self.assertFine("[ocpp server]\nsigning_passphrase = geheim")

    def test_simulator(self) -> None:
        """A virtual wallbox connects with TLS; without, certificates are of no use to it."""
        pair = "certificate = c.pem\nprivate_key = k.pem\n"
        self.assertFine(self.SIMULATOR + "url = wss://h/\nca_certificates = system\n" + pair)
        self.assertMistake(self.SIMULATOR + pair, 4, "certificate", "must begin with wss://")
        text = self.SIMULATOR + "ca_certificates = c.pem"
        self.assertMistake(text, 4, "ca_certificates", "must begin with wss://")
        self.assertFine("[simulator s]\ntype = backend\n" + pair)
