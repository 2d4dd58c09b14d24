"""The set-up code, as a file that nobody else can read: the same one after a restart."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.logger import Logger

from cfos_cm.regular_file import read_regular_file
from cfos_cm.storage.private_files import put_file, remove_file
from cfos_cm.web.setup_code import new_setup_code, setup_code_in

__all__ = ["SETUP_FILE", "SetupFile"]

#: The name of the file in the state directory.
SETUP_FILE = "setup-code"

_OF_OTHERS = 0o077

#: Much longer than a code.
_MOST_BYTES = 200

_log = Logger(namespace="cfos_cm.web")


class SetupFile:
    """
    Keeps a set-up code.

    @ivar path: of the file.
    """

    def __init__(self, state_directory: str) -> None:
        self.path = Path(state_directory) / SETUP_FILE

    def code(self) -> str:
        """
        The code of before if nobody else can have read or written it, else a new one.

        One that cannot be kept is logged as such, and counts until the program ends.
        """
        found = self._found()
        if found is not None:
            return found
        code = new_setup_code()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            put_file(self.path, f"{code}\n".encode())
        except OSError as error:
            _log.warn(
                "{path}: cannot be written: {why}; the set-up code is another one after a "
                "restart",
                path=str(self.path),
                why=error.strerror,
            )
        return code

    def remove(self) -> None:
        """It has been used, or is needed no more. What cannot be removed is logged."""
        try:
            remove_file(self.path)
        except OSError as error:
            _log.warn(
                "{path}: cannot be removed: {why}; it counts no more all the same",
                path=str(self.path),
                why=error.strerror,
            )

    def _found(self) -> str | None:
        try:
            there = os.lstat(self.path)
            is_ours = stat.S_ISREG(there.st_mode) and there.st_uid == os.geteuid()
            if not is_ours or there.st_mode & _OF_OTHERS:
                return None
            return setup_code_in(read_regular_file(str(self.path), _MOST_BYTES).decode())
        except (OSError, ValueError):
            return None
