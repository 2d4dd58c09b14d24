"""The command C{cfos-cm}: what is done to a site from a console."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from cfos_cm.services.certs_command import add_certs_commands
from cfos_cm.services.charge_point_command import add_charge_point_commands
from cfos_cm.services.check import check
from cfos_cm.services.export_command import add_export_commands
from cfos_cm.services.gateway_command import add_gateway_commands
from cfos_cm.services.limit_command import add_limit_commands
from cfos_cm.services.password_command import add_password_command
from cfos_cm.services.tag_command import add_tag_commands
from cfos_cm.services.token_command import add_token_command
from cfos_cm.services.trace_command import add_trace_command
from cfos_cm.simulator.personas.command import add_fake_charger_command

__all__ = ["main", "parser"]


def parser() -> argparse.ArgumentParser:
    """The command line, for its help and for C{main}."""
    root = argparse.ArgumentParser(
        prog="cfos-cm",
        description="Commands beside the charging manager. "
        "The manager itself is started with 'twistd cfos-cm --config tap.cfg'.",
    )
    root.add_argument("--version", action="version", version=f"cfos_cm {version('cfos_cm')}")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    checking = commands.add_parser(
        "check",
        help="look for mistakes in a configuration file",
        description="Print every mistake of a configuration file, each with its line and what "
        "is allowed there. The exit status is 1 if there is one.",
    )
    checking.add_argument("file", metavar="FILE", nargs="?", default="tap.cfg")
    checking.set_defaults(run=_check)
    add_tag_commands(commands)
    add_limit_commands(commands)
    add_charge_point_commands(commands)
    add_gateway_commands(commands)
    add_export_commands(commands)
    add_certs_commands(commands)
    add_password_command(commands)
    add_token_command(commands)
    add_trace_command(commands)
    add_fake_charger_command(commands)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command.

    @param arguments: without the program's name; C{None}: the process's own.
    @return: the exit status: 0 if it went well, 1 if it did not, 2 for a wrong command line.
    """
    options = parser().parse_args(arguments)
    run: Callable[[argparse.Namespace, Callable[[str], None]], int] = options.run
    return run(options, _write)


def version(package: str) -> str:
    """The version of an installed package; "not installed" when it runs from its sources."""
    try:
        return installed_version(package)
    except PackageNotFoundError:
        return "not installed"


def _check(options: argparse.Namespace, write: Callable[[str], None]) -> int:
    return check(options.file, write)


def _write(line: str) -> None:
    # What a console cannot show is still better than no line at all.
    shown = line.encode(sys.stdout.encoding, "backslashreplace").decode(sys.stdout.encoding)
    try:
        sys.stdout.write(f"{shown}\n")
        # At once, for who reads it through a pipe.
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever has read the beginning wants no more of it, as C{head} does.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
