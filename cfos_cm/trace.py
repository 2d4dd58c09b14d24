"""
The newest messages of all connections, as they went over the wire.

Charge Points are one leg, backends the other. Nothing is read in a message before somebody asks
for it: most are never looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

__all__ = ["MAX_BYTES", "MAX_FRAMES", "Direction", "Leg", "Trace", "TracedFrame"]

#: So many messages are kept at most,
MAX_FRAMES = 20_000
#: and so much of them. [B]
MAX_BYTES = 8 * 1024 * 1024
#: What each of them takes besides its text, about. [B]
_FRAME_BYTES = 250


class Leg(StrEnum):
    """Who is at the other end."""

    # Enum computes another one in Python, and each call is counted by it.
    __hash__ = str.__hash__

    CHARGER = "charger"
    BACKEND = "backend"


class Direction(StrEnum):
    """Which way it went."""

    __hash__ = str.__hash__

    IN = "in"
    OUT = "out"


class TracedFrame(NamedTuple):
    """
    One message.

    @ivar number: counts up from the start of the program.
    @ivar at_s: when, since 1970. [s]
    @ivar who: the Charge Point's identity, or the gateway's name.
    @ivar text: all of it; it may have secrets in it.
    """

    number: int
    at_s: float
    leg: Leg
    who: str
    direction: Direction
    text: bytes


class Trace:
    """
    Keeps the newest messages.

    @ivar newest: the number of the last one; 0: there was none.
    """

    def __init__(
        self, time_s: Callable[[], float], frames: int = MAX_FRAMES, octets: int = MAX_BYTES
    ) -> None:
        """
        @param time_s: the seconds since 1970.
        @param frames: how many are kept.
        @param octets: how much of them. [B]
        """
        self.newest = 0
        self._time_s = time_s
        self._max_frames = frames
        self._max_bytes = octets
        self._bytes = 0
        self._frames: deque[TracedFrame] = deque()

    def note(self, leg: Leg, who: str, direction: Direction, text: bytes) -> None:
        """A message has come or gone."""
        self.newest += 1
        frames = self._frames
        frames.append(TracedFrame(self.newest, self._time_s(), leg, who, direction, text))
        self._bytes += len(text) + _FRAME_BYTES
        while self._bytes > self._max_bytes or len(frames) > self._max_frames:
            self._bytes -= len(frames.popleft().text) + _FRAME_BYTES

    def after(self, number: int) -> Iterator[TracedFrame]:
        """Those with a higher number that are still there, oldest first."""
        frames = self._frames
        if not frames:
            return iter(())
        return islice(frames, max(0, number + 1 - frames[0].number), None)

    def sender(
        self, leg: Leg, who: str, send: Callable[[bytes], None]
    ) -> Callable[[bytes], None]:
        """C{send}, and what goes there is noted."""

        def noted(text: bytes) -> None:
            self.note(leg, who, Direction.OUT, text)
            send(text)

        return noted
