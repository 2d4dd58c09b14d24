"""A site with a box that has no transactions of its own, without a disk."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.backends import NO_BACKENDS, Backends
from cfos_cm.services.control_loop import Observer
from cfos_cm.services.local_transactions import LocalTransactions
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    CardShown,
    EvseConnected,
    EvseMeasured,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
)
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.state import SiteState, fold, fold_readings
from cfos_cm.site.tag import Tag
from tests.central_system.world import World

__all__ = ["BOX", "FUSE", "OCPP", "Case"]

BOX = EvseSettings("box", "garage", keeps_limit=True)
OCPP = EvseSettings("bay", "garage")
FUSE = CircuitSettings("garage", 32_000)


class Case(SynchronousTestCase):
    """
    A box without transactions of its own, beside one with OCPP.

    @ivar backends: those who bill what is charged.
    @ivar watchers: more observers, told after L{LocalTransactions}.
    """

    settings = BOX
    backends: Backends = NO_BACKENDS

    def setUp(self) -> None:
        """It is connected, its meter speaks, and no car is there."""
        self.world = World()
        self.events: list[SiteEvent] = []
        self.watchers: list[Observer] = []
        self.begin()
        self.report(EvseConnected("box", "test"))
        self.report(EvseMeasured("box", energy_wh=5000))
        self.says(Occupancy.FREE)

    def begin(self) -> None:
        """The program starts."""
        self.state = SiteState()
        environment = evolve(
            self.world.system.roster.environment, report=self.report, backends=self.backends
        )
        self.local = LocalTransactions(environment)
        self.configure(self.settings, OCPP)

    def configure(self, *evses: EvseSettings) -> None:
        """The settings are these."""
        self.report(SettingsChanged("site", False, (FUSE,), evses))
        self.world.clock.advance(0)

    def report(self, event: SiteEvent) -> None:
        """As the control loop takes it."""
        self.events.append(event)
        before, now_s = self.state, self.world.clock.seconds()
        if isinstance(event, EvseMeasured):
            self.state = fold_readings(before, (event,), now_s)
        else:
            self.state = fold(before, event)
        after = self.state
        for watcher in (self.local.note, *self.watchers):
            watcher(event, before, after)

    def says(self, occupancy: Occupancy, evse: str = "box") -> None:
        """What its car does."""
        self.report(OccupancyReported(evse, occupancy, occupancy.value))
        self.world.clock.advance(0)

    def show(self, id_tag: str) -> None:
        """A card is held before its reader."""
        self.report(CardShown("box", id_tag))
        self.world.clock.advance(0)

    def draws(self, energy_wh: int) -> None:
        """What its meter shows. [Wh]"""
        self.report(EvseMeasured("box", energy_wh=energy_wh))

    def allow(self, *id_tags: str, group: str | None = None) -> None:
        """These tags are on the list."""
        for id_tag in id_tags:
            self.successResultOf(self.world.tags.put(Tag(id_tag, parent_id_tag=group)))

    def told(self, *kinds: type) -> list[SiteEvent]:
        """The events of some kinds, oldest first."""
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def tag(self) -> str | None:
        """Who charges there; C{None}: no transaction runs."""
        running = self.state.evses["box"].transaction
        return None if running is None else running.id_tag
