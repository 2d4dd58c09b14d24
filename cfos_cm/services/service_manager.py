"""
Telling systemd that the manager is up, that it is alive, and that it goes. sd_notify(3).

Where no systemd has asked for it nothing is told.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

__all__ = ["ServiceManagerNotes", "watchdog_s"]

_log = Logger(namespace="cfos_cm.services")


class ServiceManagerNotes(Service):
    """
    Says C{READY=1} when the site has started, C{WATCHDOG=1} as long as it is alive, and
    C{STOPPING=1} at its end.

    systemd starts a process again that has stopped to say that it is alive: so it must not be
    said by a timer alone, but by one that looks whether the site is.
    """

    def __init__(
        self,
        reactor: Any,
        started: Callable[[], Deferred[None]],
        why_not_alive: Callable[[], str],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """
        @param started: fires when an attempt to start the site is over.
        @param why_not_alive: what is wrong with it, in words; empty: it is alive.
        """
        self.setName("notes to systemd")
        self._place = environment.get("NOTIFY_SOCKET", "")
        self._started = started
        self._why_not_alive = why_not_alive
        self._watchdog_s = watchdog_s(environment)
        self._beat: LoopingCall | None = None
        self._reactor = reactor
        self._is_ready = False
        self._complaint = ""

    def startService(self) -> None:
        """Tell it from now on."""
        super().startService()
        if self._place:
            self._beat = LoopingCall(self._look)
            self._beat.clock = self._reactor
            # Until the site has started systemd's own time-out for a start counts.
            self._started().addCallback(self._begin)

    def stopService(self) -> None:
        """Say goodbye."""
        super().stopService()
        if self._beat is not None and self._beat.running:
            self._beat.stop()
        if self._place:
            self._tell("STOPPING=1")
        self._is_ready = False

    def _begin(self, _: None) -> None:
        if self.running and self._beat is not None and not self._beat.running:
            self._beat.start(min(self._watchdog_s / 2, 10.0))

    def _look(self) -> None:
        why = self._why_not_alive()
        if why != self._complaint:
            self._complaint = why
            self._tell(f"STATUS={why or 'charging is managed'}")
        if why:
            return
        if not self._is_ready:
            self._is_ready = True
            self._tell("READY=1\nSTATUS=charging is managed")
        if self._watchdog_s != float("inf"):
            self._tell("WATCHDOG=1")

    def _tell(self, text: str) -> None:
        # An address that begins with @ is in no folder; the kernel wants a zero byte there.
        place = f"\0{self._place[1:]}" if self._place.startswith("@") else self._place
        try:
            # None may be left to be opened; that must not end the telling.
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                # A systemd that does not read must not keep us waiting.
                out.setblocking(False)
                out.sendto(text.encode(), place)
        except OSError as error:
            _log.warn("systemd could not be told: {why}", why=error.strerror or str(error))


def watchdog_s(environment: Mapping[str, str]) -> float:
    """
    How often systemd wants to hear of this process at least; infinite: it does not. [s]

    sd_watchdog_enabled(3): another process may be meant.
    """
    pid = environment.get("WATCHDOG_PID", "")
    if pid and pid != str(os.getpid()):
        return float("inf")
    with suppress(ValueError):
        wanted_us = int(environment.get("WATCHDOG_USEC", ""))
        if wanted_us > 0:
            return wanted_us / 1e6
    return float("inf")
