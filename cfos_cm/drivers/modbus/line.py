"""
One connection or serial line, and all that is asked through it.

Several devices may share it, each with a unit id of its own. They take turns, so that one with
much to ask keeps no other waiting. Through a socket several requests may be under way, as many
as the other end bears; on a serial line only one is, whoever it is for.

An answer is taken for that to a request only if nothing speaks against it. Through a socket it
repeats the request's transaction id, and an id that was given up is not used again soon. On a
serial line it only says which unit it is of; so a unit that did not answer in time is left
alone for as long as its answer may still come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

from attrs import define
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from cfos_cm.counters import Counter, Counters
from cfos_cm.errors import DeviceError, DeviceRefusal, NotSent, RemoteProtocolError
from cfos_cm.wire.modbus import (
    Answer,
    Codec,
    ExceptionCode,
    Framing,
    Request,
    objection,
)

__all__ = ["MOST_SILENCES", "MOST_WAITING", "Line", "ModbusRefusal"]

#: So many requests of one unit may wait; more are asked by somebody who does not listen.
MOST_WAITING = 64
#: Transaction ids of so many answers are remembered, to tell a doubled one from a foreign one.
_REMEMBERED = 64
#: A socket is closed when so many requests in a row got no answer: who was switched off does
#: not say so, and who has come back does not know the connection.
MOST_SILENCES = 5
#: A device that is busy is asked again after this time. [s]
_BUSY_S = 0.25
_TRANSACTION_IDS = 1 << 16

#: It will do it, or could do it later.
_TRY_AGAIN = (ExceptionCode.ACKNOWLEDGE, ExceptionCode.SERVER_DEVICE_BUSY)


class ModbusRefusal(DeviceRefusal):
    """
    A device has answered with an exception.

    @ivar exception_code: need not be an L{ExceptionCode}.
    """

    def __init__(self, unit: int, exception_code: int) -> None:
        super().__init__(f"unit {unit} says {ExceptionCode.words(exception_code)}")
        self.exception_code = exception_code


@define(eq=False)
class _Asked:
    request: Request
    deferred: Deferred[Answer]
    attempts_left: int
    was_sent: bool = False
    timeout: IDelayedCall | None = None


@define(eq=False)
class _Unit:
    """
    What one device is asked.

    @ivar waiting: what it will be asked, in the order.
    @ivar rest: it is left alone until this is over.
    """

    waiting: deque[_Asked]
    rest: IDelayedCall | None = None


class Line(Protocol):
    """
    The protocol of a connection, or of a serial line.

    @ivar made: is told when something can be asked.
    @ivar lost: is told when nothing can be asked any more, before those who wait for answers.
    @ivar is_lost: nothing can be asked any more.
    @ivar why_lost: for people, once it is lost.
    @ivar has_heard: an answer has come through it.
    """

    def __init__(
        self,
        clock: IReactorTime,
        framing: Framing,
        *,
        timeout_s: float = 1.0,
        window: int = 1,
        gap_s: float = 0.0,
        counters: Counters | None = None,
    ) -> None:
        """
        @param timeout_s: how long an answer may take. [s]
        @param window: how many requests may be under way, whoever they are for. Many devices
            answer only the last one of several, some also when it is for another unit. On a
            serial line there is one in any case.
        @param gap_s: the silence between an answer and the next request; a serial line needs
            the time of 3.5 characters. [s]
        @param counters: what else happens is counted here.
        """
        self.made: Callable[[Line], None] = lambda _: None
        self.lost: Callable[[Line], None] = lambda _: None
        self.is_lost = False
        self.why_lost = ""
        self.has_heard = False
        self._counters = counters or Counters()
        self._clock = clock
        self._framing = framing
        self._codec = Codec(framing)
        self._timeout_s = timeout_s
        self.bear(window)
        self._gap_s = gap_s
        self._units: dict[int, _Unit] = {}
        # In the order of their turns.
        self._turns: deque[int] = deque()
        self._under_way: dict[int, _Asked] = {}
        self._next_id = 0
        self._given_up: deque[int] = deque(maxlen=_REMEMBERED)
        self._answered: deque[int] = deque(maxlen=_REMEMBERED)
        self._gap: IDelayedCall | None = None
        self._silences = 0

    def ask(self, request: Request, retries: int = 0) -> Deferred[Answer]:
        """
        Ask a device.

        @param retries: how often it is asked once more when it does not answer in time, or is
            busy.
        @return: its answer. Fails with L{ModbusRefusal} where it is an exception, with
            L{NotSent} if the device was not asked, and with L{DeviceError} if it is not known
            what it has done. When it is cancelled, what it still waits for is not asked.
        """
        if self.is_lost:
            return fail(NotSent("there is no connection"))
        unit = self._units.setdefault(request.unit, _Unit(deque()))
        if len(unit.waiting) >= MOST_WAITING:
            self._counters.count(Counter.MODBUS_NOT_SENT)
            return fail(NotSent(f"{MOST_WAITING} requests wait for unit {request.unit}"))
        deferred: Deferred[Answer] = Deferred(lambda _: self._cancelled(asked))
        asked = _Asked(request, deferred, 1 + retries)
        unit.waiting.append(asked)
        if request.unit not in self._turns:
            self._turns.append(request.unit)
        self._send()
        return deferred

    def bear(self, window: int) -> None:
        """From now on no more requests are begun than so many at once."""
        self._window = window if self._framing is Framing.TCP else 1

    def connectionMade(self) -> None:
        """Something can be asked now."""
        self.made(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come."""
        self._silences = 0
        try:
            answers = self._codec.receive(data)
        except RemoteProtocolError as error:
            self._counters.count(Counter.MODBUS_CONTRADICTED)
            self._abort(f"no Modbus: {error}")
            return
        # What is no Modbus is no device that was there.
        self.has_heard = self.has_heard or bool(answers)
        for answer in answers:
            self._received(answer)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Nothing that was asked will be answered any more."""
        self.is_lost = True
        self.why_lost = self.why_lost or reason.getErrorMessage()
        self.lost(self)
        for call in (self._gap, *(unit.rest for unit in self._units.values())):
            if call is not None and call.active():
                call.cancel()
        waiting = [asked for unit in self._units.values() for asked in unit.waiting]
        ended = [*self._under_way.values(), *waiting]
        for transaction_id in tuple(self._under_way):
            self._end(transaction_id)
        self._units.clear()
        self._turns.clear()
        why = f"the connection was lost: {self.why_lost}"
        for asked in ended:
            # One that waits to be asked once more may have been done the first time.
            self._settle(asked, DeviceError(why) if asked.was_sent else NotSent(why))

    def _send(self) -> None:
        """Ask what may be asked now, one unit after the other."""
        passed = 0
        while self._turns and passed < len(self._turns) and self._may_send():
            number = self._turns.popleft()
            unit = self._units[number]
            if unit.rest is not None:
                self._turns.append(number)
                passed += 1
                continue
            passed = 0
            self._ask_now(unit.waiting.popleft())
            if unit.waiting:
                self._turns.append(number)

    @property
    def _is_socket(self) -> bool:
        return ITCPTransport.providedBy(self.transport)

    def _may_send(self) -> bool:
        return not self.is_lost and self._gap is None and len(self._under_way) < self._window

    def _ask_now(self, asked: _Asked) -> None:
        transaction_id = self._new_id()
        asked.attempts_left -= 1
        asked.was_sent = True
        asked.timeout = self._clock.callLater(self._timeout_s, self._timed_out, transaction_id)
        self._under_way[transaction_id] = asked
        if self._framing is Framing.RTU:
            self._codec.forget()
        assert self.transport is not None
        self.transport.write(self._codec.encode(asked.request, transaction_id))

    def _new_id(self) -> int:
        # With RTU it only names the request here.
        self._next_id = (self._next_id + 1) % _TRANSACTION_IDS
        return self._next_id

    def _received(self, answer: Answer) -> None:
        transaction_id = answer.transaction_id
        if self._framing is Framing.RTU:
            unit = self._units.get(answer.unit)
            if unit is not None and unit.rest is not None:
                self._counters.count(Counter.MODBUS_LATE)
                return
            transaction_id = next(iter(self._under_way), -1)
        asked = self._under_way.get(transaction_id)
        if asked is None:
            self._count_stray(transaction_id)
            return
        why = objection(asked.request, answer)
        if why is not None and self._framing is Framing.RTU:
            # Another one's, or a late one: the right one may still come.
            self._counters.count(Counter.MODBUS_FOREIGN)
            return
        unit = self._end(transaction_id)
        self._answered.append(transaction_id)
        if why is not None:
            self._counters.count(Counter.MODBUS_CONTRADICTED)
            self._settle(asked, DeviceError(f"an answer that contradicts its request: {why}"))
        elif answer.exception_code is None:
            self._settle(asked, answer)
        else:
            self._excepted(unit, asked, answer.exception_code)
        self._leave_gap()

    def _count_stray(self, transaction_id: int) -> None:
        if transaction_id in self._given_up:
            self._counters.count(Counter.MODBUS_LATE)
        elif transaction_id in self._answered:
            self._counters.count(Counter.MODBUS_DOUBLED)
        else:
            self._counters.count(Counter.MODBUS_FOREIGN)

    def _excepted(self, unit: _Unit, asked: _Asked, exception_code: int) -> None:
        if exception_code in _TRY_AGAIN and asked.attempts_left:
            self._rest(unit, asked.request.unit, _BUSY_S)
            self._again(unit, asked)
        else:
            self._settle(asked, ModbusRefusal(asked.request.unit, exception_code))

    def _timed_out(self, transaction_id: int) -> None:
        self._counters.count(Counter.MODBUS_TIMED_OUT)
        self._silences += 1
        if self._silences >= MOST_SILENCES and self._is_socket and not self.is_lost:
            # First, or the next one would be asked through what is given up.
            self._abort(f"{MOST_SILENCES} requests in a row were not answered")
        self._give_up(transaction_id)

    def _give_up(self, transaction_id: int, *, is_wanted: bool = True) -> None:
        asked = self._under_way[transaction_id]
        unit = self._end(transaction_id)
        self._given_up.append(transaction_id)
        number = asked.request.unit
        if self._framing is Framing.RTU:
            # What it says now would be taken for the answer to the next request.
            self._rest(unit, number, self._timeout_s)
        if is_wanted and asked.attempts_left:
            self._again(unit, asked)
        elif is_wanted:
            why = f"unit {number} has not answered within {self._timeout_s:g} s"
            self._settle(asked, DeviceError(why))
        self._send()

    def _end(self, transaction_id: int) -> _Unit:
        """It is not under way any more."""
        asked = self._under_way.pop(transaction_id)
        assert asked.timeout is not None
        if asked.timeout.active():
            asked.timeout.cancel()
        return self._units[asked.request.unit]

    def _again(self, unit: _Unit, asked: _Asked) -> None:
        """Ask once more, before anything else that the unit is asked."""
        unit.waiting.appendleft(asked)
        if asked.request.unit not in self._turns:
            self._turns.append(asked.request.unit)

    def _rest(self, unit: _Unit, number: int, rest_s: float) -> None:
        if unit.rest is not None:
            unit.rest.cancel()
        unit.rest = self._clock.callLater(rest_s, self._rested, number)

    def _rested(self, number: int) -> None:
        self._units[number].rest = None
        self._send()

    def _leave_gap(self) -> None:
        if not self._gap_s:
            self._send()
        elif self._gap is None and not self.is_lost:
            self._gap = self._clock.callLater(self._gap_s, self._gap_is_over)

    def _gap_is_over(self) -> None:
        self._gap = None
        self._send()

    def _cancelled(self, asked: _Asked) -> None:
        unit = self._units.get(asked.request.unit)
        if unit is not None and asked in unit.waiting:
            unit.waiting.remove(asked)
            if not unit.waiting:
                self._turns.remove(asked.request.unit)
            return
        for transaction_id, one in self._under_way.items():
            if one is asked:
                self._give_up(transaction_id, is_wanted=False)
                return

    @staticmethod
    def _settle(asked: _Asked, result: Answer | Exception) -> None:
        if asked.deferred.called:
            # Whoever heard of another one's end a moment ago has cancelled it.
            return
        if isinstance(result, Exception):
            asked.deferred.errback(result)
        else:
            asked.deferred.callback(result)

    def _abort(self, why: str) -> None:
        """Only for sockets: a serial line is not closed, whatever comes or does not come."""
        self.is_lost = True
        self.why_lost = why
        cast(ITCPTransport, self.transport).abortConnection()
