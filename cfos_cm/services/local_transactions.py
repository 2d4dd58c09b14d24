"""
Transactions of EVSEs that know none, such as those that speak Modbus.

A transaction begins when a car is plugged in and somebody may charge: by the card that was
shown, because a backend invites him, by the EVSE's fixed tag, or because nobody is asked. It
ends when the car leaves, when the same card, or one of its group, is shown again, when somebody
ends it from afar, or when its EVSE is taken out of the settings. It is on disk before the site
hears of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from math import inf

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.central_system.authorisation import judge_tag
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
from cfos_cm.services.local_permission import has_room, is_in_use, is_open, may_end
from cfos_cm.services.local_places import Card, Place, Stage, last_reading
from cfos_cm.site.events import (
    BackendSpoke,
    CardShown,
    EvseConnected,
    EvseLost,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
    TagJudged,
    TransactionJudged,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import Evse, EvseSettings, Occupancy
from cfos_cm.site.records import OpenTransaction, StoredStart
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict, same_tag
from cfos_cm.site.transaction import ANONYMOUS, Transaction
from cfos_cm.v16.core import Reason
from cfos_cm.v16.types import TransactionData

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
#: A car that waits with a fixed tag that its backend refuses is asked for again. [s]
_ASK_AGAIN_S = 300.0

_IS_THERE = (Occupancy.PLUGGED, Occupancy.CHARGING)

_log = Logger(namespace="cfos_cm.services")


class LocalTransactions:
    """
    Begins and ends the transactions of all EVSEs that keep their limits by themselves.

    What backends have to say about them is asked of these, each of which answers at once:

    @ivar may_begin: whether a card that was accepted may begin a transaction at an EVSE now.
    @ivar reservation_for: the reservation, by EVSE and card, that ends with a start; C{None}:
        there is none.
    @ivar stop_data: what was sampled in a transaction that ends, by EVSE, its number, when it
        ended and its last reading [Wh]. Asked again where the end could not be written down.
    @ivar keeps_when_unplugged: whether a transaction at an EVSE goes on when its car leaves.
    @ivar card_s: how long a card counts at an EVSE for a car that comes after it. [s]
    """

    may_begin: Callable[[str, Card], bool]
    reservation_for: Callable[[str, Card], int | None]
    stop_data: Callable[[str, int, datetime, int], Sequence[TransactionData]]
    keeps_when_unplugged: Callable[[str], bool]
    card_s: Callable[[str], float]

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._state = SiteState()
        self._places: dict[str, Place] = {}
        # Those, and who is no part of the site any more until his end is on disk.
        self._watched: set[Place] = set()
        self.may_begin = lambda *_: True
        self.reservation_for = lambda *_: None
        self.stop_data = lambda *_: ()
        self.keeps_when_unplugged = lambda _: False
        self.card_s = lambda _: CARD_S

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
        elif isinstance(event, BackendSpoke | TransactionJudged):
            self._judged_afar(event)

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

    def invite(self, evse: str, id_tag: str, timeout_s: float) -> bool:
        """
        Let somebody charge who was not seen, as if he had shown a card that is good.

        @param timeout_s: his car has to come within this time, if it is not there. [s]
        @return: whether a transaction can begin there.
        """
        place = self._places.get(evse)
        known = None if place is None else self._evse(place)
        now_s = self._environment.clock.seconds()
        if place is None or known is None or not has_room(place, known, id_tag, now_s):
            return False
        place.accepted = Card(id_tag, now_s + timeout_s)
        self._environment.report(TagJudged(evse, id_tag, Verdict.ACCEPTED))
        self._look_after(place, 0)
        return True

    def end(self, evse: str, transaction_id: int, reason: Reason) -> Deferred[bool]:
        """
        End a transaction from afar; its car may be there until it leaves.

        @return: whether it is being ended; C{False}: it does not run there.
        """
        if not self.runs(evse, transaction_id):
            return succeed(False)
        self._end_now(self._places[evse], reason)
        return succeed(True)

    def end_any(self, evse: str, reason: Reason) -> Deferred[bool]:
        """
        End what runs at an EVSE, if anything does.

        @return: whether it is one of ours.
        """
        place = self._places.get(evse)
        if place is not None and place.stage is Stage.RUNNING:
            self._end_now(place, reason)
        return succeed(place is not None)

    def runs(self, evse: str, transaction_id: int) -> bool:
        """Whether a transaction runs at an EVSE, and its end is not being written down."""
        place = self._places.get(evse)
        if place is None or place.transaction is None or place.stage is not Stage.RUNNING:
            return False
        return place.transaction.transaction_id == transaction_id

    async def close(self) -> None:
        """Look at nothing any more; what runs goes on when the program runs again."""
        watched, self._watched, self._places = self._watched, set(), {}
        for place in watched:
            place.do_not_look()
            await place.turn.run(lambda: None)

    def _happened(
        self,
        place: Place,
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
                place.shown = Card(id_tag, now_s + self.card_s(place.evse))
            case OccupancyReported(occupancy=Occupancy.FREE):
                place.is_over, place.refused = False, None
                if place.stage is Stage.RUNNING and self.keeps_when_unplugged(place.evse):
                    place.outlives_plug = True
                else:
                    self._leave(place, before, Reason.EV_DISCONNECTED)

    def _judged_afar(self, event: BackendSpoke | TransactionJudged) -> None:
        """A backend has something to say about an EVSE, or about who charges there."""
        place = self._places.get(event.evse)
        if place is None:
            return
        if isinstance(event, BackendSpoke):
            # Who was refused because nobody could be asked may charge now.
            self._look_after(place, 0)
        elif self.runs(event.evse, event.transaction_id) and place.transaction is not None:
            place.transaction = evolve(place.transaction, verdict=event.verdict)

    def _configured(self, before: SiteState, after: SiteState) -> None:
        wanted = {name for name, evse in after.evses.items() if evse.settings.keeps_limit}
        for name in self._places.keys() - wanted:
            place = self._places.pop(name)
            self._leave(place, before.evses[name], Reason.OTHER)
            self._look_after(place, 0)
        for name in wanted - self._places.keys():
            place = self._places[name] = Place(name)
            self._watched.add(place)
        for name, place in self._places.items():
            if before.meter_apart(name) != after.meter_apart(name):
                self._metered_anew(place, before.evses.get(name))
            # Who may charge there may be somebody else now.
            self._look_after(place, 0)

    def _metered_anew(self, place: Place, before: Evse | None) -> None:
        """Go on with another transaction: what two meters show cannot be subtracted."""
        now_s = place.came_s = self._environment.clock.seconds()
        running = place.transaction
        if before is not None and running is not None and place.ending is None:
            self._leave(place, before, Reason.OTHER)
            if running.verdict is Verdict.ACCEPTED:
                place.accepted = Card(running.id_tag, now_s + CARD_S)

    def _leave(self, place: Place, evse: Evse, reason: Reason) -> None:
        """What runs there has ended."""
        place.gone += 1
        if place.transaction is not None and place.ending is None:
            found_wh = evse.energy_wh
            if found_wh is None and reason is Reason.OTHER:
                # Nobody looks at that meter any more.
                start_wh = place.transaction.meter_start_wh
                found_wh = start_wh if place.lost_wh is None else place.lost_wh
            place.ending = Ending(reason, None, self._environment.now(), found_wh)

    def _end_now(self, place: Place, reason: Reason, id_tag: str | None = None) -> None:
        """Somebody ends what runs there. Only another card begins anything for that car."""
        evse = self._evse(place)
        place.is_over = evse is not None and evse.occupancy is not Occupancy.FREE
        meter_wh = None if evse is None else evse.energy_wh
        place.ending = Ending(reason, id_tag, self._environment.now(), meter_wh)
        self._look_after(place, 0)

    def _vacate(self, name: str) -> None:
        """Nobody will tell how the transaction there has ended."""
        vacated = self._environment.ledger.vacated(place_of(name), CONNECTOR)
        vacated.addErrback(
            lambda failure: _log.failure("{evse} could not be vacated", failure, evse=name)
        )

    def _look_after(self, place: Place, wait_s: float) -> None:
        """Look again after that time, and not when it was meant before."""
        place.do_not_look()
        if place in self._watched:
            place.again = self._environment.clock.callLater(wait_s, self._look_in_turn, place)

    def _look_in_turn(self, place: Place) -> None:
        place.again = None
        if place.outlives_plug:
            place.outlives_plug = False
            if place.stage is Stage.RUNNING and place.transaction is not None:
                # The site takes a car that has left for the end of its transaction.
                self._environment.report(TransactionResumed(place.evse, place.transaction))
        looking = place.turn.run(lambda: Deferred.fromCoroutine(self._look(place)))
        looking.addCallback(lambda _: place.content())
        looking.addErrback(self._failed, place)

    def _failed(self, failure: Failure, place: Place) -> None:
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

    def _evse(self, place: Place) -> Evse | None:
        """What is known of it; C{None}: it is no part of the site any more."""
        is_there = self._places.get(place.evse) is place
        return self._state.evses.get(place.evse) if is_there else None

    def _with_car(self, place: Place) -> Evse | None:
        """The same, if it can be reached and a car is there."""
        evse = self._evse(place)
        return evse if evse is not None and evse.occupancy in _IS_THERE else None

    async def _look(self, place: Place) -> None:
        if place not in self._watched or not await self._end(place):
            return
        if self._evse(place) is None:
            self._watched.discard(place)
            return
        await self._judge(place)
        if await self._end(place):
            await self._begin(place)

    async def _judge(self, place: Place) -> None:
        """See what a card that was just shown is good for."""
        card, evse = place.shown, self._evse(place)
        if card is None or evse is None:
            return
        has_own_judge = is_open(evse.settings)
        if has_own_judge and place.transaction is None:
            # Its device asks who may charge: here it only says whose charge it is.
            place.accepted = card
        if has_own_judge or not card.counts(self._environment.clock.seconds()):
            place.shown = None
            return
        running = place.transaction
        if running is not None and same_tag(card.id_tag, running.id_tag):
            # Whoever has begun may end, whatever is thought of him now.
            place.shown = None
            self._end_by(place, card)
            return
        judgement = await judge_tag(self._environment, card.id_tag, (evse.settings,))
        is_end = running is not None and await may_end(
            self._environment, place, evse.settings, judgement
        )
        if place.shown is card:
            place.shown = None
        if is_end and running is not None and self.runs(place.evse, running.transaction_id):
            self._end_by(place, card)
            return
        if running is None and judgement.verdict is Verdict.ACCEPTED:
            place.accepted = evolve(card, parent_id_tag=judgement.parent_id_tag)
        self._environment.report(TagJudged(place.evse, card.id_tag, judgement.verdict))

    def _end_by(self, place: Place, card: Card) -> None:
        if self._evse(place) is not None and place.ending is None:
            self._end_now(place, Reason.LOCAL, card.id_tag)

    async def _begin(self, place: Place) -> None:
        evse, gone = self._with_car(place), place.gone
        if evse is None or place.transaction is not None:
            return
        card = await self._whose(place, evse.settings)
        evse = self._with_car(place)
        if card is None or evse is None or place.gone != gone:
            return
        if place.shown is not None or place.accepted not in (None, card):
            # Somebody has said meanwhile who he is: it is looked at once more.
            return
        if self._is_waited_for(place, evse):
            self._look_after(place, _LOOK_S)
            return
        if not self.may_begin(place.evse, card):
            # It was taken out of use, or reserved for somebody else, in between.
            place.accepted = None
            self._environment.report(TagJudged(place.evse, card.id_tag, Verdict.INVALID))
            return
        stored = await self._written(place, evse, card)
        place.transaction, place.accepted = stored.transaction, None
        self._ignore_again(place, card)
        place.parent_id_tag = card.parent_id_tag
        place.has_meter = evse.energy_wh is not None
        if place.gone == gone:
            self._environment.report(TransactionStarted(place.evse, stored.transaction))
            return
        # Nobody was told that he may charge.
        start_wh = stored.transaction.meter_start_wh
        place.ending = Ending(Reason.OTHER, None, self._environment.now(), start_wh)
        self._look_after(place, 0)

    def _ignore_again(self, place: Place, card: Card) -> None:
        """Who has shown his card again before he knew of the start does not want its end."""
        if place.shown is not None and same_tag(place.shown.id_tag, card.id_tag):
            place.shown = None

    async def _written(self, place: Place, evse: Evse, card: Card) -> StoredStart:
        """Write down that a transaction begins."""
        reservation_id = self.reservation_for(place.evse, card)
        start = start_of(evse, card.id_tag, self._environment.now(), reservation_id)
        place.begins = True
        try:
            return await self._environment.ledger.start(start)
        finally:
            place.begins = False

    async def _whose(self, place: Place, settings: EvseSettings) -> Card | None:
        """Who charges there now; C{None}: nobody who may."""
        if not is_in_use(settings):
            return None
        card = place.accepted
        if card is not None:
            if card.counts(self._environment.clock.seconds()):
                return card
            place.accepted = None
        if place.is_over:
            # Its owner has ended it: only a card begins another one.
            return None
        id_tag = settings.fixed_tag
        if id_tag is None and settings.needs_backend:
            # Somebody has to be billed.
            return None
        card = Card(ANONYMOUS if id_tag is None else id_tag, inf)
        return card if is_open(settings) else await self._unseen(place, settings, card)

    async def _unseen(self, place: Place, settings: EvseSettings, card: Card) -> Card | None:
        """Who charges where no card was shown, if he may."""
        judgement = await judge_tag(self._environment, card.id_tag, (settings,))
        verdict = judgement.verdict
        if verdict is Verdict.ACCEPTED:
            place.refused = None
            return evolve(card, parent_id_tag=judgement.parent_id_tag)
        if settings.needs_backend:
            if place.refused is not verdict:
                place.refused = verdict
                self._environment.report(TagJudged(place.evse, card.id_tag, verdict))
            self._look_after(place, _ASK_AGAIN_S)
        return None

    def _is_waited_for(self, place: Place, evse: Evse) -> bool:
        """Whether its meter has not said yet what it shows, and may still do so."""
        speaks = evse.meter.at_s > -inf
        patience_s = _REGISTER_PATIENCE_S if speaks else _METER_PATIENCE_S
        now_s = self._environment.clock.seconds()
        return evse.energy_wh is None and now_s < place.came_s + patience_s

    async def _end(self, place: Place) -> bool:
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
        stop_wh = last_reading(place, transaction, found_wh)
        data = self._sampled(place.evse, transaction, ended, stop_wh)
        stopped = await self._environment.ledger.stop(
            stop_of(place.evse, transaction, ended, stop_wh, data)
        )
        place.ending = place.transaction = None
        self._environment.report(
            TransactionStopped(
                place.evse, transaction.transaction_id, stopped.energy_wh, ended.reason.value
            )
        )
        return True

    def _sampled(
        self, evse: str, transaction: Transaction, ended: Ending, stop_wh: int
    ) -> Sequence[TransactionData]:
        number = transaction.transaction_id
        try:
            return self.stop_data(evse, number, ended.at, stop_wh)
        except Exception:  # noqa: BLE001
            # Whoever adds to an end must not be able to keep it from being written down.
            _log.failure(
                "what was sampled at {evse} in transaction {number}", evse=evse, number=number
            )
            return ()
