"""What is asked through a line, and whose answers are taken for whose."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from cfos_cm.counters import Counter
from cfos_cm.drivers.modbus.line import MOST_SILENCES, MOST_WAITING, ModbusRefusal
from cfos_cm.errors import DeviceError, NotSent
from cfos_cm.wire.modbus import Answer, ExceptionCode, Framing, Read, Write
from tests.drivers.modbus.devices import Devices


@implementer(ITCPTransport)
class SocketTransport(StringTransport):
    """A transport that says that it is a socket."""


class Case(SynchronousTestCase):
    """Asks, and looks at what came of it."""

    def registers(self, asked: Deferred[Answer]) -> tuple[int, ...]:
        """What an answer holds that has come."""
        return self.successResultOf(asked).registers

    def lost(self, devices: Devices) -> None:
        """The connection is closed."""
        devices.line.connectionLost(Failure(ConnectionDone()))


class Windows(Case):
    """How many requests are under way."""

    def test_one(self) -> None:
        """One after the other, where nothing is said of the device."""
        devices = Devices()
        asked = [devices.line.ask(Read(1, address, 1)) for address in (10, 20)]
        self.assertEqual([(1, 10)], devices.hear())
        devices.answer()
        self.assertEqual([(1, 20)], devices.hear())
        devices.answer()
        self.assertEqual([(10,), (20,)], [self.registers(one) for one in asked])

    def test_several(self) -> None:
        """As many as the device bears, whatever the order of its answers."""
        devices = Devices(window=3)
        asked = [devices.line.ask(Read(1, address, 1)) for address in (10, 20, 30, 40)]
        self.assertEqual([(1, 10), (1, 20), (1, 30)], devices.hear())
        devices.answer(2)
        self.assertEqual([(1, 40)], devices.hear())
        for number in (2, 0, 0):
            devices.answer(number)
        self.assertEqual([(10,), (20,), (30,), (40,)], [self.registers(one) for one in asked])

    def test_serial(self) -> None:
        """On a serial line there is one, whoever it is for."""
        devices = Devices(Framing.RTU, window=8)
        for unit in (1, 2):
            devices.line.ask(Read(unit, 10, 1))
        self.assertEqual([(1, 10)], devices.hear())
        devices.answer()
        self.assertEqual([(2, 10)], devices.hear())

    def test_gap(self) -> None:
        """A serial line needs silence between two frames."""
        devices = Devices(Framing.RTU, gap_s=0.004)
        for address in (10, 20):
            devices.line.ask(Read(1, address, 1))
        devices.hear()
        devices.answer()
        self.assertEqual([], devices.hear())
        devices.line.ask(Read(2, 30, 1))
        self.assertEqual([], devices.hear())
        devices.clock.advance(0.004)
        self.assertEqual([(1, 20)], devices.hear())

    def test_turns(self) -> None:
        """One with much to ask keeps no other waiting."""
        devices = Devices(Framing.RTU)
        for address in (10, 11, 12):
            devices.line.ask(Read(1, address, 1))
        devices.line.ask(Read(2, 20, 1))
        heard = []
        for _ in range(4):
            heard += devices.hear()
            devices.answer()
        self.assertEqual([(1, 10), (1, 11), (2, 20), (1, 12)], heard)

    def test_too_many(self) -> None:
        """Who asks on and on without an answer is told so."""
        devices = Devices()
        asked = [devices.line.ask(Read(1, 10, 1)) for _ in range(MOST_WAITING + 2)]
        self.failureResultOf(asked[-1], NotSent)
        self.assertNoResult(asked[-2])


class Silence(Case):
    """Answers that do not come in time."""

    def test_too_late(self) -> None:
        """After its time a request has failed, and the next one is asked."""
        devices = Devices()
        first, second = (devices.line.ask(Read(1, address, 1)) for address in (10, 20))
        devices.hear()
        devices.clock.advance(1)
        self.assertIn("within 1 s", str(self.failureResultOf(first, DeviceError).value))
        self.assertEqual([(1, 20)], devices.hear())
        devices.answer(0)
        self.assertNoResult(second)
        self.assertEqual(
            (1, 1),
            (devices.counters[Counter.MODBUS_LATE], devices.counters[Counter.MODBUS_TIMED_OUT]),
        )
        devices.answer(0)
        self.assertEqual((20,), self.registers(second))

    def test_once_more(self) -> None:
        """It is asked as often as it was said, before anything else."""
        devices = Devices()
        first = devices.line.ask(Read(1, 10, 1), retries=1)
        second = devices.line.ask(Read(1, 20, 1))
        devices.clock.advance(1)
        self.assertEqual([(1, 10), (1, 10)], devices.hear())
        devices.answer(1)
        self.assertEqual((10,), self.registers(first))
        self.assertEqual([(1, 20)], devices.hear())
        devices.answer(1)
        self.assertEqual((20,), self.registers(second))
        again = devices.line.ask(Read(2, 10, 1), retries=2)
        devices.clock.pump([1, 1, 1])
        self.failureResultOf(again, DeviceError)

    def test_late_on_a_serial_line(self) -> None:
        """There nothing tells it from the next answer: the unit is left alone for a while."""
        devices = Devices(Framing.RTU)
        first = devices.line.ask(Read(1, 10, 1))
        second = devices.line.ask(Read(1, 20, 1))
        other = devices.line.ask(Read(2, 30, 1))
        devices.hear()
        devices.clock.advance(1)
        self.failureResultOf(first, DeviceError)
        self.assertEqual([(2, 30)], devices.hear())
        devices.answer(0)
        self.assertNoResult(other)
        self.assertEqual(1, devices.counters[Counter.MODBUS_LATE])
        devices.answer(0)
        self.assertEqual((30,), self.registers(other))
        self.assertEqual([], devices.hear())
        devices.clock.advance(1)
        self.assertEqual([(1, 20)], devices.hear())
        devices.answer(0)
        self.assertEqual((20,), self.registers(second))

    def test_switched_off(self) -> None:
        """A socket at whose other end nobody is any more is closed, and it is said why."""
        devices = Devices()
        devices.transport = socket = SocketTransport()
        devices.line.makeConnection(socket)
        asked = [devices.line.ask(Read(1, 10, 1)) for _ in range(MOST_SILENCES + 1)]
        devices.clock.pump([1] * (MOST_SILENCES - 1))
        self.assertFalse(socket.disconnected)
        devices.clock.advance(1)
        self.assertTrue(socket.disconnected)
        self.lost(devices)
        for one in asked:
            self.failureResultOf(one, DeviceError)
        self.assertIn("in a row", devices.line.why_lost)

    def test_half_an_answer_on_a_serial_line(self) -> None:
        """What has come of it is no part of another one's answer."""
        devices = Devices(Framing.RTU)
        first, other = (devices.line.ask(Read(unit, 10, 1)) for unit in (1, 2))
        devices.hear()
        devices.say(devices.frame(devices.asked.pop())[:5])
        devices.clock.advance(1)
        self.failureResultOf(first, DeviceError)
        devices.hear()
        devices.answer()
        self.assertEqual((10,), self.registers(other))

    def test_cancelled(self) -> None:
        """What nobody wants any more is not asked, and its answer is a late one."""
        devices = Devices()
        first, second, third = (devices.line.ask(Read(1, at, 1)) for at in (10, 20, 30))
        devices.hear()
        second.cancel()
        self.failureResultOf(second, CancelledError)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual([(1, 30)], devices.hear())
        devices.answer(0)
        devices.answer(0)
        self.assertEqual((30,), self.registers(third))
        self.assertEqual(1, devices.counters[Counter.MODBUS_LATE])


class Strays(Case):
    """Answers that are none to what was asked."""

    def test_doubled(self) -> None:
        """The second one changes nothing."""
        devices = Devices()
        first = devices.line.ask(Read(1, 10, 1))
        devices.hear()
        frame = devices.frame(devices.asked[0])
        devices.say(frame * 2)
        self.assertEqual((10,), self.registers(first))
        self.assertEqual(1, devices.counters[Counter.MODBUS_DOUBLED])

    def test_foreign(self) -> None:
        """A transaction id that nobody has used."""
        devices = Devices()
        first = devices.line.ask(Read(1, 10, 1))
        devices.hear()
        devices.asked[0].transaction_id += 1
        devices.say(devices.frame(devices.asked[0]))
        self.assertNoResult(first)
        self.assertEqual(1, devices.counters[Counter.MODBUS_FOREIGN])

    def test_contradiction(self) -> None:
        """The right id, and another number of registers: nothing better will come."""
        devices = Devices()
        first = devices.line.ask(Read(1, 10, 2))
        devices.hear()
        devices.say(devices.frame(devices.asked[0], [1]))
        failure = self.failureResultOf(first, DeviceError)
        self.assertIn("1 registers, and 2 were asked for", str(failure.value))

    def test_another_unit_on_a_serial_line(self) -> None:
        """The right one may still come."""
        devices = Devices(Framing.RTU)
        first = devices.line.ask(Read(1, 10, 1))
        devices.hear()
        devices.asked[0].dev_id = 2
        devices.say(devices.frame(devices.asked[0]))
        self.assertNoResult(first)
        devices.asked[0].dev_id = 1
        devices.answer()
        self.assertEqual((10,), self.registers(first))

    def test_no_modbus(self) -> None:
        """The connection is ended, and it is said why."""
        devices = Devices()
        first = devices.line.ask(Read(1, 10, 1))
        devices.say(b"HTTP/1.1 400 Bad Request")
        self.assertTrue(devices.transport.disconnected)
        self.failureResultOf(devices.line.ask(Read(1, 10, 1)), NotSent)
        self.lost(devices)
        self.assertIn("no Modbus", str(self.failureResultOf(first, DeviceError).value))


class Exceptions(Case):
    """Devices that say no."""

    def test_refused(self) -> None:
        """It is said by whom, and why."""
        devices = Devices()
        first = devices.line.ask(Write(3, 10, (7,)), retries=5)
        devices.hear()
        devices.say(devices.exception(devices.asked[0], 2))
        refusal = self.failureResultOf(first, ModbusRefusal).value
        self.assertEqual("unit 3 says exception 2, illegal data address", str(refusal))
        self.assertEqual(ExceptionCode.ILLEGAL_DATA_ADDRESS, refusal.exception_code)

    def test_busy(self) -> None:
        """One that is busy is asked again a moment later, and others meanwhile."""
        devices = Devices()
        first = devices.line.ask(Read(1, 10, 1), retries=1)
        devices.hear()
        devices.say(devices.exception(devices.asked.pop(), 6))
        other = devices.line.ask(Read(2, 20, 1))
        self.assertEqual([(2, 20)], devices.hear())
        devices.answer()
        self.assertEqual((20,), self.registers(other))
        devices.clock.advance(0.25)
        self.assertEqual([(1, 10)], devices.hear())
        devices.say(devices.exception(devices.asked.pop(), 6))
        self.failureResultOf(first, ModbusRefusal)


class Losses(Case):
    """Connections that end."""

    def test_lost(self) -> None:
        """Who was asked may have done it, who was not has not; both are known to be over."""
        devices = Devices()
        first, second = (devices.line.ask(Write(1, at, (1,))) for at in (10, 20))
        told: list[int] = []
        first.addErrback(lambda failure: told.append(len(devices.lost)) or failure)
        self.lost(devices)
        failure = self.failureResultOf(first, DeviceError)
        self.assertFalse(failure.check(NotSent))
        self.failureResultOf(second, NotSent)
        # Whoever keeps the connection knew it before.
        self.assertEqual([1], told)
        self.assertEqual([], devices.clock.getDelayedCalls())

    def test_lost_before_it_is_asked_once_more(self) -> None:
        """It may have been done the first time."""
        devices = Devices(Framing.RTU)
        first = devices.line.ask(Write(1, 10, (1,)), retries=1)
        devices.clock.advance(1)
        self.lost(devices)
        self.assertFalse(self.failureResultOf(first, DeviceError).check(NotSent))

    def test_lost_and_cancelled(self) -> None:
        """Who gives up all that he has asked when one of it has failed keeps nobody waiting."""
        devices = Devices()
        asked = [devices.line.ask(Read(1, at, 1)) for at in (10, 20, 30)]

        def give_up(failure: Failure) -> Failure:
            asked[1].addErrback(lambda failure: failure.trap(CancelledError))
            asked[1].cancel()
            return failure

        asked[0].addErrback(give_up)
        self.lost(devices)
        self.failureResultOf(asked[0], DeviceError)
        self.successResultOf(asked[1])
        self.failureResultOf(asked[2], NotSent)

    def test_lost_at_rest(self) -> None:
        """No timer is left behind."""
        devices = Devices(Framing.RTU, gap_s=0.01)
        asked = [devices.line.ask(Read(unit, 10, 1)) for unit in (1, 2)]
        devices.clock.advance(1)
        devices.hear()
        devices.answer(1)
        self.lost(devices)
        self.assertEqual([], devices.clock.getDelayedCalls())
        self.failureResultOf(asked[0], DeviceError)

    @settings(max_examples=150)
    @given(
        st.sampled_from(Framing),
        st.integers(1, 4),
        st.lists(
            st.tuples(st.sampled_from(("ask", "answer", "double", "wait")), st.integers(0, 9)),
            max_size=40,
        ),
    )
    def test_whatever_happens(
        self, framing: Framing, window: int, steps: list[tuple[str, int]]
    ) -> None:
        """
        Each request ends once, and an answer is its own: a register holds its address.

        A device on a serial line says nothing twice, and nothing after twice the time.
        """
        devices = Devices(framing, window)
        is_serial = framing is Framing.RTU
        asked: list[tuple[int, Deferred[Answer]]] = []
        heard_s: dict[int, float] = {}
        kept: list[object] = []
        for step, number in steps:
            devices.hear()
            now_s = devices.clock.seconds()
            for one in devices.asked:
                heard_s.setdefault(id(one), now_s)
            may_answer = [
                one for one in devices.asked if not is_serial or now_s - heard_s[id(one)] < 2
            ]
            if step == "ask":
                address = 100 * len(asked)
                request = Read(1 + number % 3, address, 2)
                asked.append((address, devices.line.ask(request, retries=number % 2)))
            elif step == "wait":
                devices.clock.advance(number / 5)
            elif may_answer:
                one = may_answer[number % len(may_answer)]
                devices.say(devices.frame(one) * (2 if step == "double" else 1))
                if is_serial:
                    devices.asked = [other for other in devices.asked if other is not one]
                    heard_s.pop(id(one))
                    # It would not be an object of its own once it is gone.
                    kept.append(one)
        self.lost(devices)
        for address, one in asked:
            result: list[object] = []
            one.addBoth(result.append)
            (ended,) = result
            if isinstance(ended, Answer):
                self.assertEqual((address, address + 1), ended.registers)
        self.assertEqual([], devices.clock.getDelayedCalls())
