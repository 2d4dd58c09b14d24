"""
The control loop: events are folded, the site is decided, setpoints are ordered.

It is the only place that orders a current.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from attrs import frozen
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.limits.decide import decide, forbid_all
from cfos_cm.limits.transition import orders
from cfos_cm.site.events import (
    DeviceBooted,
    EvseConnected,
    SetpointConfirmed,
    SetpointDecided,
    SetpointFailed,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import SiteState, fold

__all__ = ["ControlLoop", "Observer"]

#: Told of each event, with the state before and after it.
Observer = Callable[[SiteEvent, SiteState, SiteState], None]

#: How long an EVSE that did not obey is left alone before it is told again; doubled each time.
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 300.0
#: How long a change of the settings waits for an EVSE that it takes out. [s]
DISMISSAL_S = 3.0
#: After so many failures the wait grows no more; the power itself has to stay a small number.
_LAST_DOUBLING = 6

#: After these an EVSE that did not take its last order may well take the next one.
_FRESH_STARTS = EvseConnected | DeviceBooted | TransactionStarted | TransactionStopped

_DISMISSED = Setpoint(0, Reason(ReasonCode.DISABLED, "it is not configured any more"))

_log = Logger(namespace="cfos_cm.services")


@frozen
class _Respite:
    """How long an EVSE is not ordered anything, because the last orders failed."""

    until_s: float
    failures: int
    current_ma: int

    def holds(self, setpoint: Setpoint, now_s: float) -> bool:
        """Whether C{setpoint} has to wait; less than what failed does not."""
        return now_s < self.until_s and setpoint.current_ma >= self.current_ma


@frozen(eq=False)
class _Order:
    """An order that has not been answered; one is never the same as another."""

    evse: str
    setpoint: Setpoint


class ControlLoop:
    """
    Keeps the state of the site and acts on it.

    @ivar state: what is known now.
    @ivar cycle_s: it decides at least this often; a change is acted on at once. [s]
    @ivar evses: who carries setpoints out, by name.
    """

    def __init__(self, clock: IReactorTime, cycle_s: float) -> None:
        self.state = SiteState()
        self.cycle_s = cycle_s
        self.evses: Mapping[str, IEvse] = {}
        self._clock = clock
        self._observers: list[Observer] = []
        self._next: IDelayedCall | None = None
        self._running = False
        self._respites: dict[str, _Respite] = {}
        self._in_flight: dict[str, _Order] = {}
        self._leaving: set[str] = set()
        self._left: Deferred[None] | None = None
        self._patience: IDelayedCall | None = None

    def observe(self, observer: Observer) -> None:
        """Tell C{observer} of every event from now on."""
        self._observers.append(observer)

    def report(self, event: SiteEvent) -> None:
        """Something has happened."""
        if isinstance(event, _FRESH_STARTS):
            self._respites.pop(event.evse, None)
        self._fold(event)
        if isinstance(event, SettingsChanged):
            self._forget()
        self._decide_in(0)

    def dismiss(self, names: Collection[str]) -> Deferred[None]:
        """
        Pause EVSEs that will not be part of the site any more, or not as the devices they are.

        Nobody counts what they draw from then on.

        @return: fires when they have confirmed it, or were given enough time to.
        """
        self._leaving = {
            name
            for name in names
            if name in self.state.evses
            and self.state.evses[name].link is Link.ONLINE
            and not _pauses_for_sure(self.state.evses[name])
        }
        self._left = Deferred()
        left = self._left
        if self.state.observe_only or not self._running:
            self._leaving = set()
        if self._leaving:
            self._patience = self._clock.callLater(DISMISSAL_S, self.dismiss_now)
            self._decide_in(0)
        else:
            self.dismiss_now()
        return left

    def dismiss_now(self) -> None:
        """Wait no longer for EVSEs that are being dismissed."""
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._patience = None
        for name in sorted(self._leaving):
            _log.warn(
                "{evse} is taken out of the settings and has not confirmed that it pauses: "
                "it may go on charging",
                evse=name,
            )
        self._leaving = set()
        left, self._left = self._left, None
        if left is not None:
            left.callback(None)

    def _see_off(self) -> None:
        """Notice who has confirmed that it pauses; nobody waits for who is lost."""
        if self._left is None:
            return
        self._leaving = {
            name
            for name in self._leaving
            if name in self._in_flight or not _pauses_for_sure(self.state.evses[name])
        }
        online = (self.state.evses[name].link is Link.ONLINE for name in self._leaving)
        if not any(online):
            self.dismiss_now()

    def start(self) -> None:
        """Decide from now on."""
        self._running = True
        self._decide_in(0)

    def stop(self) -> None:
        """Decide no more; what the EVSEs obey stays as it is."""
        self._running = False
        self.dismiss_now()
        self._cancel()

    def _fold(self, event: SiteEvent) -> None:
        before = self.state
        self.state = fold(before, event)
        for observer in self._observers:
            try:
                observer(event, before, self.state)
            except Exception:  # noqa: BLE001
                # Whoever watches must not be able to stop what keeps the fuse safe.
                _log.failure("an observer failed on {event}", event=event)

    def _decide_in(self, delay_s: float) -> None:
        if not self._running:
            return
        due_s = self._clock.seconds() + delay_s
        if self._next is not None and self._next.active():
            if self._next.getTime() <= due_s:
                return
            self._next.cancel()
        self._next = self._clock.callLater(delay_s, self._tick)

    def _cancel(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    def _forget(self) -> None:
        """No answer in the name of an EVSE that is gone counts any more."""
        for name in (self._in_flight.keys() | self._respites.keys()) - self.state.evses.keys():
            self._in_flight.pop(name, None)
            self._respites.pop(name, None)

    def _tick(self) -> None:
        self._next = None
        self._see_off()
        try:
            targets, steps = self._decide()
            for name, target in targets.items():
                if self.state.evses[name].target != target:
                    self._fold(SetpointDecided(name, target))
            for name, setpoint in steps.items():
                self._order(name, setpoint)
        finally:
            self._decide_in(self._pause_s())

    def _pause_s(self) -> float:
        """Until the next cycle, or until an EVSE may be told again if that is sooner. [s]"""
        now_s = self._clock.seconds()
        waits_s = [respite.until_s - now_s for respite in self._respites.values()]
        return min([self.cycle_s, *(wait_s for wait_s in waits_s if wait_s > 0)])

    def _decide(self) -> tuple[Mapping[str, Setpoint], Mapping[str, Setpoint]]:
        """What each EVSE should have, and what to order now."""
        try:
            targets = decide(self.state)
            targets.update(dict.fromkeys(self._leaving, _DISMISSED))
            return targets, orders(self.state, targets)
        except Exception:  # noqa: BLE001
            # A loop that stops leaves the cars at whatever they had: for a fuse that is a fire.
            _log.failure("the limits could not be decided: every EVSE is paused")
            targets = forbid_all(self.state, "the limits could not be decided; see the log")
            return targets, _pauses(self.state, targets)

    def _order(self, name: str, setpoint: Setpoint) -> None:
        respite = self._respites.get(name)
        device = self.evses.get(name)
        evse = self.state.evses[name]
        if device is None or name in self._in_flight:
            return
        if respite is not None and respite.holds(setpoint, self._clock.seconds()):
            return
        order = self._in_flight[name] = _Order(name, setpoint)
        self._fold(SetpointOrdered(name, setpoint))
        applying = maybeDeferred(
            device.apply,
            setpoint,
            evse.active_transaction_id,
            evse.stale,
        )
        applying.addCallbacks(
            lambda _: self._confirmed(order), lambda failure: self._failed(order, failure)
        )
        applying.addErrback(lambda failure: _log.failure("order to {evse}", failure, evse=name))

    def _confirmed(self, order: _Order) -> None:
        if self._counts(order):
            self._respites.pop(order.evse, None)
            self.report(SetpointConfirmed(order.evse, order.setpoint))

    def _failed(self, order: _Order, failure: Failure) -> None:
        if not failure.check(DeviceError):
            _log.failure("the driver of {evse} failed", failure, evse=order.evse)
        if not self._counts(order):
            return
        before = self._respites.get(order.evse)
        failures = 1 if before is None else before.failures + 1
        wait_s = min(FIRST_RETRY_S * 2 ** min(failures - 1, _LAST_DOUBLING), LAST_RETRY_S)
        self._respites[order.evse] = _Respite(
            self._clock.seconds() + wait_s, failures, order.setpoint.current_ma
        )
        refused = isinstance(failure.value, DeviceRefusal)
        why = failure.getErrorMessage()
        self.report(SetpointFailed(order.evse, order.setpoint, refused, why))

    def _counts(self, order: _Order) -> bool:
        """
        Whether the end of an order, which is here now, still says something about its EVSE.

        It does not when the EVSE is gone or has become another device, nor when something
        else has ended the order before, such as the end of its transaction.
        """
        if self._in_flight.get(order.evse) is not order:
            return False
        del self._in_flight[order.evse]
        self._decide_in(0)
        return self.state.evses[order.evse].ordered is order.setpoint


def _pauses_for_sure(evse: Evse) -> bool:
    """Whether nothing is in force that would let it charge."""
    return evse.confirmed is not None and not evse.granted_ma


def _pauses(state: SiteState, targets: Mapping[str, Setpoint]) -> dict[str, Setpoint]:
    """
    The orders that end charging, where L{orders} is not to be relied on.

    It looks at nothing but the EVSE itself, for what could not be decided may be the wiring.
    """
    return {
        evse.name: targets[evse.name]
        for evse in state.evses.values()
        if not state.observe_only
        and evse.link is Link.ONLINE
        and evse.ordered is None
        and (evse.stale or evse.confirmed is None or evse.confirmed.current_ma > 0)
    }
