"""EVSEs that did not obey, and how long they are left alone."""

from __future__ import annotations

from collections.abc import Callable

from cfos_cm.services import control_loop
from cfos_cm.services.respite import LAST_RETRY_S
from cfos_cm.site.events import (
    DeviceBooted,
    EvseConnected,
    OccupancyReported,
    ProfilesMeddled,
    SetpointFailed,
    TransactionStarted,
)
from cfos_cm.site.evse import DeviceIdentity, Occupancy
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from tests.services.loops import (
    CYCLE_S,
    LoopCase,
    NotingEvse,
    settings,
    transaction,
)


class Retries(LoopCase):
    """What becomes of an EVSE that does not obey."""

    def waits_s(self, fail: Callable[[NotingEvse], None], number: int) -> list[float]:
        """Let C{number} orders fail; how long it took until the next one each time."""
        self.report(EvseConnected("a", "192.0.2.1"))
        waits: list[float] = []
        for _ in range(number):
            failed_at_s, given = self.clock.seconds(), len(self.a.given)
            fail(self.a)
            while len(self.a.given) == given:
                self.clock.advance(CYCLE_S)
                if self.clock.seconds() > failed_at_s + 2 * LAST_RETRY_S:
                    self.fail(f"no order after failure {len(waits) + 1}")
            waits.append(self.clock.seconds() - failed_at_s)
        return waits

    def test_refusal(self) -> None:
        """It is told again after 5 s, then after twice as long each time, at most 300 s."""
        self.assertEqual(
            [5, 10, 20, 40, 80, 160, 300, 300], self.waits_s(NotingEvse.refuses, 8)
        )

    def test_silence(self) -> None:
        """An EVSE that does not answer is treated like one that refuses."""
        self.assertEqual(
            [5, 10, 20, 40, 80, 160, 300, 300], self.waits_s(NotingEvse.is_silent, 8)
        )

    def test_for_days(self) -> None:
        """One that refuses for days is still told, every 300 s."""
        self.loop.cycle_s = 60.0
        self.assertEqual({300.0}, set(self.waits_s(NotingEvse.refuses, 1100)[6:]))

    def test_longer_cycle(self) -> None:
        """It is told as soon as its time has come, also when the cycle is longer."""
        self.loop.cycle_s = 60.0
        self.assertEqual([5, 10, 20], self.waits_s(NotingEvse.refuses, 3))

    def test_kinds(self) -> None:
        """Whoever watches learns whether it was refused, and why."""
        self.report(EvseConnected("a", "192.0.2.1"), EvseConnected("b", "192.0.2.2"))
        self.a.refuses()
        self.b.is_silent()
        first, second = self.events_of(SetpointFailed)
        assert isinstance(first, SetpointFailed)
        assert isinstance(second, SetpointFailed)
        self.assertEqual((True, "Rejected"), (first.refused, first.why))
        self.assertEqual((False, "not answered within 30 s"), (second.refused, second.why))

    def test_others_go_on(self) -> None:
        """The other EVSEs need not wait for one that refuses."""
        self.report(EvseConnected("a", "192.0.2.1"))
        self.a.refuses()
        self.report(EvseConnected("b", "192.0.2.2"))
        self.assertEqual([0], self.b.currents_ma)

    def test_removed(self) -> None:
        """Nothing is due for the sake of an EVSE that is gone from the settings."""
        self.loop.cycle_s = 60.0
        self.report(EvseConnected("a", "192.0.2.1"))
        self.a.refuses()
        self.report(settings("b"))
        (call,) = self.clock.getDelayedCalls()
        self.assertEqual(self.clock.seconds() + 60.0, call.getTime())

    def test_less_does_not_wait(self) -> None:
        """An EVSE that does not take its current is told at once when it shall have less."""
        self.connect(self.a)
        self.charge(self.a, 1)
        self.assertEqual(16_000, self.a.currents_ma[-1])
        self.a.is_silent()
        self.report(settings("a", fuse_ma=8_000))
        self.assertEqual([0, 16_000, 8_000], self.a.currents_ma)
        self.a.refuses()
        self.report(settings("a", fuse_ma=9_000))
        self.assertEqual([0, 16_000, 8_000], self.a.currents_ma)

    def failed_twice(self) -> None:
        """Have C{a} refuse two orders, so that it is left alone for 10 s."""
        self.waits_s(NotingEvse.refuses, 1)
        self.a.refuses()
        self.settle()
        self.assertEqual(2, len(self.a.given))

    def test_reset(self) -> None:
        """It is told at once when it connects, starts or begins a transaction."""
        device = DeviceIdentity("Vendor", "Model")
        for event in (
            EvseConnected("a", "192.0.2.9"),
            DeviceBooted("a", device),
            ProfilesMeddled("a", "the operator"),
            TransactionStarted("a", transaction(5)),
        ):
            with self.subTest(event=event):
                self.setUp()
                self.failed_twice()
                self.report(event)
                self.assertEqual(3, len(self.a.given))

    def test_reset_forgets_failures(self) -> None:
        """After that the first wait is the short one again."""
        self.failed_twice()
        self.assertEqual([5], self.waits_s(NotingEvse.refuses, 1))

    def test_confirmation_forgets_failures(self) -> None:
        """So it is when it has confirmed an order."""
        self.failed_twice()
        self.clock.pump([CYCLE_S] * 10)
        self.a.confirms()
        # It is to be told something else, and nothing that resets the waits has happened.
        patched = {"a": Setpoint(6_000, Reason(ReasonCode.RATING, "a test"))}
        self.patch(control_loop, "decide", lambda *_: patched)
        self.patch(control_loop, "orders", lambda *_: patched)
        self.report(OccupancyReported("a", Occupancy.PLUGGED, ""))
        given = len(self.a.given)
        self.a.refuses()
        self.clock.pump([CYCLE_S] * 4)
        self.assertEqual(given, len(self.a.given))
        self.clock.advance(CYCLE_S)
        self.assertEqual(given + 1, len(self.a.given))

    def test_other_events_do_not_reset(self) -> None:
        """Nothing else makes the wait shorter."""
        self.failed_twice()
        self.report(OccupancyReported("a", Occupancy.PLUGGED, "Preparing"))
        self.clock.pump([CYCLE_S] * 9)
        self.assertEqual(2, len(self.a.given))
