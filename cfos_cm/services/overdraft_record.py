"""How far fuses ever were overdrawn, on its way to disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.electrical import Phase
from cfos_cm.limits.overdraft import Overdrafts
from cfos_cm.site.events import CircuitOverdrawn, SiteEvent
from cfos_cm.site.state import SiteState

__all__ = ["MaximumStore", "OverdraftRecord"]

_Place = tuple[str, Phase]

_log = Logger(namespace="cfos_cm.services")


class MaximumStore(Protocol):
    """Where maxima are kept, such as L{cfos_cm.storage.overdrafts.OverdraftStore}."""

    def put(self, circuit: str, phase: Phase, highest_ma: int, at: datetime) -> Deferred[None]:
        """Note a maximum, where no higher one is known."""
        raise NotImplementedError

    def all(self) -> Deferred[Mapping[_Place, int]]:
        """The maxima. [mA]"""
        raise NotImplementedError


class OverdraftRecord:
    """
    Stores the most that each phase of each circuit ever was above its fuse.

    Of each there is one write under way; what is noted meanwhile is one more, however often it
    is. What could not be stored is stored with what is noted next of the same phase.
    """

    def __init__(self, store: MaximumStore, now: Callable[[], datetime]) -> None:
        """
        @param now: the time of day, aware.
        """
        self._store = store
        self._now = now
        self._newest_ma: dict[_Place, int] = {}
        self._writing: set[_Place] = set()

    async def load(self) -> Overdrafts:
        """
        What the control loop has to remember at the start.

        @raise cfos_cm.errors.StorageError: when it cannot be read.
        """
        return Overdrafts.remembering(await self._store.all())

    def watch(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        if isinstance(event, CircuitOverdrawn):
            self.note(event.circuit, event.phase, event.highest_ma)

    def note(self, circuit: str, phase: Phase, highest_ma: int) -> None:
        """Store a maximum. [mA]"""
        place = circuit, phase
        self._newest_ma[place] = max(highest_ma, self._newest_ma.get(place, 0))
        if place not in self._writing:
            self._write(place)

    def _write(self, place: _Place) -> None:
        self._writing.add(place)
        highest_ma = self._newest_ma[place]
        self._store.put(*place, highest_ma, self._now()).addCallbacks(
            self._succeeded,
            self._failed,
            callbackArgs=(place, highest_ma),
            errbackArgs=(place,),
        )

    def _succeeded(self, _: None, place: _Place, highest_ma: int) -> None:
        self._writing.discard(place)
        if self._newest_ma[place] > highest_ma:
            self._write(place)
        else:
            del self._newest_ma[place]

    def _failed(self, failure: Failure, place: _Place) -> None:
        self._writing.discard(place)
        _log.error(
            "how far phase {phase} of {circuit} was overdrawn is not stored: {why}",
            circuit=place[0],
            phase=place[1].value,
            why=failure.getErrorMessage(),
        )
