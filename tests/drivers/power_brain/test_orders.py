"""What is written into a box for which order."""

from __future__ import annotations

from attrs import evolve
from twisted.logger import capturedLogs, formatEvent

from cfos_cm.drivers.modbus.line import ModbusRefusal
from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.errors import DeviceError, DeviceRefusal, NotSent, OrderIgnored
from cfos_cm.site.events import OccupancyReported, ProfilesMeddled
from cfos_cm.wire.registers import Register
from tests.drivers.power_brain.site import SETTINGS, BoxCase, setpoint, with_phases

LIMIT, ENABLE, RELAY = "charging_cur_limit", "charging_enable", "relay_select"


class CurrentTests(BoxCase):
    """A limit, and whether it may charge."""

    def test_lower_limit(self) -> None:
        """One that may charge is only told how much."""
        self.start()
        self.assertEqual([(LIMIT, 105)], self.order(10.5))

    def test_begin(self) -> None:
        """First how much, then that it may."""
        self.start()
        self.order(0)
        self.assertEqual([(LIMIT, 130), (ENABLE, 1)], self.order(13))

    def test_pause(self) -> None:
        """0 A is that it may not; the limit stays."""
        self.start()
        self.assertEqual([(ENABLE, 0)], self.order(0))
        self.assertEqual(160, self.box[on.CHARGING_CUR_LIMIT])

    def test_unchanged(self) -> None:
        """What stands there already is not sent."""
        self.start()
        for amps in (16, 0, 16):
            self.order(amps)
            self.assertEqual([], self.order(amps))
            self.run_for(2)
            self.assertEqual([], self.order(amps))

    def test_from_scratch(self) -> None:
        """Where it may have forgotten all it is read first."""
        self.start()
        self.order(10)
        self.box[on.CHARGING_CUR_LIMIT] = 320
        self.box.reads.clear()
        self.assertEqual([(LIMIT, 100)], self.order(10, from_scratch=True))
        self.assertEqual([(8080, 9), (8090, 24)], self.box.reads[:2])

    def test_read_back(self) -> None:
        """Each write is looked at."""
        self.start()
        self.order(0)
        self.box.reads.clear()
        self.order(10)
        self.assertEqual([(8093, 1), (8094, 1)], self.box.reads)

    def test_less_than_ordered(self) -> None:
        """One that cannot give so much holds less: it is not told again and again."""
        self.start()
        self.box.most_tenths = 160
        self.order(10)
        self.assertEqual([(LIMIT, 320)], self.order(32))
        self.run_for(3)
        self.assertEqual([], self.order(32))
        self.assertEqual([(LIMIT, 250)], self.order(25))

    def test_more_than_can_be_said(self) -> None:
        """63 A is the most that can be said."""
        self.start()
        self.box.most_tenths = 630
        self.assertEqual([(LIMIT, 630)], self.order(80))

    def test_too_little(self) -> None:
        """Below 6 A there is only 0 A."""
        self.start()
        self.assertIn("5.9 A cannot be set", self.refused(DeviceRefusal, 5.9))
        self.assertEqual([], self.box.writes[2:])

    def test_one_after_the_other(self) -> None:
        """Orders do not overlap, with each other or with the rounds."""
        self.start()
        before = len(self.box.writes)
        orders = [self.evse.apply(setpoint(amps), 1, False) for amps in (10, 0, 12)]
        self.run_for(1)
        for one in orders:
            self.successResultOf(one)
        self.assertEqual(
            [(LIMIT, 100), (ENABLE, 0), (LIMIT, 120), (ENABLE, 1)], self.box.writes[before:]
        )

    def test_flash(self) -> None:
        """In a day of orders nothing is written that wears it out."""
        self.start(with_phases())
        self.assertEqual(2, self.evse.flash_writes)
        for phases in (3, 1):
            for amps in (6, 16, 0, 32, 0):
                self.order(amps, phases)
                self.run_for(150)
        self.assertEqual(2, self.evse.flash_writes)
        volatile = {one.name for one in on.EVSE if one.is_volatile}
        self.assertLess({name for name, _ in self.box.writes[2:]}, volatile)

    def test_away(self) -> None:
        """It is not sent to a box that is not there."""
        self.start()
        self.box.hang_up()
        self.run_for(1)
        self.refused(NotSent, 10)

    def test_not_started(self) -> None:
        """Nor by a driver that is not started."""
        self.make()
        self.refused(NotSent, 10)

    def test_answers_nothing(self) -> None:
        """Where it does not say whether it obeys, that is not known."""
        self.start()
        self.box.is_mute = True
        ending = self.evse.apply(setpoint(10), 1, False)
        self.run_for(1.5)
        self.assertIs(DeviceError, self.failureResultOf(ending).type)


class StubbornTests(BoxCase):
    """Boxes that do not keep what they were told."""

    def stubborn(self, register: Register, value: int) -> None:
        """Its own load management sets this again and again."""
        self.start()
        self.order(10)
        self.box.stubborn[register] = value

    def test_more(self) -> None:
        """It has taken the limit and holds a higher one; it is said what is wrong."""
        self.stubborn(on.CHARGING_CUR_LIMIT, 320)
        why = self.refused(OrderIgnored, 8)
        self.assertIn("80 was written, and 320 stands there", why)
        self.assertIn('load management has to be on "Observe"', why)
        self.run_for(2)
        self.assertEqual([], self.told(ProfilesMeddled))

    def test_charges(self) -> None:
        """It was told not to charge, and is to all the same."""
        self.stubborn(on.CHARGING_ENABLE, 1)
        self.assertIn("Observe", self.refused(OrderIgnored, 0))

    def test_does_not_charge(self) -> None:
        """It was told to charge, and is not to: that is no danger."""
        self.stubborn(on.CHARGING_ENABLE, 0)
        self.order(0)
        self.assertIn("Observe", self.refused(DeviceRefusal, 8))

    def test_says_no(self) -> None:
        """A write that is answered with an exception is a refusal."""
        self.start()
        del self.box.words[on.CHARGING_CUR_LIMIT.address]
        self.refused(ModbusRefusal, 8)

    def test_says_no_to_charge(self) -> None:
        """The same for the other register; nobody else is suspected then."""
        self.start()
        self.order(0)
        self.box.refuses = True
        self.assertNotIn("Observe", self.refused(ModbusRefusal, 16))

    def test_obeys_again(self) -> None:
        """What it holds is not taken for known after that."""
        self.stubborn(on.CHARGING_CUR_LIMIT, 320)
        self.refused(OrderIgnored, 8)
        self.box.stubborn.clear()
        self.assertEqual([(LIMIT, 100)], self.order(10))


class PhaseTests(BoxCase):
    """Its two contactors."""

    def plugged(self, inputs: int = 256) -> None:
        """A car is there, and waits; phases may be switched meanwhile, or not."""
        self.start(with_phases())
        self.box[on.S0_INPUTS] = inputs
        self.state(1)

    def test_one(self) -> None:
        """It is paused, switched, and goes on."""
        self.plugged()
        expected = [(ENABLE, 0), (RELAY, 1), (LIMIT, 60), (ENABLE, 1)]
        self.assertEqual(expected, self.order(6, 1))

    def test_same(self) -> None:
        """Nothing is switched that is so already, or where nothing is said of phases."""
        self.plugged()
        self.assertEqual([(LIMIT, 60)], self.order(6, 3))
        self.assertEqual([(LIMIT, 70)], self.order(7))

    def test_pause(self) -> None:
        """A pause switches nothing."""
        self.plugged()
        self.assertEqual([(ENABLE, 0)], self.order(0, 1))

    def test_not_to_be_switched(self) -> None:
        """Nor is one that cannot be switched."""
        self.start()
        self.state(1)
        self.assertEqual([(LIMIT, 60)], self.order(6, 1))

    def test_dead_time(self) -> None:
        """Not before 120 s are over; it is said how long that is."""
        self.plugged()
        self.order(6, 1)
        self.run_for(100)
        before = len(self.box.writes)
        self.assertIn(
            "not to three phases before 20 s are over", self.refused(DeviceError, 6, 3)
        )
        self.assertEqual(before, len(self.box.writes))
        self.run_for(20)
        self.assertIn((RELAY, 0), self.order(6, 3))

    def test_under_current(self) -> None:
        """Never while its car charges: that is told to pause, and it is tried again."""
        self.plugged()
        for number in (2, 3):
            self.state(number)
            self.assertIn("still charges", self.refused(DeviceError, 6, 1))
            self.assertEqual((ENABLE, 0), self.box.writes[-1])
            self.order(6, 3)
        self.state(1)
        self.assertIn((RELAY, 1), self.order(6, 1))

    def test_began_meanwhile(self) -> None:
        """What its car does is read just before, and not what it did a second ago."""
        self.plugged()
        self.box[on.CHARGE_PILOT_STATE] = 2
        self.refused(DeviceError, 6, 1)
        self.assertNotIn(RELAY, [name for name, _ in self.box.writes])

    def test_interrupted(self) -> None:
        """Not while the control pilot is interrupted: what the car does is not known."""
        self.plugged()
        self.box[on.DISCONNECT_CP] = 4
        self.assertIn("control pilot is interrupted", self.refused(DeviceError, 6, 1))

    def test_not_while_plugged_in(self) -> None:
        """Without the permission it would act at the next unplug: three would go on."""
        self.plugged(inputs=0)
        why = self.refused(DeviceRefusal, 6, 1)
        self.assertIn("a car is plugged in", why)
        self.assertIn("has to be permitted in its own settings", why)
        self.assertNotIn(RELAY, [name for name, _ in self.box.writes])

    def test_more_at_the_next_unplug(self) -> None:
        """The other way there is less than was ordered until then, and it charges."""
        self.start(with_phases())
        self.box[on.RELAY_SELECT] = 1
        self.state(1)
        self.assertEqual([(RELAY, 0), (LIMIT, 60), (ENABLE, 1)], self.order(6, 3)[1:])

    def test_unplugged(self) -> None:
        """Where there is no car it needs no permission."""
        self.start(with_phases())
        self.assertIn((RELAY, 1), self.order(6, 1))

    def test_silence(self) -> None:
        """While it switches the control pilot says that there is no car, and that is not so."""
        self.plugged()
        self.order(6, 1)
        self.told(OccupancyReported)
        for number in (0, 4, 5):
            self.state(number)
        self.assertEqual([], self.told(OccupancyReported))
        self.state(9)
        self.state(2)
        self.assertEqual(["9", "C"], [one.detail[0] for one in self.told(OccupancyReported)])
        self.run_for(120)
        self.state(0)
        self.assertEqual(["A"], [one.detail[0] for one in self.told(OccupancyReported)])

    def test_no_silence(self) -> None:
        """Where nothing is interrupted what it says counts."""
        self.start(with_phases())
        self.order(6, 1)
        self.state(1)
        self.state(0)
        self.assertEqual("A", self.told(OccupancyReported)[-1].detail[0])


class WakingTests(BoxCase):
    """Cars that sleep."""

    def sleep(self, **others: bool) -> None:
        """A car was paused, is offered a current again, and does not take it."""
        self.start(**others)
        self.state(2)
        self.order(0)
        self.state(1)
        self.order(10)

    def wakings(self) -> list[tuple[str, int]]:
        """How the control pilot was interrupted."""
        return [one for one in self.box.writes if one[0] == "disconnect_cp"]

    def test_once(self) -> None:
        """It is woken after half a minute, and only once."""
        self.sleep()
        self.run_for(29)
        self.assertEqual([], self.wakings())
        self.run_for(3)
        self.assertEqual([("disconnect_cp", 5)], self.wakings())
        self.run_for(200)
        self.assertEqual(1, len(self.wakings()))

    def test_not_wanted(self) -> None:
        """Nor where it is not to be woken."""
        self.sleep(wakes=False)
        self.run_for(200)
        self.assertEqual([], self.wakings())

    def test_never_twice(self) -> None:
        """Never while the control pilot is interrupted, whoever does that."""
        self.sleep()
        self.run_for(25)
        self.box.interrupted_until_s = self.clock.seconds() + 60
        self.run_for(55)
        self.assertEqual([], self.wakings())
        self.run_for(10)
        self.assertEqual(1, len(self.wakings()))

    def test_not_while_switching(self) -> None:
        """Nor while its phases are switched, which interrupts it, too."""
        self.start(with_phases())
        self.box[on.S0_INPUTS] = 256
        self.state(1)
        self.order(0)
        self.run_for(1)
        self.order(6, 1)
        self.run_for(149)
        self.assertEqual([], self.wakings())
        self.run_for(4)
        self.assertEqual(1, len(self.wakings()))

    def test_nothing_offered(self) -> None:
        """Not while the box offers it nothing, as when a backend forbids it."""
        self.sleep()
        self.box[on.CHARGING_CURRENT] = 0
        self.run_for(100)
        self.assertEqual([], self.wakings())

    def test_says_no(self) -> None:
        """A box that cannot do it stays where it is."""
        self.assertIn("does not wake its car", self.said_of(0))
        self.assertEqual(1, len(self.wakings()))
        self.assertEqual([], self.order(10))

    def test_counts_down(self) -> None:
        """One that counts down at once has done it."""
        self.assertEqual("", self.said_of(4))

    def said_of(self, held: int) -> str:
        """What is logged of a box that holds this after it was told to wake its car. [s]"""
        self.sleep()
        self.box.stubborn[on.DISCONNECT_CP] = held
        with capturedLogs() as events:
            self.run_for(33)
        return "".join(formatEvent(event) for event in events)


class ReleaseTests(BoxCase):
    """Boxes that are given back to their owners."""

    def test_release(self) -> None:
        """It charges with all that it can, and never falls back by itself."""
        self.start()
        self.order(10)
        self.order(0)
        expected = [
            (LIMIT, 320),
            (ENABLE, 1),
            ("def_charg_cur_limit", 320),
            ("fail_safe_duration", 0),
        ]
        self.assertEqual(expected, self.done(self.evse.release))
        self.run_for(60)
        self.box.hang_up(is_off=False)
        self.run_for(60)
        self.assertEqual(0, self.box[on.FAIL_SAFE_DURATION])
        self.assertEqual([], self.told(ProfilesMeddled))

    def test_taken_back(self) -> None:
        """When it is steered again it falls back again."""
        self.start()
        self.done(self.evse.release)
        expected = [("fail_safe_duration", 180), ("def_charg_cur_limit", 60), (LIMIT, 100)]
        self.assertEqual(expected, self.order(10))

    def test_paused_at_start(self) -> None:
        """One that was not to charge after a start does so again."""
        self.start(evolve(SETTINGS, failsafe_current_ma=0))
        self.assertEqual(0, self.box[on.DEF_CHARGING_ENABLE])
        self.done(self.evse.release)
        self.assertEqual(1, self.box[on.DEF_CHARGING_ENABLE])

    def test_left_alone(self) -> None:
        """One that is not to obey any limit is not told to fall back either."""
        alone = evolve(SETTINGS, enabled=False, released_when_disabled=True)
        self.start(alone)
        self.run_for(10)
        self.assertEqual([], self.box.writes)

    def test_less(self) -> None:
        """One that cannot give so much gives what it can."""
        self.start()
        self.box.most_tenths = 160
        self.order(10)
        self.done(self.evse.release)
        self.assertEqual(160, self.box[on.CHARGING_CUR_LIMIT])
