"""Where the time goes in this program while MeterValues come in from a hundred wallboxes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping

from bench import contenders

_CONNECTIONS = 100
_SHOWN = 40

#: Until a hundred wallboxes are connected, registered and charge. [s]
_SET_UP_S = 4.0


def run(seconds: float, contender: contenders.Contender = contenders.FULL) -> str:
    """Look for so many seconds, and describe what was seen."""
    with contenders.Running(contender, _CONNECTIONS) as running:
        command = contenders.load_command(
            running, "closed", connections=_CONNECTIONS, seconds=_SET_UP_S + seconds
        )
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
            time.sleep(_SET_UP_S)
            running.tell("profile start")
            time.sleep(seconds)
            found = json.loads(running.tell("profile stop"))
            result = json.loads(load.communicate()[0])
    return describe(f"{contender.name}: {result['cpu_us']:.0f} us per message", found)


def describe(title: str, found: Mapping[str, Mapping[str, int]]) -> str:
    """The result for a person: threads, then functions."""
    used = sum(found["threads"].values())
    lines = [title, "", "CPU time by thread"]
    for name, ns in _largest(found["threads"]):
        lines.append(f"  {ns / used:6.1%}  {name}")
    for kind, what in (("own", "in the function itself"), ("total", "with all that it calls")):
        lines += ["", f"CPU time {what}"]
        lines += [f"  {ns / used:6.1%}  {name}" for name, ns in _largest(found[kind])[:_SHOWN]]
    return "\n".join(lines)


def _largest(weights: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(weights.items(), key=lambda item: -item[1])
