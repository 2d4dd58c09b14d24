"""
Any life of an EVSE without OCPP, as its backend sees it: each status follows the one before by
the table of the specification, and readings come between their start and their stop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, cast

from attrs import evolve, field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.made.connector import MadeConnector
from cfos_cm.charge_point.made.keys import Use
from cfos_cm.charge_point.made.transitions import TRANSITIONS
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.services.local_metering import LocalMetering
from cfos_cm.site.events import (
    EvseConnected,
    EvseLost,
    EvseMeasured,
    SetpointConfirmed,
    SetpointDecided,
    SetpointOrdered,
)
from cfos_cm.site.evse import Occupancy
from cfos_cm.site.records import StoredStart, StoredStop, TransactionStart, TransactionStop
from cfos_cm.site.setpoint import ReasonCode
from cfos_cm.v16.core import (
    ChargePointStatus,
    MeterValuesRequest,
    Reason,
    StatusNotificationRequest,
)
from cfos_cm.v16.types import TransactionData
from tests.central_system.world import Disk, MemoryLedger
from tests.charge_point.made.bay import MemoryKeys, setpoint
from tests.services.local_site import BOX, OCPP, Case
from tests.services.test_local_from_afar import Backend


@frozen
class _Line:
    """
    What a queue holds, in its order.

    @ivar kind: C{start}, C{values} or C{stop}.
    """

    kind: str
    transaction_id: int


class _Queue(MemoryLedger):
    """
    A ledger that says in which order it was told.

    @ivar lines: starts when they are written, stops when they are asked for: so long before
        they are on disk they are in the writer's queue.
    """

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        self.lines: list[_Line] = []

    def start(self, start: TransactionStart) -> Deferred[StoredStart]:
        """See L{MemoryLedger.start}."""
        known = set(self.rows)
        stored = super().start(start)
        self.lines += [_Line("start", one) for one in self.rows.keys() - known]
        return stored

    def stop(self, stop: TransactionStop) -> Deferred[StoredStop]:
        """See L{MemoryLedger.stop}."""
        self.lines.append(_Line("stop", stop.transaction_id))
        return super().stop(stop)


class Life(Case):
    """
    A box with a backend, and all that is made of it.

    @ivar told: statuses, in their order.
    """

    settings = evolve(BOX, needs_backend=True)

    def setUp(self) -> None:
        """It is connected, and no car is there."""
        self.backend = self.backends = Backend()
        self.backend.allow("04AA", "04BB", group="family")
        self.keys = MemoryKeys(
            MeterValueSampleInterval="7",
            ClockAlignedDataInterval="30",
            StopTxnSampledData="Energy.Active.Import.Register",
        )
        self.use = Use()
        self.told: list[StatusNotificationRequest] = []
        self.queue: _Queue | None = None
        super().setUp()

    def begin(self) -> None:
        """The program starts."""
        self.world.ledger = self.queue = _Queue(Disk())
        roster = self.world.system.roster
        roster.environment = evolve(roster.environment, ledger=self.queue)
        super().begin()
        self.metering = LocalMetering(roster.environment, self.local.runs)
        nothing = cast(Any, None)
        environment = GatewayEnvironment(
            clock=self.world.clock,
            now=roster.environment.now,
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
        self.made = MadeConnector(
            ConnectorSettings(1, "box", "evse/box"),
            environment,
            self.keys,
            lambda: self.use,
            self.told.append,
            self.sent,
        )
        self.made.open()
        self.watchers = [self.made.site_changed, self.metering.note]
        self.local.stop_data = self.stop_data
        self.local.keeps_when_unplugged = lambda _: (
            not self.keys.is_set("StopTransactionOnEVSideDisconnect")
        )

    def sent(self, request: MeterValuesRequest) -> None:
        """Readings go into the queue."""
        assert self.queue is not None
        if request.transaction_id is not None:
            self.queue.lines.append(_Line("values", request.transaction_id))

    def stop_data(
        self, evse: str, number: int, ended_at: datetime, stop_wh: int
    ) -> Sequence[TransactionData]:
        """What was sampled."""
        return self.made.stop_data(number, ended_at, stop_wh)

    def close(self) -> None:
        """It is over."""
        assert self.queue is not None
        self.queue.disk.broken = False
        self.queue.disk.let_go()
        self.backend.disk.let_go()
        closed = Deferred.fromCoroutine(self.local.close())
        self.made.close()
        self.metering.close()
        self.successResultOf(closed)


_Step = Callable[[Life], object]


def _gets(current_ma: int, code: ReasonCode) -> _Step:
    ordered = setpoint(current_ma, code)

    def step(life: Life) -> None:
        life.report(SetpointDecided("box", ordered))
        life.report(SetpointOrdered("box", ordered))
        life.report(SetpointConfirmed("box", ordered))

    return step


def _draws(current_ma: int) -> _Step:
    currents = PhaseCurrents(current_ma, current_ma, current_ma)

    def step(life: Life) -> None:
        shown_wh = 5000 + int(life.world.clock.seconds())
        life.report(EvseMeasured("box", currents, shown_wh))

    return step


def _end(reason: Reason) -> _Step:
    def step(life: Life) -> None:
        box = life.state.evses.get("box")
        if box is not None and box.transaction is not None:
            life.local.end("box", box.transaction.transaction_id, reason)

    return step


def _uses(**changes: bool) -> _Step:
    def step(life: Life) -> None:
        life.use = evolve(life.use, **changes)
        life.made.use_changed()

    return step


def _key(name: str, value: str) -> _Step:
    def step(life: Life) -> None:
        life.keys.values[name] = value
        life.made.configured(name)

    return step


def _holds(is_held: bool) -> _Step:
    def step(life: Life) -> None:
        assert life.queue is not None
        life.queue.disk.held = is_held
        life.backend.disk.held = is_held
        if not is_held:
            life.queue.disk.let_go()
            life.backend.disk.let_go()

    return step


def _breaks(is_broken: bool) -> _Step:
    def step(life: Life) -> None:
        assert life.queue is not None
        life.queue.disk.broken = is_broken

    return step


@frozen
class _Named:
    """A step that says in a failing example what it was."""

    name: str
    do: _Step = field(repr=False)


_STEPS = (
    *(
        _Named(occupancy.value, lambda life, one=occupancy: life.says(one))  # type: ignore[misc]
        for occupancy in Occupancy
        if occupancy is not Occupancy.UNKNOWN
    ),
    _Named("card", lambda life: life.show("04AA")),
    _Named("card of the group", lambda life: life.show("04BB")),
    _Named("bad card", lambda life: life.show("04CC")),
    _Named("invited", lambda life: life.local.invite("box", "04DD", 40.0)),
    _Named("ended", _end(Reason.REMOTE)),
    _Named("reset", lambda life: life.local.end_any("box", Reason.HARD_RESET)),
    _Named("lost", lambda life: life.report(EvseLost("box", "no answer"))),
    _Named("found", lambda life: life.report(EvseConnected("box", "test"))),
    _Named("may charge", _gets(16_000, ReasonCode.RATING)),
    _Named("paused", _gets(0, ReasonCode.CIRCUIT)),
    _Named("draws", _draws(16_000)),
    _Named("draws nothing", _draws(0)),
    _Named("out of use", _uses(is_operative=False)),
    _Named("in use", _uses(is_operative=True)),
    _Named("reserved", _uses(is_reserved=True)),
    _Named("not reserved", _uses(is_reserved=False)),
    _Named("outlives plug", _key("StopTransactionOnEVSideDisconnect", "false")),
    _Named("ends with plug", _key("StopTransactionOnEVSideDisconnect", "true")),
    _Named("must last", _key("MinimumStatusDuration", "5")),
    _Named("need not last", _key("MinimumStatusDuration", "0")),
    _Named("slow disk", _holds(is_held=True)),
    _Named("fast disk", _holds(is_held=False)),
    _Named("full disk", _breaks(is_broken=True)),
    _Named("empty disk", _breaks(is_broken=False)),
    _Named("taken out", lambda life: life.configure(OCPP)),
    _Named("fixed tag", lambda life: life.configure(
        evolve(life.settings, fixed_tag="04AA"), OCPP)),
    _Named("usual settings", lambda life: life.configure(life.settings, OCPP)),
)  # fmt: skip

#: Without these nothing much happens.
_OFTEN = ("plugged in", "charging", "invited", "ended", "may charge", "draws", "slow disk")
_CHOICES = _STEPS + 5 * tuple(step for step in _STEPS if step.name in _OFTEN)
_LIVES = st.lists(
    st.tuples(st.sampled_from(_CHOICES), st.sampled_from((0, 0, 1, 4, 20))),
    min_size=10,
    max_size=50,
)


class LifeTests(SynchronousTestCase):
    """Whatever happens, in any order."""

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(_LIVES)
    def test_any(self, steps: list[tuple[_Named, int]]) -> None:
        """Statuses follow the table; a transaction is a start, its readings and one stop."""
        life = Life(methodName="close")
        life.setUp()
        for step, wait_s in steps:
            step.do(life)
            life.world.clock.pump([1.0] * wait_s)
        life.close()
        self.assert_legal([one.status for one in life.told])
        assert life.queue is not None
        self.assert_ordered(life.queue.lines)
        for row in life.world.ledger.rows.values():
            if row.stop is not None:
                self.assertGreaterEqual(row.stop.stopped_at, row.start.started_at)

    def assert_legal(self, told: list[ChargePointStatus]) -> None:
        """Each is the one before, or one that may follow it."""
        for before, after in pairwise(told):
            if before is not after:
                self.assertIn(after, TRANSITIONS[before], told)

    def assert_ordered(self, lines: list[_Line]) -> None:
        """What belongs to a transaction comes after its start, and nothing after its stop."""
        begun: set[int] = set()
        ended: set[int] = set()
        for line in lines:
            number = line.transaction_id
            if line.kind == "start":
                begun.add(number)
                continue
            self.assertIn(number, begun, lines)
            if line.kind == "stop":
                ended.add(number)
            else:
                self.assertNotIn(number, ended, lines)
        # Each of them begins when the one before has ended.
        self.assertLessEqual(len(begun - ended), 1)
