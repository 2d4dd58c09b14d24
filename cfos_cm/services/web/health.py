"""Whether the program does its work, for whoever watches over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

__all__ = ["ASK_S", "PATIENCE_S", "WAIT_S", "Health", "HealthSources", "patience_s"]

#: A control loop that has not looked for so long does not run, or for so many cycles. [s]
PATIENCE_S = 10.0
_PATIENCE_CYCLES = 5
#: The database is asked so often at most, however often somebody wants to know. [s]
ASK_S = 5.0
#: A database that has not answered after so long does not work. [s]
WAIT_S = 5.0


@frozen(kw_only=True)
class HealthSources:
    """
    What health is seen by.

    @ivar looked_s: when the control loop has looked last, by C{clock}; C{None}: the site does
        not run. [s]
    @ivar cycle_s: its cycle. [s]
    @ivar is_listening: whether Charge Points can connect.
    @ivar ask_database: fires when the database has answered; fails, or fires never, where it
        does not work.
    """

    clock: IReactorTime
    looked_s: Callable[[], float | None]
    cycle_s: Callable[[], float]
    is_listening: Callable[[], bool]
    ask_database: Callable[[], Deferred[Any]]


def patience_s(cycle_s: float) -> float:
    """For how long a control loop of such a cycle may not have looked. [s]"""
    return max(PATIENCE_S, _PATIENCE_CYCLES * cycle_s)


class Health:
    """Says in codes what is wrong; nothing of the site is in them."""

    def __init__(self, sources: HealthSources) -> None:
        self._sources = sources
        # Whether the database has answered, and since when; None: it was not asked yet.
        self._answered: bool | None = None
        self._asked_s = -ASK_S
        self._is_asking = False

    def faults(self) -> tuple[str, ...]:
        """Why the program does not do its work; empty: it does."""
        looked_s = self._sources.looked_s()
        if looked_s is None:
            return ("site_not_running",)
        late_s = self._sources.clock.seconds() - looked_s
        is_late = late_s > patience_s(self._sources.cycle_s())
        return ("control_loop_stands",) if is_late else ()

    async def hindrances(self) -> tuple[str, ...]:
        """Why it cannot serve now; empty: it can."""
        found = list(self.faults())
        if not self._sources.is_listening():
            found.append("ocpp_door_closed")
        if not await self._database_works():
            found.append("database_fails")
        return tuple(found)

    async def _database_works(self) -> bool:
        now_s = self._sources.clock.seconds()
        if not self._is_asking and now_s >= self._asked_s + ASK_S:
            self._asked_s = now_s
            await self._ask()
        if self._is_asking:
            # Whoever asks meanwhile is told what was known, as long as it may be so.
            return bool(self._answered) and now_s < self._asked_s + WAIT_S
        return bool(self._answered)

    async def _ask(self) -> None:
        self._is_asking = True
        asked = self._sources.ask_database()
        asked.addTimeout(WAIT_S, self._sources.clock)
        try:
            await asked
        except Exception:  # noqa: BLE001 - whatever it is, it does not work
            self._answered = False
        else:
            self._answered = True
        finally:
            self._is_asking = False
