"""What an operator can have a single EVSE do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from twisted.internet.interfaces import IReactorTime

from cfos_cm.central_system.authorisation import judge_tag
from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.operator import Operator
from cfos_cm.electrical import amps_text
from cfos_cm.errors import LocalProtocolError
from cfos_cm.services.config.options import did_you_mean
from cfos_cm.services.local_permission import is_in_use
from cfos_cm.services.local_transactions import CARD_S, LocalTransactions
from cfos_cm.services.web.done import Done
from cfos_cm.services.web.evse_ceilings import OPERATOR, EvseCeilings, OrderStore, ceiling_ma
from cfos_cm.services.web.evse_replies import EvseReplies
from cfos_cm.site.events import SiteEvent
from cfos_cm.site.evse import Evse, Link, Occupancy
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict, shortened
from cfos_cm.storage.evse_orders import EvseOrder
from cfos_cm.v16.core import Reason, RemoteStartStopStatus
from cfos_cm.v16.smart_charging import ClearChargingProfileStatus
from cfos_cm.web.problem import Problem

__all__ = ["OPERATOR", "EvseOrders"]

_IS_THERE = (Occupancy.PLUGGED, Occupancy.CHARGING)


class EvseOrders:
    """
    Starts, stops, pauses and limits charges.

    L{note} observes the control loop; L{open} is awaited when the site has its settings, and
    L{stop} called at the end. Each order fails with L{Problem} where there is no such EVSE,
    with L{LocalProtocolError} where it may not be given now, and with
    L{cfos_cm.errors.DeviceError} as those of L{Operator} do.
    """

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], datetime],
        central_system: CentralSystem,
        operator: Operator,
        local: LocalTransactions,
        store: OrderStore,
        report: Callable[[SiteEvent], None],
        state: Callable[[], SiteState],
    ) -> None:
        """
        @param now: the time of day; aware.
        @param local: the transactions of EVSEs that speak no OCPP.
        @param report: takes what happened.
        @param state: the site as it is now.
        """
        self._central_system = central_system
        self._operator = operator
        self._local = local
        self._state = state
        self._ceilings = EvseCeilings(clock, now, store, report, state)
        self._replies = EvseReplies(clock, state)

    async def open(self) -> None:
        """Have hold again what was ordered. @raise StorageError: when it cannot be read."""
        await self._ceilings.open()

    def stop(self) -> None:
        """Look at nothing any more."""
        self._ceilings.stop()
        self._replies.stop()

    def rename(self, names: Mapping[str, str]) -> None:
        """EVSEs are called otherwise. @param names: by what they were called."""
        self._ceilings.rename(names)

    def note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        self._ceilings.note(event, before, after)
        self._replies.note(event)

    def order_for(self, evse: str) -> EvseOrder | None:
        """What an operator has ordered for an EVSE; C{None}: nothing."""
        return self._ceilings.of(evse)

    def is_paused(self, evse: str) -> bool:
        """Whether an operator has paused an EVSE."""
        order = self._ceilings.of(evse)
        return order is not None and order.is_paused

    async def start(self, name: str, id_tag: str) -> Done:
        """
        Have a charge begin, as if whoever has C{id_tag} had shown his card.

        @raise Problem: also if he may not charge.
        @raise StorageError: if that cannot be looked up.
        """
        evse = self._evse(name)
        if not id_tag.isprintable():
            raise Problem(422, "id_tag: holds a character that cannot be printed")
        environment = self._central_system.roster.environment
        verdict = (await judge_tag(environment, id_tag, (evse.settings,))).verdict
        if verdict is not Verdict.ACCEPTED:
            raise Problem(
                409,
                f"the tag {shortened(id_tag)} is {verdict.value.lower()}: {name} was asked "
                "nothing",
                {"verdict": verdict.value},
            )
        if self._speaks_ocpp(name):
            return _started(evse, await self._operator.start(name, id_tag))
        # What was known may be another state by now.
        evse = self._evse(name)
        if not self._local.invite(name, id_tag, CARD_S):
            return Done("Rejected", f"no charge can begin at {name}: {_no_room(evse)}")
        if evse.occupancy in _IS_THERE:
            return Done("Accepted", f"a charge begins at {name}")
        return Done("Accepted", f"a charge begins if a car comes to {name} in {CARD_S:g} s")

    async def stop_charge(self, name: str) -> Done:
        """
        End the charge that runs.

        @raise LocalProtocolError: also if none does.
        """
        evse = self._evse(name)
        if self._speaks_ocpp(name):
            status = await self._operator.stop(name)
            if status is RemoteStartStopStatus.ACCEPTED:
                return Done(status.value, f"the wallbox of {name} ends its charge")
            return Done(status.value, f"the wallbox of {name} refuses to end its charge")
        running = evse.transaction
        if running is None or not await self._local.end(
            name, running.transaction_id, Reason.REMOTE
        ):
            raise LocalProtocolError(f"no transaction runs at {name}")
        return Done("Accepted", f"the charge at {name} ends; its car gets nothing any more")

    async def pause(self, name: str, by: str) -> Done:
        """
        Give an EVSE nothing, until it is resumed.

        @param by: who orders it.
        """
        evse = self._limitable(name)
        why = await self._ceilings.pause(name, True, by)
        return await self._held(evse, f"{name} is paused", why)

    async def resume(self, name: str, by: str) -> Done:
        """Give an EVSE something again. @param by: who orders it."""
        evse = self._evse(name)
        if not self.is_paused(name):
            return Done("Accepted", f"{name} was not paused")
        why = await self._ceilings.pause(name, False, by)
        return await self._held(evse, f"{name} is resumed", why)

    async def limit(self, name: str, current_ma: int | None, by: str) -> Done:
        """
        Allow an EVSE no more than this.

        @param current_ma: C{None}: as much as there is. [mA per phase]
        @param by: who orders it.
        """
        if current_ma is None:
            evse, text = self._evse(name), f"no operator limits {name} any more"
        else:
            evse = self._limitable(name)
            text = f"{name} may have {amps_text(current_ma)}{_too_little(evse, current_ma)}"
        why = await self._ceilings.limit(name, current_ma, by)
        if self.is_paused(name):
            text += "; it stays paused until it is resumed"
        return await self._held(evse, text, why)

    async def clear_profiles(self, name: str) -> Done:
        """
        Clear the charging profiles of an EVSE, whoever has set them; of its whole Charge Point
        where that has no other EVSE of the site. OCPP 1.6, "Clear Charging Profile".
        """
        evse = self._evse(name)
        place = self._central_system.settings.place_of(name)
        if place is None:
            raise LocalProtocolError(f"{name} speaks no OCPP: it has no charging profiles")
        identity, connector = place
        is_alone = len(self._central_system.settings.charge_points[identity].evses) == 1
        where = identity if is_alone else f"connector {connector} of {identity}"
        status = await self._operator.clear_charging_profiles(
            identity, connector=None if is_alone else connector
        )
        if status is ClearChargingProfileStatus.ACCEPTED:
            text = f"{where} has cleared its charging profiles"
        else:
            text = f"{where} says that it has no charging profiles"
        return Done(status.value, f"{text}; {self._after_clearing(evse)}")

    def _evse(self, name: str) -> Evse:
        evses = self._state().evses
        evse = evses.get(name)
        if evse is None:
            raise Problem(
                404, f"there is no EVSE {name[:80]!a}{did_you_mean(name, list(evses))}"
            )
        return evse

    def _limitable(self, name: str) -> Evse:
        """@raise LocalProtocolError: if nobody may limit it now."""
        evse = self._evse(name)
        if self._state().observe_only:
            raise LocalProtocolError(
                "load management only observes: no EVSE is limited or paused; it does with "
                "load_management = on"
            )
        if evse.is_left_alone:
            raise LocalProtocolError(
                f"{name} is disabled and left alone (on_disable = cancel_limits): it obeys no "
                "limit until it is enabled"
            )
        return evse

    def _speaks_ocpp(self, name: str) -> bool:
        return self._central_system.settings.place_of(name) is not None

    async def _held(self, before: Evse, text: str, why_not_stored: str | None) -> Done:
        """What an EVSE says to what holds for it from now on."""
        ceiling = ceiling_ma(self._ceilings.of(before.name))
        if ceiling is None and before.is_left_alone:
            done = Done("Accepted", f"{text}; it is disabled, and obeys no limit at all")
        elif ceiling is None:
            done = Done("Accepted", f"{text}; it gets what the site has left for it")
        elif self._state().observe_only:
            done = Done(
                "Accepted", f"{text}; load management only observes, and tells it nothing"
            )
        else:
            said = await self._replies.to_ceiling(before.name, ceiling)
            done = Done(said.status, f"{text}; {said.text}")
        if why_not_stored is None:
            return done
        return Done(
            done.status,
            f"{done.text}; it holds until the manager ends, for it cannot be written down: "
            f"{why_not_stored}",
        )

    def _after_clearing(self, evse: Evse) -> str:
        if self._state().observe_only:
            return "load management only observes, and sets none"
        if evse.is_left_alone:
            return f"{evse.name} is disabled and left alone: none are set again"
        return "load management sets its own again at once"


def _started(evse: Evse, status: RemoteStartStopStatus) -> Done:
    if status is not RemoteStartStopStatus.ACCEPTED:
        return Done(status.value, f"the wallbox of {evse.name} refuses to start a charge")
    text = f"the wallbox of {evse.name} starts a charge"
    if evse.occupancy not in _IS_THERE:
        text += " when its car is there"
    if not is_in_use(evse.settings):
        text += f"; {evse.name} is disabled and gives no current"
    return Done(status.value, text)


def _no_room(evse: Evse) -> str:
    """Why nobody can be invited to an EVSE; see L{has_room}."""
    if evse.link is not Link.ONLINE:
        return "it is not connected"
    if evse.occupancy in (Occupancy.FAULTED, Occupancy.UNAVAILABLE):
        return f"it is {evse.occupancy.value}"
    if not is_in_use(evse.settings):
        return "it is disabled"
    if evse.transaction is not None:
        return "another one runs there"
    return "another one is about to begin there"


def _too_little(evse: Evse, current_ma: int) -> str:
    least_ma = evse.settings.min_current_ma
    if current_ma >= least_ma:
        return ""
    return f", which is less than the {amps_text(least_ma)} that it needs: it pauses"
