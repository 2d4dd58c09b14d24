"""Orders of which a Charge Point can only have one under way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cfos_cm.errors import LocalProtocolError

__all__ = ["OneAtATime"]


class OneAtATime:
    """Knows for which Charge Points an order is under way."""

    def __init__(self, what: str) -> None:
        """
        @param what: what happens to such a Charge Point, as C{is being sent its list}.
        """
        self._what = what
        self._busy: set[str] = set()

    @contextmanager
    def alone(self, identity: str) -> Iterator[None]:
        """
        The order is under way as long as this context lasts.

        @raise LocalProtocolError: if it is already.
        """
        if identity in self._busy:
            raise LocalProtocolError(f"{identity} {self._what} already")
        self._busy.add(identity)
        try:
            yield
        finally:
            self._busy.discard(identity)
