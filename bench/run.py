"""
The benchmarks, one after the other, with the peers they are measured against in the same run.

    make bench                      everything
    make bench ARGS=--quick         fewer rounds, to see that it works
    make bench ARGS=messages        one of them
"""

from __future__ import annotations

import argparse
import platform

from bench import ledger, limits, messages

BENCHMARKS = {"messages": messages.run, "limits": limits.run, "ledger": ledger.run}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
    calls, rounds = (100, 2) if options.quick else (1000, 7)
    print(f"Python {platform.python_version()} on {platform.machine()}")
    for name in options.names or BENCHMARKS:
        print()
        print(BENCHMARKS[name](calls, rounds), flush=True)


if __name__ == "__main__":
    main()
