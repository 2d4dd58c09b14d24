"""The way to a server: TCP, maybe through a proxy, maybe with TLS above it."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint

from cfos_cm.net.backend_url import Endpoint
from cfos_cm.net.client_tls import ClientTls, OverTls
from cfos_cm.net.eager_connect import eager
from cfos_cm.net.proxies import ThroughProxy
from cfos_cm.net.proxy_url import Proxy

__all__ = ["way_to"]


def way_to(
    endpoint: Endpoint,
    reactor: Any,
    timeout_s: float,
    tls: ClientTls | None = None,
    proxy: Proxy | None = None,
) -> IStreamClientEndpoint:
    """
    An endpoint that leads to a server.

    @param timeout_s: for each of the addresses that the name has. [s]
    @param tls: C{None}: there is none.
    @param proxy: C{None}: there is none on the way.
    @raise ValueError: if the host can be none.
    """
    first = (endpoint.host, endpoint.port) if proxy is None else (proxy.host, proxy.port)
    way: IStreamClientEndpoint = HostnameEndpoint(eager(reactor), *first, timeout=timeout_s)
    if proxy is not None:
        way = ThroughProxy(proxy, way, endpoint.host, endpoint.port, reactor)
    return way if tls is None else OverTls(tls, way, reactor)
