"""The console's side of the control socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

from cfos_cm.errors import CfosError
from cfos_cm.services.config import Config
from cfos_cm.services.control_place import ControlPlace, NoControl

__all__ = ["ANSWER_S", "MAX_ANSWER_BYTES", "CommandFailed", "NotRunning", "ask"]

#: How long a manager may take; its disk may. [s]
ANSWER_S = 60.0

#: The longest answer.
MAX_ANSWER_BYTES = 4 * 1024 * 1024

_NOT_ALLOWED = "only the user whom the manager runs as may do that"


class NotRunning(CfosError):
    """No manager runs with this configuration."""


class CommandFailed(CfosError):
    """The manager has said no, or nothing that can be understood."""


def ask(config: Config, command: str, **said: object) -> Mapping[str, Any]:
    """
    Have the manager that runs with a configuration carry out a command.

    It waits for the answer.

    @param said: what the command needs to know; what JSON can say.
    @return: what the answer says.
    @raise NotRunning: when none runs.
    @raise CommandFailed: when it says no; the text says why.
    """
    line = json.dumps({"command": command, **said}).encode() + b"\n"
    try:
        answer = json.loads(_exchange(config, line))
    except ValueError as error:
        raise CommandFailed("the answer of the manager is not JSON") from error
    if not isinstance(answer, dict) or not answer.get("ok"):
        why = answer.get("error") if isinstance(answer, dict) else None
        raise CommandFailed(str(why or "the manager gave no reason"))
    return answer


def _exchange(config: Config, line: bytes) -> bytes:
    try:
        place = ControlPlace(config.state_directory)
    except NoControl as error:
        if isinstance(error.__cause__, PermissionError):
            raise CommandFailed(f"{config.state_directory}: {_NOT_ALLOWED}") from error
        raise _not_running(config, str(error)) from error
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_S)
            try:
                connection.connect(place.address())
            except PermissionError as error:
                raise CommandFailed(f"{place.path}: {_NOT_ALLOWED}") from error
            except OSError as error:
                raise _not_running(config, f"{place.path}: {error.strerror}") from error
            return _said_in_answer(connection, line)
    finally:
        place.close()


def _said_in_answer(connection: socket.socket, line: bytes) -> bytes:
    answer = bytearray()
    try:
        connection.sendall(line)
        while not answer.endswith(b"\n"):
            some = connection.recv(64 * 1024)
            if not some:
                raise CommandFailed("the manager has ended before it gave an answer")
            answer += some
            if len(answer) > MAX_ANSWER_BYTES:
                raise CommandFailed("the answer of the manager has no end")
    except TimeoutError as error:
        raise CommandFailed(f"the manager gave no answer within {ANSWER_S:g} s") from error
    except OSError as error:
        raise CommandFailed(f"the manager gave no answer: {error.strerror}") from error
    return bytes(answer)


def _not_running(config: Config, why: str) -> NotRunning:
    return NotRunning(
        f"no manager runs with {config.path} ({why}); "
        f"start it with: twistd -n cfos-cm --config {config.path}"
    )
