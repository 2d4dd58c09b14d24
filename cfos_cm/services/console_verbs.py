"""How commands with commands of their own are added to the console, and what they ask."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from cfos_cm.errors import CfosError
from cfos_cm.services.config import read_config
from cfos_cm.services.console_database import Write
from cfos_cm.services.control_client import ask

__all__ = ["Verbs", "Work", "add_config", "add_verb", "ask_manager"]

#: What the command line is made of.
Verbs = argparse._SubParsersAction

#: Carries out a command; gives its exit status.
Work = Callable[[argparse.Namespace, Write], int]


def add_verb(
    verbs: Verbs[argparse.ArgumentParser], name: str, text: str, run: Work
) -> argparse.ArgumentParser:
    """
    Add a command; what it cannot do is a sentence on the console, and the exit status 1.

    @param text: what it does, for its help.
    """
    parser = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")

    def answered(options: argparse.Namespace, write: Write) -> int:
        try:
            return run(options, write)
        except CfosError as error:
            write(str(error))
            return 1

    parser.set_defaults(run=answered)
    return parser


def add_config(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Have a command know which site it is about."""
    parser.add_argument("--config", "-c", metavar="FILE", default="tap.cfg")
    return parser


def ask_manager(options: argparse.Namespace, command: str, **said: object) -> Mapping[str, Any]:
    """
    Ask the manager that runs with the settings of L{add_config}.

    @raise CfosError: if it does not run, or says no.
    """
    return ask(read_config(options.config), command, **said)
