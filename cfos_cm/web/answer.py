"""What a route answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import field, frozen

__all__ = ["Answer", "Content", "Json", "Outlet", "Stream"]

#: Names and values of header fields, beside those that all answers have.
Headers = Mapping[str, str]


@frozen(kw_only=True)
class _Common:
    """
    What all answers have.

    @ivar status: of HTTP.
    @ivar headers: further ones.
    @ivar note: for the audit log, what has changed: old and new, without secrets.
    @ivar etag: what the state is called that this shows; C{None}: it has no name.
    """

    status: int = 200
    headers: Headers = field(factory=dict, repr=False)
    note: str = ""
    etag: str | None = None


@frozen
class Json(_Common):
    """A value that msgspec can write: Structs, mappings, lists. C{None}: 204, nothing."""

    value: object = field(default=None, repr=False)


@frozen
class Content(_Common):
    """
    Bytes of some other kind.

    @ivar file_name: it is to be kept as a file of that name, not shown.
    """

    content: bytes = field(repr=False)
    media_type: str
    file_name: str | None = None


class Outlet(Protocol):
    """Where a stream goes to."""

    def write(self, octets: bytes) -> bool:
        """
        Send more.

        @return: C{False} when the stream has ended: the other end is gone, or it does not read
            and more waits for it than it may have.
        """

    def when_room(self, act: Callable[[], None]) -> None:
        """
        Have C{act} called once as soon as little waits to be sent: at once if that is so, and
        never when the stream has ended. Who sends much waits for that before each piece.
        """

    def end(self) -> None:
        """There is no more."""

    def abort(self) -> None:
        """There is more that cannot be had: whoever reads has to see that it is cut off."""


@frozen
class Stream(_Common):
    """
    Bytes that come as they are made.

    @ivar begin: called with where they go; gives what is to be called once when it has ended,
        whoever has ended it.
    """

    begin: Callable[[Outlet], Callable[[], None]]
    media_type: str = "text/event-stream"


Answer = Json | Content | Stream
