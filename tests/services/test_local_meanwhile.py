"""What happens at an EVSE without OCPP while its backend is asked who may charge there."""

from __future__ import annotations

from attrs import evolve

from cfos_cm.site.events import EvseLost, SettingsChanged, TransactionJudged
from cfos_cm.site.evse import Occupancy
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.site.tag import Verdict
from tests.central_system.world import Disk
from tests.services.local_site import FUSE, OCPP
from tests.services.test_local_from_afar import BilledCase


class CardTests(BilledCase):
    """A backend that takes its time over a card."""

    def test_twice_while_asked(self) -> None:
        """A card that is held there once more because nothing happens ends nothing."""
        self.backend.allow("04AA")
        self.backend.disk.held = True
        self.says(Occupancy.PLUGGED)
        self.show("04AA")
        self.show("04aa")
        self.backend.disk.let_go()
        self.world.clock.advance(0)
        self.assertEqual("04AA", self.tag)
        self.assertEqual([], self.stops())

    def test_twice_while_beginning(self) -> None:
        """So it is while the start is being written down; after that it ends it."""
        self.backend.allow("04AA")
        self.world.ledger.disk = Disk(held=True)
        self.says(Occupancy.PLUGGED)
        self.show("04AA")
        self.show("04AA")
        self.world.ledger.disk.let_go()
        self.world.clock.advance(0)
        self.assertEqual(("04AA", []), (self.tag, self.stops()))
        self.show("04AA")
        self.assertEqual(["Local"], [one.reason for one in self.stops()])

    def test_ended_while_asked(self) -> None:
        """Whose card is looked up while what runs is ended does not pay for the car there."""
        self.backend.allow("04AA", "04BB")
        self.show("04AA")
        self.says(Occupancy.PLUGGED)
        self.backend.disk.held = True
        self.show("04BB")
        self.end(self.number())
        self.backend.disk.let_go()
        self.world.clock.advance(0)
        self.assertEqual(["Remote"], [one.reason for one in self.stops()])
        self.assertIsNone(self.tag)


class FixedTagTests(BilledCase):
    """A backend that takes its time over the fixed tag of a car that is there."""

    settings = evolve(BilledCase.settings, fixed_tag="FIXED")

    def setUp(self) -> None:
        """It is being asked."""
        super().setUp()
        self.backend.allow("FIXED", "04AA")
        self.backend.disk.held = True
        self.says(Occupancy.PLUGGED)
        self.assertEqual(["FIXED"], self.backend.asked)

    def answered(self) -> str | None:
        """It answers; who charges then."""
        self.backend.disk.let_go()
        self.world.clock.advance(0)
        return self.tag

    def test_card(self) -> None:
        """Who shows his own card meanwhile is billed by it."""
        self.show("04AA")
        self.assertEqual("04AA", self.answered())

    def test_refused_card(self) -> None:
        """A card that is no good changes nothing."""
        self.show("04BB")
        self.assertEqual("FIXED", self.answered())

    def test_invited(self) -> None:
        """Who is invited meanwhile is billed, as the backend was told."""
        self.assertTrue(self.invite())
        self.assertEqual("REMOTE", self.answered())

    def test_lost(self) -> None:
        """Nothing begins at an EVSE that is out of sight since."""
        self.report(EvseLost("box", "test"))
        self.assertIsNone(self.answered())
        self.assertEqual({}, self.world.ledger.rows)


class OtherMeterTests(BilledCase):
    """What runs goes on with another meter, as another transaction."""

    def other_meter(self) -> None:
        """The EVSE has a meter of its own from now on."""
        settings = evolve(self.settings, metered_apart=True)
        meter = MeterSettings("apart", MeterRole.EVSE, evse="box")
        self.report(SettingsChanged("site", False, (FUSE,), (settings, OCPP), (meter,)))
        self.world.clock.advance(100)

    def test_same_card(self) -> None:
        """It is his again."""
        self.backend.allow("04AA")
        self.show("04AA")
        self.says(Occupancy.PLUGGED)
        self.other_meter()
        self.assertEqual("04AA", self.tag)
        self.assertEqual(2, len(self.world.ledger.rows))

    def test_refused(self) -> None:
        """Whom the backend has refused since does not charge again because of that."""
        self.backend.allow("04AA")
        self.show("04AA")
        self.says(Occupancy.PLUGGED)
        self.report(TransactionJudged("box", self.number(), Verdict.BLOCKED))
        self.other_meter()
        self.assertIsNone(self.tag)
