"""
Open pages, in a process of their own: they read what they are told and do nothing with it.

    python -m bench.pages live --port 4712 --cookie session=... --pages 20
    python -m bench.pages poll --port 4712 --cookie session=... --pages 20

live: each has a stream of what changes. poll: each asks for all EVSEs once a second. It says
"open" when all have been told everything; when standard input ends it prints a line of JSON
with how much they were told since.

Pages are on other computers, and the load that is measured is not to pay for their reading: a
stream is looked at a few times a second, and nobody sleeps until something comes. Who did would
have to be woken up by the manager, and on the core of the wallboxes.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from typing import Protocol

_PATIENCE_S = 20.0
_EVERY_S = 1.0
_LOOK_S = 0.1
_PIECE_BYTES = 256 * 1024
_LAST_OF_ALL = b"\nevent: gateways\n"


class Page(Protocol):
    """
    One of them.

    @ivar told: how many bytes have come.
    @ivar answers: how many answers.
    @ivar is_open: whether it has been told everything once.
    """

    told: int
    answers: int
    is_open: bool

    def look(self) -> None:
        """Read what is there."""


class Live:
    """A page that follows a stream."""

    def __init__(self, options: argparse.Namespace, number: int) -> None:
        self.told = 0
        self.answers = 1
        self.is_open = False
        self._last = b""
        self._socket = socket.create_connection(("127.0.0.1", options.port), _PATIENCE_S)
        self._socket.sendall(
            b"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nCookie: %s\r\n\r\n"
            % (options.port, _cookie(options, number).encode("ascii"))
        )
        self._socket.setblocking(False)

    def look(self) -> None:
        """Read what is there."""
        while True:
            try:
                more = self._socket.recv(_PIECE_BYTES)
            except BlockingIOError:
                return
            if not more:
                _fail(f"a stream has ended: {self._last[-200:]!r}")
            self.told += len(more)
            if not self.is_open:
                self._open_with(more)

    def _open_with(self, more: bytes) -> None:
        if not self._last and not more.startswith(b"HTTP/1.1 200 "):
            _fail(f"a page is refused: {more[:200]!r}")
        self._last = (self._last + more)[-1_000_000:]
        self.is_open = _LAST_OF_ALL in self._last and self._last.endswith(b"\n\n\r\n")


class Asking:
    """A program that asks each second, each at another moment of it, in a thread of its own."""

    def __init__(self, options: argparse.Namespace, number: int) -> None:
        self.told = 0
        self.answers = 0
        self.is_open = False
        self._headers = {"Cookie": _cookie(options, number)}
        self._connection = HTTPConnection("127.0.0.1", options.port, timeout=_PATIENCE_S)
        self._due_s = time.monotonic() + _EVERY_S * number / options.pages
        threading.Thread(target=self._ask_and_ask, daemon=True).start()

    def look(self) -> None:
        """The thread does."""

    def _ask_and_ask(self) -> None:
        while True:
            time.sleep(max(0.0, self._due_s - time.monotonic()))
            self._due_s += _EVERY_S
            self._connection.request("GET", "/api/v1/evses", headers=self._headers)
            response = self._connection.getresponse()
            said = response.read()
            if response.status != 200:
                _fail(f"a program is refused: {response.status} {said[:200]!r}")
            self.told += len(said)
            self.answers += 1
            self.is_open = True


def _cookie(options: argparse.Namespace, number: int) -> str:
    # Nobody may have many streams.
    return str(options.cookie[number % len(options.cookie)])


def _fail(why: str) -> None:
    # Of a thread nobody hears why it has ended.
    print(f"pages: {why}", file=sys.stderr)
    os._exit(1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pages")
    parser.add_argument("mode", choices=["live", "poll"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cookie", required=True, action="append", help="of a session")
    parser.add_argument("--core", type=int)
    parser.add_argument("--pages", type=int, default=20)
    return parser.parse_args()


def _look(pages: Sequence[Page]) -> bool:
    """@return: whether there is more to look for: standard input has not ended."""
    for page in pages:
        page.look()
    ended, _, _ = select.select([sys.stdin], [], [], _LOOK_S)
    return not ended


def main() -> None:
    """Be the pages until standard input ends."""
    options = _parse()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    kind = Live if options.mode == "live" else Asking
    pages: list[Page] = [kind(options, number) for number in range(options.pages)]
    begun_s = time.monotonic()
    while not all(page.is_open for page in pages):
        if not _look(pages) or time.monotonic() > begun_s + _PATIENCE_S:
            sys.exit("pages: they were not told everything")
    before, begun_s = sum(page.told for page in pages), time.monotonic()
    print("open", flush=True)
    while _look(pages):
        pass
    told, seconds = sum(page.told for page in pages) - before, time.monotonic() - begun_s
    answers = sum(page.answers for page in pages)
    print(json.dumps({"kb_per_s": told / seconds / 1000, "answers": answers}), flush=True)


if __name__ == "__main__":
    main()
