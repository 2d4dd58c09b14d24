"""The MeterValues of an EVSE without OCPP."""

from __future__ import annotations

import json
from datetime import timedelta

from cfos_cm.site.events import TransactionResumed
from cfos_cm.site.evse import Occupancy
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.actions import encode
from cfos_cm.v16.core import MeterValuesRequest
from cfos_cm.v16.types import ReadingContext, TransactionData
from tests.charge_point.made.bay import ENERGY, NOON, BayCase


def _times(sent: list[MeterValuesRequest]) -> list[str]:
    """Of each message, the time of its reading."""
    return [one.meter_value[0].timestamp[11:19] for one in sent]


class SampledTests(BayCase):
    """TC_070: at exact distances, what is configured."""

    values = {
        "MeterValueSampleInterval": "30",
        "MeterValuesSampledData": f"{ENERGY},Power.Active.Import,Current.Import",
    }

    def test_spacing(self) -> None:
        """From the start of the transaction on, whatever happens meanwhile."""
        self.clock.advance(7)
        self.charge()
        self.clock.pump([1.0] * 95)
        self.assertEqual(["12:00:37", "12:01:07", "12:01:37"], _times(self.sent))

    def test_content(self) -> None:
        """As a message: our number of the transaction, and all that is known."""
        self.charge()
        self.draws(16_000, 5_100)
        self.clock.advance(30)
        (sent,) = self.sent
        said = json.loads(encode(sent))
        (value,) = said["meterValue"]
        self.assertEqual((1, 7), (said["connectorId"], said["transactionId"]))
        self.assertEqual(
            [
                (ENERGY, "5100", "Wh", "Sample.Periodic"),
                ("Power.Active.Import", "11040", "W", "Sample.Periodic"),
                *[("Current.Import", "16.0", "A", "Sample.Periodic")] * 3,
            ],
            [
                (one["measurand"], one["value"], one["unit"], one["context"])
                for one in value["sampledValue"]
            ],
        )

    def test_only_in_transactions(self) -> None:
        """Before and after there is none."""
        self.clock.pump([1.0] * 100)
        self.charge()
        self.end()
        self.clock.pump([1.0] * 100)
        self.assertEqual([], self.sent)

    def test_other_interval(self) -> None:
        """Another interval holds at once, and keeps the beginning."""
        self.charge()
        self.clock.advance(5)
        self.keys.values["MeterValueSampleInterval"] = "10"
        self.made.configured("MeterValueSampleInterval")
        self.clock.pump([1.0] * 16)
        self.assertEqual(["12:00:10", "12:00:20"], _times(self.sent))

    def test_other_interval_without_transaction(self) -> None:
        """An interval begins nothing."""
        self.made.configured("MeterValueSampleInterval")
        self.clock.pump([1.0] * 100)
        self.assertEqual([], self.sent)

    def test_after_restart(self) -> None:
        """What goes on after a restart goes on in its own time."""
        started = NOON - timedelta(seconds=70)
        self.says(Occupancy.PLUGGED)
        resumed = Transaction(7, "04AA", Verdict.ACCEPTED, started, 4000)
        self.report(TransactionResumed("box", resumed))
        self.clock.pump([1.0] * 21)
        self.assertEqual(["12:00:20"], _times(self.sent))

    def test_time_of_day_set(self) -> None:
        """The spacing is that of a clock that does not jump."""
        self.charge()
        self.clock.advance(20)
        self.began -= timedelta(hours=1)
        self.clock.advance(10)
        self.assertEqual(["11:00:30"], _times(self.sent))

    def test_silent_meter(self) -> None:
        """Nothing is sent that says nothing."""
        self.keys.values["MeterValuesSampledData"] = "Voltage"
        self.charge()
        self.clock.pump([1.0] * 100)
        self.assertEqual([], self.sent)

    def test_end_is_being_written(self) -> None:
        """No reading comes behind an end, though that is not on disk yet."""
        self.charge()
        self.made.stop_data(7, self.now(), 6000)
        self.clock.pump([1.0] * 100)
        self.assertEqual([], self.sent)

    def test_closed(self) -> None:
        """No timer is left."""
        self.charge()
        self.made.close()
        self.assertEqual([], self.clock.getDelayedCalls())


class AlignedTests(BayCase):
    """TC_071: at even times of day."""

    values = {"ClockAlignedDataInterval": "900", "MeterValuesAlignedData": ENERGY}

    def test_outside(self) -> None:
        """Also while nobody charges: then they belong to no transaction."""
        self.clock.pump([10.0] * 91)
        (sent,) = self.sent
        self.assertEqual((None, ["12:15:00"]), (sent.transaction_id, _times(self.sent)))
        context = sent.meter_value[0].sampled_value[0].context
        self.assertEqual(ReadingContext.SAMPLE_CLOCK, context)

    def test_inside(self) -> None:
        """While somebody charges they belong to his transaction."""
        self.charge()
        self.clock.pump([10.0] * 91)
        self.assertEqual([7], [one.transaction_id for one in self.sent])

    def test_switched_off(self) -> None:
        """They end when they are not wanted any more, and begin when they are."""
        for interval, count in (("0", 0), ("300", 3)):
            self.keys.values["ClockAlignedDataInterval"] = interval
            self.made.configured("ClockAlignedDataInterval")
            self.clock.pump([10.0] * 90)
            self.assertEqual(count, len(self.sent))


class TriggeredTests(BayCase):
    """TC_054: what a TriggerMessage asks for."""

    def test_readings(self) -> None:
        """What is known now, in a transaction or not."""
        idle = self.made.readings(ReadingContext.TRIGGER)
        self.charge()
        busy = self.made.readings(ReadingContext.TRIGGER)
        assert idle is not None
        assert busy is not None
        self.assertEqual((None, 7), (idle.transaction_id, busy.transaction_id))
        context = busy.meter_value[0].sampled_value[0].context
        self.assertEqual(ReadingContext.TRIGGER, context)

    def test_nothing(self) -> None:
        """Where nothing is known there is nothing to send."""
        self.keys.values["MeterValuesSampledData"] = "Voltage"
        self.assertIsNone(self.made.readings(ReadingContext.TRIGGER))


class StopDataTests(BayCase):
    """What goes with the end of a transaction."""

    values = {
        "MeterValueSampleInterval": "30",
        "ClockAlignedDataInterval": "60",
        "StopTxnSampledData": ENERGY,
        "StopTxnAlignedData": "Power.Active.Import",
    }

    def ends(self, number: int = 7) -> list[tuple[str, str, str]]:
        """When, why and what, of each reading."""
        found: tuple[TransactionData, ...] = self.made.stop_data(number, self.now(), 6000)
        return [
            (one.timestamp[11:19], value.context.value if value.context else "", value.value)
            for one in found
            for value in one.sampled_value
        ]

    def test_all(self) -> None:
        """From the first reading to the last, those that are configured."""
        self.charge()
        self.draws(16_000, 5100)
        self.clock.pump([1.0] * 65)
        self.assertEqual(
            [
                ("12:00:00", "Transaction.Begin", "5000"),
                ("12:00:30", "Sample.Periodic", "5100"),
                ("12:01:00", "Sample.Clock", "11040"),
                ("12:01:00", "Sample.Periodic", "5100"),
                ("12:01:05", "Transaction.End", "6000"),
            ],
            sorted(self.ends()),
        )

    def test_asked_again(self) -> None:
        """Nothing is added when it is asked for again a while later."""
        self.charge()
        self.clock.pump([1.0] * 40)
        first = self.ends()
        self.clock.pump([1.0] * 40)
        self.assertEqual(first[:-1], self.ends()[:-1])

    def test_other(self) -> None:
        """Nothing is said of a transaction that is not the last one."""
        self.charge()
        self.assertEqual([], self.ends(number=8))

    def test_not_wanted(self) -> None:
        """Nothing is said where nothing is configured."""
        self.keys.values.update(StopTxnSampledData="", StopTxnAlignedData="")
        self.charge()
        self.clock.pump([1.0] * 100)
        self.assertEqual([], self.ends())

    def test_after_restart(self) -> None:
        """What is known of the time before is what the transaction began with."""
        started = NOON - timedelta(seconds=70)
        resumed = Transaction(7, "04AA", Verdict.ACCEPTED, started, 4000)
        self.report(TransactionResumed("box", resumed))
        self.assertEqual(
            [
                ("11:58:50", "Transaction.Begin", "4000"),
                ("12:00:00", "Transaction.End", "6000"),
            ],
            self.ends(),
        )

    def test_outlives_plug(self) -> None:
        """One that outlives its plug is one and the same, with all that was sampled."""
        self.charge()
        running = self.state.evses["box"].transaction
        assert running is not None
        self.clock.pump([1.0] * 35)
        self.says(Occupancy.FREE)
        self.report(TransactionResumed("box", running))
        self.assertEqual(
            ["Transaction.Begin", "Sample.Periodic", "Transaction.End"],
            [context for _, context, _ in self.ends()],
        )

    def test_bounded(self) -> None:
        """No more than there may be."""
        self.keys.values["StopTransactionMaxMeterValues"] = "6"
        self.charge()
        self.clock.pump([1.0] * 1000)
        self.assertLessEqual(len(self.ends()), 6)
