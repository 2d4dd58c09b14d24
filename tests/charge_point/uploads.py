"""An uploader for tests: it notes what it is to put somewhere, and does what a test says."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

from cfos_cm.wire.location import Location

__all__ = ["FakeUploads"]


@define(eq=False)
class FakeUploads:
    """
    Nothing goes anywhere.

    @ivar puts: the places and contents of what is to be put.
    @ivar results: what comes of each, in their order; a test fires them.
    @ivar objections: what is said against hosts.
    @ivar asked: the hosts that were asked about.
    @ivar given_up: what was cancelled.
    @ivar end: what fails with that then; C{None}: as Twisted has it.
    """

    puts: list[tuple[Location, bytes]] = field(factory=list)
    results: list[Deferred[None]] = field(factory=list)
    objections: dict[str, str] = field(factory=dict)
    asked: list[str] = field(factory=list)
    given_up: list[Any] = field(factory=list)
    end: Exception | None = None

    def put(self, location: Location, content: bytes) -> Deferred[None]:
        """Put C{content} at a place."""
        result: Deferred[None] = Deferred(self._give_up)
        self.puts.append((location, content))
        self.results.append(result)
        return result

    def _give_up(self, result: Deferred[None]) -> None:
        self.given_up.append(result)
        if self.end is not None:
            result.errback(self.end)

    def objection(self, location: Location) -> Deferred[str | None]:
        """Why nobody may be sent to a place."""
        self.asked.append(location.host)
        return succeed(self.objections.get(location.host))
