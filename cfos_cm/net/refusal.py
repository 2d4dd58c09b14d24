"""Why an upgrade is refused, and what the peer is told."""

from __future__ import annotations

from http import HTTPStatus
from math import ceil

from autobahn.websocket.types import ConnectionDeny

__all__ = ["ENCRYPTED_ONLY", "NO_SUBPROTOCOL", "Refusal"]

NO_SUBPROTOCOL = "Subprotocol ocpp1.6 required"
#: The whole response to whoever is not encrypted, where everybody has to be.
ENCRYPTED_ONLY = (
    b"HTTP/1.1 400 This port takes encrypted connections only: wss://\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class Refusal(ConnectionDeny):
    """
    A Charge Point gets no WebSocket.

    @ivar headers: what the response says besides its status.
    """

    def __init__(
        self, status: HTTPStatus, phrase: str = "", retry_after_s: float | None = None
    ) -> None:
        """
        @param phrase: instead of the usual one of the status.
        @param retry_after_s: when it is worth another try. [s]
        """
        super().__init__(status.value, phrase or status.phrase)
        self.headers: list[tuple[str, str]] = []
        if retry_after_s is not None:
            self.headers.append(("Retry-After", str(max(ceil(retry_after_s), 1))))
        if status is HTTPStatus.UNAUTHORIZED:
            self.headers.append(("WWW-Authenticate", 'Basic realm="ocpp", charset="UTF-8"'))
