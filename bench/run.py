"""
The benchmarks, one after the other, with the peers they are measured against in the same run.

    make bench                              everything
    make bench ARGS=--quick                 fewer and shorter rounds, to see that it works
    make bench ARGS=messages                one of them
    make bench ARGS='server --connections 100,1000 --rounds 5'

messages, limits, ledger, outbox: parts of the program, without sockets. allocation: sharing a
garage, beside acnportal. server: MeterValues over sockets. storm: a thousand wallboxes that
come back at once. burst: a hundred that all speak at once. limit_change: how soon a hundred
obey when their circuit is limited. modbus: how fast one device is asked, beside pymodbus's
client, and what a hundred boxes cost. memory: what an idle wallbox costs.
tls: what encrypted connections cost, beside websockets, and a thousand that come back at once.
relay: what a message costs in time on its way to a backend, beside socat. drain: how soon a
backend has what has waited for it, and what waiting costs in memory.
live: what open pages cost, beside the same site without them and programs that ask each second.
bounds: what a wallbox that behaves notices of others that do not.
scenarios: two hours of a garage with a hundred simulated cars, and a month of sessions;
bench.scenarios runs all of them, for as long as you like.
profile, which runs only when it is named: where the time goes.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from importlib import import_module


def _part(name: str) -> Callable[[argparse.Namespace], str]:
    def run(options: argparse.Namespace) -> str:
        calls, rounds = (100, 2) if options.quick else (1000, 7)
        return _run_of(name)(calls, options.rounds or rounds)

    return run


def _allocation(options: argparse.Namespace) -> str:
    rounds = 1 if options.quick else 5
    return _run_of("allocation")(options.quick, options.rounds or rounds)


def _outbox(options: argparse.Namespace) -> str:
    rounds, seconds, backlog = (1, 0.5, 10_000) if options.quick else (5, 4.0, 100_000)
    return _run_of("outbox")(options.rounds or rounds, seconds, backlog)


def _server(options: argparse.Namespace) -> str:
    rounds, seconds = (1, 1.0) if options.quick else (5, 4.0)
    connections = options.connections or [100, 1000]
    return _run_of("server")(connections, options.rounds or rounds, seconds, options.rate)


def _storm(options: argparse.Namespace) -> str:
    rounds = 1 if options.quick else 5
    return _run_of("storm")(options.connections or [1000], options.rounds or rounds)


def _burst(options: argparse.Namespace) -> str:
    rounds = 1 if options.quick else 5
    return _run_of("burst")(options.connections or [100], options.rounds or rounds)


def _limit_change(options: argparse.Namespace) -> str:
    rounds, changes = (1, 4) if options.quick else (3, 20)
    connections = options.connections or [100]
    return _run_of("limit_change")(connections, options.rounds or rounds, changes)


def _modbus(options: argparse.Namespace) -> str:
    rounds, seconds = (1, 0.5) if options.quick else (5, 3.0)
    return _run_of("modbus")(options.rounds or rounds, seconds)


def _memory(options: argparse.Namespace) -> str:
    rounds, connections = (1, 200) if options.quick else (3, 1000)
    wanted = max(options.connections) if options.connections else connections
    return _run_of("memory")(wanted, options.rounds or rounds)


def _tls(options: argparse.Namespace) -> str:
    idle, storm, rounds, seconds = (100, 100, 1, 1.0) if options.quick else (1000, 1000, 3, 5.0)
    if options.connections:
        idle = storm = max(options.connections)
    return _run_of("tls")(idle, storm, options.rounds or rounds, seconds)


def _relay(options: argparse.Namespace) -> str:
    rounds, seconds = (1, 3.0) if options.quick else (5, 15.0)
    connections = max(options.connections or [100])
    return _run_of("gateway_relay")(connections, (1, 10), options.rounds or rounds, seconds)


def _drain(options: argparse.Namespace) -> str:
    rounds, messages = (1, 5_000) if options.quick else (3, 100_000)
    return _run_of("gateway_drain")(messages, options.rounds or rounds)


def _live(options: argparse.Namespace) -> str:
    rounds, seconds = (1, 4.0) if options.quick else (15, 8.0)
    chargers = max(options.connections or [200])
    return _run_of("live")(chargers, 20, options.rounds or rounds, seconds)


def _bounds(options: argparse.Namespace) -> str:
    return _run_of("bounds")(3.0 if options.quick else 12.0)


def _scenarios(options: argparse.Namespace) -> str:
    hours, seeds = (0.25, 1) if options.quick else (2.0, 2)
    return _run_of("scenarios")(hours, options.rounds or seeds)


def _profile(options: argparse.Namespace) -> str:
    return _run_of("profile")(2.0 if options.quick else 10.0)


_RUNS: dict[str, Callable[[argparse.Namespace], str]] = {
    "messages": _part("messages"),
    "limits": _part("limits"),
    "allocation": _allocation,
    "ledger": _part("ledger"),
    "outbox": _outbox,
    "server": _server,
    "storm": _storm,
    "burst": _burst,
    "limit_change": _limit_change,
    "modbus": _modbus,
    "memory": _memory,
    "tls": _tls,
    "relay": _relay,
    "drain": _drain,
    "live": _live,
    "bounds": _bounds,
    "scenarios": _scenarios,
    "profile": _profile,
}

#: What runs when nothing is named.
DEFAULT = tuple(name for name in _RUNS if name != "profile")


def _run_of(name: str) -> Callable[..., str]:
    # One benchmark's needs are not another's.
    run: Callable[..., str] = import_module(f"bench.{name}").run
    return run


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_RUNS))
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--rounds", type=int, help="how often each contender's turn comes")
    parser.add_argument("--connections", type=_numbers, help="such as 100,1000")
    parser.add_argument("--rate", type=float, default=1500.0, help="of the open loop, 1/s")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in _RUNS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are: {', '.join(_RUNS)}")
    return options


def main() -> None:
    """Run what was asked for."""
    options = _parse()
    print(f"Python {platform.python_version()} on {platform.machine()}")
    for name in options.names or DEFAULT:
        print()
        print(_RUNS[name](options), flush=True)


if __name__ == "__main__":
    main()
