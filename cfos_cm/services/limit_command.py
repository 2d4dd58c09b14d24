"""C{cfos-cm limit} and C{cfos-cm limits}: limits from outside, from the console."""

from __future__ import annotations

import argparse
import csv
import io
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from cfos_cm.electrical import power_text
from cfos_cm.errors import CfosError
from cfos_cm.services.config import read_config
from cfos_cm.services.console_database import Write, with_database
from cfos_cm.services.control_client import ask
from cfos_cm.services.limit_orders import MINIMUM
from cfos_cm.storage.database import Database
from cfos_cm.storage.outside_limits import OutsideLimitStore, Proof

__all__ = ["add_limit_commands"]

_POWER = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?(kW|W)?", re.IGNORECASE)
_SPAN = re.compile(r"(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s)?")

_COLUMNS = (
    "asked_at",
    "circuit",
    "by",
    "max_power_w",
    "counts",
    "until",
    "met_at",
    "met_after_s",
    "booked_w",
    "measured_w",
    "ended_at",
    "why_ended",
)


def add_limit_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    """Add C{limit} and C{limits} to the command line."""
    limit = commands.add_parser(
        "limit",
        help="limit what a circuit draws, as a grid operator asks for it",
        description="Limit what a circuit draws for a time, or end that, while the manager "
        "runs. It holds from the same second on, also after a restart, and the proof of it is "
        "stored. Without a CIRCUIT it lists what is in force, as 'cfos-cm limits' does.",
    )
    limit.add_argument("circuit", metavar="CIRCUIT", nargs="?")
    limit.add_argument(
        "--power",
        type=_power,
        help=f"4200, 4.2kW, or '{MINIMUM}': the least that § 14a EnWG leaves its EVSEs",
    )
    limit.add_argument(
        "--all-loads",
        action="store_true",
        help="for all that the circuit draws; else for its EVSEs together",
    )
    end = limit.add_mutually_exclusive_group()
    end.add_argument(
        "--until", metavar="TIME", type=_time, help="ISO 8601, such as 2030-12-31T23:59+01:00"
    )
    end.add_argument("--for", dest="span", metavar="SPAN", type=_span, help="2h, 90m, 1d12h")
    limit.add_argument(
        "--by", metavar="NAME", default="console", help="who asks for it; default: console"
    )
    limit.add_argument("--lift", metavar="CIRCUIT", help="end the limit of --by for a circuit")
    limit.set_defaults(run=_limit, parser=limit)
    listing = commands.add_parser(
        "limits",
        help="list limits from outside, and the proof that they were met",
        description="List the limits from outside that are in force in the manager that runs; "
        "or with --proof what is stored of all that ever were, also while none runs.",
    )
    listing.set_defaults(run=_list)
    for parser in (limit, listing):
        parser.add_argument("--proof", action="store_true", help="what is stored of all limits")
        parser.add_argument(
            "--since", metavar="TIME", type=_time, help="with --proof: not what ended before"
        )
        parser.add_argument(
            "--csv", action="store_true", help="with --proof: comma-separated values"
        )
        parser.add_argument("--config", "-c", metavar="FILE", default="tap.cfg")


def _limit(options: argparse.Namespace, write: Write) -> int:
    if options.lift is not None and options.circuit is not None:
        options.parser.error("either a CIRCUIT or --lift CIRCUIT")
    if options.lift is not None:
        return _answered(write, lambda: _lift(options, write))
    if options.circuit is None:
        if options.power is not None:
            options.parser.error("--power: of which CIRCUIT?")
        return _list(options, write)
    if options.power is None:
        options.parser.error(f"--power is missing: how much may {options.circuit} draw?")
    return _answered(write, lambda: _set(options, write))


def _answered(write: Write, work: Callable[[], None]) -> int:
    """The exit status of a command that may be answered with no."""
    try:
        work()
    except CfosError as error:
        write(str(error))
        return 1
    return 0


def _set(options: argparse.Namespace, write: Write) -> None:
    until = options.until
    if options.span is not None:
        until = datetime.now(UTC) + options.span
    answer = ask(
        read_config(options.config),
        "limit",
        circuit=options.circuit,
        power_w=options.power,
        all_loads=options.all_loads,
        until=None if until is None else until.isoformat(),
        by=options.by,
    )
    limit = answer["limit"]
    write(f"{_said(limit)}: in force")
    _write_unstored(limit, write)
    _write_observing(answer, write)


def _lift(options: argparse.Namespace, write: Write) -> None:
    config = read_config(options.config)
    limit = ask(config, "lift", circuit=options.lift, by=options.by)["limit"]
    write(f"{_said(limit)}: lifted")
    _write_unstored(limit, write)


def _list(options: argparse.Namespace, write: Write) -> int:
    if options.proof or options.csv or options.since is not None:
        return _list_proofs(options, write)
    return _answered(write, lambda: _list_in_force(options, write))


def _list_in_force(options: argparse.Namespace, write: Write) -> None:
    answer = ask(read_config(options.config), "limits")
    for limit in answer["limits"]:
        asked_at = datetime.fromisoformat(limit["asked_at"])
        asked = f"asked for {_time_text(asked_at)}"
        met = "not met yet"
        if limit["met_at"] is not None:
            met = f"met after {_seconds(asked_at, datetime.fromisoformat(limit['met_at']))} s"
        write(f"{_said(limit)}, {asked}, {met}")
        _write_unstored(limit, write)
    if not answer["limits"]:
        write("no limit from outside is in force")
    _write_observing(answer, write)


def _list_proofs(options: argparse.Namespace, write: Write) -> int:
    async def work(database: Database) -> int:
        proofs = await OutsideLimitStore(database).since(options.since)
        if options.csv:
            write(_csv_line(_COLUMNS))
        for proof in proofs:
            write(_csv_line(_fields(proof)) if options.csv else _proof_text(proof))
        if not proofs and not options.csv:
            write("no limit from outside is stored")
        return 0

    return with_database(options.config, work, write)


def _said(limit: Mapping[str, Any]) -> str:
    until = None if limit["until"] is None else datetime.fromisoformat(limit["until"])
    return _what(limit["circuit"], limit["max_power_w"], limit["all_loads"], until, limit["by"])


def _what(
    circuit: str, max_power_w: int, all_loads: bool, until: datetime | None, by: str
) -> str:
    what = "all that it draws" if all_loads else "its EVSEs together"
    end = "until it is lifted" if until is None else f"until {_time_text(until)}"
    # To the watt: what is cut off of it is what people would miss.
    power = f"{max_power_w} W" if max_power_w % 100 else power_text(max_power_w)
    return f"{circuit}: {power} for {what}, {end}, by {by}"


def _write_unstored(limit: Mapping[str, Any], write: Write) -> None:
    if limit["why_not_stored"] is not None:
        write(
            f"but its proof is NOT on disk: {limit['why_not_stored']}; it is stored as soon as "
            "that is possible"
        )


def _write_observing(answer: Mapping[str, Any], write: Write) -> None:
    if answer["observe_only"]:
        write("load management only observes: nobody is told to keep to it")


def _proof_text(proof: Proof) -> str:
    limit = proof.limit
    what = _what(limit.circuit, limit.max_power_w, not limit.evses_only, limit.until, limit.by)
    return f"{_time_text(proof.asked_at)} {what}; {_met_text(proof)}; {_end_text(proof)}"


def _met_text(proof: Proof) -> str:
    if proof.met_at is None:
        return "never met" if proof.ended_at is not None else "not met yet"
    figures = []
    if proof.booked_w is not None:
        figures.append(f"{proof.booked_w} W at most")
    if proof.measured_w is not None:
        figures.append(f"{proof.measured_w} W measured")
    return f"met after {_seconds(proof.asked_at, proof.met_at)} s, with {', '.join(figures)}"


def _end_text(proof: Proof) -> str:
    if proof.ended_at is None:
        return "in force"
    return f"ended {_time_text(proof.ended_at)}: {proof.why_ended}"


def _fields(proof: Proof) -> tuple[object, ...]:
    limit = proof.limit
    return (
        _utc(proof.asked_at),
        limit.circuit,
        limit.by,
        limit.max_power_w,
        "EVSEs" if limit.evses_only else "all loads",
        _utc(limit.until),
        _utc(proof.met_at),
        None if proof.met_at is None else _seconds(proof.asked_at, proof.met_at),
        proof.booked_w,
        proof.measured_w,
        _utc(proof.ended_at),
        proof.why_ended,
    )


def _csv_line(fields: tuple[object, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def _utc(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time_text(moment: datetime) -> str:
    """A moment for a person, in the time of this computer."""
    return moment.astimezone().isoformat(" ", "seconds")


def _seconds(asked_at: datetime, met_at: datetime) -> str:
    return f"{(met_at - asked_at).total_seconds():.3f}"


def _power(text: str) -> int | str:
    if text.lower() == MINIMUM:
        return MINIMUM
    found = _POWER.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no power: must be such as 4200, 4200W or 4.2kW, or '{MINIMUM}'"
        )
    number, unit = Decimal(found[1]), (found[2] or "W").lower()
    power_w = number * 1000 if unit == "kw" else number
    return int(power_w.to_integral_value(ROUND_FLOOR))


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    parts = [int(part) for part in found.groups("0")] if found else [0] * 4
    span = timedelta(**dict(zip(("days", "hours", "minutes", "seconds"), parts, strict=True)))
    if not span:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no span of time: must be such as 2h, 90m or 1d12h"
        )
    return span


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time such as 2030-12-31T23:59 or 2030-12-31T23:59+01:00"
        ) from error
