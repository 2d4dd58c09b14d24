"""
The control loop: events are folded, the site is decided, setpoints are ordered.

It is the only place that orders a current.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.errors import DeviceRefusal
from cfos_cm.limits.decide import decide, forbid_all
from cfos_cm.limits.transition import orders
from cfos_cm.site.events import (
    DeviceBooted,
    EvseConnected,
    SetpointConfirmed,
    SetpointDecided,
    SetpointFailed,
    SetpointOrdered,
    SiteEvent,
    TransactionStarted,
)
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.state import SiteState, fold

__all__ = ["ControlLoop", "Observer"]

#: Told of each event, with the state before and after it.
Observer = Callable[[SiteEvent, SiteState, SiteState], None]

#: How long an EVSE that did not obey is left alone before it is told again; doubled each time.
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 300.0


@frozen
class _Respite:
    """How long an EVSE is not ordered anything, because the last orders failed."""

    until_s: float
    failures: int


class ControlLoop:
    """
    Keeps the state of the site and acts on it.

    @ivar state: what is known now.
    @ivar cycle_s: it decides at least this often; a change is acted on at once.
    @ivar evses: who carries setpoints out, by name.
    """

    _log = Logger(namespace="cfos_cm.limits")

    def __init__(self, clock: IReactorTime, cycle_s: float) -> None:
        self.state = SiteState()
        self.cycle_s = cycle_s
        self.evses: Mapping[str, IEvse] = {}
        self._clock = clock
        self._observers: list[Observer] = []
        self._next: IDelayedCall | None = None
        self._running = False
        self._respites: dict[str, _Respite] = {}

    def observe(self, observer: Observer) -> None:
        """Tell C{observer} of every event from now on."""
        self._observers.append(observer)

    def report(self, event: SiteEvent) -> None:
        """Something has happened."""
        if isinstance(event, EvseConnected | DeviceBooted | TransactionStarted):
            self._respites.pop(event.evse, None)
        self._fold(event)
        self._decide_in(0)

    def start(self) -> None:
        """Decide from now on."""
        self._running = True
        self._decide_in(0)

    def stop(self) -> None:
        """Decide no more; what the EVSEs obey stays as it is."""
        self._running = False
        self._cancel()

    def _fold(self, event: SiteEvent) -> None:
        before = self.state
        self.state = fold(before, event)
        for observer in self._observers:
            try:
                observer(event, before, self.state)
            except Exception:  # noqa: BLE001
                # Whoever watches must not be able to stop what keeps the fuse safe.
                self._log.failure("an observer failed on {event}", event=event)

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

    def _tick(self) -> None:
        self._next = None
        targets = self._decide()
        try:
            for name, target in targets.items():
                if self.state.evses[name].target != target:
                    self._fold(SetpointDecided(name, target))
            for name, setpoint in orders(self.state, targets).items():
                self._order(name, setpoint)
        finally:
            self._decide_in(self.cycle_s)

    def _decide(self) -> Mapping[str, Setpoint]:
        try:
            return decide(self.state)
        except Exception:  # noqa: BLE001
            # A loop that stops leaves the cars at whatever they had: for a fuse that is a fire.
            self._log.failure("the limits could not be decided: every EVSE is paused")
            return forbid_all(self.state, "the limits could not be decided; see the log")

    def _order(self, name: str, setpoint: Setpoint) -> None:
        respite = self._respites.get(name)
        device = self.evses.get(name)
        evse = self.state.evses[name]
        if device is None:
            return
        if respite is not None and self._clock.seconds() < respite.until_s:
            return
        transaction = evse.transaction
        self._fold(SetpointOrdered(name, setpoint))
        applying = device.apply(
            setpoint, None if transaction is None else transaction.transaction_id, evse.stale
        )
        applying.addCallbacks(
            lambda _: self._confirmed(name, setpoint),
            lambda failure: self._failed(name, setpoint, failure),
        )
        applying.addErrback(
            lambda failure: self._log.failure("order to {evse}", failure, evse=name)
        )

    def _confirmed(self, name: str, setpoint: Setpoint) -> None:
        self._respites.pop(name, None)
        self.report(SetpointConfirmed(name, setpoint))

    def _failed(self, name: str, setpoint: Setpoint, failure: Failure) -> None:
        before = self._respites.get(name)
        failures = 1 if before is None else before.failures + 1
        wait_s = min(FIRST_RETRY_S * 2 ** (failures - 1), LAST_RETRY_S)
        self._respites[name] = _Respite(self._clock.seconds() + wait_s, failures)
        refused = isinstance(failure.value, DeviceRefusal)
        why = failure.getErrorMessage()
        self.report(SetpointFailed(name, setpoint, refused, why))
