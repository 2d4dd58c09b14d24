"""Servers that files are put at: Python's own for HTTP and HTTPS, and names that lead there."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.internet import reactor as real_reactor
from twisted.internet.address import IPv4Address, IPv6Address

from tests.issuer import Papers

__all__ = ["FileServer", "Names", "Taken", "anywhere"]


def anywhere(_address: object, _own: object) -> str | None:
    """Says that somebody may be sent to any address: tests have their servers here."""
    return None


@frozen
class Taken:
    """
    A request that a server has taken.

    @ivar headers: by their names in small letters.
    """

    method: str
    path: str
    headers: dict[str, str]
    content: bytes


@define(eq=False)
class FileServer:
    """
    A server on 127.0.0.1, in a thread of its own.

    @ivar statuses: of its next answers; then it is always 201.
    @ivar headers: of each answer.
    @ivar taken: what has come.
    """

    papers: Papers | None = None
    folder: Path | None = None
    statuses: list[int] = field(factory=list)
    headers: dict[str, str] = field(factory=dict)
    taken: list[Taken] = field(factory=list)
    _server: ThreadingHTTPServer = field(init=False)
    _thread: threading.Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """Takes files."""

            def do_PUT(self) -> None:
                """A file has come."""
                size = int(self.headers["Content-Length"])
                content = self.rfile.read(size)
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.taken.append(Taken(self.command, self.path, headers, content))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 201)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"thanks")

            do_GET = do_POST = do_PUT

            def log_message(self, *arguments: object) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.papers is not None:
            assert self.folder is not None
            self.folder.mkdir(parents=True, exist_ok=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.papers.files(self.folder, "file-server"))
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """It is gone; also for the second time."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@define(eq=False)
class Names:
    """
    The reactor, with names of its own.

    @ivar known: the addresses of each name; of a list of lists those of the next look at it.
    @ivar asked: what was looked up.
    @ivar is_deaf: nobody answers.
    """

    known: Mapping[str, list[str]]
    reactor: Any = field(factory=lambda: real_reactor)
    asked: list[str] = field(factory=list)
    is_deaf: bool = False

    @property
    def nameResolver(self) -> Names:
        """Looks names up."""
        return self

    def resolveHostName(
        self,
        receiver: Any,
        name: str,
        port: int = 0,
        addressTypes: object = None,
        transportSemantics: str = "TCP",
    ) -> None:
        """See L{twisted.internet.interfaces.IHostnameResolver}."""
        self.asked.append(name)
        receiver.resolutionBegan(None)
        if self.is_deaf:
            return
        for address in self.known.get(name, ()):
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, port))
        receiver.resolutionComplete()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reactor, name)
