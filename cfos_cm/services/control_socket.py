"""
The console's way into a manager that runs.

A UNIX socket in the state directory that nobody but the user of the manager can open. Both
sides say one JSON object in each line. The console says C{{"command": NAME, ...}}; the answer
is C{{"ok": true, ...}}, or C{{"ok": false, "error": WORDS}}. Commands of one connection are
answered one after the other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, gatherResults, maybeDeferred
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IDelayedCall, IListeningPort, IReactorUNIX
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from cfos_cm import strict_json
from cfos_cm.errors import CfosError
from cfos_cm.services.config.options import did_you_mean
from cfos_cm.services.control_place import ControlPlace, NoControl

__all__ = [
    "MAX_CONNECTIONS",
    "MAX_LINE_BYTES",
    "MAX_WAITING",
    "SILENCE_S",
    "Command",
    "CommandRefused",
    "ControlSocket",
]

#: A command, with all that is said in it.
MAX_LINE_BYTES = 16 * 1024

#: At the same time; a console has one, for a moment.
MAX_CONNECTIONS = 20

#: Commands of one connection that wait for the answer to an earlier one.
MAX_WAITING = 20

#: Who says nothing for so long, and waits for nothing, is hung up on. [s]
SILENCE_S = 30.0

#: Given what was said beside the command's name; gives what is said beside C{ok}.
Command = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]

_log = Logger(namespace="cfos_cm.services")


class CommandRefused(CfosError):
    """A command cannot be carried out as it was said; the text is for whoever has said it."""


class _Connection(LineOnlyReceiver):
    """One console."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE_BYTES
    # Of a UNIX socket; its interface leaves out what is needed to hang up.
    transport: Any

    def __init__(self, control: ControlSocket) -> None:
        self._control = control
        self._turn = DeferredLock()
        self._waiting = 0
        self._patience: IDelayedCall | None = None
        self.closed: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Somebody is there."""
        if not self._control.admit(self):
            self.say_no(f"{MAX_CONNECTIONS} consoles are connected; that is the bound")
            self.transport.loseConnection()
            return
        self._be_patient()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Nobody is there any more."""
        self._stop_patience()
        self._control.dismiss(self)
        self.closed.callback(None)

    def lineReceived(self, line: bytes) -> None:
        """A command was said."""
        if self.transport.disconnecting:
            return
        self._waiting += 1
        if self._waiting > MAX_WAITING:
            self._hang_up(f"more than {MAX_WAITING} commands wait; that is the bound")
            return
        self._stop_patience()
        self._turn.run(self._answer, line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line has no end."""
        self._hang_up(f"a line has more than {MAX_LINE_BYTES} bytes; that is the bound")

    def say_no(self, why: str) -> None:
        """Answer that something cannot be done."""
        self._say({"ok": False, "error": why})

    def abort(self) -> None:
        """End the connection now."""
        self.transport.abortConnection()

    async def _answer(self, line: bytes) -> None:
        try:
            self._say({"ok": True, **await self._control.carry_out(line)})
        except CfosError as error:
            self.say_no(str(error))
        except Exception:  # noqa: BLE001
            # A mistake in one command must not leave the console without an answer.
            _log.failure("a command of the console failed")
            self.say_no("the command failed; the log of the manager says why")
        self._waiting -= 1
        if not self._waiting and not self.closed.called:
            self._be_patient()

    def _say(self, answer: Mapping[str, object]) -> None:
        # Without letters beyond ASCII, so that a half of a surrogate pair is no trouble either.
        self.sendLine(json.dumps(answer).encode("ascii"))

    def _hang_up(self, why: str) -> None:
        self._stop_patience()
        self.say_no(why)
        self.transport.loseConnection()

    def _be_patient(self) -> None:
        self._stop_patience()
        self._patience = self._control.clock.callLater(SILENCE_S, self.abort)

    def _stop_patience(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._patience = None


class _Consoles(Factory):
    """Makes what serves a console."""

    noisy = False

    def __init__(self, control: ControlSocket) -> None:
        self._control = control

    def buildProtocol(self, addr: IAddress | None) -> _Connection:
        """Somebody connects."""
        return _Connection(self._control)


class ControlSocket:
    """
    Serves the commands of a table to consoles.

    @ivar clock: what its timers count with.
    """

    def __init__(
        self, reactor: Any, state_directory: str, commands: Mapping[str, Command]
    ) -> None:
        """
        @param state_directory: where the socket is made, and the folder too if it is missing.
        @param commands: by name; one that raises a L{CfosError} is answered with its text.
        """
        self.clock = reactor
        self._reactor = reactor
        self._state_directory = state_directory
        self._commands = dict(commands)
        self._place: ControlPlace | None = None
        self._port: IListeningPort | None = None
        self._connections: set[_Connection] = set()

    def add(self, commands: Mapping[str, Command]) -> None:
        """Serve more commands, by name; it may be open already."""
        self._commands.update(commands)

    async def open(self) -> None:
        """
        Listen, if that is possible; where it is not, the log says why, and all else goes on.
        """
        try:
            await self._listen()
        except CfosError as error:
            _log.error("no command of the console is heard: {why}", why=str(error))
            await self.close()

    async def close(self) -> None:
        """Listen no longer, and hang up on everybody; nothing is left then."""
        port, self._port = self._port, None
        if port is not None:
            try:
                await maybeDeferred(port.stopListening)
            except OSError as error:
                # Somebody has taken the socket away before us.
                _log.warn("the socket of the console: {why}", why=error.strerror)
        leaving = [connection.closed for connection in self._connections]
        for connection in tuple(self._connections):
            connection.abort()
        await gatherResults(leaving)
        if self._place is not None:
            self._place.close()
            self._place = None

    def admit(self, connection: _Connection) -> bool:
        """Whether there is a place for one more."""
        if len(self._connections) >= MAX_CONNECTIONS:
            return False
        self._connections.add(connection)
        return True

    def dismiss(self, connection: _Connection) -> None:
        """It has ended."""
        self._connections.discard(connection)

    async def carry_out(self, line: bytes) -> Mapping[str, object]:
        """
        Do what a line says.

        @return: what the answer says.
        @raise CfosError: when it cannot be done; its text is the answer.
        """
        try:
            said = strict_json.read(line)
        except strict_json.AmbiguousJson as error:
            raise CommandRefused(f"a line is not JSON: {error}") from error
        if not isinstance(said, dict) or not isinstance(said.get("command"), str):
            raise CommandRefused('a line is no command: must be {"command": NAME, ...}')
        name = said.pop("command")
        command = self._commands.get(name)
        if command is None:
            near = did_you_mean(name, list(self._commands))
            raise CommandRefused(
                f"there is no command {name[:80]!a}{near}; there are: "
                f"{', '.join(self._commands)}; is the manager as new as the console?"
            )
        return await command(said)

    async def _listen(self) -> None:
        if not IReactorUNIX.providedBy(self._reactor):
            raise NoControl(f"{type(self._reactor).__name__} has no UNIX sockets")
        try:
            os.makedirs(self._state_directory, mode=0o700, exist_ok=True)
        except OSError as error:
            raise NoControl(f"{self._state_directory}: {error.strerror}") from error
        self._place = ControlPlace(self._state_directory)
        self._place.take()
        # Twisted sets the mode before anybody can connect.
        endpoint = UNIXServerEndpoint(self._reactor, self._place.address(), mode=0o600)
        try:
            self._port = await endpoint.listen(_Consoles(self))
        except CannotListenError as error:
            why = getattr(error.socketError, "strerror", None) or str(error.socketError)
            raise NoControl(f"{self._place.path}: {why}") from error
