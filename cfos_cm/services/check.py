"""C{cfos-cm check}: what is wrong with a configuration, without starting anything."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from cfos_cm.errors import ConfigError
from cfos_cm.services.certificate_watch import report_of
from cfos_cm.services.config import Config, read_config
from cfos_cm.services.configured_certificates import configured_certificates
from cfos_cm.services.console_verbs import Verbs
from cfos_cm.services.journal import counted

__all__ = ["add_check_command", "check"]


def add_check_command(commands: Verbs[argparse.ArgumentParser]) -> None:
    """Add C{check} to the command line."""
    checking = commands.add_parser(
        "check",
        help="look for mistakes in a configuration file",
        description="Print every mistake of a configuration file, each with its line and what "
        "is allowed there. The exit status is 1 if there is one.",
    )
    checking.add_argument("file", metavar="FILE", nargs="?", default="tap.cfg")
    checking.set_defaults(run=lambda options, write: check(options.file, write))


def check(path: str, write: Callable[[str], None]) -> int:
    """
    Read a configuration and say what is wrong with it, or that nothing is.

    @param write: is given one line at a time, without its end.
    @return: the exit status: 0 when the program would start with it, 1 when it would not.
    """
    try:
        config = read_config(path)
    except ConfigError as error:
        for mistake in error.mistakes:
            write(str(mistake))
        return 1
    evses = counted(len(config.evses), "EVSE")
    write(f"{path}: {evses} on {counted(len(config.circuits), 'circuit')}, no mistakes")
    for warning in (*config.warnings(), *_expiring(config)):
        write(f"warning: {warning}")
    return 0


def _expiring(config: Config) -> Iterator[str]:
    """A sentence about each certificate that is about to expire, or cannot be used now."""
    now = datetime.now(UTC)
    for one in configured_certificates(config):
        report = report_of(one, now)
        if report.is_warning:
            yield str(report)
