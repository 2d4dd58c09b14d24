"""Orders on their way to the devices."""

from __future__ import annotations

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.services.dispatch import Dispatch, Order, Outcome
from cfos_cm.site.evse import Evse, EvseSettings
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from tests.services.loops import BrokenEvse, NotingEvse

A, B = (Evse(EvseSettings(name, "main")) for name in ("a", "b"))
SETPOINT = Setpoint(6_000, Reason(ReasonCode.RATING, "all that a can give"))


class Orders(SynchronousTestCase):
    """
    Two devices.

    @ivar ends: of each order that has ended, the EVSE, and what it confirmed or its failure.
    """

    def setUp(self) -> None:
        """Have the devices there."""
        self.ends: list[tuple[str, type[BaseException] | bool | None]] = []
        self.dispatch = Dispatch(self.ended)
        self.a, self.b = NotingEvse("a"), NotingEvse("b")
        self.dispatch.devices = {"a": self.a, "b": self.b}

    def ended(self, order: Order, outcome: Outcome) -> None:
        """Note an end; the EVSE is ready for the next order by then."""
        self.assertTrue(self.dispatch.is_ready(order.evse))
        self.assertIs(SETPOINT, order.setpoint)
        end = outcome.type if isinstance(outcome, Failure) else outcome
        self.ends.append((order.evse, end))

    def test_confirmed(self) -> None:
        """What a device confirms is told as it says it."""
        for confirmed in (True, False, None):
            self.ends.clear()
            self.dispatch.give(A, SETPOINT)
            self.assertEqual([], self.ends)
            self.a.given[-1].answer.callback(confirmed)
            self.assertEqual([("a", confirmed)], self.ends)

    def test_failed(self) -> None:
        """One that does not has its own."""
        self.dispatch.give(A, SETPOINT)
        self.dispatch.give(B, SETPOINT)
        self.b.refuses()
        self.a.is_silent()
        self.assertEqual([("b", DeviceRefusal), ("a", DeviceError)], self.ends)
        self.assertEqual([], self.flushLoggedErrors())

    def test_ready(self) -> None:
        """A device has one order at a time, and who has no device has none."""
        self.assertTrue(self.dispatch.is_ready("a"))
        self.assertFalse(self.dispatch.is_ready("cellar"))
        self.dispatch.give(A, SETPOINT)
        self.assertEqual(
            (False, True), (self.dispatch.is_ready("a"), self.dispatch.is_ready("b"))
        )
        self.a.confirms()
        self.assertTrue(self.dispatch.is_ready("a"))

    def test_raises(self) -> None:
        """A driver that raises has failed, and the log says that it is the driver."""
        self.dispatch.devices = {"a": BrokenEvse("a")}
        self.dispatch.give(A, SETPOINT)
        self.assertEqual([("a", ZeroDivisionError)], self.ends)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_forgotten(self) -> None:
        """Nobody is told of an order that was forgotten, nor of one before the next."""
        self.dispatch.give(A, SETPOINT)
        self.dispatch.give(B, SETPOINT)
        self.dispatch.keep({"b"})
        self.dispatch.give(A, SETPOINT)
        first, second = self.a.given
        first.answer.callback(None)
        self.assertEqual(([], False), (self.ends, self.dispatch.is_ready("a")))
        second.answer.callback(None)
        self.b.confirms()
        self.assertEqual([("a", None), ("b", True)], self.ends)

    def test_mistake_of_the_listener(self) -> None:
        """What goes wrong where the end is told is logged, and the next order can be given."""

        def raises(order: Order, outcome: Outcome) -> None:
            raise LookupError("a mistake")

        dispatch = Dispatch(raises)
        dispatch.devices = {"a": self.a}
        dispatch.give(A, SETPOINT)
        self.a.confirms()
        self.assertEqual(1, len(self.flushLoggedErrors(LookupError)))
        self.assertTrue(dispatch.is_ready("a"))
