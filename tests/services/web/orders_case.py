"""A site with a wallbox that speaks OCPP and a box that does not, and an operator's orders."""

from __future__ import annotations

from collections.abc import Coroutine
from itertools import count
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.commands.operator import Archives, Chance, Operator
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.errors import StorageError
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.services.local_transactions import LocalTransactions
from cfos_cm.services.web.evse_orders import EvseOrders
from cfos_cm.services.web.evse_routes import evse_routes
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import SettingsChanged
from cfos_cm.site.evse import EvseSettings
from cfos_cm.storage.evse_orders import EvseOrder
from cfos_cm.web.problem import Problem
from tests.central_system.operators import (
    MemoryKeyBook,
    MemoryReservations,
    MemorySentLists,
    Station,
)
from tests.central_system.world import NOW, World
from tests.services.loops import NotingEvse
from tests.services.web.asking import Desk

__all__ = ["BAY", "BOX", "FUSE", "MemoryOrders", "OrdersCase", "operator_of"]

T = TypeVar("T")

BAY = EvseSettings("bay", "garage")
#: It knows no transactions of its own.
BOX = EvseSettings("box", "garage", keeps_limit=True)
FUSE = CircuitSettings("garage", 63_000)


class MemoryOrders:
    """
    Orders that outlive the program, without a disk.

    @ivar kept: by EVSE.
    @ivar broken: nothing can be written.
    """

    def __init__(self) -> None:
        self.kept: dict[str, EvseOrder] = {}
        self.broken = False

    def put(self, order: EvseOrder) -> Deferred[None]:
        """See L{cfos_cm.services.web.evse_ceilings.OrderStore.put}."""
        if self.broken:
            return fail(StorageError("the disk is full"))
        self.kept[order.evse] = order
        return succeed(None)

    def remove(self, evse: str) -> Deferred[None]:
        """See L{cfos_cm.services.web.evse_ceilings.OrderStore.remove}."""
        if self.broken:
            return fail(StorageError("the disk is full"))
        self.kept.pop(evse, None)
        return succeed(None)

    def all(self) -> Deferred[tuple[EvseOrder, ...]]:
        """See L{cfos_cm.services.web.evse_ceilings.OrderStore.all}."""
        return succeed(tuple(self.kept.values()))


def operator_of(world: World) -> Operator:
    """An operator of the Central System of a world."""
    numbers = count(501)
    archives = Archives(
        lambda: world.disk.do(lambda: ()),
        MemorySentLists(world.disk),
        MemoryReservations(world.disk),
        MemoryKeyBook(world.disk),
    )
    return Operator(
        world.system,
        archives,
        Chance(lambda: next(numbers), lambda length: bytes(range(1, length + 1))),
    )


class OrdersCase(SynchronousTestCase):
    """
    EVSE C{bay} is connector 1 of CP-1, EVSE C{box} speaks no OCPP; both note their orders.

    @ivar desk: an administrator who asks; a test may lower his role.
    @ivar station: CP-1, which is connected.
    """

    def setUp(self) -> None:
        """Start the loop; everything is connected, nobody charges."""
        settings = CentralSystemSettings({"CP-1": ChargePointSettings("CP-1", {1: BAY})})
        self.world = World(settings)
        self.clock = self.world.clock
        self.store = MemoryOrders()
        self.begin()
        self.station = Station(self.world)
        self.station.ask("BootNotification", _BOOT)

    def begin(self) -> None:
        """The program starts, with what is on disk."""
        self.loop = ControlLoop(self.clock, 1.0)
        environment = self.world.system.roster.environment
        # The world was made before the loop.
        object.__setattr__(environment, "report", self.loop.report)
        self.local = LocalTransactions(evolve(environment, report=self.loop.report))
        self.orders = EvseOrders(
            self.clock,
            lambda: NOW,
            self.world.system,
            operator_of(self.world),
            self.local,
            self.store,
            self.loop.report,
            lambda: self.loop.state,
        )
        self.bay, self.box = NotingEvse("bay"), NotingEvse("box")
        devices: dict[str, IEvse] = {"bay": self.bay, "box": self.box}
        self.loop.observe(self.local.note)
        self.loop.observe(self.orders.note)
        self.loop.evses = devices
        self.configure(BAY, BOX)
        self.get(self.orders.open())
        self.loop.start()
        self.settle()
        self.desk = Desk(evse_routes(self.orders))

    def configure(self, *evses: EvseSettings, observe_only: bool = False) -> None:
        """The settings are these."""
        self.loop.report(SettingsChanged("Garage", observe_only, (FUSE,), evses))
        self.settle()

    def settle(self) -> None:
        """Let happen what happens at once."""
        for _ in range(3):
            self.clock.advance(0)

    def get(self, asking: Coroutine[Any, Any, T]) -> T:
        """What something comes to at once."""
        return self.successResultOf(Deferred.fromCoroutine(asking))

    def begin_to_ask(self, evse: str, verb: str, **body: object) -> Deferred[Any]:
        """Order something that takes its time."""
        asking = Deferred.fromCoroutine(self.desk.ask("POST", f"/evses/{evse}/{verb}", body))
        self.settle()
        return asking

    def order(self, evse: str, verb: str, **body: object) -> tuple[str, str]:
        """Order something that is done at once: the status and the words."""
        done = self.successResultOf(self.begin_to_ask(evse, verb, **body))
        return done["status"], done["text"]

    def problem(self, evse: str, verb: str, **body: object) -> Problem:
        """What is wrong with an order."""
        failure = self.failureResultOf(self.begin_to_ask(evse, verb, **body), Problem)
        assert isinstance(failure.value, Problem)
        return failure.value


_BOOT = {"chargePointVendor": "cFos", "chargePointModel": "Power Brain"}
