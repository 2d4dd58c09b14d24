"""What a box does when it hears nothing any more, and what is thought of that."""

from __future__ import annotations

from attrs import evolve
from twisted.logger import capturedLogs, formatEvent

from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.site.events import EvseConnected, FailsafeAssumed
from tests.drivers.power_brain.site import SETTINGS, BoxCase


class ProgrammeTests(BoxCase):
    """The registers that say when it falls back, and to what."""

    def test_written(self) -> None:
        """On connection, where they hold something else, and only then."""
        self.start(evolve(SETTINGS, failsafe_current_ma=8000), failsafe_s=120)
        expected = [
            ("fail_safe_current", 80),
            ("fail_safe_duration", 120),
            ("def_charg_cur_limit", 80),
        ]
        self.assertEqual(expected, self.box.writes)
        self.assertEqual(3, self.evse.flash_writes)
        for _ in range(3):
            self.box.hang_up(is_off=False)
            self.run_for(20)
        self.assertEqual(expected, self.box.writes)

    def test_changed_meanwhile(self) -> None:
        """What somebody has changed while it was away is written again."""
        self.start()
        self.box[on.FAIL_SAFE_DURATION] = 300
        self.box.hang_up(is_off=False)
        self.run_for(20)
        self.assertEqual(180, self.box[on.FAIL_SAFE_DURATION])

    def test_right_already(self) -> None:
        """What is right is not written: the memory wears out."""
        self.make()
        self.box[on.FAIL_SAFE_DURATION] = 180
        self.box[on.DEF_CHARG_CUR_LIMIT] = 60
        self.evse.start()
        self.run_for(10)
        self.assertEqual(([], 0), (self.box.writes, self.evse.flash_writes))

    def test_stops(self) -> None:
        """0 A is that it stops, and does not charge by itself when it has started."""
        self.start(evolve(SETTINGS, failsafe_current_ma=0))
        self.assertEqual(("fail_safe_current", 0), self.box.writes[0])
        self.assertEqual(("def_charging_enable", 0), self.box.writes[-1])

    def test_starts(self) -> None:
        """After a power cut it gives its fail-safe current, until it is told otherwise."""
        self.start()
        self.order(16)
        self.box.restart()
        self.assertEqual(60, self.box[on.CHARGING_CUR_LIMIT])

    def test_start_is_not_taken(self) -> None:
        """One that does not take that falls back by itself all the same, and it is said."""
        self.make()
        self.box.stubborn[on.DEF_CHARG_CUR_LIMIT] = 320
        with capturedLogs() as events:
            self.evse.start()
            self.run_for(20)
        self.assertEqual(180, self.box[on.FAIL_SAFE_DURATION])
        said = "".join(formatEvent(event) for event in events)
        self.assertIn("does not begin with so little when it starts", said)

    def test_does_not_take_it(self) -> None:
        """One that does not take it is there all the same, and is not told again and again."""
        self.make()
        self.box.stubborn[on.FAIL_SAFE_DURATION] = 300
        self.evse.start()
        self.run_for(20)
        self.assertEqual(1, len(self.told(EvseConnected)))
        self.assertEqual([("fail_safe_duration", 180)], self.box.writes)
        self.order(10)

    def test_never_takes_it(self) -> None:
        """Nor with each connection, for each time wears its memory out; but after an hour."""
        self.make()
        self.box.stubborn[on.FAIL_SAFE_DURATION] = 300
        self.evse.start()
        for _ in range(10):
            self.run_for(60)
            self.box.hang_up(is_off=False)
        self.assertEqual(1, len(self.box.writes))
        self.clock.advance(3600)
        self.box.hang_up(is_off=False)
        self.run_for(60)
        self.assertEqual(2, len(self.box.writes))


class AssumptionTests(BoxCase):
    """What it is taken to give while it is away."""

    def charging(self, settings: object = None, **others: bool) -> None:
        """A car draws 12.3 A on its second phase."""
        self.start(settings or SETTINGS, **others)
        self.box[on.CURRENT_L2] = 123
        self.state(2)

    def assumed(self, wait_s: float = 400) -> list[int]:
        """It is away for some time; what is assumed then. [mA]"""
        self.box.hang_up()
        self.run_for(wait_s)
        return [one.current_ma for one in self.told(FailsafeAssumed)]

    def test_draw(self) -> None:
        """What its car drew last on the phase with most, where that is more; once."""
        self.charging()
        self.assertEqual([12_300], self.assumed())

    def test_failsafe(self) -> None:
        """Its fail-safe current, where its car drew less."""
        self.charging()
        self.box[on.CURRENT_L2] = 20
        self.run_for(1)
        self.assertEqual([6000], self.assumed())

    def test_no_car(self) -> None:
        """Or none was there, whatever the meter said."""
        self.charging()
        self.state(0)
        self.assertEqual([6000], self.assumed())

    def test_time(self) -> None:
        """Not before the time is over that it takes, from when it was lost."""
        self.charging()
        self.assertEqual([], self.assumed(179))
        self.run_for(2)
        self.assertEqual(1, len(self.told(FailsafeAssumed)))

    def test_back(self) -> None:
        """Not when it comes back before."""
        self.charging()
        # It is dialled again after 31 s at the latest.
        self.assertEqual([], self.assumed(140))
        self.box.is_off = False
        self.run_for(200)
        self.assertEqual(2, len(self.told(EvseConnected)))
        self.assertEqual([], self.told(FailsafeAssumed))

    def test_stopped(self) -> None:
        """Nor when nobody looks for it any more."""
        self.charging()
        self.assertEqual([], self.assumed(100))
        self.evse.stop()
        self.run_for(0)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_not_taken(self) -> None:
        """Nor of one that did not take the registers for that."""
        self.make()
        self.box.stubborn[on.FAIL_SAFE_DURATION] = 0
        self.evse.start()
        self.run_for(2)
        self.assertEqual([], self.assumed())

    def test_changed(self) -> None:
        """Nor where somebody else has changed these since."""
        for register, value in ((on.FAIL_SAFE_CURRENT, 160), (on.FAIL_SAFE_DURATION, 181)):
            self.charging()
            self.box[register] = value
            self.run_for(1)
            self.assertEqual([], self.assumed())

    def test_observed(self) -> None:
        """Where nothing is written it is believed of registers that are as they are to be."""
        self.charging(observe_only=True)
        self.assertEqual([], self.assumed())
        self.make(observe_only=True)
        self.box[on.FAIL_SAFE_DURATION] = 60
        self.evse.start()
        self.run_for(1)
        self.assertEqual([6000], self.assumed())

    def test_released(self) -> None:
        """Nor of one that was given back: it never falls back."""
        self.charging()
        self.done(self.evse.release)
        self.run_for(2)
        self.assertEqual([], self.assumed())
