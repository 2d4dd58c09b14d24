"""
Whose turn it is to charge, where there is not enough for all.

Everybody draws a ticket when he comes. The lowest number is served first, and whoever has had
his turn draws another one, whether he goes on charging or not. So each that waits moves forward
all the time: before him there are only those who came or had their turn earlier, and each of
them has one turn at most. Newcomers cannot keep him from charging however many they are; nor
can those who need less of the wiring than he does, for once his number is the lowest, it counts
more than that of anybody who charges.

A turn is an amount of charge, the same for all: what somebody was offered on each phase, for
that is what he held of a fuse, whatever he made of it. It takes long enough for contactors to
last. Who is paused before it is over keeps his ticket and the rest of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import inf
from typing import Self

from attrs import evolve, field, frozen

from cfos_cm.limits.per_transaction import remembered
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.policy import Policy
from cfos_cm.site.state import SiteState

__all__ = ["TURN_MAS", "Turns"]

#: A turn: the minimum of 6 A for an hour, or 16 A for 23 minutes. At 230 V it is 1.4 kWh on
#: each phase. Shorter ones wear contactors, for each begins with a start; with longer ones the
#: second half of a full garage waits longer than people do.
#: [mA s per phase]
TURN_MAS = 6_000 * 3600

#: What two places in the order are compared by.
_Place = tuple[bool, bool, bool, int, str]


@frozen
class _Record:
    """
    What is known of one transaction.

    @ivar started_at: when it was started, by the Charge Point's clock.
    @ivar counted_s: when anything here has changed last. [s]
    @ivar ticket: the number of its ticket; 0: it has not drawn one yet.
    @ivar is_drawing: it draws another one.
    @ivar is_online: the EVSE can be reached.
    @ivar is_wanting: it could charge now.
    @ivar is_idle: its car would not make use of it.
    @ivar offer_ma: what it is offered. [mA per phase]
    @ivar turn_mas: what it has had of its turn until C{counted_s}. [mA s per phase]
    @ivar has_charged: an offer has reached it.
    @ivar runs_until_s: it is not paused for others before. [s]
    @ivar rests_until_s: it is not admitted again before. [s]
    @ivar waits_since_s: since when it has been offered nothing; C{None}: it does not wait. [s]
    @ivar due_s: when its place changes though nothing happens; C{inf}: never. [s]
    @ivar place: where it stands in the order; the lowest is the first.
    """

    name: str
    transaction_id: int
    started_at: datetime
    counted_s: float
    ticket: int = 0
    is_drawing: bool = True
    is_online: bool = False
    is_wanting: bool = False
    is_idle: bool = False
    offer_ma: int = 0
    turn_mas: float = 0.0
    has_charged: bool = False
    runs_until_s: float = -inf
    rests_until_s: float = -inf
    waits_since_s: float | None = None
    due_s: float = field(init=False)
    place: _Place = field(init=False)

    @due_s.default
    def _due_s(self) -> float:
        due_s = inf
        if self.offer_ma:
            due_s = self.counted_s + (TURN_MAS - self.turn_mas) / self.offer_ma
        for until_s in (self.runs_until_s, self.rests_until_s):
            if self.counted_s < until_s < due_s:
                due_s = until_s
        return due_s

    @place.default
    def _place(self) -> _Place:
        return (
            self.is_idle,
            self.rests_until_s > self.counted_s,
            self.runs_until_s <= self.counted_s,
            self.ticket,
            self.name,
        )

    @property
    def is_competing(self) -> bool:
        """Whether what it gets is missed by others."""
        return self.is_wanting and not self.is_idle

    def at(self, now_s: float) -> _Record:
        """The same, counted until C{now_s}."""
        turn_mas = self.turn_mas + self.offer_ma * (now_s - self.counted_s)
        if turn_mas < TURN_MAS:
            return evolve(self, counted_s=now_s, turn_mas=turn_mas)
        return evolve(self, counted_s=now_s, turn_mas=turn_mas % TURN_MAS, is_drawing=True)

    def following(self, before: _Record, policy: Policy) -> _Record:
        """The same with all that follows from what has changed since C{before}."""
        now_s = self.counted_s
        runs_until_s, rests_until_s = self.runs_until_s, self.rests_until_s
        if self.offer_ma:
            rests_until_s = -inf
            if not before.offer_ma:
                runs_until_s = now_s + policy.min_run_s
        else:
            runs_until_s = -inf
            if not self.is_online:
                rests_until_s = -inf
            elif (
                before.offer_ma and before.is_wanting and self.is_competing and self.has_charged
            ):
                # Its contactor has opened, and neither because its car wanted that, nor for a
                # reason of its own that has ended since, such as somebody's pause.
                rests_until_s = now_s + policy.min_pause_s
        has_woken = before.is_idle and not self.is_idle
        return evolve(
            self,
            # What a sleeper missed was of no use to him.
            is_drawing=self.is_drawing or has_woken,
            runs_until_s=runs_until_s,
            rests_until_s=rests_until_s,
            waits_since_s=self._waiting_since_s() if self.is_competing else None,
        )

    def _waiting_since_s(self) -> float | None:
        if self.offer_ma:
            return None
        return self.counted_s if self.waits_since_s is None else self.waits_since_s


@frozen
class Turns:
    """
    Who is next, and who has to wait.

    Two that are equal put everybody in the same order, whatever else they have counted.
    """

    _places: Mapping[str, _Place] = field(factory=dict)
    _last_ticket: int = field(default=0, eq=False)
    _records: Mapping[str, _Record] = field(factory=dict, eq=False)

    def after(
        self,
        state: SiteState,
        now_s: float,
        wanting: frozenset[str],
        idle: frozenset[str] = frozenset(),
    ) -> Self:
        """
        What is known at C{now_s}.

        @param now_s: by a clock that does not go back. [s]
        @param wanting: the EVSEs that could charge now, whether they do or not.
        @param idle: those of them whose cars would not make use of it.
        @return: C{self} when nothing has changed.
        """

        def follow(before: _Record | None, evse: Evse, transaction_id: int) -> _Record:
            name, confirmed = evse.settings.name, evse.confirmed
            if before is None:
                assert evse.transaction is not None
                started_at = evse.transaction.started_at
                before = _Record(name, transaction_id, started_at, now_s)
            is_wanting, is_idle = name in wanting, name in idle
            is_online = evse.link is Link.ONLINE
            # One that may have forgotten what it was told goes on with what it does.
            offer_ma = before.offer_ma if confirmed is None else evse.granted_ma
            has_charged = before.has_charged or (
                confirmed is not None and confirmed.current_ma > 0
            )
            if (
                offer_ma == before.offer_ma
                and is_wanting == before.is_wanting
                and is_idle == before.is_idle
                and is_online == before.is_online
                and has_charged == before.has_charged
                and now_s < before.due_s
            ):
                return before
            after = evolve(
                before.at(now_s),
                is_online=is_online,
                is_wanting=is_wanting,
                is_idle=is_idle,
                offer_ma=offer_ma,
                has_charged=has_charged,
            ).following(before, state.policy)
            return before if after == before else after

        records = remembered(self._records, state.evses.values(), follow)
        if records is self._records:
            return self
        return self._with(records)

    def _with(self, records: Mapping[str, _Record]) -> Self:
        """The same with other records, when all who draw a ticket have drawn it."""
        # Newcomers first, and then those who have had their turn, as they were before.
        drawing = sorted(
            (record for record in records.values() if record.is_drawing),
            key=lambda record: (record.ticket, record.started_at, record.name),
        )
        drawn = {
            record.name: evolve(record, ticket=ticket, is_drawing=False)
            for ticket, record in enumerate(drawing, self._last_ticket + 1)
        }
        records = {**records, **drawn} if drawn else records
        return evolve(
            self,
            places={name: record.place for name, record in records.items()},
            last_ticket=self._last_ticket + len(drawn),
            records=records,
        )

    def order(self, evses: Iterable[Evse]) -> list[Evse]:
        """
        The order in which they are to be admitted, where the minimum does not fit for all.

        Those are last whose cars would make no use of it, and before them those who rest. Of
        the others those are first who have begun to charge not long ago, and then it goes by
        the tickets.
        """
        return sorted(evses, key=self._place)

    def _place(self, evse: Evse) -> _Place:
        name = evse.settings.name
        place = self._places.get(name)
        return (False, False, True, self._last_ticket + 1, name) if place is None else place

    def pause_left_s(self, evse: Evse, now_s: float) -> float:
        """
        For how long it is not admitted again, because it was paused for others. [s]

        @return: 0: it may be. A car that has never charged, or that was paused for another
            reason, need not rest.
        """
        record = self._records.get(evse.settings.name)
        return 0.0 if record is None else max(0.0, record.rests_until_s - now_s)

    def waiting_since_s(self, evse: Evse) -> float | None:
        """Since when it could charge and is offered nothing; C{None}: it does not wait. [s]"""
        record = self._records.get(evse.settings.name)
        return None if record is None else record.waits_since_s
