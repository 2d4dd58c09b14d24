"""
Connecting by TCP with sockets that send at once; see L{cfos_cm.net.eager_write}.

With a reactor whose TCP is not Twisted's own everything is as it is without.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IConnector
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import ClientFactory
from zope.interface import directlyProvides, providedBy

from cfos_cm.net.eager_write import EagerClient
from cfos_cm.net.listening import are_sockets_known

__all__ = ["eager"]


class _Connector(tcp.Connector):
    """Connects with an L{EagerClient}."""

    def _makeTransport(self) -> tcp.Client:
        return EagerClient(self.host, self.port, self.bindAddress, self, self.reactor)


class _Eager:
    """A reactor that connects with a L{_Connector}, and is the one behind it in all else."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: ClientFactory,
        timeout: float = 30,
        bindAddress: Any = None,
    ) -> IConnector:
        """See L{twisted.internet.interfaces.IReactorTCP}."""
        connector = _Connector(host, port, factory, timeout, bindAddress, self._reactor)
        connector.connect()
        return connector


def eager(reactor: Any) -> Any:
    """
    A reactor whose TCP connections send at once.

    @return: C{reactor} itself, where its TCP is not as it is known here.
    """
    if not are_sockets_known(reactor):
        return reactor
    is_known = (
        isinstance(reactor, PosixReactorBase)
        and type(reactor).connectTCP is PosixReactorBase.connectTCP
        and hasattr(tcp.Client, "TLS")
        and hasattr(tcp.Connector, "_makeTransport")
    )
    return _Eager(reactor) if is_known else reactor
