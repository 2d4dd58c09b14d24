"""
Transactions of EVSEs that know none, such as those that speak Modbus.

A transaction begins when a car is plugged in and somebody may charge: by the card that was
shown, by the EVSE's fixed tag, or because nobody is asked. It ends when the car leaves, when
the same card, or one of its group, is shown again, or when its EVSE is taken out of the
settings. It is on disk before the site hears of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.central_system.authorisation import Judgement, judge_tag
from cfos_cm.central_system.environment import Environment
from cfos_cm.errors import StorageError
from cfos_cm.services.local_entries import (
    CONNECTOR,
    Ending,
    evse_at,
    place_of,
    start_of,
    stop_of,
)
from cfos_cm.site.events import (
    CardShown,
    EvseConnected,
    EvseLost,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
    TagJudged,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Evse, EvseSettings, Occupancy
from cfos_cm.site.records import OpenTransaction
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict, same_tag
from cfos_cm.site.transaction import ANONYMOUS, Transaction
from cfos_cm.v16.core import Reason

__all__ = ["CARD_S", "RETRY_S", "LocalTransactions"]

#: A card counts for so long, for a car that is plugged in after it was shown. [s]
CARD_S = 120.0
#: What could not be written down is tried again after this time. [s]
RETRY_S = 5.0
#: So long after an EVSE has come a reading of its meter is waited for if that has said nothing
#: at all, [s]
_METER_PATIENCE_S = 10.0
#: and if it speaks. Some do not know their register for a while after they have started, and a
#: charge without a reading at its start and its end is one that nobody can bill. [s]
_REGISTER_PATIENCE_S = 90.0
#: How often is looked for it. [s]
_LOOK_S = 1.0

_IS_THERE = (Occupancy.PLUGGED, Occupancy.CHARGING)

_log = Logger(namespace="cfos_cm.services")


@frozen
class _Card:
    """
    A card that was shown.

    @ivar until_s: how long it counts, by the clock. [s]
    """

    id_tag: str
    until_s: float


@define(eq=False)
class _Place:
    """
    What is known of one EVSE beyond the state of the site.

    @ivar came_s: when it was there last after it had been away, by the clock. [s]
    @ivar lost_wh: what its meter showed when it was lost; C{None}: not known. [Wh]
    @ivar transaction: what runs, as it is on disk.
    @ivar has_meter: whether its first reading was one.
    @ivar ending: how it has ended, until that is on disk.
    @ivar is_over: a transaction was ended by a card, and its car is still there.
    @ivar shown: the card that was shown last, and has not been looked up yet.
    @ivar accepted: one that may charge, and has not been of use yet.
    @ivar gone: how many times a car has left, or the EVSE itself: what was about to begin
        before does not go on.
    @ivar complaint: why it could not be looked after the last time, as the log has it.
    @ivar again: when it is looked at again by itself.
    @ivar turn: it is looked at by one at a time.
    """

    evse: str
    came_s: float = -inf
    lost_wh: int | None = None
    transaction: Transaction | None = None
    has_meter: bool = False
    ending: Ending | None = None
    is_over: bool = False
    shown: _Card | None = None
    accepted: _Card | None = None
    gone: int = 0
    complaint: str | None = None
    again: IDelayedCall | None = None
    turn: DeferredLock = field(factory=DeferredLock)


class LocalTransactions:
    """Begins and ends the transactions of all EVSEs that keep their limits by themselves."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._state = SiteState()
        self._places: dict[str, _Place] = {}
        # Those, and who is no part of the site any more until his end is on disk.
        self._watched: set[_Place] = set()

    def note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        self._state = after
        if isinstance(event, SettingsChanged):
            self._configured(before, after)
        elif isinstance(event, EvseConnected | EvseLost | OccupancyReported | CardShown):
            place = self._places.get(event.evse)
            if place is not None:
                self._happened(place, event, before.evses[event.evse])
                self._look_after(place, 0)

    def resume(self, transactions: Iterable[OpenTransaction]) -> None:
        """Go on with what was open when the program ended; the site has its settings."""
        for one in transactions:
            name = evse_at(one.charge_point)
            if name is None:
                continue
            place = self._places.get(name)
            if place is None:
                self._vacate(name)
                continue
            place.transaction = one.transaction
            # A register that stood at nothing was most likely none.
            place.has_meter = one.transaction.meter_start_wh > 0
            self._environment.report(TransactionResumed(name, one.transaction))

    async def close(self) -> None:
        """Look at nothing any more; what runs goes on when the program runs again."""
        watched, self._watched, self._places = self._watched, set(), {}
        for place in watched:
            _forget(place)
            await place.turn.run(lambda: None)

    def _happened(
        self,
        place: _Place,
        event: EvseConnected | EvseLost | OccupancyReported | CardShown,
        before: Evse,
    ) -> None:
        """What is noted at once, whatever is being written down at this moment."""
        now_s = self._environment.clock.seconds()
        match event:
            case EvseConnected():
                place.came_s = now_s
            case EvseLost() if before.energy_wh is not None:
                place.lost_wh = before.energy_wh
            case CardShown(id_tag=id_tag):
                place.shown = _Card(id_tag, now_s + CARD_S)
            case OccupancyReported(occupancy=Occupancy.FREE):
                place.is_over = False
                self._leave(place, before, Reason.EV_DISCONNECTED)

    def _configured(self, before: SiteState, after: SiteState) -> None:
        wanted = {name for name, evse in after.evses.items() if evse.settings.keeps_limit}
        for name in self._places.keys() - wanted:
            place = self._places.pop(name)
            self._leave(place, before.evses[name], Reason.OTHER)
            self._look_after(place, 0)
        for name in wanted - self._places.keys():
            place = self._places[name] = _Place(name)
            self._watched.add(place)
        for name, place in self._places.items():
            if before.meter_apart(name) != after.meter_apart(name):
                self._metered_anew(place, before.evses.get(name))
            # Who may charge there may be somebody else now.
            self._look_after(place, 0)

    def _metered_anew(self, place: _Place, before: Evse | None) -> None:
        """Go on with another transaction: what two meters show cannot be subtracted."""
        now_s = place.came_s = self._environment.clock.seconds()
        running = place.transaction
        if before is not None and running is not None and place.ending is None:
            self._leave(place, before, Reason.OTHER)
            place.accepted = _Card(running.id_tag, now_s + CARD_S)

    def _leave(self, place: _Place, evse: Evse, reason: Reason) -> None:
        """What runs there has ended."""
        place.gone += 1
        if place.transaction is not None and place.ending is None:
            found_wh = evse.energy_wh
            if found_wh is None and reason is Reason.OTHER:
                # Nobody looks at that meter any more.
                start_wh = place.transaction.meter_start_wh
                found_wh = start_wh if place.lost_wh is None else place.lost_wh
            place.ending = Ending(reason, None, self._environment.now(), found_wh)

    def _vacate(self, name: str) -> None:
        """Nobody will tell how the transaction there has ended."""
        vacated = self._environment.ledger.vacated(place_of(name), CONNECTOR)
        vacated.addErrback(
            lambda failure: _log.failure("{evse} could not be vacated", failure, evse=name)
        )

    def _look_after(self, place: _Place, wait_s: float) -> None:
        """Look again after that time, and not when it was meant before."""
        _forget(place)
        if place in self._watched:
            place.again = self._environment.clock.callLater(wait_s, self._look_in_turn, place)

    def _look_in_turn(self, place: _Place) -> None:
        place.again = None
        looking = place.turn.run(lambda: Deferred.fromCoroutine(self._look(place)))
        looking.addCallback(lambda _: _content(place))
        looking.addErrback(self._failed, place)

    def _failed(self, failure: Failure, place: _Place) -> None:
        why = failure.getErrorMessage()
        if why != place.complaint:
            place.complaint = why
            if failure.check(StorageError):
                _log.error(
                    "{evse}: its transaction cannot be written down: {why}",
                    evse=place.evse,
                    why=why,
                )
            else:
                _log.failure("the transaction of {evse}", failure, evse=place.evse)
        self._look_after(place, RETRY_S)

    def _evse(self, place: _Place) -> Evse | None:
        """What is known of it; C{None}: it is no part of the site any more."""
        is_there = self._places.get(place.evse) is place
        return self._state.evses.get(place.evse) if is_there else None

    async def _look(self, place: _Place) -> None:
        if place not in self._watched or not await self._end(place):
            return
        if self._evse(place) is None:
            self._watched.discard(place)
            return
        await self._judge(place)
        if await self._end(place):
            await self._begin(place)

    async def _judge(self, place: _Place) -> None:
        """See what a card that was just shown is good for."""
        card, evse = place.shown, self._evse(place)
        if card is None or evse is None:
            return
        if evse.settings.open_to_all and place.transaction is None:
            # Its device asks who may charge: here it only says whose charge it is.
            place.accepted = card
        if evse.settings.open_to_all or not self._counts(card):
            place.shown = None
            return
        judgement = await judge_tag(self._environment, card.id_tag, (evse.settings,))
        running = place.transaction
        is_end = running is not None and await self._may_end(
            evse.settings, running, card.id_tag, judgement
        )
        if place.shown is card:
            place.shown = None
        evse = self._evse(place)
        if is_end and place.ending is None and evse is not None:
            place.is_over = True
            now = self._environment.now()
            place.ending = Ending(Reason.LOCAL, card.id_tag, now, evse.energy_wh)
            return
        if running is None and judgement.verdict is Verdict.ACCEPTED:
            place.accepted = card
        self._environment.report(TagJudged(place.evse, card.id_tag, judgement.verdict))

    def _counts(self, card: _Card) -> bool:
        return self._environment.clock.seconds() < card.until_s

    async def _may_end(
        self, settings: EvseSettings, running: Transaction, id_tag: str, judged: Judgement
    ) -> bool:
        """OCPP 1.6, "Stop Transaction": the same card, or one of the same group."""
        if same_tag(id_tag, running.id_tag):
            return True
        group = None if judged.tag is None else judged.tag.parent_id_tag
        if group is None or judged.verdict is not Verdict.ACCEPTED:
            return False
        owner = (await judge_tag(self._environment, running.id_tag, (settings,))).tag
        return (
            owner is not None
            and owner.parent_id_tag is not None
            and same_tag(group, owner.parent_id_tag)
        )

    async def _begin(self, place: _Place) -> None:
        evse, gone = self._evse(place), place.gone
        if evse is None or place.transaction is not None or evse.occupancy not in _IS_THERE:
            return
        id_tag = await self._whose(place, evse.settings)
        if id_tag is None or place.gone != gone:
            return
        if self._is_waited_for(place, evse):
            self._look_after(place, _LOOK_S)
            return
        stored = await self._environment.ledger.start(
            start_of(evse, id_tag, self._environment.now())
        )
        place.transaction, place.accepted = stored.transaction, None
        place.has_meter = evse.energy_wh is not None
        if place.gone == gone:
            self._environment.report(TransactionStarted(place.evse, stored.transaction))
            return
        # Nobody was told that he may charge.
        start_wh = stored.transaction.meter_start_wh
        place.ending = Ending(Reason.OTHER, None, self._environment.now(), start_wh)
        self._look_after(place, 0)

    async def _whose(self, place: _Place, settings: EvseSettings) -> str | None:
        """Who charges there now; C{None}: nobody who may."""
        if not settings.enabled and not settings.disabled_current_ma:
            return None
        card = place.accepted
        if card is not None:
            if self._counts(card):
                return card.id_tag
            place.accepted = None
        if place.is_over:
            # Its owner has ended it: only a card begins another one.
            return None
        id_tag = settings.fixed_tag or ANONYMOUS
        if settings.open_to_all:
            return id_tag
        judgement = await judge_tag(self._environment, id_tag, (settings,))
        return id_tag if judgement.verdict is Verdict.ACCEPTED else None

    def _is_waited_for(self, place: _Place, evse: Evse) -> bool:
        """Whether its meter has not said yet what it shows, and may still do so."""
        speaks = evse.meter.at_s > -inf
        patience_s = _REGISTER_PATIENCE_S if speaks else _METER_PATIENCE_S
        now_s = self._environment.clock.seconds()
        return evse.energy_wh is None and now_s < place.came_s + patience_s

    async def _end(self, place: _Place) -> bool:
        """
        Write down how the transaction there has ended, and tell of it.

        @return: whether there is none any more that has ended.
        """
        ended, transaction, evse = place.ending, place.transaction, self._evse(place)
        if ended is None or transaction is None:
            return True
        found_wh = ended.meter_wh
        if found_wh is None and evse is not None:
            if place.has_meter and self._is_waited_for(place, evse):
                self._look_after(place, _LOOK_S)
                return False
            found_wh = evse.energy_wh
        stop_wh = _stop_wh(place, transaction, found_wh)
        stopped = await self._environment.ledger.stop(
            stop_of(place.evse, transaction, ended, stop_wh)
        )
        place.ending = place.transaction = None
        self._environment.report(
            TransactionStopped(
                place.evse, transaction.transaction_id, stopped.energy_wh, ended.reason.value
            )
        )
        return True


def _stop_wh(place: _Place, transaction: Transaction, found_wh: int | None) -> int:
    """
    The last reading of a transaction.

    One that is lower than the first says in the ledger that nobody knows what was drawn.

    @param found_wh: what its meter shows; C{None}: it does not say. [Wh]
    """
    start_wh = transaction.meter_start_wh
    if found_wh is None:
        found_wh = place.lost_wh
    if found_wh is None or not place.has_meter:
        return start_wh
    if found_wh < start_wh:
        _log.warn(
            "{evse}: its meter shows {found} Wh, less than at the start ({start} Wh): what was "
            "drawn is not known",
            evse=place.evse,
            found=found_wh,
            start=start_wh,
        )
    return found_wh


def _content(place: _Place) -> None:
    place.complaint = None


def _forget(place: _Place) -> None:
    if place.again is not None and place.again.active():
        place.again.cancel()
    place.again = None
