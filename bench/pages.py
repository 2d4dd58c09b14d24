"""
Open pages, in a process of their own: they read what they are told and do nothing with it.

    python -m bench.pages live --port 4712 --cookie session=... --pages 20
    python -m bench.pages poll --port 4712 --cookie session=... --pages 20

live: each has a stream of what changes. poll: each asks for all EVSEs once a second. It says
"open" when all have been told everything; when standard input ends it prints a line of JSON
with how much they were told since.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from http.client import HTTPConnection, HTTPResponse

_PATIENCE_S = 20.0
_EVERY_S = 1.0


class Page:
    """
    One of them.

    @ivar told: how many bytes have come.
    @ivar answers: of a page that asks: how many.
    @ivar opened: set when it has been told everything once.
    """

    def __init__(self, number: int, options: argparse.Namespace) -> None:
        self._number = number
        # Nobody may have many streams.
        self._cookie = options.cookie[number % len(options.cookie)]
        self._options = options
        self._connection = HTTPConnection("127.0.0.1", options.port, timeout=_PATIENCE_S)
        self.told = 0
        self.answers = 0
        self.opened = threading.Event()

    def live(self) -> None:
        """Follow a stream until it ends."""
        response = self._ask("/api/v1/live")
        last = b""
        while more := response.read1(65536):
            self.told += len(more)
            if not self.opened.is_set():
                last = (last + more)[-1_000_000:]
                if b"\nevent: gateways\n" in last and last.endswith(b"\n\n"):
                    self.opened.set()

    def poll(self) -> None:
        """Ask each second, each page at another moment of it."""
        due_s = time.monotonic() + _EVERY_S * self._number / self._options.pages
        while True:
            time.sleep(max(0.0, due_s - time.monotonic()))
            due_s += _EVERY_S
            self.told += len(self._ask("/api/v1/evses").read())
            self.answers += 1
            self.opened.set()

    def _ask(self, path: str) -> HTTPResponse:
        self._connection.request("GET", path, headers={"Cookie": self._cookie})
        response = self._connection.getresponse()
        if response.status != 200:
            # Of a thread nobody hears why it has ended.
            said = response.read()[:200].decode("utf-8", "replace")
            print(f"pages: {path}: {response.status} {said}", file=sys.stderr)
            os._exit(1)
        return response

    def begin(self) -> None:
        """Open it."""
        what = self.live if self._options.mode == "live" else self.poll
        threading.Thread(target=what, daemon=True).start()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pages")
    parser.add_argument("mode", choices=["live", "poll"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cookie", required=True, action="append", help="of a session")
    parser.add_argument("--core", type=int)
    parser.add_argument("--pages", type=int, default=20)
    return parser.parse_args()


def main() -> None:
    """Be the pages until standard input ends."""
    options = _parse()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    pages = [Page(number, options) for number in range(options.pages)]
    for page in pages:
        page.begin()
    if not all(page.opened.wait(_PATIENCE_S) for page in pages):
        sys.exit("pages: they were not told everything")
    before, begun_s = sum(page.told for page in pages), time.monotonic()
    print("open", flush=True)
    sys.stdin.read()
    told, seconds = sum(page.told for page in pages) - before, time.monotonic() - begun_s
    answers = sum(page.answers for page in pages)
    print(json.dumps({"kb_per_s": told / seconds / 1000, "answers": answers}), flush=True)


if __name__ == "__main__":
    main()
