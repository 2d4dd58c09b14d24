"""Who is let in, as what, and for how long."""

from __future__ import annotations

from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from cfos_cm.errors import StorageError
from cfos_cm.services.web.entrance import LOOK_S
from cfos_cm.services.web.setup_file import SetupFile
from cfos_cm.storage.accounts import Account, AccountStore
from cfos_cm.storage.tokens import TokenStore
from cfos_cm.web.login_pace import FREE, LONGEST_S
from cfos_cm.web.password_hash import Work, hash_password, work_of
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.sessions import IDLE_S

from .entrance_case import LITTLE, NOBODY, PASSWORD, EntranceCase

GUESSER = Caller("", Role.ANYBODY, "198.51.100.7")


class SetUp(EntranceCase):
    """The first start."""

    async def test_announced(self) -> None:
        """The log says where to go, and the code, in one line; the file is ours alone."""
        with capturedLogs() as events:
            self.entrance.announce("http://garage:4712/")
        (event,) = events
        line = formatEvent(event)
        self.assertIn(f"http://garage:4712/#/setup?code={self.code()} ", line)
        self.assertIn(str(self.state / "setup-code"), line)
        with capturedLogs() as events:
            self.entrance.announce("")
        self.assertIn("not set up yet: open it and choose", formatEvent(events[0]))
        self.assertEqual(0o600, (self.state / "setup-code").stat().st_mode & 0o777)

    async def test_code(self) -> None:
        """Who knows the code makes the account "admin", and is logged in as it."""
        self.assertFalse(self.entrance.is_set_up)
        logged_in = await self.set_up()
        self.assertTrue(self.entrance.is_set_up)
        self.assertEqual(("admin", Role.ADMIN), (logged_in.caller.name, logged_in.caller.role))
        self.assertIs(Role.ADMIN, await self.asks(logged_in))
        self.assertEqual([("admin", "POST", "/api/v1/setup", 200)], await self.noted())

    async def test_closed(self) -> None:
        """It works once: the code is gone, and nothing opens it again."""
        code = self.code()
        await self.set_up()
        self.assertFalse((self.state / "setup-code").exists())
        await self.refused(409, self.entrance.set_up(code, PASSWORD, NOBODY))
        await self.write(self.database_, "DELETE FROM accounts")
        await self.entrance.look()
        self.assertTrue(self.entrance.is_set_up)
        await self.refused(409, self.entrance.set_up(code, PASSWORD, NOBODY))
        with capturedLogs() as events:
            self.entrance.announce("http://garage:4712/")
        self.assertEqual([], events)

    async def test_twice_at_once(self) -> None:
        """Two who know the code do not both become the first."""
        code = self.code()
        asking = [
            Deferred.fromCoroutine(self.entrance.set_up(code, PASSWORD, NOBODY))
            for _ in range(2)
        ]
        await asking[0]
        await self.refused(409, asking[1])

    async def test_wrong(self) -> None:
        """Wrong ones are told of, and paced; what is told holds no code."""
        code = self.code()
        for _ in range(FREE):
            failing = self.entrance.set_up("AAAA-AAAA-AAAA-AAAA", PASSWORD, GUESSER)
            await self.refused(403, failing)
        await self.refused(429, self.entrance.set_up(code, PASSWORD, GUESSER))
        self.assertEqual(FREE, len(self.entrance.failed_logins()))
        found = self.entrance.failed_logins()[0]
        self.assertEqual(
            ("", "198.51.100.7", "set-up code"), (found.who, found.origin, found.what)
        )
        self.assertFalse(self.entrance.is_set_up)
        await self.set_up()

    async def test_bad_password(self) -> None:
        """A password that cannot be one uses nothing up."""
        await self.refused(422, self.entrance.set_up(self.code(), "short", NOBODY))
        await self.set_up()

    async def test_restart(self) -> None:
        """Before it is used, the code is the same after a restart; after, there is none."""
        code = self.code()
        self.entrance.stop()
        await self.start()
        self.assertEqual(code, self.code())
        await self.set_up()
        self.entrance.stop()
        await self.start()
        self.assertTrue(self.entrance.is_set_up)
        self.assertFalse((self.state / "setup-code").exists())

    async def test_others_guess_at_once(self) -> None:
        """From where it was set up, those who guess from elsewhere are not waited for."""
        await self.set_up()
        for number in range(FREE + 1):
            caller = Caller("", Role.ANYBODY, f"198.51.100.{number}")
            status = 401 if number < FREE else 429
            await self.refused(status, self.entrance.log_in("admin", "wrong one", caller))
        await self.entrance.log_in("admin", PASSWORD, NOBODY)

    async def test_killed(self) -> None:
        """Who is killed between the account and the end of the code has no code afterwards."""
        with patch.object(SetupFile, "remove", lambda _: None):
            await self.set_up()
            self.entrance.stop()
        self.assertTrue((self.state / "setup-code").exists())
        await self.start()
        self.assertFalse((self.state / "setup-code").exists())

    async def test_by_a_console(self) -> None:
        """An account that a console makes closes it, too."""
        await AccountStore(self.database_).add_first(
            Account("ana", "admin", hash_password(PASSWORD, LITTLE), self.now())
        )
        await self.goes_by(LOOK_S)
        self.assertTrue(self.entrance.is_set_up)
        self.assertFalse((self.state / "setup-code").exists())
        await self.logged_in("ana")


class LoggingIn(EntranceCase):
    """Names and passwords."""

    async def setUp(self) -> None:  # type: ignore[override]
        """With one account."""
        await super().setUp()
        await self.set_up()

    async def test_right(self) -> None:
        """A session begins, whatever the case of the name; who asks with nothing is nobody."""
        logged_in = await self.logged_in(" Admin")
        caller = await self.entrance.caller(logged_in.secret, None, "192.0.2.9")
        self.assertEqual(
            ("admin", Role.ADMIN, "192.0.2.9"), (caller.name, caller.role, caller.origin)
        )
        self.assertEqual(logged_in.caller.csrf, caller.csrf)
        for secret in (None, "", "x", logged_in.caller.session):
            nobody = await self.entrance.caller(secret, None, "192.0.2.9")
            self.assertEqual(Caller("", Role.ANYBODY, "192.0.2.9"), nobody)

    async def test_wrong(self) -> None:
        """A wrong password and an unknown name are answered with the same words."""
        problems = [
            await self.refused(401, self.entrance.log_in(user, "wrong password", GUESSER))
            for user in ("admin", "nobody", "", "a/b", "\ud800")
        ]
        self.assertEqual(1, len({str(problem) for problem in problems}))
        self.assertEqual(
            ["admin", "", "", "", ""], [one.who for one in self.entrance.failed_logins()]
        )
        self.assertIn(("admin", "POST", "/api/v1/session", 401), await self.noted())

    async def test_name_is_no_secret(self) -> None:
        """Who types his password where the name belongs finds it nowhere."""
        with capturedLogs() as events:
            await self.refused(401, self.entrance.log_in(PASSWORD, "", GUESSER))
            await self.refused(401, self.entrance.log_in("correcthorse", PASSWORD, GUESSER))
        await self.noted()
        told = [formatEvent(event) for event in events]
        self.assertEqual(2, len(told))
        for secret in ("correct horse", "correcthorse"):
            self.assertNotIn(secret, f"{told} {self.entrance.failed_logins()} {self.kept()}")

    async def test_same_work(self) -> None:
        """For an unknown name as much is worked as for a known one."""
        before = self.clock.jobs
        for user in ("admin", "nobody"):
            await self.refused(401, self.entrance.log_in(user, "wrong password", GUESSER))
        self.assertEqual(2, self.clock.jobs - before)

    async def test_new_session(self) -> None:
        """Each login begins another session, and the one of before ends."""
        first = await self.logged_in()
        second = await self.entrance.log_in("admin", PASSWORD, first.caller)
        self.assertNotEqual(first.secret, second.secret)
        self.assertIs(Role.ANYBODY, await self.asks(first))
        self.assertIs(Role.ADMIN, await self.asks(second))

    async def test_log_out(self) -> None:
        """Who logs out is nobody, and his streams end; others stay."""
        first, second = await self.logged_in(), await self.logged_in()
        ended: list[str] = []
        self.entrance.when_over(first.caller, lambda: ended.append("first"))
        self.entrance.when_over(second.caller, lambda: ended.append("second"))
        self.entrance.log_out(first.caller)
        self.entrance.log_out(NOBODY)
        self.assertEqual(["first"], ended)
        self.assertIs(Role.ANYBODY, await self.asks(first))
        self.assertIs(Role.ADMIN, await self.asks(second))
        self.assertEqual(("admin", "DELETE", "/api/v1/session", 204), (await self.noted())[-1])

    async def test_idle(self) -> None:
        """A stream ends when its session is over, though nobody asks."""
        logged_in = await self.logged_in()
        ended: list[str] = []
        self.entrance.when_over(logged_in.caller, lambda: ended.append("stream"))
        await self.goes_by(IDLE_S - 1)
        self.assertEqual([], ended)
        await self.goes_by(LOOK_S)
        self.assertEqual(["stream"], ended)

    async def test_guesser(self) -> None:
        """Who guesses waits; who logs in from where he did before does not wait for him."""
        await self.logged_in(origin="192.0.2.1")
        for _ in range(FREE):
            await self.refused(401, self.entrance.log_in("admin", "guess", GUESSER))
        problem = await self.refused(429, self.entrance.log_in("admin", PASSWORD, GUESSER))
        self.assertEqual("1", problem.headers["Retry-After"])
        await self.logged_in(origin="192.0.2.1")
        await self.refused(429, self.logged_in(origin="203.0.113.1"))
        await self.goes_by(1)
        await self.logged_in(origin="203.0.113.1")

    async def test_bound(self) -> None:
        """So many failed logins are remembered, and the oldest go."""
        for number in range(520):
            guesser = Caller("", Role.ANYBODY, f"10.0.{number // 250}.{number % 250}")
            await self.refused(401, self.entrance.log_in(f"user{number}", "guess", guesser))
        found = self.entrance.failed_logins()
        self.assertEqual((500, "10.0.0.20"), (len(found), found[0].origin))

    async def test_storage_fails(self) -> None:
        """Who is known can log in while the database cannot be asked."""
        await self.database_.stop()
        with capturedLogs() as events:
            await self.logged_in()
            await self.assertFailure(Deferred.fromCoroutine(self.entrance.look()), StorageError)
            self.clock.advance(LOOK_S)
            self.clock.advance(LOOK_S)
        told = [formatEvent(event) for event in events]
        self.assertEqual(1, sum("as they were" in line for line in told), told)


class Changes(EntranceCase):
    """What ends sessions."""

    async def setUp(self) -> None:  # type: ignore[override]
        """With two accounts."""
        await super().setUp()
        await self.set_up()
        await self.entrance.people.add("guest", "viewer", PASSWORD)

    async def test_password(self) -> None:
        """Another password ends all sessions of its account, and begins one for its owner."""
        first, second = await self.logged_in("guest"), await self.logged_in("guest")
        admin = await self.logged_in()
        ended: list[str] = []
        self.entrance.when_over(second.caller, lambda: ended.append("stream"))
        third = await self.entrance.change_password(PASSWORD, "another horse", first.caller)
        self.assertEqual(["stream"], ended)
        roles = [await self.asks(one) for one in (first, second, third, admin)]
        self.assertEqual([Role.ANYBODY, Role.ANYBODY, Role.VIEWER, Role.ADMIN], roles)
        self.assertNotEqual(first.caller.csrf, third.caller.csrf)
        await self.refused(401, self.logged_in("guest"))
        await self.entrance.log_in("guest", "another horse", NOBODY)

    async def test_wrong_old_password(self) -> None:
        """Who does not know the password changes nothing, and is paced."""
        session = (await self.logged_in("guest")).caller
        for old in ("guess", "another horse"):
            failing = self.entrance.change_password(old, "another horse", session)
            await self.refused(403, failing)
        await self.refused(422, self.entrance.change_password(PASSWORD, "short", session))
        await self.logged_in("guest")
        self.assertEqual(2, len(self.entrance.failed_logins()))

    async def test_token_has_none(self) -> None:
        """A token cannot change a password."""
        caller = await self.shows(await self.entrance.keys.make("cron", "admin", None))
        await self.refused(409, self.entrance.change_password(PASSWORD, PASSWORD, caller))

    async def test_role(self) -> None:
        """Another role logs out, and counts from then on; what stays the same ends nothing."""
        guest, admin = await self.logged_in("guest"), await self.logged_in()
        await self.entrance.look()
        self.assertIs(Role.VIEWER, await self.asks(guest))
        await self.entrance.people.change("guest", role="operator")
        self.assertIs(Role.ANYBODY, await self.asks(guest))
        self.assertIs(Role.OPERATOR, await self.asks(await self.logged_in("guest")))
        self.assertIs(Role.ADMIN, await self.asks(admin))

    async def test_removed(self) -> None:
        """Who is removed is logged out, and cannot log in."""
        guest = await self.logged_in("guest")
        await self.entrance.people.remove("guest")
        self.assertIs(Role.ANYBODY, await self.asks(guest))
        await self.refused(401, self.logged_in("guest"))
        await self.refused(404, self.entrance.people.remove("guest"))
        await self.refused(404, self.entrance.people.change("guest", role="admin"))

    async def test_console(self) -> None:
        """What a console has changed is seen after a while, without being told."""
        guest = await self.logged_in("guest")
        store = AccountStore(self.database_)
        await store.put(
            Account("guest", "viewer", hash_password("another horse", LITTLE), self.now())
        )
        await self.goes_by(LOOK_S)
        self.assertIs(Role.ANYBODY, await self.asks(guest))
        await self.entrance.log_in("guest", "another horse", NOBODY)

    async def test_meanwhile(self) -> None:
        """A password that is changed while it is checked lets nobody in."""
        passwords = self.entrance.people._passwords
        is_right = passwords.is_right

        async def meanwhile(text: str, known: str | None) -> bool:
            self.patch(passwords, "is_right", is_right)
            self.clock.advance(1)
            await self.entrance.people.change("guest", password="another horse")
            return await is_right(text, known)

        self.patch(passwords, "is_right", meanwhile)
        await self.refused(401, self.logged_in("guest"))

    async def test_better_hash(self) -> None:
        """What was hashed with less work is hashed anew, and nobody is logged out by that."""
        before = await self.logged_in("guest")
        await self.entrance.look()
        self.entrance.people._passwords._work = Work(5, 8, 1)
        both = [Deferred.fromCoroutine(self.logged_in("guest")) for _ in range(2)]
        for one in both:
            await one
        await self.entrance.look()
        found = {one.name: work_of(one.password_hash) for one in self.entrance.people.all()}
        self.assertEqual({"admin": LITTLE, "guest": Work(5, 8, 1)}, found)
        self.assertIs(Role.VIEWER, await self.asks(before))
        await self.logged_in("guest")


class Tokens(EntranceCase):
    """What programs show."""

    async def setUp(self) -> None:  # type: ignore[override]
        """With one token."""
        await super().setUp()
        await self.set_up()
        self.token = await self.entrance.keys.make("grafana", "viewer", None)

    async def used_at(self) -> object:
        """When the token was used, as it is on disk."""
        await self.settled()
        (found,) = await TokenStore(self.database_).all()
        return found.used_at

    async def test_counts(self) -> None:
        """Who shows it is let in as what it is, without a session."""
        caller = await self.shows(self.token)
        self.assertEqual(("grafana", Role.VIEWER), (caller.name, caller.role))
        self.assertEqual((None, None), (caller.session, caller.csrf))

    async def test_not_kept(self) -> None:
        """The token is nowhere on disk, nor a password, nor a session."""
        logged_in = await self.logged_in()
        await self.noted()
        for secret in (self.token, PASSWORD, logged_in.secret, str(logged_in.caller.csrf)):
            self.assertNotIn(secret, self.kept())
        self.assertNotIn(logged_in.secret, repr(logged_in))

    async def test_wrong(self) -> None:
        """A wrong one is refused, though a good session is shown beside it, and paced."""
        session = (await self.logged_in()).secret
        for _ in range(FREE):
            problem = await self.refused(
                401, self.entrance.caller(session, "wrong", "10.0.0.1")
            )
            self.assertEqual("Bearer", problem.headers["WWW-Authenticate"])
        await self.refused(429, self.shows("wrong", "10.0.0.1"))
        await self.shows(self.token, "10.0.0.1")
        await self.refused(401, self.shows("wrong", "10.0.0.2"))
        found = self.entrance.failed_logins()[-1]
        self.assertEqual(("", "10.0.0.2", "token"), (found.who, found.origin, found.what))

    async def test_pace_is_its_own(self) -> None:
        """A program with a wrong token keeps nobody from logging in."""
        for _ in range(FREE):
            await self.refused(401, self.shows("wrong"))
        await self.refused(429, self.shows("wrong"))
        await self.logged_in()

    async def test_expired(self) -> None:
        """It counts until its time is over; then its streams end and it is told of."""
        expires_at = self.now().replace(microsecond=0)
        self.clock.advance(-100)
        token = await self.entrance.keys.make("cron", "operator", expires_at)
        caller = await self.shows(token)
        ended: list[str] = []
        self.entrance.when_over(caller, lambda: ended.append("stream"))
        self.clock.advance(100)
        await self.refused(401, self.shows(token))
        self.assertEqual("cron", self.entrance.failed_logins()[-1].who)
        await self.goes_by(LOOK_S)
        self.assertEqual(["stream"], ended)
        self.entrance.when_over(caller, lambda: ended.append("late"))
        self.assertEqual(["stream", "late"], ended)
        await self.refused(422, self.entrance.keys.make("old", "viewer", expires_at))

    async def test_revoked(self) -> None:
        """One that is taken back counts no more, and its streams end."""
        caller = await self.shows(self.token)
        ended: list[str] = []
        self.entrance.when_over(caller, lambda: ended.append("stream"))
        self.entrance.when_over(caller, lambda: ended.append("taken back"))()
        await self.entrance.keys.remove("grafana")
        self.assertEqual(["stream"], ended)
        await self.refused(401, self.shows(self.token))
        await self.refused(404, self.entrance.keys.remove("grafana"))

    async def test_console_makes_one(self) -> None:
        """One that a console has made counts at once, also before anybody was told."""
        token = await self.entrance.keys.make("cron", "operator", None)
        self.entrance.keys._known.clear()
        self.assertEqual("cron", (await self.shows(token)).name)

    async def test_console_revokes_one(self) -> None:
        """One that a console takes back counts no more after a while, without being told."""
        await TokenStore(self.database_).remove("grafana")
        await self.goes_by(LOOK_S)
        await self.refused(401, self.shows(self.token))

    async def test_used(self) -> None:
        """When it was used is written, at most once a minute."""
        self.assertIsNone(await self.used_at())
        await self.shows(self.token)
        first = self.now()
        self.assertEqual(first, await self.used_at())
        for _ in range(5):
            self.clock.advance(11)
            await self.shows(self.token)
        self.assertEqual(first, await self.used_at())
        self.clock.advance(11)
        await self.shows(self.token)
        self.assertEqual(self.now(), await self.used_at())
        await self.entrance.look()
        (found,) = self.entrance.keys.all()
        self.assertEqual(self.now(), found.used_at)

    async def test_storage_fails(self) -> None:
        """A known one counts while the database cannot be asked, and others are no guesses."""
        await self.database_.stop()
        for _ in range(FREE + 1):
            asking = Deferred.fromCoroutine(self.shows("wrong"))
            await self.assertFailure(asking, StorageError)
        self.assertEqual("grafana", (await self.shows(self.token)).name)

    async def test_stop(self) -> None:
        """When the entrance closes, all streams end."""
        ended: list[str] = []
        self.entrance.when_over(await self.shows(self.token), lambda: ended.append("token"))
        session = (await self.logged_in()).caller
        self.entrance.when_over(session, lambda: ended.append("session"))
        self.entrance.stop()
        self.entrance.stop()
        self.assertEqual(["session", "token"], sorted(ended))
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertGreater(LONGEST_S, 0)
