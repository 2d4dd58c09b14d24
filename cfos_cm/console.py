"""The command C{cfos-cm}: what is done to a site from a console."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import TypeAlias

__all__ = ["main", "parser"]

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

#: Where the commands of each kind are added to the command line, and what these are.
_ADDED: Mapping[tuple[str, ...], str] = {
    ("check",): "cfos_cm.services.check:add_check_command",
    ("tag",): "cfos_cm.services.tag_command:add_tag_commands",
    ("limit", "limits"): "cfos_cm.services.limit_command:add_limit_commands",
    ("charge-point",): "cfos_cm.services.charge_point_command:add_charge_point_commands",
    ("gateway",): "cfos_cm.services.gateway_command:add_gateway_commands",
    ("export",): "cfos_cm.services.export_command:add_export_commands",
    ("certs",): "cfos_cm.services.certs_command:add_certs_commands",
    ("set-password",): "cfos_cm.services.password_command:add_password_command",
    ("token",): "cfos_cm.services.token_command:add_token_command",
    ("trace",): "cfos_cm.services.trace_command:add_trace_command",
    ("fake-charger",): "cfos_cm.simulator.personas.command:add_fake_charger_command",
}


def parser(asked: str = "") -> argparse.ArgumentParser:
    """
    The command line, for its help and for C{main}.

    @param asked: the command that it is for: no other one is loaded then, which would take
        longer than most commands. Of any other word: all commands.
    """
    root = argparse.ArgumentParser(
        prog="cfos-cm",
        description="Commands beside the charging manager. "
        "The manager itself is started with 'twistd cfos-cm --config tap.cfg'.",
    )
    root.add_argument("--version", action="version", version=f"cfos_cm {version('cfos_cm')}")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    wanted = [place for names, place in _ADDED.items() if asked in names]
    for place in wanted or _ADDED.values():
        _add(place, commands)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command.

    @param arguments: without the program's name; C{None}: the process's own.
    @return: the exit status: 0 if it went well, 1 if it did not, 2 for a wrong command line.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options = parser(words[0] if words else "").parse_args(words)
    run: Callable[[argparse.Namespace, Callable[[str], None]], int] = options.run
    return run(options, _write)


def _add(place: str, commands: _Commands) -> None:
    module, _, name = place.partition(":")
    add: Callable[[_Commands], None] = getattr(import_module(module), name)
    add(commands)


def version(package: str) -> str:
    """The version of an installed package; "not installed" when it runs from its sources."""
    try:
        return installed_version(package)
    except PackageNotFoundError:
        return "not installed"


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
