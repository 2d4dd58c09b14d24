"""The rules one by one, and the lowest of their ceilings."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve
from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.limits import permission
from cfos_cm.limits.catalog import RULES, ceiling
from cfos_cm.limits.ceiling import Ceiling, Rule
from cfos_cm.limits.decide import decide
from cfos_cm.limits.rating import rating
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import BackendSpoke, TransactionJudged
from cfos_cm.site.evse import NOT_ASKED, Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.setpoint import Reason, ReasonCode
from cfos_cm.site.state import SiteState, fold
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

from .sites import NOON, charging, site, sites

FUSE = CircuitSettings("main", 63_000)
EVSE = charging(EvseSettings("left", "main"))
SITE = site([FUSE], [EVSE])


def transaction(verdict: Verdict) -> Transaction:
    """A transaction of somebody about whom C{verdict} was spoken."""
    return Transaction(1, "04A1", verdict, NOON + timedelta(hours=1), 0)


class RuleTests(SynchronousTestCase):
    """What each rule says."""

    def check(self, rule: Rule, evse: Evse, code: ReasonCode | None, text: str = "") -> None:
        """C{rule} must forbid charging for that reason; C{None}: it has nothing to say."""
        expected = None if code is None else Ceiling(0, Reason(code, text))
        self.assertEqual(rule(SITE, evse), expected)

    def test_reachable(self) -> None:
        """Only an EVSE that is there may charge."""
        for link in Link:
            code = None if link is Link.ONLINE else ReasonCode.NOT_CONNECTED
            evse = evolve(EVSE, link=link)
            self.check(permission.reachable, evse, code, "left is not connected")

    def test_enabled(self) -> None:
        """A device that is switched off gets nothing."""
        self.check(permission.enabled, EVSE, None)
        disabled = evolve(EVSE, settings=evolve(EVSE.settings, enabled=False))
        text = "left is switched off in the settings"
        self.check(permission.enabled, disabled, ReasonCode.DISABLED, text)

    def test_disabled_keeps_its_minimum(self) -> None:
        """A device that is switched off may be left a current, and gets no more."""
        settings = evolve(EVSE.settings, enabled=False, disabled_current_ma=6_000)
        found = permission.enabled(SITE, evolve(EVSE, settings=settings))
        text = "left is switched off in the settings"
        self.assertEqual(found, Ceiling(6_000, Reason(ReasonCode.DISABLED, text)))

    def test_ready(self) -> None:
        """A car must be there, and the EVSE in order; what is not said forbids nothing."""
        for occupancy, code, text in (
            (Occupancy.UNKNOWN, None, ""),
            (Occupancy.FREE, ReasonCode.NO_CAR, "no car is plugged in"),
            (Occupancy.PLUGGED, None, ""),
            (Occupancy.CHARGING, None, ""),
            (Occupancy.UNAVAILABLE, ReasonCode.FAULTED, "left is out of service"),
            (Occupancy.FAULTED, ReasonCode.FAULTED, "left reports a fault: no code given"),
        ):
            self.check(permission.ready, evolve(EVSE, occupancy=occupancy), code, text)

    def test_fault(self) -> None:
        """A fault is named."""
        faulted = evolve(EVSE, occupancy=Occupancy.FAULTED, fault="GroundFailure")
        text = "left reports a fault: GroundFailure"
        self.check(permission.ready, faulted, ReasonCode.FAULTED, text)

    def test_authorised(self) -> None:
        """Somebody who may charge must have started."""
        text = "nobody has started to charge"
        without = evolve(EVSE, transaction=None)
        self.check(permission.authorised, without, ReasonCode.NO_TRANSACTION, text)
        for verdict in Verdict:
            evse = evolve(EVSE, transaction=transaction(verdict))
            code = None if verdict is Verdict.ACCEPTED else ReasonCode.TAG_REFUSED
            self.check(permission.authorised, evse, code, f"the tag is {verdict.lower()}")

    def test_backend(self) -> None:
        """What a backend bills does not charge without its consent."""
        self.check(permission.backend_allows, EVSE, None)
        billed = evolve(EVSE, settings=evolve(EVSE.settings, needs_backend=True))
        text = f"its billing backend {NOT_ASKED}"
        self.check(permission.backend_allows, billed, ReasonCode.BACKEND, text)
        for objection in (None, "cannot be reached"):
            said = fold(site([FUSE], [billed]), BackendSpoke("left", objection)).evses["left"]
            code = None if objection is None else ReasonCode.BACKEND
            self.check(
                permission.backend_allows, said, code, f"its billing backend {objection}"
            )

    def test_backend_of_nobody(self) -> None:
        """What no backend bills charges whatever one says."""
        said = fold(SITE, BackendSpoke("left", "cannot be reached")).evses["left"]
        self.check(permission.backend_allows, said, None)

    def test_judged_later(self) -> None:
        """Whose tag is refused while he charges is stopped, and nobody else is."""
        for number, verdict, stops in (
            (1, Verdict.BLOCKED, True),
            (2, Verdict.BLOCKED, False),
            (1, Verdict.ACCEPTED, False),
        ):
            after = fold(SITE, TransactionJudged("left", number, verdict))
            given = decide(after)["left"]
            self.assertIs(stops, given.current_ma == 0, (number, verdict))
            self.assertIs(stops, given.reason.code is ReasonCode.TAG_REFUSED)

    def test_meters(self) -> None:
        """A meter that was not read forbids charging in its circuit and below."""
        metered = evolve(FUSE, meter="grid")
        garage = CircuitSettings("garage", 32_000, "main")
        inside = evolve(EVSE, settings=evolve(EVSE.settings, circuit="garage"))
        cellar = CircuitSettings("cellar", 32_000, "main", meter="heating")
        text = "meter grid of main has not been read"
        found = Ceiling(0, Reason(ReasonCode.METER, text, "main"))
        for circuits, evse, expected in (
            ([FUSE, garage], inside, None),
            ([FUSE, cellar], EVSE, None),
            ([metered], EVSE, found),
            ([metered, garage], inside, found),
        ):
            self.assertEqual(permission.meters_known(site(circuits, [evse]), evse), expected)

    def test_outside(self) -> None:
        """What somebody else allows is said in words; the strictest of several counts."""
        self.assertIsNone(permission.outside(SITE, EVSE))
        for allowed, current_ma, text in (
            ({"operator": 10_000}, 10_000, "operator allows 10 A"),
            ({"operator": 6_000}, 6_000, "operator allows 6 A"),
            ({"operator": 0}, 0, "paused by operator"),
            (
                {"operator": 5_900},
                5_900,
                "operator allows 5.9 A, less than the 6 A that it needs",
            ),
            (
                {"operator": 10_000, "backend acme": 8_000},
                8_000,
                "backend acme allows 8 A",
            ),
        ):
            found = permission.outside(SITE, evolve(EVSE, outside_ma=allowed))
            self.assertEqual(Ceiling(current_ma, Reason(ReasonCode.OUTSIDE, text)), found)

    def test_rating(self) -> None:
        """No EVSE gives more than its rating."""
        reason = Reason(ReasonCode.RATING, "all that left can give")
        self.assertEqual(rating(SITE, EVSE), Ceiling(16_000, reason))


class CeilingTests(SynchronousTestCase):
    """The lowest of all."""

    def test_all_content(self) -> None:
        """When nothing forbids it, the rating is the ceiling."""
        self.assertEqual(ceiling(SITE, EVSE), rating(SITE, EVSE))

    def test_first_of_equal_currents(self) -> None:
        """Of two rules that leave the same current the first in the catalogue is named."""
        left_all = evolve(EVSE.settings, enabled=False, disabled_current_ma=16_000)
        found = ceiling(SITE, evolve(EVSE, settings=left_all))
        self.assertEqual((16_000, ReasonCode.DISABLED), (found.current_ma, found.reason.code))

    def test_first_of_equals(self) -> None:
        """Of several rules that forbid charging the first in the catalogue is named."""
        steps = (
            (evolve(EVSE, settings=evolve(EVSE.settings, needs_backend=True)), "BACKEND"),
            (evolve(EVSE, transaction=None), "NO_TRANSACTION"),
            (evolve(EVSE, occupancy=Occupancy.FREE, transaction=None), "NO_CAR"),
            (evolve(Evse(EVSE.settings), occupancy=Occupancy.FREE), "NOT_CONNECTED"),
            (Evse(evolve(EVSE.settings, enabled=False)), "DISABLED"),
        )
        for evse, code in steps:
            metered = site([evolve(FUSE, meter="grid")], [evse])
            self.assertEqual(ceiling(metered, evse).reason.code.name, code)
            self.assertEqual(ceiling(metered, evse).current_ma, 0)

    def test_meter_before_rating(self) -> None:
        """Less is named before more, wherever it stands in the catalogue."""
        metered = site([evolve(FUSE, meter="grid")], [EVSE])
        self.assertIs(ceiling(metered, EVSE).reason.code, ReasonCode.METER)

    @given(sites())
    def test_minimum(self, state: SiteState) -> None:
        """The ceiling is the first of the lowest answers, and it changes nothing."""
        for evse in state.evses.values():
            answers = [answer for rule in RULES if (answer := rule(state, evse)) is not None]
            lowest_ma = min(answer.current_ma for answer in answers)
            first = next(answer for answer in answers if answer.current_ma == lowest_ma)
            self.assertEqual(ceiling(state, evse), first)
