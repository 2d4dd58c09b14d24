"""A PostgreSQL server of the tests' own: on a socket in a temporary folder, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["NoServerError", "PostgresqlServer"]


class NoServerError(Exception):
    """No PostgreSQL server can run here; the text says why."""


class PostgresqlServer:
    """
    One server with one empty database.

    @ivar folder: its data, its socket and its log.
    """

    def __init__(self) -> None:
        """
        @raise NoServerError: when none is installed, or it would have to run as root.
        """
        self._programs = _installed_programs()
        self._as_user = _unprivileged_prefix()
        self.folder = Path(tempfile.mkdtemp(prefix="cfos_pg."))

    @property
    def url(self) -> str:
        """Where its database is; the password is never asked for, and must never be shown."""
        return f"postgresql://cfos:s3cret-pass@/postgres?host={self.folder}"

    def start(self) -> None:
        """Make the database, and start the server."""
        if os.getuid() == 0:
            shutil.chown(self.folder, _USER)
        self._run("initdb", "-D", self._data, "-U", "cfos", "-A", "trust", "-E", "UTF8")
        self._control("start")

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        try:
            self._control("stop")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def crash(self) -> None:
        """Stop the server as a loss of power would."""
        self._control("stop")

    def start_again(self) -> None:
        """Start the server after a crash."""
        self._control("start")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _control(self, what: str) -> None:
        options = f"-F -c listen_addresses='' -c unix_socket_directories='{self.folder}'"
        extra = ["-o", options, "-l", str(self.folder / "log")] if what == "start" else []
        mode = ["-m", "immediate"] if what == "stop" else []
        self._run("pg_ctl", what, "-D", self._data, "-w", "-s", *mode, *extra)

    def _run(self, program: str, *arguments: str) -> None:
        found = subprocess.run(
            [*self._as_user, str(self._programs / program), *arguments],
            cwd=self.folder,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        if found.returncode:
            raise NoServerError(f"{program}: {found.stderr.strip()[-500:]}")


#: Whom root runs the server as, for a PostgreSQL server refuses to be root.
_USER = "nobody"


def _installed_programs() -> Path:
    versions = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        key=lambda folder: int(folder.parent.name.partition(".")[0]),
    )
    if versions:
        return versions[-1]
    elsewhere = shutil.which("initdb")
    if elsewhere is None:
        raise NoServerError("no PostgreSQL server is installed (Debian: postgresql)")
    return Path(elsewhere).parent


def _unprivileged_prefix() -> list[str]:
    if os.getuid() != 0:
        return []
    user = pwd.getpwnam(_USER)
    if shutil.which("setpriv") is None:
        raise NoServerError("root needs setpriv to run a PostgreSQL server as somebody else")
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"]
    return ["setpriv", *ids, "--clear-groups", "--"]
