"""Orders of which only one may be under way about the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cfos_cm.errors import LocalProtocolError

__all__ = ["OneAtATime"]


class OneAtATime:
    """Knows about what an order is under way: Charge Points, or other things with a name."""

    def __init__(self, what: str) -> None:
        """
        @param what: what happens to it meanwhile, as C{is being sent its list}.
        """
        self._what = what
        self._busy: set[str] = set()

    @contextmanager
    def alone(self, subject: str) -> Iterator[None]:
        """
        An order about C{subject} is under way as long as this context lasts.

        @raise LocalProtocolError: if one is already.
        """
        if subject in self._busy:
            raise LocalProtocolError(f"{subject} {self._what} already")
        self._busy.add(subject)
        try:
            yield
        finally:
            self._busy.discard(subject)
