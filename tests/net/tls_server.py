"""A server with TLS on a real socket, what it is made of, and peers that come by TLS."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from cfos_cm.certificates.issuing import issue_client, issue_server, make_authority
from cfos_cm.certificates.keys import PrivateKey, new_ec_key, new_rsa_key
from cfos_cm.certificates.pair import Pair
from cfos_cm.certificates.pem import pem_of
from cfos_cm.certificates.subject import Subject
from cfos_cm.net.server_tls import ServerMaterial, ServerTls
from cfos_cm.net.tls_mode import TlsMode

from .peers import ServerCase, upgrade

__all__ = [
    "NOW",
    "Peer",
    "TlsCase",
    "authority",
    "client_pair",
    "context_of",
    "key_of",
    "server_pair",
    "under",
]

T = TypeVar("T")

NOW = datetime.now(UTC)
_DAY = timedelta(days=1)
_HOSTS = ("localhost", "127.0.0.1")


@lru_cache
def key_of(kind: str, name: str = "") -> PrivateKey:
    """A key of a kind, C{ec} or C{rsa}; the same for the same name."""
    return new_ec_key() if kind == "ec" else new_rsa_key()


@lru_cache
def authority(name: str = "Authority") -> Pair:
    """Somebody who signs; was there last year already."""
    key = key_of("ec", name)
    return Pair((make_authority(Subject(name), key, NOW - 400 * _DAY, 4000),), key)


@lru_cache
def under(root: str, name: str) -> Pair:
    """Somebody who signs, and is signed himself."""
    above, key = authority(root), key_of("ec", name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(Subject(name).name())
        .issuer_name(above.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - _DAY)
        .not_valid_after(NOW + 99 * _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(above.key, SHA256())
    )
    return Pair((certificate, *above.chain), key)


@lru_cache
def server_pair(kind: str = "ec", by: str = "Authority", name: str = "server") -> Pair:
    """The server's; each kind is signed by another one, who is signed by C{by}."""
    issuer, key = under(by, f"{by} {kind}"), key_of(kind, f"{by} {name}")
    leaf = issue_server(issuer, Subject(name), _HOSTS, key.public_key(), NOW, 30)
    return Pair((leaf, issuer.certificate), key)


@lru_cache
def client_pair(name: str = "CP-1", by: str = "Authority", begins: int = 0) -> Pair:
    """A Charge Point's, valid for two days."""
    key = key_of("ec", f"client {name}")
    begin = NOW + begins * _DAY
    leaf = issue_client(authority(by), Subject(name), (), key.public_key(), begin, 2)
    return Pair((leaf,), key)


def context_of(
    pair: Pair | None = None,
    version: ssl.TLSVersion | None = None,
    trusted: str = "Authority",
) -> ssl.SSLContext:
    """
    Python's TLS of a client.

    @param pair: what it shows.
    @param version: the only one it speaks.
    """
    context = ssl.create_default_context(cadata=pem_of(authority(trusted).certificate))
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if pair is not None:
        with TemporaryDirectory() as folder:
            path = Path(folder, "pair.pem")
            path.touch(mode=0o600)
            path.write_text(pem_of(pair.key) + "".join(map(pem_of, pair.chain)))
            context.load_cert_chain(path)
    return context


@frozen
class Peer:
    """
    What a client of Python's C{ssl} has found.

    @ivar status: of the response to its upgrade; 0: there was none.
    @ivar shown: the server's certificate, as DER.
    """

    status: int
    shown: bytes
    session: ssl.SSLSession | None
    was_reused: bool
    version: str


@implementer(IOpenSSLClientConnectionCreator)
class _AnyServer:
    """TLS of a client in the same loop, who believes everybody."""

    def __init__(self, pair: Pair | None) -> None:
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if pair is not None:
            self._context.use_certificate(pair.certificate)
            self._context.use_privatekey(pair.key)

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """See L{IOpenSSLClientConnectionCreator}."""
        return SSL.Connection(self._context, None)


class TlsCase(ServerCase):
    """
    A server with TLS on a port of 127.0.0.1.

    @ivar server_tls: its TLS.
    """

    mode = TlsMode.DETECT
    server_tls: ServerTls

    def material(self) -> ServerMaterial:
        """What it is made of."""
        return ServerMaterial((server_pair(),))

    def tls(self) -> ServerTls:
        """What begins TLS."""
        self.server_tls = ServerTls()
        self.server_tls.use(self.material())
        return self.server_tls

    def over_tls(self, pair: Pair | None = None) -> Any:
        """The way to the server with TLS, in the same loop."""
        return wrapClientTLS(_AnyServer(pair), self.endpoint())

    async def opened_over_tls(self, path: str = "/CP-1", pair: Pair | None = None) -> Any:
        """A WebSocket that is open, by TLS."""
        wire = await self.dial(upgrade(path), self.over_tls(pair))
        self.assertIn(" 101 ", await wire.head())
        return wire

    async def gone(self) -> None:
        """The server has noticed that nobody is there any more."""
        while self.server.connections or self.server.door.openings:
            await self.turn()

    def python(
        self,
        context: ssl.SSLContext,
        path: str = "/CP-1",
        session: ssl.SSLSession | None = None,
        headers: tuple[str, ...] = (),
    ) -> Deferred[Peer]:
        """
        What a client of Python's C{ssl} finds.

        @return: fails with C{ssl.SSLError} or C{OSError} if there is no TLS.
        """

        def dial() -> Peer:
            with (
                socket.create_connection(("127.0.0.1", self.port_number), 20) as below,
                context.wrap_socket(
                    below, server_hostname="localhost", session=session
                ) as client,
            ):
                client.sendall(upgrade(path, *headers))
                head = client.recv(4096)
                return Peer(
                    int(head.split()[1]) if head else 0,
                    client.getpeercert(binary_form=True) or b"",
                    client.session,
                    bool(client.session_reused),
                    client.version() or "",
                )

        return deferToThread(dial)

    def openssl(self, *arguments: str, say: bytes = b"", wait: bool = False) -> Deferred[str]:
        """
        All that C{openssl s_client} says.

        @param say: what it is told; it ends when it has sent that.
        @param wait: it ends when the server has closed.
        """
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port_number}"]

        def run() -> str:
            done = subprocess.run(
                [*command, *(["-ign_eof"] if wait else []), *arguments],
                input=say,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=20,
                check=False,
            )
            return done.stdout.decode(errors="replace")

        return deferToThread(run)

    def in_loop(self, work: Callable[[], T]) -> Deferred[T]:
        """What C{work} gives, in a thread of its own."""
        return deferToThread(work)
