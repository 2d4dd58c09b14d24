"""What open pages are told, and when."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json as msgspec_json
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import PhaseCurrents
from cfos_cm.services.web import live, outlook
from cfos_cm.services.web.live import COMMENT_S, LOOK_S, OPENING_S, LiveHub
from cfos_cm.services.web.outlook import Picture
from cfos_cm.site.events import (
    EvseConnected,
    EvseLimited,
    EvseLost,
    EvseMeasured,
    MeterLost,
    MeterMeasured,
    OccupancyReported,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Occupancy

from .sights import TWO_BAYS, Page, World, gateway, standing, started

BAY_3 = "[evse bay-3]\ntype = ocpp16\naddress = CP-3\ncircuit = garage\n"


def plain(value: object) -> Any:
    """As a page has it."""
    return json.loads(msgspec_json.encode(value))


def swapped() -> str:
    """The same settings, with the EVSEs in another order."""
    first, bay_2 = TWO_BAYS.split("[evse bay-2]")
    head, bay_1 = first.split("[evse bay-1]")
    return f"{head}[evse bay-2]{bay_2}[evse bay-1]{bay_1}"


class LiveCase(SynchronousTestCase):
    """A site that nobody decides."""

    def setUp(self) -> None:
        """Make it."""
        self.world = World()
        self.hub = self.world.hub

    def check(self, page: Page) -> None:
        """The page shows what there is to see now."""
        picture = self.world.outlook.look()
        self.assertEqual({name: plain(one) for name, one in picture.evses.items()}, page.evses)
        self.assertEqual(list(picture.evses), list(page.evses))
        self.assertEqual(plain(picture.gateways), page.gateways)
        now = {**plain(picture.site), "now": None, "cycle_ms": None}
        self.assertEqual(now, {**page.site, "now": None, "cycle_ms": None})

    def connect(self, name: str) -> None:
        """An EVSE connects."""
        self.world.loop.report(EvseConnected(name, "192.0.2.2"))


def noted(done: list[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function; it is noted whenever it is called."""

    def called(*args: Any) -> Any:
        done.append(name)
        return function(*args)

    return called


class Busy(Page):
    """A page that notes when it is told something, and what waits then."""

    def __init__(self, name: str, world: World, happened: list[str]) -> None:
        super().__init__()
        self.name, self.world, self.happened = name, world, happened

    def write(self, octets: bytes) -> bool:
        """Something has come; somebody else wants to have his turn."""
        self.happened.append(self.name)
        self.world.clock.callLater(0, self.happened.append, "somebody else")
        return super().write(octets)


class LiveTests(LiveCase):
    """What is told when."""

    def test_in_turns(self) -> None:
        """Between two pages everybody else has a turn."""
        happened: list[str] = []
        for name in ("one", "two"):
            self.hub.begin(Busy(name, self.world, happened))
        self.world.clock.advance(0)
        happened.clear()
        self.connect("bay-1")
        self.world.clock.advance(LOOK_S)
        self.assertEqual(["one", "somebody else", "two", "somebody else"], happened)

    def test_small_steps(self) -> None:
        """So do they between those that are looked at, and compared with what was told."""
        world, done = self.world, list[str]()
        for module, function in ((outlook, "evse_view"), (live, "_changes")):
            self.patch(module, "STEP", 1)
            self.patch(module, function, noted(done, function, getattr(module, function)))
        page = world.open()
        for name in ("bay-1", "bay-2"):
            world.loop.report(EvseConnected(name, "192.0.2.2"))
            world.loop.report(OccupancyReported(name, Occupancy.CHARGING, "C"))
        world.clock.rightNow += LOOK_S
        done.clear()
        steps = []
        while world.turn():
            steps.append(tuple(done))
            done.clear()
        expected = [("evse_view",)] * 2 + [("_changes",)] * 2
        self.assertEqual(expected, [one for one in steps if one])
        self.check(page)

    def test_everything_first(self) -> None:
        """A page that opens is told everything, at once."""
        self.world.gateways = [(gateway(), standing())]
        page = self.world.open()
        self.assertEqual(["site", "evses", "gateways"], page.events)
        self.assertTrue(page.written.startswith(b"retry: 2000\n\n"))
        self.check(page)

    def test_changes(self) -> None:
        """It is told what has changed, and nothing else; nothing where nothing has."""
        page = self.world.open()
        page.clear()
        self.world.clock.advance(LOOK_S)
        self.assertEqual([], page.events)
        self.connect("bay-1")
        before = len(page.written)
        self.world.clock.advance(LOOK_S)
        self.assertEqual(["evse_changes"], page.events)
        told = json.loads(page.written[before:].split(b"data: ")[1])
        self.assertEqual([{"name": "bay-1", "link": "online"}], told)
        self.check(page)

    def test_at_most_once_a_second(self) -> None:
        """However much happens, it is told once in a second, as it is then."""
        page = self.world.open()
        page.clear()
        for number in range(50):
            self.world.loop.report(EvseMeasured("bay-1", PhaseCurrents(number, 0, 0)))
            self.world.clock.advance(LOOK_S / 50 - 1e-9)
        self.assertEqual([], page.events)
        self.world.clock.advance(1e-6)
        self.assertEqual(["site", "evse_changes"], page.events)
        self.check(page)
        self.world.clock.advance(LOOK_S * 0.9)
        self.assertEqual(2, len(page.events))

    def test_site_rests(self) -> None:
        """No page is told what time it is, or how long a decision took."""
        page = self.world.open()
        page.clear()
        self.world.loop.times.decided(0.010)
        self.world.clock.advance(LOOK_S)
        # The longest one there was is news.
        self.assertEqual(["site"], page.events)
        page.clear()
        self.world.loop.times.decided(0.007)
        self.world.clock.pump([LOOK_S] * 3)
        self.assertEqual([], page.events)
        self.world.waiting = 1
        self.world.clock.advance(LOOK_S)
        self.assertEqual(["site"], page.events)
        self.assertEqual((7.0, 1), (page.site["cycle_ms"], page.site["waiting_charge_points"]))

    def test_settings(self) -> None:
        """EVSEs that are gone are told of, and all once more where others have come."""
        page = self.world.open()
        page.clear()
        self.world.reconfigure(TWO_BAYS.split("[evse bay-2]")[0])
        self.world.clock.advance(LOOK_S)
        self.assertEqual(["gone", "evses"], page.events)
        self.check(page)
        page.clear()
        self.world.reconfigure(TWO_BAYS + BAY_3)
        self.world.clock.advance(LOOK_S)
        self.assertEqual(["evses"], page.events)
        self.check(page)

    def test_order(self) -> None:
        """All are told once more where they stand in another order."""
        page = self.world.open()
        page.clear()
        self.world.reconfigure(swapped())
        self.world.clock.advance(LOOK_S)
        self.assertEqual((["evses"], ["bay-2", "bay-1"]), (page.events, list(page.evses)))
        self.check(page)

    def test_gateways(self) -> None:
        """Gateways are told as a whole when one stands in another way, and at its EVSEs."""
        self.world.gateways = [(gateway("a", "bay-2"), standing())]
        page = self.world.open()
        page.clear()
        self.world.gateways = [(gateway("a", "bay-2"), standing(is_serving=False))]
        self.world.clock.advance(LOOK_S)
        self.assertEqual(["site", "evse_changes", "gateways"], page.events)
        self.assertFalse(page.gateways[0]["is_serving"])
        self.check(page)

    def test_late_page(self) -> None:
        """One that opens later is told what the others show, and then the same as they."""
        early = self.world.open()
        self.connect("bay-1")
        late = self.world.open()
        self.assertEqual(early.evses, late.evses)
        self.world.clock.advance(LOOK_S)
        self.assertEqual("online", late.evses["bay-1"]["link"])
        self.check(early)
        self.check(late)
        later = self.world.open()
        self.check(later)

    def test_same_bytes(self) -> None:
        """All pages get the very same bytes: they are made once."""

        class Noting(Page):
            def __init__(self, seen: list[bytes]) -> None:
                super().__init__()
                self._seen = seen

            def write(self, octets: bytes) -> bool:
                self._seen.append(octets)
                return True

        seen: list[bytes] = []
        for _ in range(20):
            self.hub.begin(Noting(seen))
        self.connect("bay-1")
        self.world.clock.advance(LOOK_S)
        self.assertEqual(40, len(seen))
        self.assertEqual(2, len({id(one) for one in seen}))

    def test_nobody_looks(self) -> None:
        """Nothing is done while no page is open."""
        page = self.world.open()
        self.assertEqual(1, self.hub.pages)
        page.close()
        page.close()
        self.assertEqual(0, self.hub.pages)
        self.assertEqual([], self.world.clock.getDelayedCalls())
        looks = self.world.looks
        self.connect("bay-1")
        self.world.clock.advance(100)
        self.assertEqual(looks, self.world.looks)
        again = self.world.open()
        self.check(again)

    def test_page_that_is_gone(self) -> None:
        """One that takes no more is told nothing any more; the others are."""
        gone, stays = Page(), self.world.open()
        gone.bears = 1
        leave = self.hub.begin(gone)
        self.connect("bay-1")
        self.world.clock.advance(LOOK_S)
        self.assertEqual(1, self.hub.pages)
        self.check(stays)
        leave()
        self.assertEqual(1, self.hub.pages)
        stays.close()
        self.assertEqual([], self.world.clock.getDelayedCalls())

    def test_page_that_was_never_there(self) -> None:
        """One that takes nothing at all leaves nothing behind."""
        page = Page()
        page.bears = 0
        self.hub.begin(page)()
        self.assertEqual(0, self.hub.pages)
        self.assertEqual([], self.world.clock.getDelayedCalls())

    def test_comments(self) -> None:
        """Something is written every fifteen seconds, also where nothing happens."""
        page = self.world.open()
        self.world.clock.pump([LOOK_S] * (int(COMMENT_S) - 1))
        self.assertEqual(0, page.comments)
        self.world.clock.pump([LOOK_S] * 46)
        self.assertEqual(4, page.comments)
        self.assertIn(b"\n\n: \n\n", page.written)

    def test_stream(self) -> None:
        """It is what a browser knows as an event stream."""
        stream = self.hub.stream()
        self.assertEqual("text/event-stream", stream.media_type)
        stream.begin(Page())
        self.assertEqual(1, self.hub.pages)

    def slow(self) -> Page:
        """A page that reads when the test wants it, and is told in small pieces."""
        self.patch(live, "PIECE_BYTES", 100)
        page = Page()
        page.held = []
        page.close = self.hub.begin(page)
        return page

    def test_pieces(self) -> None:
        """A slow page is told everything in pieces, and then what has changed meanwhile."""
        page = self.slow()
        self.assertEqual(100, len(page.written))
        other = self.world.open()
        for name in ("bay-1", "bay-2"):
            self.connect(name)
            self.world.clock.advance(LOOK_S)
        self.assertEqual(100, len(page.written))
        self.assertEqual([], page.events)
        self.check(other)
        while page.held:
            page.has_room()
        self.assertEqual(["site", "evses", "gateways", "evse_changes"], page.events)
        self.check(page)
        self.connect("bay-1")
        self.world.loop.report(EvseLost("bay-2", "x"))
        self.world.clock.advance(LOOK_S)
        self.assertEqual(5, len(page.events))
        self.check(page)

    def test_piece_too_much(self) -> None:
        """One that is gone before it was told everything leaves nothing behind."""
        page = self.slow()
        page.bears = 0
        page.has_room()
        self.assertEqual(0, self.hub.pages)
        gone = self.slow()
        gone.close()
        gone.has_room()
        self.assertEqual(100, len(gone.written))
        self.assertEqual([], self.world.clock.getDelayedCalls())

    def test_never_reads(self) -> None:
        """One that does not read what it is told first is cut off, and no other one."""
        page, other = self.slow(), self.world.open()
        self.world.clock.pump([LOOK_S] * int(OPENING_S))
        self.assertFalse(page.is_cut_off)
        self.world.clock.advance(LOOK_S)
        self.assertTrue(page.is_cut_off)
        self.assertFalse(other.is_cut_off)
        self.assertEqual(1, self.hub.pages)

    def test_stop(self) -> None:
        """When the site stops all streams end, and nothing is left."""
        pages = [self.world.open(), self.world.open()]
        self.hub.stop()
        self.assertEqual([True, True], [one.is_ended for one in pages])
        for page in pages:
            page.close()
        self.assertEqual([], self.world.clock.getDelayedCalls())

    def test_mistake(self) -> None:
        """A look that fails is tried again, and what was missed is told then."""
        world = self.world

        class Failing:
            fails = False

            def look(self) -> Picture:
                if self.fails:
                    raise ZeroDivisionError("a mistake")
                return world.outlook.look()

            def looking(self) -> Iterator[Picture | None]:
                yield self.look()

        failing = Failing()
        hub = LiveHub(world.clock, failing)
        page = Page()
        hub.begin(page)
        failing.fails = True
        self.connect("bay-1")
        world.clock.advance(LOOK_S)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        failing.fails = False
        world.clock.advance(LOOK_S)
        self.check(page)


NAMES = st.sampled_from(["bay-1", "bay-2", "bay-3"])
CURRENTS = st.none() | st.builds(PhaseCurrents, *(st.integers(-100, 40_000),) * 3)
EVENTS = st.one_of(
    st.builds(EvseConnected, NAMES, st.just("x")),
    st.builds(EvseLost, NAMES, st.just("x")),
    st.builds(OccupancyReported, NAMES, st.sampled_from(Occupancy), st.text(max_size=3)),
    st.builds(
        EvseMeasured,
        NAMES,
        CURRENTS,
        st.none() | st.integers(0, 10**6),
        st.none() | st.integers(0, 22_000),
    ),
    st.builds(TransactionStarted, NAMES, st.builds(started, st.integers(1, 3))),
    st.builds(TransactionStopped, NAMES, st.integers(1, 3), st.none(), st.just("Local")),
    st.builds(EvseLimited, NAMES, st.just("operator"), st.none() | st.integers(0, 32_000)),
    st.builds(MeterMeasured, st.sampled_from(["grid", "roof"]), CURRENTS, st.integers(-9, 9)),
    st.builds(MeterLost, st.sampled_from(["grid", "roof"]), st.just("x")),
)
OTHERS = st.sampled_from(
    ["look", "due", "turn", "open", "close", "remove", "add", "swap", "gateway", "decide"]
)
#: As many of the one as of the other.
STEPS = st.lists(st.booleans().flatmap(lambda one: EVENTS if one else OTHERS), max_size=40)


class LivePropertyTests(LiveCase):
    """Whatever happens in whatever order."""

    @given(STEPS)
    @settings(max_examples=100, deadline=None)
    def test_nothing_is_lost(self, steps: list[Any]) -> None:
        """What a page has made of the changes is what there is to see."""
        self.setUp()
        world = self.world
        pages = [world.open()]
        world.loop.start()
        for step in steps:
            if isinstance(step, str):
                self.do(step, pages)
            else:
                world.loop.report(step)
        # A look that has begun may not see it all.
        world.clock.pump([LOOK_S, LOOK_S])
        for page in pages:
            while page.held:
                page.has_room()
            self.check(page)
        self.assertEqual(len(pages), self.hub.pages)

    def do(self, step: str, pages: list[Page]) -> None:
        """What is no event."""
        world = self.world
        match step:
            case "look":
                world.clock.advance(LOOK_S / 2)
            case "due":
                world.clock.rightNow += LOOK_S
            case "turn":
                world.turn()
            case "open":
                pages.append(world.open())
            case "slow":
                # All pages from now on are told in pieces.
                self.patch(live, "PIECE_BYTES", 500)
                page = Page()
                page.held = []
                page.close = self.hub.begin(page)
                pages.append(page)
            case "room":
                for page in pages:
                    if page.held:
                        page.has_room()
            case "close" if len(pages) > 1:
                pages.pop(0).close()
            case "remove":
                world.reconfigure(TWO_BAYS.split("[evse bay-2]")[0])
            case "add":
                world.reconfigure(TWO_BAYS + BAY_3)
            case "swap":
                world.reconfigure(swapped())
            case "gateway":
                waiting = len(pages)
                world.gateways = [(gateway("a", "bay-1"), standing(waiting=waiting))]
            case "decide":
                world.loop.cycle_s = 0.25
                world.loop.memory = evolve(world.loop.memory)
