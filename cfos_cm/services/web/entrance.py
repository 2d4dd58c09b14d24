"""The entrance: who is let in, as what, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cfos_cm.errors import CfosError
from cfos_cm.services.web.audit_log import AuditLog
from cfos_cm.services.web.endings import Endings
from cfos_cm.services.web.failed_logins import FailedLogin, FailedLogins
from cfos_cm.services.web.key_ring import KeyRing
from cfos_cm.services.web.people import People
from cfos_cm.services.web.roles import role_of
from cfos_cm.services.web.setup_file import SetupFile
from cfos_cm.storage.accounts import ADMIN, AccountStore, NameTaken
from cfos_cm.storage.audit import AuditStore
from cfos_cm.storage.database import Database
from cfos_cm.storage.tokens import Token, TokenStore
from cfos_cm.web.account_name import BadName, account_name
from cfos_cm.web.login_pace import LoginPace, Try
from cfos_cm.web.passwords import Passwords
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.sessions import Session, Sessions
from cfos_cm.web.setup_code import is_setup_code

__all__ = ["FIRST_ACCOUNT", "LOOK_S", "Entrance", "LoggedIn"]

#: What the account is called that the set-up makes.
FIRST_ACCOUNT = "admin"

#: What is over is ended, and what another process has changed is seen, after so long. [s]
LOOK_S = 30.0

_log = Logger(namespace="cfos_cm.web")


@frozen
class LoggedIn:
    """
    Somebody who has just logged in.

    @ivar secret: for the cookie of his browser.
    """

    caller: Caller
    secret: str = field(repr=False)


class Entrance:
    """
    Knows accounts, sessions and tokens.

    This is L{cfos_cm.web.doorkeeper.Doorkeeper}.

    @ivar people: the accounts.
    @ivar keys: the tokens.
    @ivar audit: what is noted of those who came in.
    """

    def __init__(
        self,
        reactor: Any,
        now: Callable[[], datetime],
        database: Database,
        state_directory: str,
        passwords: Passwords | None = None,
    ) -> None:
        """
        @param reactor: for its clock, and for its threads.
        @param now: the time of day, aware.
        @param state_directory: where the set-up code is kept until it is used.
        @param passwords: what works on passwords; C{None}: threads of C{reactor}.
        """
        self._now = now
        clock_s = reactor.seconds
        self._sessions = Sessions(clock_s)
        self._pace = LoginPace(clock_s)
        self._token_pace = LoginPace(clock_s)
        self._failed = FailedLogins()
        self._of_tokens = Endings()
        self.people = People(
            AccountStore(database),
            passwords or Passwords(reactor),
            now,
            self._sessions.end_of,
        )
        self.keys = KeyRing(TokenStore(database), now, self._of_tokens.end)
        self.audit = AuditLog(AuditStore(database), now)
        self._setup_file = SetupFile(state_directory)
        self._code: str | None = None
        self._was_set_up = False
        self._is_blind = False
        self._looking = LoopingCall(self._look_now_and_then)
        self._looking.clock = reactor

    async def start(self) -> None:
        """
        Know the accounts and tokens from now on.

        @raise StorageError: if they cannot be read.
        """
        await self.look()
        if self.is_set_up:
            # Who set it up may have been killed before it was gone.
            self._setup_file.remove()
        else:
            self._code = self._setup_file.code()
        self._looking.start(LOOK_S, now=False).addErrback(
            lambda failure: _log.failure("nobody looks at accounts any more", failure=failure)
        )

    def stop(self) -> None:
        """End all sessions and streams, and look no more. It may be called in any state."""
        if self._looking.running:
            self._looking.stop()
        for one in self.people.all():
            self._sessions.end_of(one.name)
        self._of_tokens.end_all()

    def announce(self, address: str) -> None:
        """
        Tell the log how to begin, where that is still to be done.

        @param address: of the page, as a browser takes it, such as C{http://host:4712/}; empty:
            nobody knows it.
        """
        if self._code is not None:
            where = f"{address}#/setup?code={self._code}" if address else "it"
            _log.info(
                "the page is not set up yet: open {where} and choose a password for {account}; "
                "the set-up code {code} is in {path}, too",
                where=where,
                account=FIRST_ACCOUNT,
                code=self._code,
                path=str(self._setup_file.path),
            )

    async def look(self) -> None:
        """
        See what another process has changed: who counts no more is logged out.

        @raise StorageError: if it cannot be read; all stays as it was.
        """
        await self.people.look()
        await self.keys.look()
        if len(self.people) and not self._was_set_up:
            self._was_set_up = True
            if self._code is not None:
                self._code = None
                self._setup_file.remove()

    # What the pipeline of a request asks.

    @property
    def is_set_up(self) -> bool:
        """Whether there was any account; see C{Doorkeeper}."""
        return self._was_set_up

    async def caller(self, session: str | None, bearer: str | None, origin: str) -> Caller:
        """See C{Doorkeeper}."""
        if bearer is not None:
            token = await self._token(bearer, origin)
            return Caller(token.name, role_of(token.role), origin)
        found = None if session is None else self._sessions.used(session)
        return Caller("", Role.ANYBODY, origin) if found is None else self._of(found, origin)

    def when_over(self, caller: Caller, act: Callable[[], None]) -> Callable[[], None]:
        """See C{Doorkeeper}."""
        if caller.session is not None:
            return self._sessions.when_over(caller.session, act)
        if not self.keys.counts(caller.name):
            act()
            return lambda: None
        return self._of_tokens.add(caller.name, act)

    def failed_logins(self) -> tuple[FailedLogin, ...]:
        """Who was not let in, the oldest first."""
        return self._failed.all()

    # What the page asks.

    async def log_in(self, user: str, password: str, caller: Caller) -> LoggedIn:
        """
        Begin a session; the one that C{caller} had before ends.

        @raise Problem: 401 if that is not the password of anybody; 429 if he has to wait.
        """
        name = _name_said(user)
        attempt = self._pace.begin(caller.origin, name)
        one = await _made(attempt, self.people.proved(name, password))
        if one is None:
            self._note_wrong_password(caller.origin, name)
            failed = Caller(name if self.people.find(name) else "", Role.ANYBODY, caller.origin)
            self.audit.note(failed, "POST", "/api/v1/session", 401, "could not log in")
            raise Problem(401, "there is nobody of that name with that password")
        attempt.succeeded()
        logged_in = self._begin(one.name, caller)
        self.audit.note(logged_in.caller, "POST", "/api/v1/session", 200, "logged in")
        return logged_in

    def log_out(self, caller: Caller) -> None:
        """End a session, if it is one."""
        if caller.session is not None:
            self._sessions.end(caller.session)
            self.audit.note(caller, "DELETE", "/api/v1/session", 204, "logged out")

    async def set_up(self, code: str, password: str, caller: Caller) -> LoggedIn:
        """
        Make the first account, for who knows the set-up code.

        @raise Problem: 403 if it is another one; 409 if there is an account already; 422 for a
            password that cannot be one; 429 if he has to wait.
        """
        if self._code is None:
            raise Problem(409, "this site is set up already: log in")
        attempt = self._pace.begin(caller.origin)
        if not is_setup_code(code, self._code):
            self._note_failure(caller.origin, "", "set-up code", "it is another one")
            raise Problem(403, "that is not the set-up code: it is in the log of the program")
        attempt.succeeded()
        try:
            await self.people.add(FIRST_ACCOUNT, ADMIN, password, is_first=True)
        except NameTaken as error:
            await self.look()
            raise Problem(409, "this site is set up already: log in") from error
        await self.look()
        self._pace.know(caller.origin, FIRST_ACCOUNT)
        logged_in = self._begin(FIRST_ACCOUNT, caller)
        self.audit.note(logged_in.caller, "POST", "/api/v1/setup", 200, "set up the site")
        return logged_in

    async def change_password(self, old: str, new: str, caller: Caller) -> LoggedIn:
        """
        Give an account another password. All its sessions end, and a new one begins.

        @raise Problem: 403 if C{old} is not its password; 409 for a token, which has none; 422
            for a password that cannot be one; 429 if he has to wait.
        """
        if caller.session is None:
            raise Problem(409, "a token has no password")
        attempt = self._pace.begin(caller.origin, caller.name)
        if await _made(attempt, self.people.proved(caller.name, old)) is None:
            self._note_wrong_password(caller.origin, caller.name)
            raise Problem(403, "the password until now is another one")
        attempt.succeeded()
        await self.people.change(caller.name, password=new)
        return self._begin(caller.name, caller)

    # Inside.

    async def _token(self, bearer: str, origin: str) -> Token:
        token = self.keys.known(bearer)
        if token is None:
            attempt = self._token_pace.begin(origin)
            token = await _made(attempt, self.keys.find(bearer))
            if token is None or not token.counts(self._now()):
                raise self._refused_token(token, origin)
            attempt.succeeded()
        self.keys.use(token)
        return token

    def _refused_token(self, token: Token | None, origin: str) -> Problem:
        if token is None:
            self._note_failure(origin, "", "token", "there is no such token")
        else:
            self._note_failure(origin, token.name, "token", "it has expired")
        return Problem(
            401,
            "this token does not count, or no more",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _of(self, session: Session, origin: str) -> Caller:
        one = self.people.find(session.account)
        if one is None:
            return Caller("", Role.ANYBODY, origin)
        return Caller(one.name, role_of(one.role), origin, session.key, session.csrf)

    def _begin(self, name: str, caller: Caller) -> LoggedIn:
        if caller.session is not None:
            self._sessions.end(caller.session)
        began = self._sessions.begin(name)
        return LoggedIn(self._of(began.session, caller.origin), began.secret)

    def _note_wrong_password(self, origin: str, name: str) -> None:
        if self.people.find(name) is None:
            self._note_failure(origin, "", "page", "there is no such account")
        else:
            self._note_failure(origin, name, "page", "the password is another one")

    def _note_failure(self, origin: str, who: str, what: str, why: str) -> None:
        self._failed.add(FailedLogin(self._now(), who, origin, what, why))
        _log.warn(
            "{origin} was not let in ({what}{who}): {why}",
            origin=origin,
            what=what,
            who=f" of {who}" if who else "",
            why=why,
        )

    def _look_now_and_then(self) -> Deferred[None]:
        self._sessions.end_overdue()
        return Deferred.fromCoroutine(self._try_to_look())

    async def _try_to_look(self) -> None:
        try:
            await self.look()
            self._is_blind = False
        except CfosError as error:
            if not self._is_blind:
                _log.warn("accounts and tokens are as they were: {why}", why=str(error))
            self._is_blind = True


async def _made(attempt: Try, work: Any) -> Any:
    """What came of a try; one that could not be made does not count as wrong."""
    try:
        return await work
    except CfosError:
        attempt.not_made()
        raise


def _name_said(user: str) -> str:
    """How an account would be called; what no account can be called is nobody's name."""
    try:
        return account_name(user)
    except BadName:
        return ""
