"""
Putting files where backends want them.

A backend is somebody in the internet, and this computer stands in somebody's own network: what
the backend names must not become a way to speak to anything there. So a name is looked up once,
all that it leads to is looked at, and that very address is connected to.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final

from attrs import field, frozen
from twisted.internet.address import IPv4Address as TcpAddress4
from twisted.internet.address import IPv6Address as TcpAddress6
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import (
    IAddress,
    IHostResolution,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from cfos_cm.charge_point.uploader import NotUploaded
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.client_material import ClientMaterial
from cfos_cm.net.client_tls import ClientTls, OverTls
from cfos_cm.net.dial_words import dial_words
from cfos_cm.net.http_put import Judge, PutFactory
from cfos_cm.wire.location import (
    UPLOAD_SCHEMES,
    Address,
    Location,
    literal_address,
    objection_to_address,
    objection_to_host,
)

__all__ = [
    "CONNECT_TIMEOUT_S",
    "LOOKUP_TIMEOUT_S",
    "MAX_ADDRESSES",
    "MAX_UPLOAD_BYTES",
    "UPLOAD_TIMEOUT_S",
    "Uploads",
]

MAX_UPLOAD_BYTES: Final = 50 * 1024 * 1024
#: For all of one attempt. [s]
UPLOAD_TIMEOUT_S: Final = 600.0
LOOKUP_TIMEOUT_S: Final = 5.0
CONNECT_TIMEOUT_S: Final = 10.0
#: So many that a name leads to are looked at; who has more has something in mind with that.
MAX_ADDRESSES: Final = 16
#: So many of them are tried.
_MAX_TRIED: Final = 3

_SYSTEM: Final = ClientMaterial(has_system_roots=True, whose="those that this system trusts")


@frozen
class Uploads:
    """
    Puts files at servers of the internet by HTTP and HTTPS.

    @ivar reactor: with names, TCP and a clock.
    @ivar material: who is believed to be the host that was named.
    @ivar judge: says which addresses nobody is sent to.
    """

    reactor: Any
    material: ClientMaterial = field(default=_SYSTEM, repr=False)
    judge: Judge = objection_to_address

    def put(self, location: Location, content: bytes) -> Deferred[None]:
        """
        Put C{content} at a place: one attempt, of L{UPLOAD_TIMEOUT_S} at most.

        @return: fires when the server there has taken it, fails with L{NotUploaded}; when it is
            cancelled the connection is dropped.
        """
        putting = Deferred.fromCoroutine(self._put(location, content))
        return putting.addTimeout(UPLOAD_TIMEOUT_S, self.reactor, _too_slow)

    def objection(self, location: Location) -> Deferred[str | None]:
        """
        Why nobody may be sent to a place, by the addresses that its host has just now.

        @return: C{None}: there is no reason, or nobody here knows its host.
        """
        return Deferred.fromCoroutine(self._objection(location.host))

    async def _objection(self, host: str) -> str | None:
        by_name = objection_to_host(host)
        if by_name is not None or literal_address(host) is not None:
            return by_name
        try:
            return self._worst(await self._looked_up(host))
        except NotUploaded:
            return None

    async def _put(self, location: Location, content: bytes) -> None:
        if len(content) > MAX_UPLOAD_BYTES:
            size = f"{len(content)} bytes; allowed: {MAX_UPLOAD_BYTES}"
            raise NotUploaded(f"the file has {size}", is_final=True)
        if location.scheme not in UPLOAD_SCHEMES:
            raise NotUploaded(f"{location.scheme} is not spoken here", is_final=True)
        fault: NotUploaded | None = None
        for address in await self._addresses(location.host):
            factory = PutFactory(
                location, content, self.judge, self.reactor, self._tls(location)
            )
            fault = await self._connect(address, location, factory)
            if fault is None:
                await factory.done
                return
        assert fault is not None
        raise fault

    async def _connect(
        self, address: Address, location: Location, factory: PutFactory
    ) -> NotUploaded | None:
        """Connect to one address; what is wrong, if there is no connection."""
        try:
            await self._endpoint(address, location, factory).connect(factory)
        except (CancelledError, ConnectingCancelledError):
            raise
        except Exception:  # noqa: BLE001 - an endpoint fails with whatever the system says
            return NotUploaded(dial_words(Failure(), location.host, location.authority))
        return None

    async def _addresses(self, host: str) -> tuple[Address, ...]:
        """
        Where to connect to.

        @raise NotUploaded: if that is nowhere.
        """
        literal = literal_address(host)
        why = None if literal is not None else objection_to_host(host)
        if why is not None:
            raise NotUploaded(f"its host {why}", is_final=True)
        found = (literal,) if literal is not None else await self._looked_up(host)
        worst = self._worst(found)
        if worst is not None:
            raise NotUploaded(f"its host {worst}", is_final=True)
        return found[:_MAX_TRIED]

    def _worst(self, addresses: tuple[Address, ...]) -> str | None:
        """What is wrong with one of them: a name that leads to two places is a trick."""
        if len(addresses) > MAX_ADDRESSES:
            return f"has more than {MAX_ADDRESSES} addresses"
        found = (self.judge(address, None) for address in addresses)
        return next((why for why in found if why is not None), None)

    async def _looked_up(self, host: str) -> tuple[Address, ...]:
        """
        All addresses of a name.

        @raise NotUploaded: if there are none, or they are not found in time.
        """
        lookup = _Lookup()
        found = lookup.done.addTimeout(LOOKUP_TIMEOUT_S, self.reactor, lambda *_: ())
        self.reactor.nameResolver.resolveHostName(lookup, host, 0, (TcpAddress4, TcpAddress6))
        addresses = await found
        if not addresses:
            raise NotUploaded("no address is known for its host (DNS)")
        return addresses

    def _tls(self, location: Location) -> ClientTls | None:
        """@raise NotUploaded: if no certificate could have such a name."""
        if location.scheme != "https":
            return None
        try:
            return ClientTls(location.host, self.material)
        except LocalProtocolError as error:
            raise NotUploaded(str(error), is_final=True) from None

    def _endpoint(
        self, address: Address, location: Location, factory: PutFactory
    ) -> IStreamClientEndpoint:
        kind = TCP4ClientEndpoint if address.version == 4 else TCP6ClientEndpoint
        endpoint = kind(self.reactor, str(address), location.port, CONNECT_TIMEOUT_S)
        if factory.tls is None:
            return endpoint
        return OverTls(factory.tls, endpoint, self.reactor)


@implementer(IResolutionReceiver)
class _Lookup:
    """
    Takes the addresses of a name.

    @ivar done: fires with them.
    """

    def __init__(self) -> None:
        self.done: Deferred[tuple[Address, ...]] = Deferred()
        self._found: dict[Address, None] = {}

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """See L{IResolutionReceiver}."""

    def addressResolved(self, address: IAddress) -> None:
        """See L{IResolutionReceiver}."""
        if isinstance(address, TcpAddress4 | TcpAddress6) and len(self._found) <= MAX_ADDRESSES:
            self._found.setdefault(ip_address(address.host))

    def resolutionComplete(self) -> None:
        """See L{IResolutionReceiver}."""
        if not self.done.called:
            self.done.callback(tuple(self._found))


def _too_slow(_result: object, timeout_s: float) -> None:
    raise NotUploaded(f"it was not over within {timeout_s:g} s")
