"""
What open pages cost: CPU of the manager, and what its wallboxes and its control loop notice.

Each of two hundred wallboxes says MeterValues once a second. The same manager is measured
without any page, with twenty that are open, and with twenty programs that ask for all EVSEs
once a second, in another order in each round. The pages only read, and not in a hurry: they are
the work of other computers. Of latencies all that were measured in all rounds count together,
for 1 % of those of one round is little; of all else the medians do.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench import accounting, contenders
from bench.contenders import Contender, Running, Unavailable, python_peer
from bench.window import MAX_OWN_SHARE, quantile
from cfos_cm.web.outlets import MAX_STREAMS_OF_CALLER

#: Of a core, for each page. [%]
MAX_PAGE_CPU = 5.0
#: With pages against without, of the control cycle and of the wallboxes' latency.
MAX_RATIO = 1.1
#: A page that is told what changes against a program that asks.
MAX_OF_POLLING = 1.0

_ROOT = Path(__file__).parent.parent
_PASSWORD = "a password for measuring"
_WORDS = {"none": "no page", "live": "open pages", "poll": "programs that ask each second"}


def run(chargers: int, pages: int, rounds: int, seconds: float) -> str:
    """
    Measure, and describe the result.

    @param chargers: how many wallboxes there are; each says something once a second.
    @param pages: how many are open.
    @param seconds: for how long each is measured in each round. [s]
    """
    contender = Contender("cfos_cm", python_peer("cfos_cm_site", "--page"))
    found: dict[str, list[dict[str, Any]]] = {mode: [] for mode in _WORDS}
    try:
        with Running(contender, chargers) as running:
            house = _House(running, pages)
            for _ in range(rounds):
                for mode in random.sample(list(_WORDS), len(_WORDS)):
                    found[mode].append(_measured(house, mode, chargers, pages, seconds))
            for mode, results in found.items():
                for one in results:
                    one["p99_ms"] = house.p99_ms(mode)
    except (Unavailable, subprocess.CalledProcessError) as error:
        return f"open pages: not measured: {error}"
    return "\n".join(_lines(chargers, pages, found))


class _House:
    """
    A manager with a page, and somebody who is logged in.

    @ivar running: its process.
    @ivar port: of the page.
    @ivar cookies: his, of as many sessions as those pages need.
    """

    def __init__(self, running: Running, pages: int) -> None:
        self.running = running
        self.port = self.counted()["web_port"]
        code = (running.folder / "state" / "setup-code").read_text().strip()
        begun = [self._said("setup", {"code": code, "password": _PASSWORD})]
        for _ in range(1, -(-pages // MAX_STREAMS_OF_CALLER)):
            known = {"user": "admin", "password": _PASSWORD}
            begun.append(self._said("session", known))
        self.cookies = begun

    def latencies(self, mode: str) -> Path:
        """The file that all of a mode are kept in."""
        return self.running.folder / f"latencies-{mode}"

    def p99_ms(self, mode: str) -> float:
        """Of all messages of all rounds. [ms]"""
        kept = array("d", self.latencies(mode).read_bytes())
        return quantile(sorted(kept), 0.99) * 1000

    def counted(self) -> Mapping[str, int]:
        """What the manager has counted since it was asked last."""
        counted: dict[str, int] = json.loads(self.running.tell("counters"))
        return counted

    def _said(self, where: str, said: Mapping[str, str]) -> str:
        """The cookie that is given for it."""
        connection = HTTPConnection("127.0.0.1", self.port)
        headers = {
            "Content-Type": "application/json",
            "Origin": f"http://127.0.0.1:{self.port}",
        }
        connection.request("POST", f"/api/v1/{where}", json.dumps(said), headers)
        response = connection.getresponse()
        cookie = response.headers["Set-Cookie"]
        answer = response.read()
        connection.close()
        if response.status != 200 or not cookie:
            raise Unavailable(f"nobody could log in: {answer!r}")
        return str(cookie).partition(";")[0]


def _measured(
    house: _House, mode: str, chargers: int, pages: int, seconds: float
) -> dict[str, Any]:
    """One turn of the wallboxes, with pages or without."""
    with _opened(house, mode, pages) as told:
        house.counted()
        result = contenders.load(
            house.running,
            "open",
            connections=chargers,
            rate=chargers,
            seconds=seconds,
            warm_up=2,
            latencies=house.latencies(mode),
        )
        counted = house.counted()
    return {
        **result,
        **told,
        "cpu_percent": result["cpu_us"] * result["rate"] / 1e4,
        "cycle_p50_ms": counted["cycle_p50_us"] / 1000,
        "cycle_p99_ms": counted["cycle_p99_us"] / 1000,
    }


@contextmanager
def _opened(house: _House, mode: str, pages: int) -> Iterator[dict[str, Any]]:
    """Pages that are open meanwhile; what they were told is there afterwards."""
    told: dict[str, Any] = {"kb_per_s": 0.0}
    if mode == "none":
        yield told
        return
    options = [
        ("port", house.port),
        ("pages", pages),
        ("core", accounting.cores()[1]),
        *(("cookie", cookie) for cookie in house.cookies),
    ]
    words = [word for name, value in options for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "bench.pages", mode, *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline().strip() != "open":
            raise Unavailable("the pages could not be opened")
        yield told
        process.stdin.close()
        told.update(json.loads(process.stdout.readline()))


def _lines(
    chargers: int, pages: int, found: Mapping[str, list[dict[str, Any]]]
) -> Iterator[str]:
    yield f"{chargers} wallboxes, MeterValues once a second each; {pages} pages or programs"
    yield (
        f"  {'':32} {'CPU %':>8} {'p50 ms':>8} {'p99 ms':>8} {'cycle':>8} {'its p99':>8}"
        f" {'kB/s':>8} {'load':>6}"
    )
    for mode, results in found.items():
        own = max(one["own_share"] for one in results)
        figures = [
            _median(results, name)
            for name in (
                "cpu_percent",
                "p50_ms",
                "p99_ms",
                "cycle_p50_ms",
                "cycle_p99_ms",
                "kb_per_s",
            )
        ]
        shown = " ".join(f"{figure:8.2f}" for figure in figures)
        yield f"  {_WORDS[mode]:32} {shown} {own:5.0%}{'!' if own > MAX_OWN_SHARE else ' '}"
    yield from _verdicts(pages, found)


def _verdicts(pages: int, found: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    # In pairs, and many of them: a computer that others share is now fast and now slow.
    live, poll = (
        list(zip(found[mode], found["none"], strict=True)) for mode in ("live", "poll")
    )
    page, asking = (
        statistics.median(one["cpu_percent"] - bare["cpu_percent"] for one, bare in pairs)
        / pages
        for pairs in (live, poll)
    )
    yield _verdict("CPU of a core for each page, %", page, MAX_PAGE_CPU)
    if asking > 0:
        yield _verdict("the same, page / program that asks", page / asking, MAX_OF_POLLING)
    for figure, what in (("p99_ms", "wallboxes' p99"), ("cycle_p50_ms", "control cycle")):
        ratio = statistics.median(one[figure] / bare[figure] for one, bare in live)
        yield _verdict(f"{what}, with pages / without", ratio, MAX_RATIO)


def _median(results: list[dict[str, Any]], figure: str) -> float:
    return float(statistics.median(one[figure] for one in results))


def _verdict(about: str, found: float, most: float) -> str:
    return f"  {'pass' if found <= most else 'MISS'}  {about}: {found:.3f}, at most {most:g}"
