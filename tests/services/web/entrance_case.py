"""An entrance whose time is moved by hand, with a database of its own."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime, timedelta
from pathlib import Path

from twisted.internet.defer import Deferred

from cfos_cm.services.web.entrance import FIRST_ACCOUNT, Entrance, LoggedIn
from cfos_cm.storage.audit import AuditStore
from cfos_cm.storage.database import Database
from cfos_cm.web.password_hash import Work
from cfos_cm.web.passwords import Passwords
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller, Role
from tests.services.threadless import ThreadlessClock
from tests.storage.cases import NOW, SqliteCase

__all__ = ["LITTLE", "NOBODY", "PASSWORD", "EntranceCase"]

#: So little work that a test does not take long.
LITTLE = Work(4, 8, 1)

PASSWORD = "correct horse"
NOBODY = Caller("", Role.ANYBODY, "192.0.2.1")


class EntranceCase(SqliteCase):
    """
    A test with an entrance that has started.

    @ivar work: what new hashes are made with.
    """

    work = LITTLE
    database_: Database
    entrance: Entrance

    async def setUp(self) -> None:  # type: ignore[override]
        """Start it."""
        super().setUp()
        self.clock = ThreadlessClock()
        self.state = self.folder / "state"
        self.database_ = await self.opened()
        await self.start()

    async def start(self) -> None:
        """Start one, as after a restart."""
        self.entrance = Entrance(
            self.clock,
            self.now,
            self.database_,
            str(self.state),
            Passwords(self.clock, self.work),
        )
        self.addCleanup(self.entrance.stop)
        await self.entrance.start()

    def now(self) -> datetime:
        """The time of day, which goes with the clock."""
        return NOW + timedelta(seconds=self.clock.seconds())

    def code(self) -> str:
        """The set-up code, as a person reads it in its file."""
        return (self.state / "setup-code").read_text(encoding="utf-8").strip()

    async def set_up(self) -> LoggedIn:
        """Make the first account."""
        return await self.entrance.set_up(self.code(), PASSWORD, NOBODY)

    async def logged_in(self, user: str = FIRST_ACCOUNT, origin: str = "192.0.2.1") -> LoggedIn:
        """Log in."""
        return await self.entrance.log_in(user, PASSWORD, Caller("", Role.ANYBODY, origin))

    async def asks(self, logged_in: LoggedIn) -> Role:
        """As what a browser is let in that was logged in once."""
        return (await self.entrance.caller(logged_in.secret, None, "192.0.2.1")).role

    async def shows(self, token: str, origin: str = "192.0.2.1") -> Caller:
        """Who is let in with a token."""
        return await self.entrance.caller(None, token, origin)

    async def refused(self, status: int, asking: Awaitable[object]) -> Problem:
        """The problem that something ends with."""
        try:
            await asking
        except Problem as problem:
            self.assertEqual((status, str(problem)), (problem.status, str(problem)))
            return problem
        raise AssertionError("it was not refused")

    async def goes_by(self, seconds: float) -> None:
        """Let time go by, and what is asked of the database then be answered."""
        self.clock.advance(seconds)
        # What is asked may ask something more.
        for _ in range(3):
            await self.settled()

    async def settled(self) -> None:
        """All that was asked of the database before is done."""
        done: Deferred[object] = self.database_.run(lambda connection: None)
        await done

    async def noted(self) -> list[tuple[str, str, str, int]]:
        """Who has done what, as the audit log says, the oldest first."""
        await self.settled()
        found = await AuditStore(self.database_).entries(1000)
        return [(one.who, one.method, one.path, one.status) for one in reversed(found)]

    def kept(self) -> str:
        """All that is on disk, in the database and beside it."""
        return "".join(
            path.read_bytes().decode("latin-1")
            for path in Path(self.folder).rglob("*")
            if path.is_file()
        )
