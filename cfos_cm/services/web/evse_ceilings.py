"""What operators allow single EVSEs: in force at once, and again when the program starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.errors import CfosError
from cfos_cm.site.events import EvseLimited, SettingsChanged, SiteEvent
from cfos_cm.site.state import SiteState
from cfos_cm.storage.evse_orders import EvseOrder

__all__ = ["OPERATOR", "EvseCeilings", "OrderStore", "ceiling_ma"]

#: The party of all limits that operators set for EVSEs.
OPERATOR = "operator"

_log = Logger(namespace="cfos_cm.services")


class OrderStore(Protocol):
    """Where orders outlive the program; L{cfos_cm.storage.evse_orders.EvseOrderStore}."""

    def put(self, order: EvseOrder) -> Deferred[None]:
        """Keep an order, in the place of the one that its EVSE had."""

    def remove(self, evse: str) -> Deferred[None]:
        """Forget what was ordered for an EVSE."""

    def all(self) -> Deferred[tuple[EvseOrder, ...]]:
        """All of them."""


def ceiling_ma(order: EvseOrder | None) -> int | None:
    """The most that an order allows; C{None}: anything. [mA per phase]"""
    if order is None:
        return None
    return 0 if order.is_paused else order.current_ma


class EvseCeilings:
    """
    The orders that hold.

    One is in force from the moment in which it is given, whatever the disk does.
    """

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], datetime],
        store: OrderStore,
        report: Callable[[SiteEvent], None],
        state: Callable[[], SiteState],
    ) -> None:
        """
        @param now: the time of day; aware.
        @param report: is told what the limits are.
        @param state: the site as it is now.
        """
        self._clock = clock
        self._now = now
        self._store = store
        self._report = report
        self._state = state
        self._orders: dict[str, EvseOrder] = {}
        self._look: IDelayedCall | None = None

    async def open(self) -> None:
        """
        Have hold again what held when the program ended; the site has its settings.

        @raise cfos_cm.errors.StorageError: when that cannot be read.
        """
        self._orders = {one.evse: one for one in await self._store.all()}
        self._tell()

    def stop(self) -> None:
        """Look at nothing any more."""
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def rename(self, names: Mapping[str, str]) -> None:
        """
        Have what was ordered hold for EVSEs under their new names; the site has them.

        @param names: what they are called, by what they were called.
        """
        moved = [self._orders.pop(was) for was in names if was in self._orders]
        if not moved:
            return
        renamed = {names[one.evse]: evolve(one, evse=names[one.evse]) for one in moved}
        self._orders.update(renamed)
        self._tell()
        gone = [one.evse for one in moved if one.evse not in self._orders]
        # All at once: what is ordered meanwhile is written behind them.
        writing = [self._store.put(one) for one in renamed.values()]
        writing += [self._store.remove(evse) for evse in gone]
        for one in writing:
            one.addErrback(_note_unwritten)

    def note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop: who is there again is limited as before."""
        if isinstance(event, SettingsChanged) and self._orders and self._look is None:
            # Not from inside the loop.
            self._look = self._clock.callLater(0, self._look_again)

    def of(self, evse: str) -> EvseOrder | None:
        """What holds for an EVSE; C{None}: nothing."""
        return self._orders.get(evse)

    async def limit(self, evse: str, current_ma: int | None, by: str) -> str | None:
        """
        Allow an EVSE no more than this.

        @param current_ma: C{None}: as much as there is. [mA per phase]
        @return: why it is not on disk; C{None}: it is.
        """
        return await self._hold(evolve(self._order(evse, by), current_ma=current_ma))

    async def pause(self, evse: str, is_paused: bool, by: str) -> str | None:
        """Give an EVSE nothing, or something again; as L{limit}."""
        return await self._hold(evolve(self._order(evse, by), is_paused=is_paused))

    def _order(self, evse: str, by: str) -> EvseOrder:
        known = self._orders.get(evse)
        if known is None:
            return EvseOrder(evse, None, False, by, self._now())
        return evolve(known, by=by, at=self._now())

    async def _hold(self, order: EvseOrder) -> str | None:
        ceiling = ceiling_ma(order)
        if ceiling is None:
            self._orders.pop(order.evse, None)
        else:
            self._orders[order.evse] = order
        # Before anything else is done, for it may take its time.
        self._report(EvseLimited(order.evse, OPERATOR, ceiling))
        try:
            if ceiling is None:
                await self._store.remove(order.evse)
            else:
                await self._store.put(order)
        except CfosError as error:
            return str(error)
        return None

    def _look_again(self) -> None:
        self._look = None
        self._tell()

    def _tell(self) -> None:
        """Have the site know what it does not."""
        evses = self._state().evses
        for name, order in self._orders.items():
            evse, ceiling = evses.get(name), ceiling_ma(order)
            if evse is not None and evse.outside_ma.get(OPERATOR) != ceiling:
                self._report(EvseLimited(name, OPERATOR, ceiling))


def _note_unwritten(failure: Failure) -> None:
    failure.trap(CfosError)
    why = failure.getErrorMessage()
    _log.error("what an operator has ordered for an EVSE is not on disk: {why}", why=why)
