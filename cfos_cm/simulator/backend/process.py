"""
A virtual backend in a process of its own, which ends with the one that has started it.

Its standard input is a pipe that nothing is written to: when the one who holds the other end is
gone, however he went, the pipe is closed, and the backend stops. What it logs comes back by its
standard output, a line for each event: its level, a blank, and the text. The event that tells
that it listens has another word in the place of its level.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol, Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.logger import (
    ILogObserver,
    InvalidLogLevelError,
    LogEvent,
    Logger,
    LogLevel,
    formatEvent,
)
from twisted.python.failure import Failure
from zope.interface import provider

__all__ = ["PATIENCE_S", "START_S", "BackendProcess", "LeaveTogether", "plain_lines"]

#: So long it has to stop by itself. [s]
PATIENCE_S = 5.0

#: So long others wait for it when it starts. [s]
START_S = 15.0

#: The longest line of it that is shown. [B]
MAX_LINE_BYTES = 4096

#: The command twistd, wherever it is installed.
_TWISTD = ("-c", "from twisted.scripts.twistd import run; run()")

#: In the place of a level: it listens.
_READY = "ready"

_log = Logger(namespace="cfos_cm.backend")


def plain_lines() -> ILogObserver:
    """
    What C{twistd --logger} takes: an observer that writes what the other process understands.

    It leaves out what Twisted tells of itself, unless it is a warning or worse.
    """
    # Twisted is about to put something else, which logs, in the place of sys.stdout.
    output = sys.stdout.buffer

    @provider(ILogObserver)
    def write(event: LogEvent) -> None:
        level = event.get("log_level", LogLevel.info)
        is_ours = str(event.get("log_namespace", "")).startswith("cfos_cm")
        if is_ours or level >= LogLevel.warn:
            word = _READY if event.get("is_ready") else level.name
            for line in formatEvent(event).splitlines():
                _write(output, f"{word} {line}\n")

    observer: ILogObserver = write
    return observer


def _write(output: BinaryIO, line: str) -> None:
    try:
        output.write(line.encode("utf-8", "backslashreplace"))
        output.flush()
    except (OSError, ValueError):
        # Nobody reads it any more: who held the other end is gone, and this process goes too.
        return


class LeaveTogether(Service):
    """Stops the reactor when the standard input has come to its end."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._input: StandardIO | None = None

    def startService(self) -> None:
        """Listen to it, and no more to what is typed at the terminal of the other process."""
        super().startService()
        os.setpgid(0, 0)
        self._input = StandardIO(_Parent(self._reactor), reactor=self._reactor)


class _Parent(Protocol):
    """The process that has started this one."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone, or wants this one to go."""
        if self._reactor.running:
            self._reactor.callLater(0, self._stop)

    def _stop(self) -> None:
        if self._reactor.running:
            self._reactor.stop()


class BackendProcess(Service):
    """
    A virtual backend as a child of this process.

    One that ends by itself, or is killed, is not started again: the log says how to do that.
    """

    def __init__(
        self, name: str, config_path: str, reactor: Any, shown_path: str | None = None
    ) -> None:
        """
        @param name: of its section.
        @param config_path: the file that has it.
        @param shown_path: as a person writes it.
        """
        self._name = name
        self._shown_path = shown_path or config_path
        self._config_path = config_path
        self._reactor = reactor
        self._child: _Child | None = None
        self._waiting: list[Deferred[None]] = []

    @property
    def pid(self) -> int | None:
        """Its process id; C{None}: it does not run."""
        return None if self._child is None else self._child.pid

    def ready(self) -> Deferred[None]:
        """
        Wait for it.

        @return: fires when it listens, or has ended, or needs longer than L{START_S}.
        """
        child = self._child
        if child is None or child.is_ready:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        timer = self._reactor.callLater(START_S, self._is_late, done)

        def stop(_: None) -> None:
            if timer.active():
                timer.cancel()

        return done.addCallback(stop)

    def startService(self) -> None:
        """Start it, unless an earlier one is about to end: then it is when that has ended."""
        super().startService()
        if self._child is None:
            self._spawn()

    def stopService(self) -> Deferred[None]:
        """
        Have it stop.

        @return: fires when it has ended.
        """
        super().stopService()
        return succeed(None) if self._child is None else self._child.leave()

    def listens(self) -> None:
        """It can be connected to, or will not be."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)

    def ended(self, how: str) -> None:
        """It is gone."""
        self._child = None
        self.listens()
        if not self.running:
            return
        _log.info("{name} has ended: {how}", name=self._name, how=how)
        self._tell_start()

    def gone(self) -> None:
        """It is gone, as it was asked to."""
        self._child = None
        self.listens()
        if self.running:
            # It was started again meanwhile.
            self._spawn()

    def _spawn(self) -> None:
        arguments = [
            *("-n", "--pidfile=", "--logger=cfos_cm.simulator.backend.process.plain_lines"),
            *("cfos-backend", "--config", self._config_path),
            *("--only", self._name, "--leave-together"),
        ]
        # It finds the packages where this process has found them.
        path = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)
        child = _Child(self, self._reactor)
        self._reactor.spawnProcess(
            child,
            sys.executable,
            [sys.executable, *_TWISTD, *arguments],
            env={**os.environ, "PYTHONPATH": path},
        )
        self._child = child
        _log.info(
            "{name} is a process of its own; to stop it: kill {pid}",
            name=self._name,
            pid=child.pid,
        )
        self._tell_start()

    def _is_late(self, done: Deferred[None]) -> None:
        self._waiting.remove(done)
        done.callback(None)

    def _tell_start(self) -> None:
        _log.info(
            "{name}: to start it again, in another terminal: {command}",
            name=self._name,
            command=_command(self._name, self._shown_path),
        )


def _command(name: str, config_path: str) -> str:
    """What a person types."""
    script = Path(sys.executable).with_name("twistd")
    twistd = "twistd"
    if script.exists():
        inside = script.is_relative_to(Path.cwd())
        twistd = str(script.relative_to(Path.cwd()) if inside else script)
    words = (twistd, "-n", "--pidfile=", "cfos-backend", "--config", config_path)
    return shlex.join((*words, "--only", name))


class _Child(ProcessProtocol):
    """
    The process.

    @ivar is_ready: it listens.
    """

    def __init__(self, owner: BackendProcess, reactor: Any) -> None:
        self._owner = owner
        self._reactor = reactor
        self._ended: Deferred[None] | None = None
        self._patience: IDelayedCall | None = None
        self._lines, self._errors = _Lines(self._listens), _Lines()
        self.is_ready = False

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return None if self.transport is None else self.transport.pid

    def leave(self) -> Deferred[None]:
        """
        Have it stop.

        @return: fires when it has.
        """
        if self._ended is None:
            self._ended = Deferred()
            self._patience = self._reactor.callLater(PATIENCE_S, self._kill)
            if self.transport is not None:
                self.transport.closeStdin()
        done: Deferred[None] = Deferred()

        def pass_on(_: None) -> None:
            done.callback(None)

        self._ended.addCallback(pass_on)
        return done

    def outReceived(self, data: bytes) -> None:
        """It says something."""
        self._lines.received(data)

    def errReceived(self, data: bytes) -> None:
        """It complains."""
        self._errors.received(data)

    def processEnded(self, reason: Failure) -> None:
        """It is gone, and all that it said has been read."""
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        if self._ended is None:
            status: Any = reason.value
            how = f"by signal {status.signal}" if status.signal else f"status {status.exitCode}"
            self._owner.ended(how)
        else:
            self._owner.gone()
            self._ended.callback(None)

    def _listens(self) -> None:
        self.is_ready = True
        self._owner.listens()

    def _kill(self) -> None:
        if self.transport is not None:
            self.transport.signalProcess("KILL")


class _Lines:
    """Puts lines of another process into our log."""

    def __init__(self, ready: Callable[[], None] = lambda: None) -> None:
        """
        @param ready: is called when it says that it listens.
        """
        self._ready = ready
        self._rest = b""

    def received(self, data: bytes) -> None:
        """Some bytes have come."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._log(line[:MAX_LINE_BYTES])
        self._rest = rest[:MAX_LINE_BYTES]

    def _log(self, line: bytes) -> None:
        word, _, text = line.decode("utf-8", "replace").partition(" ")
        try:
            level = LogLevel.info if word == _READY else LogLevel.levelWithName(word)
        except InvalidLogLevelError:
            # It is not its log that speaks: something has gone wrong there.
            level, text = LogLevel.error, f"{word} {text}"
        text = "".join(char if char.isprintable() else "?" for char in text)
        _log.emit(level, "{line}", line=text)
        if word == _READY:
            self._ready()
