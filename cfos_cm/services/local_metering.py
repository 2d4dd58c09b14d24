"""
What the meters of EVSEs without a Charge Point say while they charge, for our own records.

What a backend is told of them is its own wish, and is made by its gateway.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.central_system.environment import Environment
from cfos_cm.charge_point.made.reading import ALL_MEASURANDS, meter_value
from cfos_cm.charge_point.made.rhythm import Spacing
from cfos_cm.errors import StorageError
from cfos_cm.services.local_entries import CONNECTOR, place_of
from cfos_cm.site.events import SettingsChanged, SiteEvent
from cfos_cm.site.state import SiteState
from cfos_cm.v16.actions import encode
from cfos_cm.v16.core import MeterValuesRequest
from cfos_cm.v16.types import ReadingContext

__all__ = ["INTERVAL_S", "LocalMetering"]

#: As often as most Charge Points tell it by themselves. [s]
INTERVAL_S = 60.0

_log = Logger(namespace="cfos_cm.services")


@frozen
class _Watched:
    """A transaction whose meter is read."""

    transaction_id: int
    spacing: Spacing


class LocalMetering:
    """Writes down what these meters say, from the start of each transaction to its end."""

    def __init__(self, environment: Environment, runs: Callable[[str, int], bool]) -> None:
        """
        @param runs: whether a transaction runs at an EVSE; see
            L{cfos_cm.services.local_transactions.LocalTransactions.runs}.
        """
        self._environment = environment
        self._runs = runs
        self._state = SiteState()
        self._watched: dict[str, _Watched] = {}
        self._is_broken = False

    def note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        self._state = after
        if isinstance(event, SettingsChanged):
            for name in {*before.evses, *after.evses}:
                self._look_at(name)
            return
        name = getattr(event, "evse", None)
        if name is not None:
            self._look_at(name)

    def close(self) -> None:
        """No timers are left."""
        for name in tuple(self._watched):
            self._forget(name)

    def _look_at(self, name: str) -> None:
        """Read where something runs that is ours to write down, and nowhere else."""
        evse = self._state.evses.get(name)
        runs = None if evse is None or not evse.settings.keeps_limit else evse.transaction
        watched = self._watched.get(name)
        if watched is not None:
            if runs is not None and runs.transaction_id == watched.transaction_id:
                return
            self._forget(name)
        if runs is not None:
            clock, number = self._environment.clock, runs.transaction_id
            spacing = Spacing(clock, lambda: self._read(name, number))
            self._watched[name] = _Watched(number, spacing)
            spacing.start(clock.seconds(), INTERVAL_S)

    def _forget(self, name: str) -> None:
        self._watched.pop(name).spacing.stop()

    def _read(self, name: str, transaction_id: int) -> None:
        evse, now = self._state.evses.get(name), self._environment.now()
        if evse is None or not self._runs(name, transaction_id):
            return
        value = meter_value(evse, now, ALL_MEASURANDS, ReadingContext.SAMPLE_PERIODIC)
        if value is None:
            return
        request = MeterValuesRequest(
            connector_id=CONNECTOR, transaction_id=transaction_id, meter_value=(value,)
        )
        kept = maybeDeferred(
            self._environment.ledger.add_meter_values,
            place_of(name),
            CONNECTOR,
            transaction_id,
            now,
            encode(request).decode(),
        )
        kept.addCallbacks(self._is_kept, self._is_lost, errbackArgs=(name,))

    def _is_kept(self, _: object) -> None:
        self._is_broken = False

    def _is_lost(self, failure: Failure, name: str) -> None:
        """A charge is billed by its first and its last reading: this one is none of them."""
        if self._is_broken:
            return
        self._is_broken = True
        if failure.check(StorageError):
            _log.error(
                "{evse}: what its meter says cannot be written down: {why}",
                evse=name,
                why=failure.getErrorMessage(),
            )
        else:
            _log.failure("a reading of {evse}", failure, evse=name)
