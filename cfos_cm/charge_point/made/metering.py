"""The MeterValues of one EVSE, as its backend wants them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from cfos_cm.charge_point.made.keys import Keys
from cfos_cm.charge_point.made.reading import meter_value, showing, transaction_data
from cfos_cm.charge_point.made.rhythm import Grid, Spacing
from cfos_cm.charge_point.made.stop_data import StopData
from cfos_cm.site.evse import Evse
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.core import MeterValuesRequest
from cfos_cm.v16.types import ReadingContext, TransactionData

__all__ = ["Metering"]


@frozen
class _Sampled:
    """
    A transaction whose meter is read.

    @ivar goes_on: whether its readings are sent; they are kept until the next one begins.
    """

    transaction_id: int
    data: StopData
    goes_on: bool = True


class Metering:
    """
    Reads the meter of one EVSE, in and out of transactions.

    Readings of a transaction come after its start and before its end.
    """

    def __init__(
        self,
        number: int,
        clock: IReactorTime,
        now: Callable[[], datetime],
        keys: Keys,
        evse: Callable[[], Evse | None],
        send: Callable[[MeterValuesRequest], None],
    ) -> None:
        """
        @param number: of the connector at the backend.
        @param evse: what is known of it, now.
        @param send: takes readings; with C{transaction_id}, our own number.
        """
        self._number = number
        self._clock = clock
        self._now = now
        self._keys = keys
        self._evse = evse
        self._send = send
        self._sampled: _Sampled | None = None
        self._begin_s = 0.0
        self._spacing = Spacing(clock, self._sample)
        self._grid = Grid(clock, now, self._sample_aligned)

    def open(self) -> None:
        """Read at even times from now on."""
        self._grid.start(self._keys.number("ClockAlignedDataInterval"))

    def close(self) -> None:
        """Read nothing any more."""
        self._grid.stop()
        self._spacing.stop()

    def configured(self, key: str) -> None:
        """A configuration key has another value."""
        if key == "ClockAlignedDataInterval":
            self.open()
        elif key == "MeterValueSampleInterval" and self._running is not None:
            self._start()

    def begun(self, transaction: Transaction) -> None:
        """A transaction has begun, or goes on after a restart."""
        elapsed_s = (self._now() - transaction.started_at).total_seconds()
        # Whatever the time of day was when it began: the spacing is that of a steady clock.
        self._begin_s = self._clock.seconds() - max(0.0, elapsed_s)
        self._sampled = _Sampled(transaction.transaction_id, StopData(self._begin(transaction)))
        self._start()

    def ended(self, transaction_id: int) -> None:
        """A transaction ends: nothing of it is sent any more."""
        sampled = self._sampled
        if sampled is not None and sampled.transaction_id == transaction_id:
            self._spacing.stop()
            self._sampled = _Sampled(transaction_id, sampled.data, goes_on=False)

    def readings(self, context: ReadingContext) -> MeterValuesRequest | None:
        """What the meter says now; C{None}: nothing."""
        running = self._running
        return self._request(
            "MeterValuesSampledData",
            self._now(),
            context,
            None if running is None else running.transaction_id,
        )

    def stop_data(
        self, transaction_id: int, ended_at: datetime, stop_wh: int
    ) -> tuple[TransactionData, ...]:
        """
        What was sampled in a transaction; it ends with this.

        @param stop_wh: its last reading. [Wh]
        """
        self.ended(transaction_id)
        evse, sampled = self._evse(), self._sampled
        if sampled is None or sampled.transaction_id != transaction_id:
            return ()
        end = None
        if evse is not None:
            has_register = evse.energy_wh is not None or stop_wh > 0
            end = transaction_data(
                showing(evse, stop_wh if has_register else None),
                ended_at,
                self._keys.words("StopTxnSampledData"),
                ReadingContext.TRANSACTION_END,
            )
        return sampled.data.with_end(end)

    @property
    def _running(self) -> _Sampled | None:
        """The transaction whose readings are sent."""
        sampled = self._sampled
        return sampled if sampled is not None and sampled.goes_on else None

    def _begin(self, transaction: Transaction) -> TransactionData | None:
        evse = self._evse()
        if evse is None:
            return None
        start_wh = transaction.meter_start_wh
        # A register that stood at nothing was most likely none.
        has_register = start_wh > 0 or evse.energy_wh is not None
        return transaction_data(
            showing(evse, start_wh if has_register else None),
            transaction.started_at,
            self._keys.words("StopTxnSampledData"),
            ReadingContext.TRANSACTION_BEGIN,
        )

    def _start(self) -> None:
        self._spacing.start(self._begin_s, self._keys.number("MeterValueSampleInterval"))

    def _sample(self) -> None:
        self._read("SampledData", self._now(), ReadingContext.SAMPLE_PERIODIC)

    def _sample_aligned(self, at: datetime) -> None:
        self._read("AlignedData", at, ReadingContext.SAMPLE_CLOCK)

    def _read(self, kind: str, at: datetime, context: ReadingContext) -> None:
        """
        Send what the meter says, and keep it for the end of the transaction.

        @param kind: the second half of the names of the keys that say what of it.
        """
        running, transaction_id = self._running, None
        if running is not None:
            transaction_id = running.transaction_id
            self._keep(running, kind, at, context)
        request = self._request(f"MeterValues{kind}", at, context, transaction_id)
        if request is not None:
            self._send(request)

    def _keep(
        self, running: _Sampled, kind: str, at: datetime, context: ReadingContext
    ) -> None:
        words, evse = self._keys.words(f"StopTxn{kind}"), self._evse()
        if words and evse is not None:
            most = self._keys.number("StopTransactionMaxMeterValues")
            running.data.add(transaction_data(evse, at, words, context), most)

    def _request(
        self, key: str, at: datetime, context: ReadingContext, transaction_id: int | None
    ) -> MeterValuesRequest | None:
        evse = self._evse()
        value = None if evse is None else meter_value(evse, at, self._keys.words(key), context)
        if value is None:
            return None
        return MeterValuesRequest(
            connector_id=self._number, meter_value=(value,), transaction_id=transaction_id
        )
