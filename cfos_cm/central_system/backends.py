"""Those who bill what is charged, as the Central System sees them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from twisted.internet.defer import Deferred, fail

from cfos_cm.errors import NotSent
from cfos_cm.v16.types import IdTagInfo
from cfos_cm.wire.ocppj import Call

__all__ = ["NO_BACKENDS", "Backends", "NoBackends"]


class Backends(Protocol):
    """The billing backends of the site's EVSEs."""

    def judges(self, evses: Iterable[str], id_tag: str) -> bool:
        """Whether a backend says who may charge with an idTag at one of these EVSEs."""

    def judge(
        self, evses: Iterable[str], id_tag: str, payload: bytes | None = None
    ) -> Deferred[IdTagInfo]:
        """
        What the backend says of an idTag that it L{judges}, or what is known of it where the
        backend does not answer in time.

        @param payload: the request for it of a Charge Point, word for word.
        """

    def bills(self, identity: str) -> bool:
        """Whether a backend is told what a Charge Point says."""

    def told(self, identity: str, connector: int | None, call: Call) -> None:
        """
        A Charge Point has told something that a backend may want to know.

        @param connector: what it is about; C{None}: the Charge Point as a whole.
        """

    def ask(self, identity: str, call: Call) -> Deferred[bytes]:
        """
        Have a backend answer what a Charge Point asks that it L{bills}.

        @return: the JSON text of the confirmation's object; fails with
            L{cfos_cm.errors.DeviceRefusal} when the backend answers with a CALLERROR, and with
            L{cfos_cm.errors.DeviceError} when it does not answer.
        """

    def shuts_out(self, identity: str) -> bool:
        """Whether a Charge Point may not connect as long as its backend is away."""


class NoBackends:
    """Nobody bills anything. See L{Backends}."""

    def judges(self, evses: Iterable[str], id_tag: str) -> bool:
        """Nobody does."""
        return False

    def judge(
        self, evses: Iterable[str], id_tag: str, payload: bytes | None = None
    ) -> Deferred[IdTagInfo]:
        """Nobody does."""
        return fail(NotSent("there is no backend"))

    def bills(self, identity: str) -> bool:
        """Nobody does."""
        return False

    def told(self, identity: str, connector: int | None, call: Call) -> None:
        """Nobody listens."""

    def ask(self, identity: str, call: Call) -> Deferred[bytes]:
        """Nobody answers."""
        return fail(NotSent("there is no backend"))

    def shuts_out(self, identity: str) -> bool:
        """There is no reason to."""
        return False


NO_BACKENDS = NoBackends()
