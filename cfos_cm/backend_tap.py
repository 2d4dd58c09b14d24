"""
What C{twistd cfos-backend} starts: the virtual backends of a C{tap.cfg}, and nothing else.

So a backend is another program than the one that bills through it, as it is in the world.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import MultiService
from twisted.python import usage

from cfos_cm.services.config.words import SimulatorType
from cfos_cm.services.configured_options import ConfiguredOptions
from cfos_cm.services.steady_time import make_steady
from cfos_cm.services.stop_signal import stop_once
from cfos_cm.simulator.backend.process import LeaveTogether
from cfos_cm.virtual_devices import virtual_backend

__all__ = ["Options", "makeService"]


class Options(ConfiguredOptions):
    """The options of the command C{twistd cfos-backend}."""

    synopsis = "[--config FILE] [--only NAME]"
    longdesc = (
        "Virtual billing backends: OCPP 1.6J servers that accept everybody, give transactions "
        "their own numbers and show what they bill. Each is a section [simulator NAME] of the "
        "configuration file with 'type = backend'; all other sections are left alone."
    )
    optParameters = [["only", "o", "", "The NAME of the section; empty: all of them."]]
    optFlags = [
        ["leave-together", None, "Stop when the standard input ends, and at no Ctrl-C."],
    ]

    def postOptions(self) -> None:
        """
        Read the configuration.

        @raise usage.UsageError: with every mistake in it, or because it has no such backend.
        """
        super().postOptions()
        only = self["only"]
        self["backends"] = [
            one
            for one in self["parsed"].simulators
            if one.type is SimulatorType.BACKEND and only in ("", one.name)
        ]
        if not self["backends"]:
            raise usage.UsageError(
                f"{self['config']}: has no section [simulator {only or 'NAME'}] with "
                "'type = backend'"
            )


def makeService(options: Options) -> MultiService:
    """
    The service for some options; it opens nothing before it is started.

    The reactor's timers do not follow jumps of the clock any more, and the first signal stops
    it, as with C{twistd cfos-cm}. A backend that cannot do its work stops all of it.

    @param options: parsed ones.
    """
    from twisted.internet import reactor

    make_steady(reactor)
    stop_once(reactor)
    backends = MultiService()
    if options["leave-together"]:
        LeaveTogether(reactor).setServiceParent(backends)
    for section in options["backends"]:
        one = virtual_backend(options["parsed"], section, reactor, _stopping(reactor))
        one.setServiceParent(backends)
    return backends


def _stopping(reactor: Any) -> Any:
    def stop() -> None:
        # Not before it runs: then there is nothing to stop yet.
        reactor.callWhenRunning(reactor.callLater, 0, _stop_if_running, reactor)

    return stop


def _stop_if_running(reactor: Any) -> None:
    if reactor.running:
        reactor.stop()
