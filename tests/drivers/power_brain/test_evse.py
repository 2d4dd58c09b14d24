"""What is reported of a box that is asked each second."""

from __future__ import annotations

from attrs import evolve
from twisted.logger import capturedLogs, formatEvent
from zope.interface.verify import verifyObject

from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.errors import DeviceRefusal
from cfos_cm.site.events import (
    CardShown,
    DeviceBooted,
    EvseConnected,
    EvseLost,
    EvseMeasured,
    OccupancyReported,
    ProfilesMeddled,
)
from cfos_cm.site.evse import DeviceIdentity, Occupancy
from tests.drivers.power_brain.site import SETTINGS, BoxCase, setpoint


class ConnectionTests(BoxCase):
    """A box that comes and goes."""

    def test_interface(self) -> None:
        """It is what the control loop wants an EVSE to be."""
        self.assertTrue(verifyObject(IEvse, self.make()))

    def test_not_started(self) -> None:
        """It does nothing before it is started."""
        self.make()
        self.run_for(5)
        self.assertEqual((0, []), (self.box.connections, self.reports))

    def test_came(self) -> None:
        """
        It is there, says what it is, and then how things are; first what was measured, for a
        charge that is over ends with that.
        """
        self.start()
        identity = DeviceIdentity("cFos", "Power Brain Controller", "fcf5-c46", "1.12.1200")
        self.assertEqual(
            [
                EvseConnected("B1", "tcp:box:4701, unit 1"),
                DeviceBooted("B1", identity),
                EvseMeasured("B1", PhaseCurrents(), 123_456, 0),
                OccupancyReported("B1", Occupancy.FREE, "A: no car"),
            ],
            self.reports,
        )

    def test_each_round(self) -> None:
        """Each second it is asked for all that may change, and for nothing else."""
        self.start()
        self.box.reads.clear()
        self.run_for(3)
        self.assertEqual([(8080, 9), (8090, 24), (8057, 13)] * 3, self.box.reads)

    def test_no_meter(self) -> None:
        """Where no meter is attached its registers are not asked for."""
        self.make()
        self.box[on.HAS_METER] = 0
        self.evse.start()
        self.run_for(2)
        self.assertNotIn((8057, 13), self.box.reads)
        self.assertEqual([], self.told(EvseMeasured))

    def test_refused_meter(self) -> None:
        """A meter whose registers are refused takes nothing from the rest."""
        self.start()
        self.told(EvseMeasured)
        for address in on.POWER.addresses:
            del self.box.words[address]
        self.state(1)
        self.run_for(5)
        self.assertEqual([], self.told(EvseMeasured))
        self.assertEqual(([], Occupancy.PLUGGED), (self.told(EvseLost), self.occupancies()[-1]))

    def occupancies(self) -> list[Occupancy]:
        """What was reported of cars."""
        return [one.occupancy for one in self.told(OccupancyReported)]

    def test_hung_up(self) -> None:
        """When the connection is lost it is away at once, and afterwards all is told anew."""
        self.start()
        self.reports.clear()
        self.box.hang_up()
        self.run_for(0)
        self.assertIn("the connection to tcp:box:4701 was lost", self.told(EvseLost)[0].why)
        self.run_for(5)
        self.box.is_off = False
        self.run_for(10)
        self.assertEqual(1, len(self.told(EvseConnected)))
        self.assertEqual([Occupancy.FREE], self.occupancies())
        self.assertEqual([], self.told(DeviceBooted))

    def test_mute(self) -> None:
        """One that does not answer in three rounds is away, and not before."""
        self.start()
        self.run_for(0.5)
        self.box.is_mute = True
        # Each round asks twice, and waits a second each time.
        self.run_for(4)
        self.assertEqual([], self.told(EvseLost))
        self.run_for(3)
        self.assertEqual(1, len(self.told(EvseLost)))

    def test_restarted(self) -> None:
        """One that has started again says so; that it has forgotten all is nobody's work."""
        self.start()
        self.order(10)
        self.reports.clear()
        self.box.restart()
        self.run_for(5)
        self.assertEqual(1, len(self.told(DeviceBooted)))
        self.assertEqual(60, self.box[on.CHARGING_CUR_LIMIT])
        self.assertEqual([], self.told(ProfilesMeddled))

    def test_never_there(self) -> None:
        """Why one cannot be read that was never there is told, once for each reason."""
        self.make()
        self.box[on.VENDOR_ID] = 0x12345678
        with capturedLogs() as events:
            self.evse.start()
            self.run_for(60)
        said = [line for line in map(formatEvent, events) if line and "cannot be read" in line]
        self.assertEqual(1, len(said), said)
        self.assertIn("B1 cannot be read: no Power Brain: its vendor id is 0x12345678", said[0])

    def test_another_reason(self) -> None:
        """When it cannot be read for another reason, that is told, too."""
        self.make()
        self.box[on.VENDOR_ID] = 0x12345678
        self.evse.start()
        self.run_for(60)
        self.box[on.VENDOR_ID] = 0x87654321
        with capturedLogs() as events:
            self.run_for(60)
        said = [line for line in map(formatEvent, events) if line and "cannot be read" in line]
        self.assertEqual(1, len(said), said)
        self.assertIn("0x87654321", said[0])

    def test_another_device(self) -> None:
        """What is no Power Brain is not connected, and nothing is written to it."""
        self.make()
        self.box[on.VENDOR_ID] = 0x12345678
        self.evse.start()
        self.run_for(20)
        self.assertEqual(([], []), (self.reports, self.box.writes))

    def test_no_count_of_restarts(self) -> None:
        """Older ones do not say how often they have started."""
        self.make()
        for address in on.COUNT_RESTART.addresses:
            del self.box.words[address]
        self.evse.start()
        self.run_for(1)
        self.assertEqual(1, len(self.told(EvseConnected)))

    def test_stopped(self) -> None:
        """After that nothing is asked or reported, and no timer is left."""
        self.start()
        self.reports.clear()
        stopped = self.evse.stop()
        self.run_for(0)
        self.successResultOf(stopped)
        self.assertEqual(([], []), (self.reports, self.clock.getDelayedCalls()))

    def test_stopped_in_a_round(self) -> None:
        """Also while it is being asked."""
        self.start()
        self.box.is_mute = True
        self.run_for(1.25)
        self.evse.stop()
        self.run_for(0)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual([], self.flushLoggedErrors())

    def test_started_again(self) -> None:
        """It can be started again, and twice is once."""
        self.start()
        self.evse.stop()
        self.run_for(0)
        self.reports.clear()
        self.evse.start()
        self.evse.start()
        self.run_for(1)
        self.assertEqual((1, 2), (len(self.told(EvseConnected)), self.box.connections))
        self.evse.stop()
        self.run_for(1)
        self.assertFalse(self.box.is_connected)


class NewsTests(BoxCase):
    """What is new of what it says."""

    def test_occupancy(self) -> None:
        """Told when it changes, and only then."""
        self.start()
        self.told(OccupancyReported)
        for number in (1, 1, 2, 2, 5, 5, 9):
            self.state(number)
        found = self.told(OccupancyReported)
        self.assertEqual(["B", "C", "F", "9"], [one.detail[0] for one in found])
        self.assertEqual(
            [Occupancy.PLUGGED, Occupancy.CHARGING, Occupancy.FAULTED, Occupancy.FAULTED],
            [one.occupancy for one in found],
        )

    def test_measured(self) -> None:
        """Told in each round, also when nothing has changed."""
        self.start()
        self.told(EvseMeasured)
        self.box[on.CURRENT_L2] = 95
        self.run_for(3)
        expected = EvseMeasured("B1", PhaseCurrents(0, 9500, 0), 123_456, 0)
        self.assertEqual([expected] * 3, self.told(EvseMeasured))

    def test_card(self) -> None:
        """Told once, when it is shown."""
        self.start()
        self.box[on.LAST_RFID], self.box[on.DETECTED_RFIDS] = "04a1b2c3", 1
        self.run_for(5)
        self.assertEqual([CardShown("B1", "04A1B2C3")], self.told(CardShown))

    def test_card_before_the_start(self) -> None:
        """One that is still in the register was shown to somebody else."""
        self.make()
        self.box[on.LAST_RFID], self.box[on.DETECTED_RFIDS] = "04a1b2c3", 6
        self.evse.start()
        self.run_for(5)
        self.assertEqual([], self.told(CardShown))

    def test_card_across_a_restart(self) -> None:
        """A counter that begins again is no card."""
        self.start()
        self.box[on.LAST_RFID], self.box[on.DETECTED_RFIDS] = "04a1b2c3", 9
        self.run_for(1)
        self.told(CardShown)
        self.box[on.DETECTED_RFIDS] = 0
        self.box.restart()
        self.run_for(5)
        self.assertEqual([], self.told(CardShown))


class MeddlerTests(BoxCase):
    """Others who set the same registers."""

    def test_higher(self) -> None:
        """A higher limit than it was told is reported once."""
        self.start()
        self.order(10)
        self.box[on.CHARGING_CUR_LIMIT] = 200
        self.run_for(5)
        found = self.told(ProfilesMeddled)
        self.assertEqual(["somebody who has allowed it 20 A"], [one.by for one in found])

    def test_lower(self) -> None:
        """A lower one is not: it may be too hot to give more."""
        self.start()
        self.order(16)
        self.box[on.CHARGING_CUR_LIMIT] = 60
        self.run_for(5)
        self.assertEqual([], self.told(ProfilesMeddled))

    def test_lower_for_a_while(self) -> None:
        """Nor that it gives what it was told in the end."""
        self.start()
        self.box.most_tenths = 100
        self.order(16)
        self.box[on.CHARGING_CUR_LIMIT] = 160
        self.run_for(3)
        self.assertEqual([], self.told(ProfilesMeddled))

    def test_allowed(self) -> None:
        """That it may charge when it was told not to."""
        self.start()
        self.order(0)
        self.box[on.CHARGING_ENABLE] = 1
        self.run_for(1)
        found = self.told(ProfilesMeddled)
        self.assertEqual(["somebody who has told it to charge"], [one.by for one in found])

    def test_forbidden(self) -> None:
        """That it may not when it was told to; again and again it is told of seldom."""
        self.start()
        for _ in range(60):
            self.order(16)
            self.box[on.CHARGING_ENABLE] = 0
            self.run_for(1)
        found = self.told(ProfilesMeddled)
        self.assertEqual(
            ["somebody who has told it not to charge"] * 2, [one.by for one in found]
        )

    def test_own_orders(self) -> None:
        """What it was told by us is nobody else's work, whenever it was."""
        self.start()
        for amps in (10, 16, 0, 32, 0, 6):
            self.clock.advance(0.9)
            ordered = self.evse.apply(setpoint(amps), None, False)
            self.run_for(1)
            self.successResultOf(ordered)
        self.run_for(3)
        self.assertEqual([], self.told(ProfilesMeddled))

    def test_nobody_told(self) -> None:
        """Before it was told anything nobody has changed it."""
        self.start()
        self.box[on.CHARGING_CUR_LIMIT] = 320
        self.run_for(2)
        self.assertEqual([], self.told(ProfilesMeddled))


class ObservedTests(BoxCase):
    """A site that only observes."""

    def test_nothing_is_written(self) -> None:
        """It tells all that it sees, and writes nothing; no order changes that."""
        self.start(evolve(SETTINGS, can_switch_phases=True), observe_only=True)
        self.assertEqual(1, len(self.told(EvseConnected)))
        for number in (1, 2, 1):
            self.state(number)
        self.assertIn("only observed", self.refused(DeviceRefusal, 10))
        released = self.evse.release()
        self.run_for(100)
        self.failureResultOf(released, DeviceRefusal)
        self.assertEqual([], self.box.writes)
