"""
Clients that are not of our making, and how far each of them gets at a door with TLS.

C{openssl s_client}, Python's C{ssl} and C{websockets} knock in the same ways, and tell what
came of it in the same words.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import websockets
from attrs import field, frozen
from websockets.exceptions import InvalidMessage, InvalidStatus

from ..issuer import Papers
from .program import WAIT_S
from .station import SUBPROTOCOL

__all__ = [
    "PEERS",
    "SUITES",
    "Ends",
    "Knock",
    "Peer",
    "openssl_knocks",
    "python_knocks",
    "request",
    "websockets_knocks",
]

#: "Improved security for OCPP 1.6-J": the four that a Central System must have.
SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)

_MAX_ANSWER_BYTES = 4096


class Ends(Enum):
    """How a knock ends."""

    LET_IN = "let in"
    WRONG_NAME = "HTTP 401"
    FORBIDDEN = "HTTP 403"
    TLS_ONLY = "HTTP 400"
    DISTRUSTS = "the client does not believe in the server"
    NO_TLS = "no encrypted connection"
    CLOSED = "closed without a word"


@frozen
class Knock:
    """
    How somebody comes.

    @ivar is_encrypted: by TLS.
    @ivar trusts: whom he believes in (PEM); C{None}: everybody.
    @ivar is_leaf: that is the very certificate of the server.
    @ivar host: what he takes the server for; empty: he does not mind.
    @ivar shows: his certificate; C{None}: none.
    @ivar version: the only one that he has; C{None}: all that are usual.
    @ivar suites: the only ones of TLS 1.2 that he has, and TLS 1.3 not at all.
    """

    is_encrypted: bool = True
    trusts: str | None = field(default=None, repr=False)
    is_leaf: bool = False
    host: str = ""
    shows: Papers | None = None
    version: ssl.TLSVersion | None = None
    suites: str = ""

    def context(self, folder: Path) -> ssl.SSLContext:
        """The same for Python; files are written to C{folder}."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = bool(self.host)
        if self.trusts is None:
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(cadata=self.trusts)
        if self.is_leaf:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self.suites:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(self.suites)
        if self.version is not None:
            # What is so old is not safe enough for the library on its own.
            context.set_ciphers("ALL:@SECLEVEL=0")
            with catch_warnings():
                # That it is old is the point.
                simplefilter("ignore")
                context.minimum_version = context.maximum_version = self.version
        if self.shows is not None:
            context.load_cert_chain(*self.shows.files(folder, "shown"))
        return context

    def arguments(self, folder: Path) -> list[str]:
        """The same for C{openssl s_client}."""
        found = []
        if self.trusts is not None:
            path = folder / "trusted.pem"
            path.write_text(self.trusts)
            found += ["-CAfile", str(path), "-verify_return_error", "-verify", "5"]
        if self.is_leaf:
            found.append("-partial_chain")
        if self.host and _is_address(self.host):
            found += ["-verify_ip", self.host, "-noservername"]
        elif self.host:
            found += ["-verify_hostname", self.host, "-servername", self.host]
        if self.suites:
            found += ["-tls1_2", "-cipher", self.suites]
        if self.version is not None:
            found += [_FLAGS[self.version], "-cipher", "ALL:@SECLEVEL=0"]
        if self.shows is not None:
            chain, key = self.shows.files(folder, "shown")
            found += ["-cert", str(chain), "-cert_chain", str(chain), "-key", str(key)]
        return found


_FLAGS: Mapping[ssl.TLSVersion, str] = {
    ssl.TLSVersion.TLSv1_1: "-tls1_1",
    ssl.TLSVersion.TLSv1_2: "-tls1_2",
    ssl.TLSVersion.TLSv1_3: "-tls1_3",
}


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def request(identity: str, *headers: str) -> bytes:
    """A request for an upgrade, by hand."""
    lines = (
        f"GET /{identity} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
        *headers,
        "",
        "",
    )
    return "\r\n".join(lines).encode()


async def python_knocks(port: int, identity: str, knock: Knock, folder: Path) -> Ends:
    """Python's C{ssl}, and HTTP by hand."""
    context = knock.context(folder) if knock.is_encrypted else None
    name = (knock.host or "localhost") if knock.is_encrypted else None
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=name
        )
    except ssl.SSLCertVerificationError:
        return Ends.DISTRUSTS
    except OSError:
        return _gone(knock)
    try:
        writer.write(request(identity))
        return _ends(await reader.read(_MAX_ANSWER_BYTES), knock)
    except OSError:
        # With TLS 1.3 the server judges the client's certificate when the client is ready.
        return _gone(knock)
    finally:
        # Nobody minds how it ends, but it has to.
        writer.transport.abort()


async def websockets_knocks(port: int, identity: str, knock: Knock, folder: Path) -> Ends:
    """The library C{websockets}."""
    scheme = "wss" if knock.is_encrypted else "ws"
    options: dict[str, Any] = {}
    if knock.is_encrypted:
        options = {
            "ssl": knock.context(folder),
            "server_hostname": knock.host or "localhost",
        }
    try:
        connection = await websockets.connect(
            f"{scheme}://127.0.0.1:{port}/{identity}",
            subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
            open_timeout=WAIT_S,
            proxy=None,
            **options,
        )
    except InvalidStatus as error:
        return _STATUSES[error.response.status_code]
    except ssl.SSLCertVerificationError:
        return Ends.DISTRUSTS
    except (OSError, InvalidMessage):
        return _gone(knock)
    await connection.close()
    return Ends.LET_IN


async def openssl_knocks(port: int, identity: str, knock: Knock, folder: Path) -> Ends:
    """C{openssl s_client}, and HTTP by hand; it never comes without TLS."""
    answer, said = await asyncio.to_thread(
        _openssl, port, request(identity), knock.arguments(folder)
    )
    if "certificate verify failed" in said:
        return Ends.DISTRUSTS
    return _ends(answer, knock)


def _openssl(port: int, say: bytes, arguments: list[str]) -> tuple[bytes, str]:
    """What it reads from the server, and what it says itself."""
    command = ("openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{port}")
    with subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        with suppress(BrokenPipeError):
            process.stdin.write(say)
        answer = process.stdout.read(_MAX_ANSWER_BYTES)
        process.kill()
        return answer, process.stderr.read().decode(errors="replace")


Peer = Callable[[int, str, Knock, Path], Awaitable[Ends]]

#: By their names.
PEERS: Mapping[str, Peer] = {
    "openssl": openssl_knocks,
    "ssl": python_knocks,
    "websockets": websockets_knocks,
}

_STATUSES: Mapping[int, Ends] = {
    101: Ends.LET_IN,
    400: Ends.TLS_ONLY,
    401: Ends.WRONG_NAME,
    403: Ends.FORBIDDEN,
}


def _ends(answer: bytes, knock: Knock) -> Ends:
    """What an HTTP response means; nothing: there is none."""
    return _STATUSES[int(answer.split()[1])] if answer else _gone(knock)


def _gone(knock: Knock) -> Ends:
    return Ends.NO_TLS if knock.is_encrypted else Ends.CLOSED
