"""What the server's sockets are made of, and where they are Twisted's own."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.internet import reactor, tcp
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import TestCase

from cfos_cm.central_system.settings import ChargePointSettings
from cfos_cm.net.eager_write import EagerServer
from cfos_cm.net.listening import are_sockets_known, listening_endpoint
from tests.central_system.world import SITE

from .peers import ServerCase


class Endpoints(TestCase):
    """Where short cuts are taken, and where not."""

    def test_other_reactors(self) -> None:
        """A reactor that is not Twisted's own for sockets listens in its own way."""
        memory = MemoryReactor()
        self.assertFalse(are_sockets_known(memory))
        self.assertFalse(are_sockets_known(Clock()))
        self.successResultOf(listening_endpoint(memory, "tcp:1234").listen(Factory()))
        self.assertEqual(1234, memory.tcpServers[0][0])

    def test_other_endpoints(self) -> None:
        """Neither is anything else than TCP touched."""
        endpoint: Any = listening_endpoint(reactor, r"unix:/x")
        self.assertIs(reactor, endpoint._reactor)

    def test_this_reactor(self) -> None:
        """The one that the tests run with is as it is known."""
        self.assertTrue(are_sockets_known(reactor))

    def test_private_names(self) -> None:
        """Where Twisted has other names for what it keeps, its own way is taken."""
        self.patch(tcp.Port, "transport", EagerServer)
        self.assertFalse(are_sockets_known(reactor))

    def test_mistake(self) -> None:
        """A description that cannot be understood is refused."""
        self.assertRaises(ValueError, listening_endpoint, reactor, "tcp:notaport")


class Strangers(ServerCase):
    """Who is read with strangers, and who is not."""

    def read_with(self, identity: str) -> str:
        """By whom a connection is read."""
        (one,) = [
            connection
            for connection in self.server.connections
            if connection.session is not None and connection.session.identity == identity
        ]
        return "strangers" if self.port.strangers.has(one.transport) else "guests"

    async def test_configured(self) -> None:
        """Who is configured is no stranger when its WebSocket is open; others are."""
        await self.opened("/CP-1")
        await self.opened("/CP-77")
        self.assertEqual("guests", self.read_with("CP-1"))
        self.assertEqual("strangers", self.read_with("CP-77"))

    async def test_approved(self) -> None:
        """Who is configured while it waits is no stranger from then on."""
        await self.opened("/CP-77")
        known = {**SITE.charge_points, "CP-77": ChargePointSettings("CP-77", {})}
        self.world.system.configure(evolve(SITE, charge_points=known))
        self.server.reconsider()
        self.server.reconsider()
        self.assertEqual("guests", self.read_with("CP-77"))
