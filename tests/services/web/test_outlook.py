"""Views that are made when somebody looks, and kept while they hold."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import PhaseCurrents
from cfos_cm.services.web.outlook import SLOW_S, Outlook
from cfos_cm.site.events import (
    EvseConnected,
    EvseMeasured,
    LimitsCancelled,
    MeterMeasured,
    OccupancyReported,
    SiteEvent,
    TransactionStarted,
)
from cfos_cm.site.evse import Evse, Occupancy
from cfos_cm.site.state import SiteState

from .sights import NOON, TWO_BAYS, World, gateway, standing, started


class OutlookTests(SynchronousTestCase):
    """A site with bay-1 and bay-2."""

    def setUp(self) -> None:
        """Look at it once."""
        self.world = World()
        self.outlook = self.world.outlook
        self.first = self.outlook.evses()

    def changed(self, *events: SiteEvent) -> set[str]:
        """The EVSEs whose views are others than the last time, after C{events}."""
        for event in events:
            self.world.loop.report(event)
        before, self.first = self.first, self.outlook.evses()
        return {name for name, one in self.first.items() if one is not before[name]}

    def test_kept(self) -> None:
        """A view stays the same object until it is another one."""
        self.assertEqual(["bay-1", "bay-2"], list(self.first))
        self.assertEqual(set(), self.changed())
        self.assertEqual({"bay-1"}, self.changed(EvseConnected("bay-1", "192.0.2.2")))
        measured = EvseMeasured("bay-2", PhaseCurrents(1, 2, 3), 5, 6)
        self.assertEqual({"bay-2"}, self.changed(measured))
        self.world.clock.advance(1)
        # The same once more is heard later, and shows nothing else.
        self.assertEqual(set(), self.changed(measured))

    def test_one(self) -> None:
        """One EVSE alone is shown as among all, and a stranger is not."""
        self.world.loop.report(EvseConnected("bay-1", "192.0.2.2"))
        one = self.outlook.evse("bay-1")
        self.assertIs(one, self.outlook.evses()["bay-1"])
        self.assertIsNone(self.outlook.evse("bay-3"))
        self.assertEqual(("bay-1", "bay-2"), self.outlook.names())

    def test_one_first(self) -> None:
        """Nobody needs to have looked at all of them before."""
        fresh = Outlook(self.world.sources())
        one = fresh.evse("bay-1")
        assert one is not None
        self.assertEqual("CP-1", one.charge_point)

    def test_beside(self) -> None:
        """What is beside the state of the site changes a view, too."""
        world = self.world
        world.gateways = [(gateway("a", "bay-1"), standing())]
        self.assertEqual({"bay-1"}, self.changed())
        world.gateways = [(gateway("a", "bay-1"), standing(waiting=3))]
        self.assertEqual({"bay-1"}, self.changed())
        self.assertEqual([3], [one.waiting for one in self.outlook.evses()["bay-1"].gateways])
        self.assertEqual(
            {"bay-1"},
            self.changed(OccupancyReported("bay-1", Occupancy.PLUGGED, "SuspendedEV")),
        )
        self.assertEqual(
            {"bay-1"}, self.changed(OccupancyReported("bay-1", Occupancy.PLUGGED, "Finishing"))
        )
        world.paused.add("bay-2")
        self.assertEqual({"bay-2"}, self.changed())

    def test_settings(self) -> None:
        """Other settings are shown, also those that the site does not know."""
        self.world.reconfigure(TWO_BAYS.replace("unit = 3", "unit = 4"))
        self.assertEqual(4, self.outlook.evses()["bay-2"].unit)
        left_alone = TWO_BAYS.replace(
            "[manager]", "[manager]\non_disable = cancel_limits"
        ).replace("address = CP-1", "address = CP-1\nenabled = no")
        self.world.reconfigure(left_alone)
        self.world.loop.report(LimitsCancelled("bay-1", "Rejected"))
        view = self.outlook.evses()["bay-1"]
        self.assertEqual("cancel_limits", view.on_disable)
        self.assertEqual(("refused", "Rejected"), (view.release.state, view.release.why))

    def test_file_ahead(self) -> None:
        """An EVSE that the file has no more, or not yet, is shown as far as it is known."""
        _, bay_2 = self.world.config.evses
        self.world.config = evolve(self.world.config, evses=(bay_2,))
        self.assertEqual("", self.outlook.evses()["bay-1"].type)

    def test_gateways(self) -> None:
        """Gateways are shown, and kept while they are the same."""
        world = self.world
        world.gateways = [(gateway("a"), standing()), (gateway("b"), standing())]
        first = self.outlook.gateways()
        self.assertEqual(["a", "b"], [one.name for one in first])
        world.gateways = [(gateway("a"), standing()), (gateway("b"), standing(dead=1))]
        second = self.outlook.gateways()
        self.assertIs(first[0], second[0])
        self.assertEqual(1, second[1].dead)
        self.assertEqual(
            ["dead_letters"],
            [one.code for one in self.outlook.site().warnings if one.subject == "b"],
        )

    def test_meter_apart(self) -> None:
        """One whose meter apart is silent shows that."""
        apart = (
            "[meter apart]\ntype = modbus\naddress = tcp:192.0.2.8:502\n"
            "registers = power: 52 f32 W\nrole = evse\nevse = bay-1\n"
        )
        self.world.reconfigure(TWO_BAYS + apart)
        warned = [one.code for one in self.outlook.evses()["bay-1"].warnings]
        self.assertEqual(["meter_silent"], warned)
        self.world.loop.report(MeterMeasured("apart", power_w=0))
        self.assertEqual((), self.outlook.evses()["bay-1"].warnings)

    def test_cycles(self) -> None:
        """How long decisions take is told as soon as there was one."""
        before = self.outlook.site()
        self.assertEqual((None, None), (before.cycle_ms, before.longest_cycle_ms))
        self.world.loop.times.decided(0.0123)
        self.world.loop.times.decided(0.004)
        after = self.outlook.site()
        self.assertEqual((4.0, 12.3), (after.cycle_ms, after.longest_cycle_ms))

    def test_seldom(self) -> None:
        """What takes its time to find is looked for seldom, whatever is done to the clock."""
        asked: list[int] = []

        def urls() -> tuple[str, ...]:
            asked.append(1)
            return ("ws://192.0.2.1:19520/",)

        outlook = Outlook(evolve(self.world.sources(), urls=urls))
        for seconds, times in ((0.0, 1), (SLOW_S - 1, 1), (1.0, 2)):
            self.world.clock.advance(seconds)
            self.assertEqual(("ws://192.0.2.1:19520/",), outlook.site().ocpp_server.urls)
            self.assertEqual(times, len(asked))
        back = evolve(self.world.sources(), urls=urls, now=lambda: NOON - timedelta(days=1))
        outlook._sources = back
        outlook.site()
        self.assertEqual(3, len(asked))
        self.world.reconfigure(TWO_BAYS.replace("19520", "19521"))
        outlook.site()
        self.assertEqual(4, len(asked))

    def test_disobedient_by_meter(self) -> None:
        """One that draws more than it was told is shown as what it is."""
        self.assertEqual((), self.outlook.evses()["bay-1"].warnings)
        world = self.world
        loop = world.loop
        for event in (
            EvseConnected("bay-1", "x"),
            TransactionStarted("bay-1", started()),
            OccupancyReported("bay-1", Occupancy.CHARGING, "Charging"),
        ):
            loop.report(event)

        class Exceeds:
            @staticmethod
            def exceeds(evse: Evse) -> bool:
                return evse.name == "bay-1"

        class Remembered:
            state: SiteState = loop.memory.state
            loads = loop.memory.loads
            overdrafts = loop.memory.overdrafts
            now_s = 0.0
            settling = Exceeds

        sources = evolve(world.sources(), memory=lambda: Remembered)  # type: ignore[arg-type, return-value]
        shown = Outlook(sources).evses()
        self.assertEqual(["disobedient"], [one.code for one in shown["bay-1"].warnings])
        self.assertEqual((), shown["bay-2"].warnings)
