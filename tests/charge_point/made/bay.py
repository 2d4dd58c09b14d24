"""An EVSE without OCPP on a site in memory, and the backend's view of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.made.connector import MadeConnector
from cfos_cm.charge_point.made.keys import Keys, Use
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    EvseConnected,
    EvseMeasured,
    OccupancyReported,
    SetpointConfirmed,
    SetpointDecided,
    SetpointOrdered,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import SiteState, fold, fold_readings
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.core import MeterValuesRequest, StatusNotificationRequest

#: As the control loop has them.
Observer = Callable[[SiteEvent, SiteState, SiteState], None]

__all__ = ["BOX", "ENERGY", "NOON", "BayCase", "MemoryKeys", "setpoint"]

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BOX = EvseSettings("box", "garage", keeps_limit=True, needs_backend=True)
ENERGY = "Energy.Active.Import.Register"


class MemoryKeys:
    """
    Configuration keys of one gateway.

    @ivar values: by name.
    """

    def __init__(self, **values: str) -> None:
        self.values = {
            "ClockAlignedDataInterval": "0",
            "ConnectionTimeOut": "60",
            "MeterValueSampleInterval": "0",
            "MeterValuesAlignedData": ENERGY,
            "MeterValuesSampledData": ENERGY,
            "MinimumStatusDuration": "0",
            "StopTransactionMaxMeterValues": "500",
            "StopTransactionOnEVSideDisconnect": "true",
            "StopTxnAlignedData": "",
            "StopTxnSampledData": "",
            **values,
        }

    def number(self, name: str) -> int:
        """See L{Keys.number}."""
        return int(self.values[name])

    def is_set(self, name: str) -> bool:
        """See L{Keys.is_set}."""
        return self.values[name] == "true"

    def words(self, name: str) -> tuple[str, ...]:
        """See L{Keys.words}."""
        return tuple(word for word in self.values[name].split(",") if word)


def setpoint(current_ma: int, code: ReasonCode = ReasonCode.RATING, why: str = "") -> Setpoint:
    """A setpoint, and why. [mA]"""
    return Setpoint(current_ma, Reason(code, why or code.value))


class BayCase(SynchronousTestCase):
    """
    A connector of a gateway that is connected.

    @cvar values: of configuration keys, where they are others than usual.
    @ivar watchers: observers of what happens.
    @ivar told: statuses, oldest first.
    @ivar sent: readings, oldest first.
    """

    values: dict[str, str] = {}

    def setUp(self) -> None:
        """The EVSE is there, its meter speaks, and no car is."""
        self.clock = Clock()
        self.began = NOON
        self.keys = MemoryKeys(**self.values)
        self.use = Use()
        self.told: list[StatusNotificationRequest] = []
        self.sent: list[MeterValuesRequest] = []
        self.state = SiteState()
        self.watchers: list[Observer] = []
        circuit = CircuitSettings("garage", 32_000)
        self.report(SettingsChanged("site", False, (circuit,), (BOX,)))
        self.come()
        self.made = self.connector()

    def come(self) -> None:
        """It is in touch, and says what it sees."""
        self.report(EvseConnected("box", "test"))
        self.report(EvseMeasured("box", energy_wh=5000))
        self.says(Occupancy.FREE)

    def connector(self, number: int = 1) -> MadeConnector:
        """One more view of the same EVSE."""
        keys: Keys = self.keys
        made = MadeConnector(
            ConnectorSettings(number, "box", "evse/box"),
            self.environment(),
            keys,
            lambda: self.use,
            self.told.append,
            self.sent.append,
        )
        made.open()
        self.watchers.append(made.site_changed)
        self.addCleanup(made.close)
        return made

    def environment(self) -> GatewayEnvironment:
        """What is around it; most of that is nothing that it asks for."""
        nothing = cast(Any, None)
        return GatewayEnvironment(
            clock=self.clock,
            now=self.now,
            new_unique_id=str,
            outbox=nothing,
            memory=nothing,
            vault=nothing,
            security_log=nothing,
            devices=nothing,
            site=lambda: self.state,
            report=self.report,
            counters=nothing,
        )

    def now(self) -> datetime:
        """The time of day."""
        return self.began + timedelta(seconds=self.clock.seconds())

    def report(self, event: SiteEvent) -> None:
        """As the control loop takes it."""
        before = self.state
        if isinstance(event, EvseMeasured):
            self.state = fold_readings(before, (event,), self.clock.seconds())
        else:
            self.state = fold(before, event)
        for watcher in self.watchers:
            watcher(event, before, self.state)

    def says(self, occupancy: Occupancy, fault: str | None = None) -> None:
        """What its car does."""
        self.report(OccupancyReported("box", occupancy, occupancy.value, fault))

    def draws(self, current_ma: int = 16_000, energy_wh: int | None = None) -> None:
        """What its meter shows. [mA], [Wh]"""
        currents = PhaseCurrents(current_ma, current_ma, current_ma)
        self.report(EvseMeasured("box", currents, energy_wh, 690 * current_ma // 1000))
        self.clock.advance(0)

    def gets(self, ordered: Setpoint) -> None:
        """It is told how much it may give, and confirms that."""
        self.report(SetpointDecided("box", ordered))
        self.report(SetpointOrdered("box", ordered))
        self.report(SetpointConfirmed("box", ordered))

    def begin(self, number: int = 7, verdict: Verdict = Verdict.ACCEPTED) -> Transaction:
        """A transaction begins."""
        energy_wh = self.state.evses["box"].energy_wh
        made = Transaction(number, "04AA", verdict, self.now(), energy_wh or 0)
        self.report(TransactionStarted("box", made))
        return made

    def end(self, number: int = 7, reason: str = "Remote") -> None:
        """It has ended, and that is on disk."""
        self.report(TransactionStopped("box", number, 0, reason))

    def charge(self) -> None:
        """A car comes, and charges with all that it may have."""
        self.says(Occupancy.PLUGGED)
        self.begin()
        self.gets(setpoint(16_000))
        self.says(Occupancy.CHARGING)
        self.draws()

    def resettle(self, **changes: object) -> None:
        """The settings are others. See L{EvseSettings}."""
        circuit = CircuitSettings("garage", 32_000)
        settings = evolve(BOX, **changes)  # type: ignore[arg-type]
        self.report(SettingsChanged("site", False, (circuit,), (settings,)))

    @property
    def statuses(self) -> list[str]:
        """Those that were told, oldest first."""
        return [one.status.value for one in self.told]
