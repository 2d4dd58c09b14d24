"""Tells open pages what changes on the site: server-sent events of the HTML standard."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Protocol

import msgspec
from attrs import define
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from cfos_cm.services.web import site_answers as answers
from cfos_cm.services.web.outlook import STEP, Picture
from cfos_cm.web.answer import Outlet, Stream

__all__ = ["COMMENT_S", "LOOK_S", "OPENING_S", "PIECE_BYTES", "LiveHub", "Views"]

#: How often is looked what has changed. [s]
LOOK_S = 1.0
#: So often something is written in any case, so that nobody on the way believes that the
#: connection is of no use any more. [s]
COMMENT_S = 15.0
#: Of what a page is told first so much is written at once; the rest when there is room. [bytes]
PIECE_BYTES = 256 * 1024
#: A page that has not read that after so long is cut off. [s]
OPENING_S = 60.0

#: A page that has lost its connection comes back after so long. [ms]
_RETRY_MS = 2000

_COMMENT = b": \n\n"
_FIELDS = answers.Evse.__struct_fields__
#: What of a site is another one at each look; no page is told for that alone.
_RESTLESS = ("now", "cycle_ms")
_SITE_FIELDS = [one for one in answers.Site.__struct_fields__ if one not in _RESTLESS]

_Evses = Mapping[str, answers.Evse]

_log = Logger(namespace="cfos_cm.web")


class Views(Protocol):
    """What is shown; L{Outlook} is one."""

    def look(self) -> Picture:
        """All as it is now; what has not changed should be the same object."""

    def looking(self) -> Iterator[Picture | None]:
        """The same in small steps; C{None} for each but the last one."""


@define(eq=False)
class _Page:
    """
    A page that is open.

    @ivar shows: while it opens: what it shows when it has read all that was made for it.
    @ivar rest: what of that is still to be written; empty: it is open, and is told the same as
        all others.
    @ivar looks: how often others were told something while there was some.
    """

    outlet: Outlet
    shows: Picture
    rest: bytes
    looks: int = 0


class LiveHub:
    """
    Writes the same bytes to all open pages, each made once.

    A page gets everything first: C{site}, C{evses} and C{gateways}. From then on it gets,
    once in L{LOOK_S} at most, what has changed: C{site} and C{gateways} as a whole, of EVSEs
    with C{evse_changes} the members of each that are others than before, and C{gone} with the
    names of those that are no more. Where others have come, or stand in another order, all are
    told once more with C{evses}.

    While no page is open nothing is done.
    """

    def __init__(self, clock: IReactorTime, views: Views) -> None:
        """
        @param clock: when to look.
        """
        self._clock = clock
        self._views = views
        self._encode = msgspec.json.Encoder().encode
        self._pages: dict[int, _Page] = {}
        self._number = 0
        # The next look, or the next step of one.
        self._due: IDelayedCall | None = None
        self._looking: Iterator[bytes | None] = iter(())
        # Who is still to be told what the last look has found, and what that is.
        self._untold: deque[int] = deque()
        self._news = b""
        self._commented_s = 0.0
        # What the pages show; None: none is open.
        self._shown: Picture | None = None
        # That, as a new page is told it; None: no page was since it has changed.
        self._whole: bytes | None = None

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return len(self._pages)

    def stream(self) -> Stream:
        """What a page that opens is answered."""
        return Stream(self.begin)

    def begin(self, outlet: Outlet) -> Callable[[], None]:
        """
        Tell a page everything, and from now on what changes.

        @return: ends that; to be called once when nobody listens any more.
        """
        if self._shown is None:
            self._shown = self._views.look()
            self._commented_s = self._clock.seconds()
        if self._whole is None:
            self._whole = self._told(self._shown)
        self._number += 1
        number = self._number
        self._pages[number] = _Page(outlet, self._shown, self._whole)
        self._go_on(number)
        self._wait()
        return lambda: self._leave(number)

    def stop(self) -> None:
        """End all streams."""
        pages, self._pages = self._pages, {}
        self._rest()
        for page in pages.values():
            page.outlet.end()

    def _go_on(self, number: int) -> None:
        """Write the next piece for a page that has not been told everything yet."""
        page = self._pages.get(number)
        if page is None:
            return
        piece, page.rest = page.rest[:PIECE_BYTES], page.rest[PIECE_BYTES:]
        if piece and not page.outlet.write(piece):
            self._leave(number)
            return
        if not page.rest and self._shown is not None and page.shows is not self._shown:
            # The others were told of that meanwhile.
            page.rest = b"".join(self._difference(page.shows, self._shown))
            page.shows = self._shown
            # Nor is it told that once more, if its turn is still to come.
            with suppress(ValueError):
                self._untold.remove(number)
        if page.rest:
            page.outlet.when_room(lambda: self._go_on(number))

    def _leave(self, number: int) -> None:
        self._pages.pop(number, None)
        if not self._pages:
            self._rest()

    def _wait(self) -> None:
        if self._due is None and self._pages:
            self._due = self._clock.callLater(LOOK_S, self._look)

    def _rest(self) -> None:
        """Nobody is there any more."""
        due, self._due = self._due, None
        if due is not None:
            due.cancel()
        self._shown = self._whole = None
        self._untold.clear()

    def _look(self) -> None:
        self._looking = self._news_in_steps()
        self._step()

    def _step(self) -> None:
        """
        Look a little further, and then tell one page after the other: wallboxes wait for their
        answers meanwhile.
        """
        self._due = None
        try:
            news = next(self._looking)
        except Exception:  # noqa: BLE001
            # What is not told now is told at the next look: it is still another one.
            _log.failure("open pages could not be told what has changed")
            self._wait()
            return
        if news is None:
            self._due = self._clock.callLater(0, self._step)
            return
        self._news = news
        # Who comes from now on is told what is new with all the rest.
        self._untold = deque(self._pages)
        self._tell_next()

    def _news_in_steps(self) -> Iterator[bytes | None]:
        """
        What is another one than the pages show, and a comment where one is due.

        @return: C{None} for each step but the last one.
        """
        looking = self._views.looking()
        while (now := next(looking)) is None:
            yield None
        yield None
        before = self._shown
        assert before is not None, "somebody looks"
        pieces: list[bytes] = []
        for piece in self._difference(before, now):
            pieces.append(piece)
            yield None
        told = b"".join(pieces)
        if told:
            self._shown, self._whole = now, None
        yield told + self._comment()

    def _tell_next(self) -> None:
        self._due = None
        while self._untold:
            number = self._untold.popleft()
            page = self._pages.get(number)
            if page is not None and self._tell(number, page):
                self._due = self._clock.callLater(0, self._tell_next)
                return
        self._wait()

    def _tell(self, number: int, page: _Page) -> bool:
        """@return: whether anything was written."""
        if page.rest:
            # It is told when it has all that was before.
            self._be_patient(number, page)
            return False
        if not self._news:
            return False
        is_there = page.outlet.write(self._news)
        if not is_there:
            self._leave(number)
        return is_there

    def _be_patient(self, number: int, page: _Page) -> None:
        page.looks += 1
        if page.looks * LOOK_S > OPENING_S:
            page.outlet.abort()
            self._leave(number)

    def _comment(self) -> bytes:
        now_s = self._clock.seconds()
        if now_s < self._commented_s + COMMENT_S:
            return b""
        self._commented_s = now_s
        return _COMMENT

    def _difference(self, before: Picture, now: Picture) -> Iterator[bytes]:
        """What makes of a page that shows the one a page that shows the other, in steps."""
        if _at_rest(now.site) != _at_rest(before.site):
            yield self._event("site", now.site)
        if tuple(now.evses) == tuple(before.evses):
            yield from self._evse_changes(before.evses, now.evses)
        else:
            gone = [name for name in before.evses if name not in now.evses]
            if gone:
                yield self._event("gone", gone)
            yield self._event("evses", tuple(now.evses.values()))
        if now.gateways != before.gateways:
            yield self._event("gateways", now.gateways)

    def _evse_changes(self, before: _Evses, now: _Evses) -> Iterator[bytes]:
        changes: list[msgspec.Raw] = []
        for number, (name, view) in enumerate(now.items(), 1):
            found = {} if view is before[name] else _changes(before[name], view)
            if found:
                changes.append(msgspec.Raw(self._encode(found)))
            if number % STEP == 0:
                yield b""
        if changes:
            yield self._event("evse_changes", changes)

    def _told(self, picture: Picture) -> bytes:
        """What a new page is told."""
        return b"".join(
            (
                b"retry: %d\n\n" % _RETRY_MS,
                self._event("site", picture.site),
                self._event("evses", tuple(picture.evses.values())),
                self._event("gateways", picture.gateways),
            )
        )

    def _event(self, name: str, value: object) -> bytes:
        # JSON as it is written here has no line ends.
        return b"event: %s\ndata: %s\n\n" % (name.encode(), self._encode(value))


def _at_rest(site: answers.Site) -> tuple[object, ...]:
    return tuple(getattr(site, name) for name in _SITE_FIELDS)


def _changes(before: answers.Evse, now: answers.Evse) -> dict[str, object]:
    """Its name and the members that are others than before; empty where none is."""
    found = {
        name: value
        for name in _FIELDS
        if (value := getattr(now, name)) is not (was := getattr(before, name)) and value != was
    }
    return {"name": now.name, **found} if found else {}
