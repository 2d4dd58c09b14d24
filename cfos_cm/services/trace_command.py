"""C{cfos-cm trace}: what Charge Points and backends say, on the console."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

from cfos_cm.services.console_database import Write
from cfos_cm.services.console_verbs import Verbs, add_config, add_verb, ask_manager
from cfos_cm.services.console_words import local_time
from cfos_cm.services.trace_orders import MAX_FRAMES_TOLD
from cfos_cm.trace import Leg

__all__ = ["add_trace_command"]

#: With C{--follow} the manager is asked so often. [s]
_LOOK_S = 0.5

_USUAL = 50
_ARROWS = {"in": "<-", "out": "->"}


def add_trace_command(commands: Verbs[argparse.ArgumentParser]) -> None:
    """Add C{trace} to the command line."""
    trace = add_config(
        add_verb(
            commands,
            "trace",
            "show what Charge Points, backends and the manager say to each other",
            _trace,
        )
    )
    trace.add_argument("--follow", "-f", action="store_true", help="go on with what comes")
    trace.add_argument("--leg", choices=[leg.value for leg in Leg], help="one side only")
    trace.add_argument(
        "--who", metavar="TEXT", help="a part of a ChargeBox ID, or of a gateway"
    )
    trace.add_argument(
        "--action", metavar="ACTION", help="such as MeterValues, with its answers"
    )
    trace.add_argument(
        "--limit",
        type=int,
        default=_USUAL,
        help=f"how many of the newest: 1 to {MAX_FRAMES_TOLD}; {_USUAL} without it",
    )


def _trace(options: argparse.Namespace, write: Write) -> int:
    wanted = {"leg": options.leg, "who": options.who, "action": options.action}
    told = ask_manager(options, "trace", limit=options.limit, **wanted)
    for frame in told["frames"]:
        write(_line(frame))
    try:
        while options.follow:
            time.sleep(_LOOK_S)
            told = ask_manager(
                options, "trace", limit=MAX_FRAMES_TOLD, after=told["after"], **wanted
            )
            for frame in told["frames"]:
                write(_line(frame))
    except KeyboardInterrupt:
        pass
    return 0


def _line(frame: Mapping[str, Any]) -> str:
    """Such as C{2027-01-02 10:00:00+01:00 charger CP-1 <- Heartbeat call […]}."""
    what = " ".join(filter(None, (frame["action"], frame["kind"])))
    return (
        f"{local_time(frame['at'])} {frame['leg']} {frame['who']} "
        f"{_ARROWS[frame['direction']]} {what} {frame['text']}"
    )
