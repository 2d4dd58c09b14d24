"""The command line of what C{twistd} starts by a configuration file."""

from __future__ import annotations

from twisted.python import usage

from cfos_cm.errors import ConfigError
from cfos_cm.services.config import read_config

__all__ = ["ConfiguredOptions"]


class ConfiguredOptions(usage.Options):
    """The options of a command; C{parsed} is the configuration."""

    synopsis = "[--config FILE]"
    optParameters = [["config", "c", "tap.cfg", "The configuration file."]]

    def postOptions(self) -> None:
        """
        Read the configuration.

        @raise usage.UsageError: with every mistake in it.
        """
        try:
            self["parsed"] = read_config(self["config"])
        except ConfigError as error:
            raise usage.UsageError(str(error)) from error
