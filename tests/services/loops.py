"""A control loop whose clock stands still, and EVSEs that note what they are told."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil, inf

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.drivers.passive import Passive
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.limits.settling import SETTLE_S
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    EvseConnected,
    SettingsChanged,
    SiteEvent,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.policy import Policy
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

__all__ = [
    "CYCLE_S",
    "BrokenEvse",
    "Given",
    "LoopCase",
    "NotingEvse",
    "settings",
    "transaction",
]

CYCLE_S = 1.0


@frozen
class Given:
    """An order as an EVSE was given it."""

    current_ma: int
    transaction_id: int | None
    from_scratch: bool
    answer: Deferred[bool | None]


@implementer(IEvse)
@define
class NotingEvse(Passive):
    """
    An EVSE that notes its orders; the test answers them.

    @ivar given: all orders, the last one last.
    """

    name: str
    given: list[Given] = field(factory=list)
    releases: list[Deferred[None]] = field(factory=list)
    renewal_due_s: float = inf

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[bool | None]:
        """See L{IEvse.apply}."""
        answer: Deferred[bool | None] = Deferred()
        self.given.append(Given(setpoint.current_ma, transaction_id, from_scratch, answer))
        return answer

    def release(self) -> Deferred[None]:
        """See L{IEvse.release}."""
        answer: Deferred[None] = Deferred()
        self.releases.append(answer)
        return answer

    @property
    def currents_ma(self) -> list[int]:
        """The current of each order."""
        return [one.current_ma for one in self.given]

    def confirms(self) -> None:
        """The last order is obeyed, with all that belongs to it."""
        last = self.given[-1]
        by_default = last.from_scratch or last.transaction_id is None
        last.answer.callback(True if by_default else None)

    def confirms_the_limit(self) -> None:
        """The last order is obeyed, but charging outside transactions is not forbidden."""
        self.given[-1].answer.callback(False)

    def refuses(self) -> None:
        """The last order is refused."""
        self.given[-1].answer.errback(DeviceRefusal("Rejected"))

    def is_silent(self) -> None:
        """The last order is not answered in time."""
        self.given[-1].answer.errback(DeviceError("not answered within 30 s"))


@implementer(IEvse)
@define
class BrokenEvse(Passive):
    """An EVSE whose driver has a mistake: it raises instead of giving a Deferred."""

    name: str
    calls: int = 0
    renewal_due_s: float = inf

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[bool | None]:
        """See L{IEvse.apply}; raises."""
        self.calls += 1
        raise ZeroDivisionError("a mistake in the driver")

    def release(self) -> Deferred[None]:
        """See L{IEvse.release}; raises."""
        self.calls += 1
        raise ZeroDivisionError("a mistake in the driver")


def settings(
    *names: str,
    observe_only: bool = False,
    fuse_ma: int = 32_000,
    policy: Policy = Policy(min_pause_s=0.0, min_run_s=0.0),  # noqa: B008 - a value
) -> SettingsChanged:
    """A site with one fuse and some EVSEs of 16 A, of which none has to rest."""
    return SettingsChanged(
        "Garage",
        observe_only,
        (CircuitSettings("garage", fuse_ma),),
        tuple(EvseSettings(name, "garage") for name in names),
        policy=policy,
    )


def transaction(transaction_id: int) -> Transaction:
    """A transaction of somebody who may charge."""
    started_at = datetime(2026, 3, 1, tzinfo=UTC)
    return Transaction(transaction_id, "04A1B2C3", Verdict.ACCEPTED, started_at, 0)


class LoopCase(SynchronousTestCase):
    """
    A loop with two EVSEs, C{a} and C{b}.

    @ivar events: all that an observer was told.
    @ivar fuse_ma: of the circuit that feeds both. [mA]
    """

    fuse_ma = 32_000

    def setUp(self) -> None:
        """Start the loop."""
        self.logged: list[LogEvent] = []
        globalLogPublisher.addObserver(self.logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged.append)
        self.clock = Clock()
        self.loop = ControlLoop(self.clock, CYCLE_S)
        self.events: list[SiteEvent] = []
        self.loop.observe(lambda event, before, after: self.events.append(event))
        self.a, self.b = NotingEvse("a"), NotingEvse("b")
        self.loop.evses = {"a": self.a, "b": self.b}
        self.loop.report(settings("a", "b", fuse_ma=self.fuse_ma))
        self.loop.start()
        self.settle()

    def settle(self) -> None:
        """Let happen what happens at once."""
        self.clock.advance(0)

    def report(self, *events: SiteEvent) -> None:
        """Report events, and let the loop act on them."""
        for event in events:
            self.loop.report(event)
        self.settle()

    def connect(self, evse: NotingEvse) -> None:
        """Connect an EVSE, which confirms that it does not charge."""
        self.report(EvseConnected(evse.name, "192.0.2.1"))
        evse.confirms()
        self.settle()

    def charge(self, evse: NotingEvse, transaction_id: int) -> None:
        """Start a transaction."""
        self.report(TransactionStarted(evse.name, transaction(transaction_id)))

    def stop_charging(self, evse: NotingEvse, transaction_id: int) -> None:
        """End a transaction."""
        self.report(TransactionStopped(evse.name, transaction_id, 1000, "Local"))

    def flushed(self) -> list[str]:
        """What was logged since the start of the test, in words."""
        return [formatEvent(event) for event in self.logged]

    def follow(self) -> None:
        """Let so much time pass that every car follows what its EVSE has confirmed."""
        self.clock.pump([CYCLE_S] * ceil(SETTLE_S / CYCLE_S + 1))

    def events_of(self, kind: type[SiteEvent]) -> list[SiteEvent]:
        """What of one kind the observer was told."""
        return [event for event in self.events if isinstance(event, kind)]
