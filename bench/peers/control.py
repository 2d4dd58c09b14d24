"""
How a server that is measured is told things: one word per line on its standard input.

    gc              collect garbage; answered with "done"
    profile start   begin to look where the time goes; answered with "done"
    profile stop    answered with one line of JSON
    counters        answered with one line of JSON: what was counted how often

It says "ready" when it listens. When standard input ends, so does the server.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.sampling import Sampler


def parse(program: str) -> argparse.Namespace:
    """The arguments that every server takes; some have no use for some of them."""
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chargers", type=int, default=0, help="how many it has to know")
    parser.add_argument("--folder", type=Path, help="where it may write")
    parser.add_argument("--tls", choices=["server", "mutual"], help="how it is encrypted")
    parser.add_argument("--material", type=Path, help="the folder with the certificates")
    parser.add_argument("--page", action="store_true", help="it is served by HTTP, too")
    parser.add_argument("--without", action="append", default=[], help="what it does without")
    return parser.parse_args()


def _nothing() -> Mapping[str, int]:
    return {}


def ready(counters: Callable[[], Mapping[str, int]] = _nothing) -> None:
    """
    Say that the server listens, and take orders from now on; for the main thread.

    @param counters: what the server has counted; it is asked in another thread.
    """
    Sampler.prepare()
    threading.Thread(target=_obey, args=(counters,), name="control", daemon=True).start()
    print("ready", flush=True)


def _obey(counters: Callable[[], Mapping[str, int]]) -> None:
    sampler = Sampler()
    for line in sys.stdin:
        match line.split():
            case ["gc"]:
                gc.collect()
                print("done", flush=True)
            case ["profile", "start"]:
                sampler.start()
                print("done", flush=True)
            case ["profile", "stop"]:
                print(json.dumps(sampler.stop()), flush=True)
            case ["counters"]:
                print(json.dumps(counters()), flush=True)
    # Whatever it was in the middle of: nothing of it is needed any more.
    os._exit(0)
