"""What the server's sockets are made of, and where they are Twisted's own."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor, tcp
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import TestCase

from cfos_cm.net.eager_write import EagerServer
from cfos_cm.net.listening import are_sockets_known, listening_endpoint


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
