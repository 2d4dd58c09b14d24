"""Wallboxes and cars as they really are, which the program can only guess."""

from __future__ import annotations

from collections import deque
from math import inf

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.drivers.passive import Passive
from cfos_cm.electrical import NO_CURRENT, Phase, PhaseCurrents
from cfos_cm.errors import DeviceError, DeviceRefusal, OrderIgnored
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.setpoint import Setpoint

__all__ = ["Box", "Car", "Message"]

#: A limit that is not renewed ends after so long. [s]
_LEASE_S = 600.0


@define
class Message:
    """
    What is on its way to a box.

    @ivar setpoint: C{None}: it is to be released.
    @ivar is_leased: it ends by itself.
    """

    setpoint: Setpoint | None
    in_transaction: bool
    from_scratch: bool
    is_leased: bool
    sent_s: float
    answer: Deferred[bool | None]
    is_given_up: bool = False


@define(eq=False)
class Car:
    """
    A car, which obeys its pilot in its own time.

    @ivar uses: how many of the phases that it is offered it loads; 1 or 3.
    @ivar demand_ma: what it draws at most. [mA]
    @ivar lag_s: how long it takes to follow a lower offer; C{inf}: it never does. [s]
    @ivar draw_ma: what it draws. [mA per phase]
    @ivar on: the phases on which it does.
    @ivar falls: when it comes down to what, the next first. [s, mA]
    @ivar surprises: it loads phases that no reading has shown since it changed its mind.
    """

    uses: int = 3
    demand_ma: int = 32_000
    lag_s: float = 0.0
    draw_ma: int = 0
    on: tuple[Phase, ...] = ()
    falls: deque[tuple[float, int]] = field(factory=deque)
    surprises: bool = False

    def follow(self, offer_ma: int, phases: tuple[Phase, ...], now_s: float) -> None:
        """It is offered C{offer_ma} on C{phases}; to be told again whenever time passes."""
        wanted_ma = min(offer_ma, self.demand_ma)
        on = phases[: self.uses]
        if wanted_ma >= self.draw_ma:
            self.falls.clear()
            self.draw_ma, self.on = wanted_ma, on
            return
        if self.demand_ma < self.draw_ma:
            self.draw_ma = self.demand_ma
        if self.lag_s < inf and (not self.falls or self.falls[-1][1] != wanted_ma):
            self.falls.append((now_s + self.lag_s, wanted_ma))
        while self.falls and self.falls[0][0] <= now_s:
            self.draw_ma = min(self.draw_ma, self.falls.popleft()[1])
            if not self.falls:
                self.on = on
        if not self.draw_ma:
            self.on = on

    @property
    def currents(self) -> PhaseCurrents:
        """What flows. [mA]"""
        return PhaseCurrents.on(self.on, self.draw_ma)

    def obey(self, offer_ma: int) -> None:
        """It follows from now on, and does so already."""
        self.lag_s, self.draw_ma = 0.0, min(self.draw_ma, offer_ma)

    def leave(self) -> None:
        """It is gone, and the contactor open."""
        self.draw_ma, self.on, self.surprises = 0, (), False
        self.falls.clear()


@implementer(IEvse)
@define(eq=False, repr=False)
class Box(Passive):
    """
    An EVSE as it really is.

    @ivar limit: what it was told for its transaction; C{None}: nothing that is in force.
    @ivar ends_s: when that ends by itself. [s]
    @ivar forbids: it obeys its fail-safe current when nothing else is in force; otherwise it
        gives its rating.
    @ivar watches: it goes to its fail-safe current when it is alone for too long.
    @ivar meter: whether its meter speaks.
    @ivar tells: what that tells: currents, currents of transformers that are mounted the wrong
        way round, or a power only.
    @ivar late_s: how old that is when it arrives. [s]
    @ivar seen: what flowed lately, with since when. [s, mA]
    """

    settings: EvseSettings
    clock: Clock
    limit: Setpoint | None = None
    ends_s: float = inf
    forbids: bool = False
    has_transaction: bool = False
    watches: bool = False
    alone_since_s: float = 0.0
    meter: str = "silent"
    tells: str = "currents"
    late_s: float = 0.0
    seen: deque[tuple[float, PhaseCurrents]] = field(factory=lambda: deque(maxlen=100))
    car: Car = field(factory=Car)
    under_way: deque[Message] = field(factory=deque)
    answers: deque[tuple[Message, bool | Failure | None]] = field(factory=deque)
    renewal_due_s: float = inf

    def __repr__(self) -> str:
        given_ma, phases = self.offer()
        under_way = [str(one.setpoint) for one in self.under_way]
        meter = f"{self.meter} {self.tells} {self.late_s:g} s late"
        return f"<{self.name} gives {given_ma} on {phases}; {under_way}; {meter}; {self.car}>"

    @property
    def name(self) -> str:
        """See L{IEvse}."""
        return self.settings.name

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[bool | None]:
        """See L{IEvse.apply}."""
        self.renewal_due_s = inf
        in_transaction = transaction_id is not None
        is_leased = in_transaction and (self.forbids or from_scratch)
        return self._send(setpoint, in_transaction, from_scratch, is_leased)

    def release(self) -> Deferred[bool | None]:
        """See L{IEvse.release}."""
        return self._send(None, self.has_transaction, False, False)

    def _send(
        self, setpoint: Setpoint | None, in_transaction: bool, scratch: bool, is_leased: bool
    ) -> Deferred[bool | None]:
        answer: Deferred[bool | None] = Deferred()
        now_s = self.clock.seconds()
        message = Message(setpoint, in_transaction, scratch, is_leased, now_s, answer)
        self.under_way.append(message)
        return answer

    # What it gives.

    def offer(self) -> tuple[int, tuple[Phase, ...]]:
        """What it gives its car. [mA per phase]"""
        phases = self.settings.phases
        if not self.has_transaction:
            return 0, phases
        if self.limit is not None and self.clock.seconds() < self.ends_s:
            return self.limit.current_ma, phases[: self.limit.phases or len(phases)]
        settings_ = self.settings
        return (
            settings_.failsafe_current_ma if self.forbids else settings_.max_current_ma,
            phases,
        )

    def may_obey_ma(self) -> int:
        """The most that it obeys, or comes to obey by what is on its way to it. [mA]"""
        told = [self.offer()[0]]
        if self.has_transaction:
            for message in self.under_way:
                rating_ma = self.settings.max_current_ma
                one = message.setpoint
                told.append(rating_ma if one is None else one.current_ma)
        return max(told)

    def follow(self) -> None:
        """Time has passed, or it was told something else."""
        if self.has_transaction:
            self.car.follow(*self.offer(), self.clock.seconds())
        else:
            self.car.leave()
        self.seen.append((self.clock.seconds(), self.car.currents))

    def reading(self) -> PhaseCurrents:
        """What its meter has seen that speaks now. [mA]"""
        then_s = self.clock.seconds() - self.late_s
        return next((one for at_s, one in reversed(self.seen) if at_s <= then_s), NO_CURRENT)

    # What becomes of messages.

    def receive(self, how: str = "accepted") -> None:
        """The oldest message arrives."""
        message = self.under_way.popleft()
        result: bool | Failure | None = None
        if how == "refused":
            result = Failure(DeviceRefusal("Rejected"))
        elif message.setpoint is None:
            self.limit, self.forbids = None, False
        elif how == "ignored":
            result = Failure(OrderIgnored("it gives more"))
        else:
            result = self._obey(message, message.setpoint)
        self.follow()
        self.answers.append((message, result))

    def _obey(self, message: Message, setpoint: Setpoint) -> bool | None:
        stands = message.from_scratch or not message.in_transaction
        if stands:
            self.forbids = True
        if message.in_transaction and self.has_transaction:
            self.limit = setpoint
            self.ends_s = message.sent_s + _LEASE_S if message.is_leased else inf
        return True if stands else None

    def say(self) -> None:
        """The oldest answer arrives."""
        message, result = self.answers.popleft()
        if message.is_given_up:
            return
        message.is_given_up = True
        if isinstance(result, Failure):
            message.answer.errback(result)
            return
        if message.is_leased:
            self.renewal_due_s = message.sent_s + _LEASE_S / 2
        message.answer.callback(result)

    def give_up(self, since_s: float) -> None:
        """Nobody waits any more for answers to what was sent before C{since_s}."""
        for message in (*self.under_way, *(message for message, _ in self.answers)):
            if not message.is_given_up and message.sent_s <= since_s:
                message.is_given_up = True
                message.answer.errback(DeviceError("no answer"))

    def begin(self) -> None:
        """A transaction begins: nothing was said about it yet."""
        self.has_transaction, self.limit = True, None
        self.follow()

    def end(self) -> None:
        """It ends, and what was said about it."""
        self.has_transaction, self.limit = False, None
        self.follow()

    def forget(self) -> None:
        """It has dropped all that it was told."""
        self.limit, self.forbids = None, False
        self.follow()

    def fall_back(self) -> None:
        """It notices that it is alone."""
        self.limit, self.forbids = None, True
        self.follow()
