"""Where a manager listens to the console: a socket in its state directory."""

from __future__ import annotations

import fcntl
import os
import stat

from cfos_cm.errors import CfosError

__all__ = ["MAX_ADDRESS_BYTES", "SOCKET_NAME", "ControlPlace", "NoControl"]

#: The name of the socket in the state directory.
SOCKET_NAME = "control"

#: The longest path that a UNIX socket can be found by: C{sun_path} of Linux, without its end.
MAX_ADDRESS_BYTES = 107


class NoControl(CfosError):
    """The socket cannot be used; the text says which, and why."""


class ControlPlace:
    """
    A state directory that is held open, so that its socket can be reached however long the path
    to it is.

    @ivar path: of the socket, for people.
    """

    def __init__(self, state_directory: str) -> None:
        """
        @raise NoControl: when there is no such directory, or it cannot be read.
        """
        self.path = os.path.join(state_directory, SOCKET_NAME)
        try:
            self._folder = os.open(state_directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise NoControl(f"{state_directory}: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the directory, and of what was locked; nothing else may be called then."""
        os.close(self._folder)

    def address(self) -> str:
        """
        A path of the socket that a system call takes; it is good until L{close}.

        @raise NoControl: when there is none.
        """
        if len(os.fsencode(self.path)) <= MAX_ADDRESS_BYTES:
            return self.path
        short = f"/proc/self/fd/{self._folder}"
        if not os.path.isdir(short):
            raise NoControl(
                f"{self.path}: its path has {len(os.fsencode(self.path))} bytes, and a socket "
                f"can have {MAX_ADDRESS_BYTES}: choose a shorter state_directory"
            )
        return f"{short}/{SOCKET_NAME}"

    def take(self) -> None:
        """
        Be the only one who listens here, and remove the socket of somebody who was killed.

        @raise NoControl: when another program listens here, or that is no socket.
        """
        try:
            # The lock goes with its process, however that ends.
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NoControl(
                f"{self.path}: another program runs with this state_directory; each manager "
                "needs one of its own"
            ) from error
        except OSError as error:
            raise NoControl(f"{self.path}: cannot be locked: {error.strerror}") from error
        self._remove_left_over()

    def _remove_left_over(self) -> None:
        try:
            found = os.stat(SOCKET_NAME, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            raise NoControl(f"{self.path}: is there and is no socket: move it away")
        os.unlink(SOCKET_NAME, dir_fd=self._folder)
