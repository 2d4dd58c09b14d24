"""What the ledger promises, whatever database it is in."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone
from typing import Any

from attrs import evolve
from sqlalchemy import Engine, event
from twisted.internet.defer import DeferredList, gatherResults

from cfos_cm.errors import CallErrorCode, RemoteProtocolError, StorageError
from cfos_cm.site.records import StopOutcome, TransactionStart, TransactionStop
from cfos_cm.site.tag import Verdict
from cfos_cm.storage import review, series
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import BUCKET_ROWS
from cfos_cm.storage.transactions import Ledger, TransactionState

from .cases import NOW, DatabaseCase

START = TransactionStart(
    charge_point="CP-1",
    connector=1,
    evse="bay-1",
    id_tag="04AABB",
    verdict=Verdict.ACCEPTED,
    started_at=NOW,
    meter_start_wh=1000,
    reservation_id=None,
    request_text='{"connectorId":1}',
)

HUGE_IDS = (0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**5000)


def start_of(**changes: Any) -> TransactionStart:
    """Another start than L{START}, which also says so in other words."""
    return evolve(START, **{"request_text": f'{{"is":"{sorted(changes)}"}}', **changes})


def stop_of(transaction_id: int, **changes: Any) -> TransactionStop:
    """The stop of a transaction of L{START}'s Charge Point, 2.5 kWh and an hour later."""
    stop = TransactionStop(
        charge_point=START.charge_point,
        transaction_id=transaction_id,
        id_tag=START.id_tag,
        stopped_at=NOW + timedelta(hours=1),
        meter_stop_wh=3500,
        reason="EVDisconnected",
        request_text='{"transactionId":1}',
    )
    return evolve(stop, **changes)


class LedgerContract(DatabaseCase):
    """Transactions."""

    async def ledger(self, *ids: int) -> Ledger:
        """A ledger whose ids are C{ids}, then 1, 2, …"""
        numbers = itertools.chain(ids, itertools.count(1))
        return Ledger(await self.opened(), lambda: next(numbers))

    async def test_start(self) -> None:
        """A start becomes a transaction with an id of ours."""
        ledger = await self.ledger(77)
        stored = await ledger.start(START)
        self.assertFalse(stored.repeated)
        self.assertEqual(stored.superseded, ())
        self.assertEqual(stored.transaction.transaction_id, 77)
        self.assertEqual(stored.transaction.id_tag, "04AABB")
        self.assertEqual(stored.transaction.meter_start_wh, 1000)
        self.assertEqual(stored.transaction.started_at, NOW)

    async def test_everyField(self) -> None:
        """What was said at the start is there to the letter."""
        ledger = await self.ledger()
        start = evolve(
            START, reservation_id=9, evse=None, verdict=Verdict.EXPIRED, id_tag="Ä'); DROP"
        )
        made = await ledger.start(start)
        (found,) = await ledger.transactions()
        self.assertEqual(found.transaction, made.transaction)
        self.assertEqual(found.transaction.verdict, Verdict.EXPIRED)
        self.assertEqual(found.transaction.id_tag, "Ä'); DROP")
        self.assertEqual((found.charge_point, found.connector, found.evse), ("CP-1", 1, None))
        self.assertEqual(found.reservation_id, 9)
        self.assertEqual(found.start_text, START.request_text)
        self.assertEqual(found.state, TransactionState.OPEN)
        self.assertIsNone(found.stopped_at)
        self.assertIsNone(found.energy_wh)

    async def test_timesAreUtc(self) -> None:
        """A time of another zone comes back as the same moment in UTC."""
        ledger = await self.ledger()
        there = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
        await ledger.start(start_of(started_at=there))
        (found,) = await ledger.transactions()
        self.assertEqual(found.transaction.started_at, NOW)
        self.assertEqual(found.transaction.started_at.utcoffset(), timedelta(0))

    async def test_repeatedStart(self) -> None:
        """The same start again is the same transaction, also in the words of another zone."""
        ledger = await self.ledger()
        first = await ledger.start(START)
        elsewhere = START.started_at.astimezone(timezone(timedelta(hours=-3)))
        again = await ledger.start(start_of(started_at=elsewhere))
        self.assertTrue(again.repeated)
        self.assertEqual(again.transaction, first.transaction)
        self.assertEqual(len(await ledger.transactions()), 1)

    async def test_repeatedStartOfASupersededOne(self) -> None:
        """A late repetition supersedes nothing."""
        ledger = await self.ledger()
        first = await ledger.start(START)
        await ledger.start(start_of(meter_start_wh=1001))
        again = await ledger.start(START)
        self.assertEqual(again.transaction, first.transaction)
        self.assertEqual(again.superseded, ())

    async def test_sameWords(self) -> None:
        """What says the same as the open transaction is that, though the time taken differs."""
        ledger = await self.ledger()
        first = await ledger.start(START)
        later = evolve(START, started_at=NOW + timedelta(seconds=30))
        again = await ledger.start(later)
        self.assertTrue(again.repeated)
        self.assertEqual(again.transaction, first.transaction)
        await ledger.stop(stop_of(first.transaction.transaction_id))
        self.assertFalse((await ledger.start(later)).repeated)

    async def test_repeatedInOneGroup(self) -> None:
        """The same start twice at the same moment is one transaction."""
        ledger = await self.ledger()
        results = await gatherResults([ledger.start(START) for _ in range(20)])
        self.assertEqual([result.repeated for result in results], [False] + [True] * 19)
        self.assertEqual(len({result.transaction for result in results}), 1)

    async def test_anotherStart(self) -> None:
        """A start that differs in any part of the key is another transaction."""
        ledger = await self.ledger()
        differing: tuple[dict[str, Any], ...] = (
            {},
            {"charge_point": "CP-2"},
            {"connector": 2},
            {"id_tag": "OTHER"},
            {"started_at": NOW + timedelta(microseconds=1)},
            {"meter_start_wh": 1001},
        )
        for changes in differing:
            self.assertFalse((await ledger.start(start_of(**changes))).repeated)
        self.assertEqual(len(await ledger.transactions()), len(differing))

    async def test_collidingIds(self) -> None:
        """An id that is taken is asked for again."""
        ledger = await self.ledger(5, 5, 5, 6)
        first = await ledger.start(START)
        second = await ledger.start(start_of(connector=2))
        self.assertEqual(first.transaction.transaction_id, 5)
        self.assertEqual(second.transaction.transaction_id, 6)

    async def test_noFreeId(self) -> None:
        """A source of ids that always says the same is given up."""
        ledger = Ledger(await self.opened(), lambda: 5)
        await ledger.start(START)
        await self.assertFailure(ledger.start(start_of(connector=2)), StorageError)

    async def test_idsAreChecked(self) -> None:
        """An id that a Charge Point could not keep is never stored."""
        database = await self.opened()
        for bad in (0, -1, 2**31):
            await self.assertFailure(Ledger(database, lambda: bad).start(START), StorageError)  # noqa: B023

    async def test_superseded(self) -> None:
        """A new start at the same connector supersedes the open one there, and no other."""
        ledger = await self.ledger(10, 11, 12, 13)
        for changes in ({}, {"connector": 2}, {"charge_point": "CP-2"}):
            await ledger.start(start_of(**changes))
        stored = await ledger.start(start_of(meter_start_wh=2000))
        self.assertEqual(stored.superseded, (10,))
        states = {
            found.transaction.transaction_id: found.state
            for found in await ledger.transactions()
        }
        still_open = TransactionState.OPEN
        self.assertEqual(
            states,
            {10: TransactionState.SUPERSEDED, 11: still_open, 12: still_open, 13: still_open},
        )

    async def test_vacated(self) -> None:
        """What is open at a free connector is not resumed, and its stop still ends it."""
        ledger = await self.ledger(10, 11)
        await ledger.start(START)
        await ledger.start(start_of(connector=2))
        await ledger.vacated("CP-1", 1)
        await ledger.vacated("CP-1", 7)
        still_open = [
            one.transaction.transaction_id for one in await ledger.open_transactions()
        ]
        self.assertEqual([11], still_open)
        stopped = await ledger.stop(stop_of(10))
        self.assertEqual((StopOutcome.STOPPED, 2500), (stopped.outcome, stopped.energy_wh))

    async def test_resumed(self) -> None:
        """What was thought over goes on, also after a restart."""
        ledger = await self.ledger(10)
        await ledger.start(START)
        await ledger.vacated("CP-1", 1)
        self.assertEqual(await ledger.open_transactions(), ())
        for _ in range(2):
            await ledger.resumed("CP-1", 1, 10)
        (found,) = await ledger.open_transactions()
        self.assertEqual(found.transaction.transaction_id, 10)

    async def test_notResumed(self) -> None:
        """Not what has ended, what another one has begun behind, or what is elsewhere."""
        ledger = await self.ledger(10, 11, 12, 13)
        await ledger.start(START)
        await ledger.start(start_of(meter_start_wh=2000))
        await ledger.start(start_of(connector=2))
        await ledger.stop(stop_of(12))
        await ledger.start(start_of(connector=3))
        await ledger.vacated("CP-1", 3)
        for charge_point, connector, number in (
            ("CP-1", 1, 10),
            ("CP-1", 2, 12),
            ("CP-1", 2, 13),
            ("CP-2", 3, 13),
            ("CP-1", 1, 999),
            *(("CP-1", 3, huge) for huge in HUGE_IDS),
        ):
            await ledger.resumed(charge_point, connector, number)
        (found,) = await ledger.open_transactions()
        self.assertEqual(found.transaction.transaction_id, 11)

    async def test_tooBig(self) -> None:
        """What does not fit 64 bits is refused by the peer's fault, and nothing is stored."""
        ledger = await self.ledger()
        for changes in (
            {"meter_start_wh": 2**63},
            {"meter_start_wh": -(2**63) - 1},
            {"connector": 2**63},
            {"reservation_id": 10**30},
            {"id_tag": "x" * 256},
            {"id_tag": "a\0b"},
            {"charge_point": "\ud800"},
            {"started_at": datetime(2026, 1, 1)},
            {"started_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
            {"request_text": "x" * (256 * 1024 + 1)},
        ):
            error = await self.assertFailure(
                ledger.start(start_of(**changes)), RemoteProtocolError
            )
            self.assertEqual(error.code, CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
        self.assertEqual(await ledger.transactions(), ())

    async def test_biggest(self) -> None:
        """What just fits is kept."""
        ledger = await self.ledger()
        await ledger.start(
            start_of(meter_start_wh=2**63 - 1, connector=-(2**63), id_tag="ß" * 255)
        )
        (found,) = await ledger.transactions()
        self.assertEqual(found.transaction.meter_start_wh, 2**63 - 1)
        self.assertEqual(found.connector, -(2**63))

    async def test_stop(self) -> None:
        """A stop ends its transaction and says what was drawn."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stored = await ledger.stop(stop_of(made.transaction.transaction_id))
        self.assertEqual(stored.outcome, StopOutcome.STOPPED)
        self.assertEqual((stored.evse, stored.connector), ("bay-1", 1))
        self.assertEqual(stored.energy_wh, 2500)
        self.assertEqual(stored.id_tag, "04AABB")
        (found,) = await ledger.transactions()
        self.assertEqual(found.state, TransactionState.STOPPED)
        self.assertEqual(found.stopped_at, NOW + timedelta(hours=1))
        self.assertEqual((found.meter_stop_wh, found.energy_wh), (3500, 2500))
        self.assertEqual(found.stop_reason, "EVDisconnected")
        self.assertEqual(found.stop_text, '{"transactionId":1}')
        self.assertEqual(await ledger.open_transactions(), ())

    async def test_meterWentBack(self) -> None:
        """A register that went back gives no energy, and its reading is kept."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stored = await ledger.stop(stop_of(made.transaction.transaction_id, meter_stop_wh=999))
        self.assertEqual(stored.outcome, StopOutcome.STOPPED)
        self.assertIsNone(stored.energy_wh)
        (found,) = await ledger.transactions()
        self.assertEqual(found.meter_stop_wh, 999)

    async def test_stopOfASupersededOne(self) -> None:
        """A late stop still ends a transaction that was superseded."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        await ledger.start(start_of(meter_start_wh=5000))
        stored = await ledger.stop(stop_of(made.transaction.transaction_id))
        self.assertEqual(stored.outcome, StopOutcome.STOPPED)
        self.assertEqual((await ledger.transactions())[1].state, TransactionState.STOPPED)

    async def test_repeatedStop(self) -> None:
        """The same stop again gets the same answer and books nothing."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stop = stop_of(made.transaction.transaction_id)
        first = await ledger.stop(stop)
        again = await ledger.stop(stop)
        self.assertEqual(again, evolve(first, outcome=StopOutcome.REPEATED))
        self.assertEqual(await ledger.stray_stops("CP-1"), ())

    async def test_differingSecondStop(self) -> None:
        """A second stop with another reading changes nothing and is kept for review."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stop = stop_of(made.transaction.transaction_id)
        await ledger.stop(stop)
        again = await ledger.stop(evolve(stop, meter_stop_wh=9999))
        self.assertEqual((again.outcome, again.energy_wh), (StopOutcome.REPEATED, 2500))
        (stray,) = await ledger.stray_stops("CP-1")
        self.assertEqual(stray.meter_stop_wh, 9999)
        self.assertEqual(stray.outcome, StopOutcome.REPEATED)

    async def test_unknownStop(self) -> None:
        """A stop of no transaction, whatever integer it names, is kept for review."""
        ledger = await self.ledger(4711)
        await ledger.start(START)
        for transaction_id in HUGE_IDS:
            stored = await ledger.stop(stop_of(transaction_id))
            self.assertEqual(stored.outcome, StopOutcome.UNKNOWN)
            self.assertIsNone(stored.energy_wh)
        kept = [stray.transaction_id for stray in await ledger.stray_stops("CP-1")]
        self.assertEqual(kept[:-1], [str(transaction_id) for transaction_id in HUGE_IDS[:-1]])
        self.assertEqual(kept[-1], "an integer of 16610 bits")
        self.assertEqual(len(await ledger.open_transactions()), 1)

    async def test_unknownStopTwice(self) -> None:
        """A stop of no transaction that is said again is kept once."""
        ledger = await self.ledger()
        for _ in range(3):
            await ledger.stop(stop_of(123))
        self.assertEqual(len(await ledger.stray_stops("CP-1")), 1)

    async def test_foreignStop(self) -> None:
        """Nobody ends another Charge Point's transaction, nor learns anything about it."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stop = stop_of(made.transaction.transaction_id, charge_point="CP-2")
        stored = await ledger.stop(stop)
        self.assertEqual(stored.outcome, StopOutcome.FOREIGN)
        self.assertEqual((stored.evse, stored.id_tag, stored.energy_wh), (None, None, None))
        self.assertEqual(len(await ledger.open_transactions()), 1)
        (stray,) = await ledger.stray_stops("CP-2")
        self.assertEqual(stray.request_text, stop.request_text)

    async def test_strayStopsAreBounded(self) -> None:
        """Of each Charge Point the newest are kept; one does not displace another's."""
        self.patch(review, "MAX_STRAY_STOPS", 3)
        ledger = await self.ledger()
        await ledger.stop(stop_of(1, charge_point="CP-2"))
        for transaction_id in range(1, 8):
            await ledger.stop(stop_of(transaction_id))
        kept = [stray.transaction_id for stray in await ledger.stray_stops("CP-1")]
        self.assertEqual(kept, ["5", "6", "7"])
        self.assertEqual(len(await ledger.stray_stops("CP-2")), 1)

    async def test_stopTooBig(self) -> None:
        """A reading that does not fit 64 bits is refused, and the transaction stays open."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stop = stop_of(made.transaction.transaction_id, meter_stop_wh=2**63)
        error = await self.assertFailure(ledger.stop(stop), RemoteProtocolError)
        self.assertEqual(error.code, CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
        self.assertEqual(len(await ledger.open_transactions()), 1)

    async def test_meterValues(self) -> None:
        """A payload comes back to the letter: escapes, spaces, and what is not ASCII."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        number = made.transaction.transaction_id
        payloads = (
            r'{ "a" : "\/\u00e9" ,"b":1.50 }',
            '\t{"ä": "😀 é"}\r\n ',
            '{"n": 1e400, "z": "\\u0000"}',
        )
        for payload in payloads:
            await ledger.add_meter_values("CP-1", 1, number, NOW, payload)
        found = await ledger.meter_values("CP-1", number)
        self.assertEqual(tuple(values.payload_text for values in found), payloads)
        self.assertEqual({values.received_at for values in found}, {NOW})

    async def test_looseMeterValues(self) -> None:
        """Readings of no transaction, or of another Charge Point's, are kept outside any."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        named = (None, *HUGE_IDS, made.transaction.transaction_id)
        for transaction_id in named:
            await ledger.add_meter_values("CP-2", 1, transaction_id, NOW, "{}")
        self.assertEqual(len(await ledger.meter_values("CP-2", None)), len(named))
        number = made.transaction.transaction_id
        self.assertEqual(await ledger.meter_values("CP-1", number), ())

    async def test_meterValuesTogether(self) -> None:
        """Readings that are kept in one go are as those that are kept one by one."""
        ledger = await self.ledger(5, 6)
        await ledger.start(START)
        await ledger.start(start_of(charge_point="CP-2"))
        named = (("CP-1", 5), ("CP-2", 6), ("CP-1", 6), ("CP-2", 999), ("CP-1", None))
        waiting = [
            ledger.add_meter_values(charge_point, 1, transaction_id, NOW, f"{turn}")
            for turn in range(3)
            for charge_point, transaction_id in named
        ]
        await gatherResults(waiting)
        for charge_point, transaction_id, times in (
            ("CP-1", 5, 1),
            ("CP-2", 6, 1),
            ("CP-1", None, 2),
            ("CP-2", None, 1),
        ):
            found = await ledger.meter_values(charge_point, transaction_id)
            texts = [values.payload_text for values in found]
            self.assertEqual(texts, [str(turn) for turn in range(3) for _ in range(times)])

    async def test_startedMeanwhile(self) -> None:
        """A transaction that starts after it was named for the first time is known then."""
        ledger = await self.ledger(5)
        waiting = [
            ledger.add_meter_values("CP-1", 1, 5, NOW, "before"),
            ledger.start(START),
            ledger.add_meter_values("CP-1", 1, 5, NOW, "after"),
        ]
        await gatherResults(waiting)
        (found,) = await ledger.meter_values("CP-1", 5)
        self.assertEqual(found.payload_text, "after")
        (found,) = await ledger.meter_values("CP-1", None)
        self.assertEqual(found.payload_text, "before")

    async def test_badReadingAmongOthers(self) -> None:
        """A reading that cannot be kept is refused, and the others are kept."""
        ledger = await self.ledger()
        results = DeferredList(
            [
                ledger.add_meter_values("CP-1", connector, None, at, payload)
                for connector, at, payload in (
                    (1, NOW, "first"),
                    (2**63, NOW, "{}"),
                    (1, datetime(2026, 1, 1), "{}"),
                    (1, NOW, "a\0"),
                    (1, NOW, "x" * (256 * 1024 + 1)),
                    (1, NOW, "last"),
                )
            ],
            consumeErrors=True,
        )
        said = await results
        self.assertEqual([good for good, _ in said], [True] + [False] * 4 + [True])
        for _, failure in said[1:-1]:
            self.assertIsInstance(failure.value, RemoteProtocolError)
        kept = [values.payload_text for values in await ledger.meter_values("CP-1", None)]
        self.assertEqual(kept, ["first", "last"])

    async def test_transactionThatWasDeleted(self) -> None:
        """A transaction that somebody has deleted by hand is unknown again."""
        ledger = await self.ledger(5)
        await ledger.start(START)
        await ledger.add_meter_values("CP-1", 1, 5, NOW, "gone")
        await self.write(ledger._database, "DELETE FROM meter_values")
        await self.write(ledger._database, "DELETE FROM transactions")
        waiting = [ledger.add_meter_values("CP-1", 1, 5, NOW, text) for text in ("a", "b")]
        await gatherResults(waiting)
        kept = [values.payload_text for values in await ledger.meter_values("CP-1", None)]
        self.assertEqual(kept, ["a", "b"])

    async def test_timeOfAReading(self) -> None:
        """The time of a reading is stored as every other, with and without microseconds."""
        ledger = await self.ledger()
        there = timezone(timedelta(hours=-9, minutes=-30))
        moments = (NOW, NOW.replace(microsecond=0), NOW.astimezone(there))
        for connector, at in enumerate(moments):
            await ledger.add_meter_values("CP-1", 1, None, at, "{}")
            await ledger.start(start_of(started_at=at, connector=connector))
        found = await ledger.meter_values("CP-1", None)
        self.assertEqual(
            [values.received_at for values in found], [NOW.replace(microsecond=0), NOW, NOW]
        )
        database = ledger._database
        as_stored = await self.rows(database, "SELECT DISTINCT received_at FROM meter_values")
        started = await self.rows(database, "SELECT DISTINCT started_at FROM transactions")
        self.assertEqual(set(as_stored), set(started))

    async def test_boundOfManyInTurn(self) -> None:
        """The bound holds for each series, however the readings of many alternate."""
        self.patch(series, "_ROWS_TOO_MANY", 4)
        self.patch(series, "MAX_LOOSE_READINGS", 3)
        ledger = await self.ledger()
        for turn in range(10):
            both = [
                ledger.add_meter_values(charge_point, 1, None, NOW, str(turn))
                for charge_point in ("CP-1", "CP-2")
            ]
            await gatherResults(both)
        for charge_point in ("CP-1", "CP-2"):
            found = await ledger.meter_values(charge_point, None)
            self.assertLessEqual(len(found), 3 + 4)
            self.assertEqual(found[-1].payload_text, "9")

    async def test_boundAfterARestart(self) -> None:
        """What was stored before a start counts, and so does what was forgotten meanwhile."""
        self.patch(series, "_ROWS_TOO_MANY", 2)
        self.patch(series, "MAX_LOOSE_READINGS", 3)
        self.patch(series, "_MAX_REMEMBERED", 1)
        ledger = await self.ledger()
        for turn in range(12):
            await ledger.add_meter_values("CP-1", 1, None, NOW, str(turn))
            await ledger.add_meter_values("CP-2", 1, None, NOW, str(turn))
            if turn == 6:
                await ledger._database.stop()
                await ledger._database.start()
        for charge_point in ("CP-1", "CP-2"):
            self.assertLessEqual(len(await ledger.meter_values(charge_point, None)), 3 + 2)

    async def test_fewAreRemembered(self) -> None:
        """A reading finds its transaction also when more run than are remembered."""
        self.patch(series, "_MAX_REMEMBERED", 2)
        ledger = await self.ledger(*range(11, 17))
        for connector in range(6):
            await ledger.start(start_of(connector=connector))
        for _ in range(2):
            waiting = [ledger.add_meter_values("CP-1", 1, 11 + n, NOW, "{}") for n in range(6)]
            await gatherResults(waiting)
        for number in range(11, 17):
            self.assertEqual(len(await ledger.meter_values("CP-1", number)), 2)

    async def test_meterValuesAreBounded(self) -> None:
        """Above the bound the oldest readings go, but a transaction's first one stays."""
        self.patch(series, "_ROWS_TOO_MANY", 1)
        self.patch(series, "MAX_LOOSE_READINGS", 3)
        self.patch(series, "MAX_TRANSACTION_READINGS", 3)
        ledger = await self.ledger()
        made = await ledger.start(START)
        for number in (None, made.transaction.transaction_id):
            for count in range(6):
                await ledger.add_meter_values("CP-1", 1, number, NOW, str(count))
        kept = [
            [values.payload_text for values in await ledger.meter_values("CP-1", number)]
            for number in (None, made.transaction.transaction_id)
        ]
        self.assertEqual(kept, [["3", "4", "5"], ["0", "4", "5"]])

    async def test_longReadingsAreBounded(self) -> None:
        """So is their length, also over restarts: few long ones are as many short ones."""
        self.patch(series, "_CHARS_TOO_MANY", 1)
        self.patch(series, "MAX_LOOSE_CHARS", 30)
        self.patch(series, "MAX_TRANSACTION_CHARS", 30)
        ledger = await self.ledger()
        made = await ledger.start(START)
        numbers = (None, made.transaction.transaction_id)
        for count in range(6):
            for number in numbers:
                await ledger.add_meter_values("CP-1", 1, number, NOW, f"{count}" * 10)
            if count == 2:
                await ledger._database.stop()
                await ledger._database.start()
        kept = [
            [values.payload_text[0] for values in await ledger.meter_values("CP-1", number)]
            for number in numbers
        ]
        self.assertEqual(kept, [["3", "4", "5"], ["0", "4", "5"]])

    async def test_overBuckets(self) -> None:
        """Readings are found, counted and forgotten in whichever buckets they are."""
        self.patch(series, "_ROWS_TOO_MANY", 1)
        self.patch(series, "MAX_TRANSACTION_READINGS", 5)
        ledger = await self.ledger(5)
        await ledger.start(START)
        for bucket in range(4):
            await self.skip_to(ledger, (bucket + 1) * BUCKET_ROWS - 1)
            waiting = [
                ledger.add_meter_values("CP-1", 1, 5, NOW, f"{bucket}{count}")
                for count in range(3)
            ]
            await gatherResults([*waiting, ledger.add_meter_values("CP-2", 1, 5, NOW, "{}")])
        found = [values.payload_text for values in await ledger.meter_values("CP-1", 5)]
        self.assertEqual(found, ["00", "22", "30", "31", "32"])
        self.assertEqual(len(await ledger.meter_values("CP-2", None)), 4)
        noted = await self.rows(
            ledger._database,
            "SELECT bucket, readings, chars FROM meter_value_buckets"
            " WHERE charge_point = 'CP-1' AND transaction_id = 5 ORDER BY bucket",
        )
        self.assertEqual(noted, [(0, 1, 2), (3, 2, 4), (4, None, None)])

    async def test_deletedByHand(self) -> None:
        """Where somebody has deleted old readings, newer ones do not go in their place."""
        self.patch(series, "_ROWS_TOO_MANY", 1)
        self.patch(series, "MAX_LOOSE_READINGS", 8)
        self.patch(series, "MAX_TRANSACTION_READINGS", 8)
        ledger = await self.ledger(5)
        await ledger.start(START)
        for bucket in range(3):
            await self.skip_to(ledger, (bucket + 1) * BUCKET_ROWS)
            await self.add_both(ledger, f"{bucket}0", f"{bucket}1")
        await self.delete(ledger, f"number < {2 * BUCKET_ROWS}")
        await self.add_both(ledger, "22", "23", "24", "25", "26")
        left = ["10", "11", "20", "21", "22", "23", "24", "25", "26"]
        self.assertEqual([left[1:], left[:1] + left[2:]], await self.both(ledger))

    async def test_allDeletedByHand(self) -> None:
        """What is there no more is not counted when its numbers are given again."""
        self.patch(series, "_ROWS_TOO_MANY", 1)
        self.patch(series, "MAX_LOOSE_READINGS", 4)
        self.patch(series, "MAX_TRANSACTION_READINGS", 4)
        ledger = await self.in_two_buckets()
        await self.delete(ledger, "number > 0")
        await self.add_both(ledger, "0", "1", "2", "3")
        self.assertEqual([["0", "1", "2", "3"]] * 2, await self.both(ledger))

    async def test_newestDeletedByHand(self) -> None:
        """All is counted that is there, where it was not to grow any more and does."""
        self.patch(series, "_ROWS_TOO_MANY", 1)
        self.patch(series, "MAX_LOOSE_READINGS", 4)
        self.patch(series, "MAX_TRANSACTION_READINGS", 4)
        ledger = await self.in_two_buckets()
        await self.delete(ledger, f"number >= {BUCKET_ROWS - 1}")
        await self.add_both(ledger, "02")
        await self.skip_to(ledger, BUCKET_ROWS)
        await self.add_both(ledger, "10", "11", "12")
        self.assertEqual(
            [["02", "10", "11", "12"], ["00", "10", "11", "12"]], await self.both(ledger)
        )

    async def in_two_buckets(self) -> Ledger:
        """A ledger with readings, which it does not remember."""
        ledger = await self.ledger(5)
        await ledger.start(START)
        await self.add_both(ledger, "00", "01")
        await self.skip_to(ledger, BUCKET_ROWS)
        await self.add_both(ledger, "10", "11")
        await ledger._database.run(series.forget_what_is_remembered)
        return ledger

    async def delete(self, ledger: Ledger, which: str) -> None:
        """Delete readings by hand, while the program does not run."""
        await self.write(ledger._database, f"DELETE FROM meter_values WHERE {which}")
        await ledger._database.run(series.forget_what_is_remembered)

    async def add_both(self, ledger: Ledger, *words: str) -> None:
        """Keep readings outside any transaction, and the same again in transaction 5."""
        for number in (None, 5):
            for word in words:
                await ledger.add_meter_values("CP-1", 1, number, NOW, word)

    async def both(self, ledger: Ledger) -> list[list[str]]:
        """What is kept of those."""
        return [
            [values.payload_text for values in await ledger.meter_values("CP-1", number)]
            for number in (None, 5)
        ]

    async def test_heardOfLast(self) -> None:
        """Whoever goes on is remembered; who was not heard of for the longest is not."""
        self.patch(series, "_MAX_REMEMBERED", 2)
        ledger = await self.ledger()
        for charge_point in ("CP-1", "CP-2", "CP-1", "CP-3"):
            await ledger.add_meter_values(charge_point, 1, None, NOW, "{}")
        asked: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *_: object) -> None:
            if "FROM meter_value_buckets" in statement:
                asked.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        self.addCleanup(event.remove, Engine, "before_cursor_execute", note)
        await ledger.add_meter_values("CP-1", 1, None, NOW, "{}")
        self.assertEqual(0, len(asked))
        await ledger.add_meter_values("CP-2", 1, None, NOW, "{}")
        self.assertEqual(1, len(asked))

    async def skip_to(self, ledger: Ledger, number: int) -> None:
        """Have the next reading stored under this number, as after many of others."""
        await self.write(
            ledger._database,
            "INSERT INTO meter_values (number, charge_point, connector, received_at,"
            f" payload_text) VALUES ({number - 1}, 'CP-9', 1, '2026-01-02 03:04:05', 'x')",
        )
        await ledger._database.run(series.forget_what_is_remembered)

    async def test_throughTheIndex(self) -> None:
        """Readings are found without looking at those of others."""
        self.patch(series, "_ROWS_TOO_MANY", 1)
        self.patch(series, "MAX_LOOSE_READINGS", 3)
        ledger = await self.ledger(5)
        await ledger.start(START)
        asked: list[tuple[str, Any]] = []

        def note(
            connection: Any, cursor: Any, statement: str, parameters: Any, *_: object
        ) -> None:
            if "FROM meter_values" in statement and "max(" not in statement:
                asked.append((statement, parameters))

        event.listen(Engine, "before_cursor_execute", note)
        self.addCleanup(event.remove, Engine, "before_cursor_execute", note)
        for number in (5, None):
            for _ in range(5):
                await ledger.add_meter_values("CP-1", 1, number, NOW, "{}")
            await ledger._database.run(series.forget_what_is_remembered)
            await ledger.add_meter_values("CP-1", 1, number, NOW, "{}")
            await ledger.meter_values("CP-1", number)
        event.remove(Engine, "before_cursor_execute", note)
        event.listen(Engine, "before_cursor_execute", note)
        # Counting, what is to be forgotten, forgetting, reading.
        self.assertGreaterEqual(len(asked), 2 * 2 + 2)
        self.assertEqual(sum(statement.startswith("DELETE") for statement, _ in asked), 3)
        for statement, parameters in list(asked):
            plan = await self.plan(ledger._database, statement, parameters)
            self.assertIn("ix_meter_values_bucket", plan, statement)
            self.assertNotIn("SCAN meter_values", plan, statement)

    async def plan(self, database: Database, statement: str, parameters: Any) -> str:
        """How the database goes about a statement."""

        def explain(connection: Any) -> str:
            words = "EXPLAIN QUERY PLAN"
            if connection.dialect.name == "postgresql":
                # It has too few rows here for an index to be worth while.
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
                words = "EXPLAIN"
            rows = connection.exec_driver_sql(f"{words} {statement}", parameters)
            return "\n".join(str(tuple(row)) for row in rows)

        return await database.run(explain)

    async def test_openAfterRestart(self) -> None:
        """What has not been stopped is there when the program starts again."""
        numbers = itertools.count(1)
        database = await self.opened()
        ledger = Ledger(database, lambda: next(numbers))
        stopped = await ledger.start(START)
        running = await ledger.start(start_of(connector=2, evse="bay-2"))
        await ledger.stop(stop_of(stopped.transaction.transaction_id))
        await database.stop()
        await database.start()
        (found,) = await ledger.open_transactions()
        self.assertEqual(found.transaction, running.transaction)
        self.assertEqual(
            (found.charge_point, found.connector, found.evse), ("CP-1", 2, "bay-2")
        )

    async def test_pages(self) -> None:
        """Transactions come newest first, in pages."""
        ledger = await self.ledger()
        for connector in range(5):
            await ledger.start(start_of(connector=connector))
        page = await ledger.transactions(limit=2, offset=1)
        self.assertEqual([found.connector for found in page], [3, 2])
        self.assertEqual(await ledger.transactions(limit=-1), ())
