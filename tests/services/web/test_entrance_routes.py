"""Logging in, accounts and tokens, over HTTP as a browser and a program ask."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.web.entrance_answers import (
    AccountBody,
    ChangedAccountBody,
    LoginBody,
    MadeTokenAnswer,
    PasswordBody,
    SessionAnswer,
    SetupBody,
)
from cfos_cm.services.web.entrance_routes import entrance_routes
from cfos_cm.storage.accounts import MAX_ACCOUNTS
from cfos_cm.storage.audit import AuditEntry, AuditStore
from cfos_cm.web.answer import Json
from cfos_cm.web.application import Application
from cfos_cm.web.login_pace import FREE
from cfos_cm.web.replying import Reply
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route
from cfos_cm.web.server import WebServer
from cfos_cm.web.settings import HttpSettings

from .entrance_case import NOBODY, PASSWORD, EntranceCase


@frozen
class Said:
    """
    An answer.

    @ivar cookies: what its C{Set-Cookie} lines say.
    """

    status: int
    body: Any
    headers: Mapping[str, str]
    cookies: Sequence[str]


class Browser:
    """
    A page in a browser.

    @ivar cookie: what the browser keeps; empty: nothing.
    @ivar csrf: what the page was told to send.
    """

    def __init__(self, port: int, is_secure: bool = False) -> None:
        self._port = port
        self._is_secure = is_secure
        self.cookie = ""
        self.csrf: str | None = None

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Said:
        """Ask for something below the API's path."""
        said = await deferToThread(self._exchange, method, path, body, headers)
        for line in said.cookies:
            pair, _, rules = line.partition(";")
            self.cookie = "" if "Max-Age=0" in rules else pair
        if isinstance(said.body, dict) and "csrf" in said.body:
            self.csrf = said.body["csrf"]
        return said

    def _exchange(
        self, method: str, path: str, body: object, further: Mapping[str, str]
    ) -> Said:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        scheme = "https" if self._is_secure else "http"
        headers = {
            "Origin": f"{scheme}://127.0.0.1:{self._port}",
            "Content-Type": "application/json",
            **({"Cookie": self.cookie} if self.cookie else {}),
            **({"X-CSRF-Token": self.csrf} if self.csrf else {}),
            **({"X-Forwarded-Proto": "https"} if self._is_secure else {}),
            **{name.replace("_", "-"): value for name, value in further.items()},
        }
        content = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, API + path, content, headers)
            response = connection.getresponse()
            octets = response.read()
        finally:
            connection.close()
        return Said(
            response.status,
            json.loads(octets) if octets else None,
            dict(response.getheaders()),
            response.headers.get_all("Set-Cookie") or [],
        )


async def _secret(asked: Asked) -> Json:
    return Json({"who": asked.caller.name})


SECRET = Route(
    method="GET",
    path=f"{API}/secret",
    role=Role.VIEWER,
    handle=_secret,
    summary="It.",
    tag="test",
)


class ServedCase(EntranceCase):
    """
    A test with a server on a port.

    @ivar browser: one that has not asked for anything yet.
    """

    proxies: tuple[str, ...] = ()

    async def setUp(self) -> None:  # type: ignore[override]
        """Serve."""
        await super().setUp()
        application = Application(
            (*entrance_routes(self.entrance, lambda: "Sample garage", "1.2.3"), SECRET),
            self.entrance,
            HttpSettings(trusted_proxies=self.proxies),
            self.entrance.audit.put,
            None,
            self.clock,
        )
        server = WebServer(reactor, "tcp:0:interface=127.0.0.1", application)
        self.addCleanup(server.close)
        await server.open()
        assert server.port is not None
        self.port = server.port
        self.browser = Browser(self.port)

    async def is_set_up(self) -> Browser:
        """The page of the first admin."""
        body = {"code": self.code(), "password": PASSWORD}
        said = await self.browser.ask("POST", "/setup", body)
        self.assertEqual(200, said.status, said)
        return self.browser

    async def logged_in_as(self, user: str) -> Browser:
        """A page of somebody else."""
        browser = Browser(self.port)
        said = await browser.ask("POST", "/session", {"user": user, "password": PASSWORD})
        self.assertEqual(200, said.status, said)
        return browser


class BeforeSetUp(ServedCase):
    """What is told before there is any account."""

    async def test_nothing(self) -> None:
        """Nothing but that it is not set up."""
        said = await self.browser.ask("GET", "/session")
        nothing = {"user": None, "csrf": None, "title": None, "version": None}
        self.assertEqual((200, {"is_set_up": False, **nothing}), (said.status, said.body))
        for path in ("/secret", "/accounts", "/tokens", "/audit"):
            said = await self.browser.ask("GET", path)
            self.assertEqual(403, said.status, path)
            self.assertFalse(said.body["is_set_up"])
        said = await self.browser.ask("POST", "/session", {"user": "admin", "password": ""})
        self.assertEqual(401, said.status)

    async def test_set_up(self) -> None:
        """Who knows the code is logged in; then the page is as others are."""
        said = await self.browser.ask("POST", "/setup", {"code": "x", "password": PASSWORD})
        self.assertEqual((403, []), (said.status, said.cookies))
        browser = await self.is_set_up()
        said = await browser.ask("GET", "/session")
        self.assertEqual({"name": "admin", "role": "admin"}, said.body["user"])
        self.assertEqual(("Sample garage", "1.2.3"), (said.body["title"], said.body["version"]))
        self.assertEqual("admin", (await browser.ask("GET", "/secret")).body["who"])
        again = await Browser(self.port).ask(
            "POST", "/setup", {"code": "x", "password": PASSWORD}
        )
        self.assertEqual(409, again.status)


class LoggingIn(ServedCase):
    """Sessions."""

    async def test_cookie(self) -> None:
        """The cookie is the host's, for no script, and never sent by a page of others."""
        browser = Browser(self.port)
        await self.is_set_up()
        said = await browser.ask("POST", "/session", {"user": "Admin", "password": PASSWORD})
        (line,) = said.cookies
        pair, *rules = line.split("; ")
        self.assertEqual(["Path=/", "HttpOnly", "SameSite=Strict"], rules)
        name, _, secret = pair.partition("=")
        self.assertEqual(("cfos_cm", 43), (name, len(secret)))
        self.assertNotIn(secret, json.dumps(said.body))

    async def test_told_before(self) -> None:
        """Before a login only that it is set up is told."""
        await self.is_set_up()
        stranger = Browser(self.port)
        nothing = {"user": None, "csrf": None, "title": None, "version": None}
        said = await stranger.ask("GET", "/session")
        self.assertEqual({"is_set_up": True, **nothing}, said.body)
        self.assertEqual(401, (await stranger.ask("GET", "/secret")).status)

    async def test_fixation(self) -> None:
        """A session that somebody else has put into a browser is not the one after login."""
        await self.is_set_up()
        browser = Browser(self.port)
        browser.cookie = "cfos_cm=" + "x" * 43
        body = {"user": "admin", "password": PASSWORD}
        said = await browser.ask("POST", "/session", body)
        self.assertEqual(200, said.status)
        self.assertNotIn("x" * 43, browser.cookie)

    async def test_log_out(self) -> None:
        """Who logs out has no cookie any more, and the one of before counts no more."""
        browser = await self.is_set_up()
        before = browser.cookie
        said = await browser.ask("DELETE", "/session")
        self.assertEqual((204, "", None), (said.status, browser.cookie, said.body))
        browser.cookie = before
        self.assertEqual(401, (await browser.ask("GET", "/secret")).status)

    async def test_paced(self) -> None:
        """Who guesses is told how long to wait."""
        await self.is_set_up()
        guess = {"user": "admin", "password": "guess"}
        stranger = Browser(self.port)
        found = [(await stranger.ask("POST", "/session", guess)).status for _ in range(FREE)]
        self.assertEqual([401] * FREE, found)
        said = await stranger.ask("POST", "/session", guess)
        self.assertEqual((429, "1", 1), (
            said.status, said.headers["Retry-After"], said.body["retry_after_s"]
        ))  # fmt: skip

    async def test_many_at_once(self) -> None:
        """A hundred logins at once are all answered, and most are told to wait."""
        await self.is_set_up()
        guess = {"user": "admin", "password": "guess"}
        browsers = [Browser(self.port) for _ in range(100)]
        asked = await gatherResults(
            [deferToThread(one._exchange, "POST", "/session", guess, {}) for one in browsers]
        )
        found = [said.status for said in asked]
        self.assertEqual((FREE, 100 - FREE), (found.count(401), found.count(429)))

    async def test_password(self) -> None:
        """Who changes his password has a new session and a new token for his page."""
        browser = await self.is_set_up()
        other = await self.logged_in_as("admin")
        cookie, csrf = browser.cookie, browser.csrf
        said = await browser.ask("PUT", "/password", {"old": "x", "new": "another horse"})
        self.assertEqual(403, said.status)
        said = await browser.ask("PUT", "/password", {"old": PASSWORD, "new": "short"})
        self.assertEqual(422, said.status)
        said = await browser.ask("PUT", "/password", {"old": PASSWORD, "new": "another horse"})
        self.assertEqual((200, "admin"), (said.status, said.body["user"]["name"]))
        self.assertNotIn(cookie, browser.cookie)
        self.assertNotEqual(csrf, browser.csrf)
        self.assertEqual(401, (await other.ask("GET", "/secret")).status)
        self.assertEqual(200, (await browser.ask("GET", "/secret")).status)
        noted = await self.noted()
        self.assertEqual(("admin", "PUT", f"{API}/password", 200), noted[-1])

    async def test_needs_its_token(self) -> None:
        """A page that does not send its token changes nothing."""
        browser = await self.is_set_up()
        browser.csrf = None
        for method, path, body in (
            ("DELETE", "/session", None),
            ("PUT", "/password", {"old": PASSWORD, "new": "another horse"}),
            ("POST", "/tokens", {"name": "x", "role": "admin"}),
        ):
            self.assertEqual(403, (await browser.ask(method, path, body)).status, path)
        self.assertEqual(200, (await browser.ask("GET", "/secret")).status)


class OverTls(ServedCase):
    """Behind a proxy that encrypts."""

    proxies = ("127.0.0.1",)

    async def test_cookie(self) -> None:
        """By TLS the cookie has a name that nobody else can set, and goes over TLS only."""
        await self.is_set_up()
        browser = Browser(self.port, is_secure=True)
        said = await browser.ask("POST", "/session", {"user": "admin", "password": PASSWORD})
        (line,) = said.cookies
        self.assertTrue(line.startswith("__Host-cfos_cm="), line)
        rules = ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"]
        self.assertEqual(rules, line.split("; ")[1:])
        self.assertEqual(200, (await browser.ask("GET", "/secret")).status)
        said = await browser.ask("DELETE", "/session")
        self.assertTrue(said.cookies[0].startswith("__Host-cfos_cm=;"), said.cookies)


class Accounts(ServedCase):
    """People."""

    async def setUp(self) -> None:  # type: ignore[override]
        """With two of them."""
        await super().setUp()
        self.admin = await self.is_set_up()
        body = {"name": " Ana ", "role": "operator", "password": PASSWORD}
        said = await self.admin.ask("POST", "/accounts", body)
        self.assertEqual(201, said.status, said)

    async def test_list(self) -> None:
        """All are listed, and nothing of their passwords."""
        said = await self.admin.ask("GET", "/accounts")
        found = [(one["name"], one["role"]) for one in said.body["accounts"]]
        self.assertEqual([("admin", "admin"), ("ana", "operator")], found)
        self.assertEqual({"name", "role", "changed_at"}, set(said.body["accounts"][0]))

    async def test_roles(self) -> None:
        """Only an admin may see or change them."""
        ana = await self.logged_in_as("ana")
        for method, path, body in (
            ("GET", "/accounts", None),
            ("POST", "/accounts", {"name": "x", "role": "admin", "password": PASSWORD}),
            ("PUT", "/accounts/ana", {"role": "admin"}),
            ("DELETE", "/accounts/admin", None),
            ("GET", "/tokens", None),
            ("POST", "/tokens", {"name": "x", "role": "admin"}),
            ("DELETE", "/tokens/x", None),
            ("GET", "/audit", None),
        ):
            self.assertEqual(403, (await ana.ask(method, path, body)).status, path)

    async def test_change(self) -> None:
        """Another role or password counts at once, and logs out."""
        ana = await self.logged_in_as("ana")
        said = await self.admin.ask("PUT", "/accounts/Ana", {"role": "viewer"})
        self.assertEqual("viewer", said.body["accounts"][1]["role"])
        self.assertEqual(401, (await ana.ask("GET", "/secret")).status)
        said = await self.admin.ask("PUT", "/accounts/ana", {"password": "another horse"})
        self.assertEqual(200, said.status)
        body = {"user": "ana", "password": "another horse"}
        said = await ana.ask("POST", "/session", body)
        self.assertEqual((200, "viewer"), (said.status, said.body["user"]["role"]))
        notes = [one.note for one in await self.entries()]
        self.assertIn("ana: operator -> viewer", notes)
        self.assertIn("ana: another password", notes)

    async def entries(self) -> Sequence[AuditEntry]:
        """What the audit log says."""
        await self.settled()
        return await AuditStore(self.database_).entries(1000)

    async def test_last_admin(self) -> None:
        """The last admin stays one, and nobody removes himself."""
        for method, path, body in (
            ("PUT", "/accounts/admin", {"role": "operator"}),
            ("DELETE", "/accounts/admin", None),
        ):
            said = await self.admin.ask(method, path, body)
            self.assertEqual(409, said.status, said)
        await self.admin.ask("PUT", "/accounts/ana", {"role": "admin"})
        said = await self.admin.ask("DELETE", "/accounts/ADMIN")
        self.assertEqual(409, said.status, said)
        ana = await self.logged_in_as("ana")
        self.assertEqual(204, (await ana.ask("DELETE", "/accounts/admin")).status)
        self.assertEqual(401, (await self.admin.ask("GET", "/secret")).status)

    async def test_refused(self) -> None:
        """What cannot be is told in words, and no password is repeated."""
        for status, method, path, body in (
            (409, "POST", "/accounts", {"name": "ANA", "role": "viewer", "password": PASSWORD}),
            (422, "POST", "/accounts", {"name": "a/b", "role": "viewer", "password": PASSWORD}),
            (422, "POST", "/accounts", {"name": "b", "role": "king", "password": PASSWORD}),
            (422, "POST", "/accounts", {"name": "b", "role": "viewer", "password": "hunter2"}),
            (422, "PUT", "/accounts/ana", {"password": "hunter2"}),
            (422, "PUT", "/accounts/ana", {"is_admin": True}),
            (404, "PUT", "/accounts/nobody", {"role": "viewer"}),
            (404, "DELETE", "/accounts/nobody", None),
            (404, "DELETE", "/accounts/a%20b", None),
        ):
            said = await self.admin.ask(method, path, body)
            self.assertEqual(status, said.status, (method, path, said))
            self.assertNotIn("hunter2", json.dumps(said.body))
            self.assertNotIn(PASSWORD, json.dumps(said.body))
        self.assertNotIn("hunter2", self.kept())

    async def test_bound(self) -> None:
        """There are so many, and no more."""
        for number in range(MAX_ACCOUNTS - 2):
            body = {"name": f"user{number}", "role": "viewer", "password": PASSWORD}
            self.assertEqual(201, (await self.admin.ask("POST", "/accounts", body)).status)
        body = {"name": "one-more", "role": "viewer", "password": PASSWORD}
        self.assertEqual(409, (await self.admin.ask("POST", "/accounts", body)).status)


class Tokens(ServedCase):
    """Programs."""

    async def setUp(self) -> None:  # type: ignore[override]
        """With an admin."""
        await super().setUp()
        self.admin = await self.is_set_up()

    async def made(self, **body: object) -> Said:
        """Make one."""
        return await self.admin.ask("POST", "/tokens", {"role": "viewer", **body})

    async def test_once(self) -> None:
        """A token is told once; then only what is known of it."""
        said = await self.made(name="Grafana", expires_at="2030-01-01T00:00:00+01:00")
        self.assertEqual(201, said.status, said)
        token = said.body["token"]
        self.assertEqual(("grafana", "viewer"), (said.body["name"], said.body["role"]))
        program = Browser(self.port)
        said = await program.ask("GET", "/secret", Authorization=f"Bearer {token}")
        self.assertEqual((200, "grafana"), (said.status, said.body["who"]))
        said = await program.ask("GET", "/session", Authorization=f"Bearer {token}")
        self.assertEqual({"name": "grafana", "role": "viewer"}, said.body["user"])
        said = await self.admin.ask("GET", "/tokens")
        (found,) = said.body["tokens"]
        names = {"name", "role", "created_at", "expires_at", "used_at"}
        self.assertEqual(names, set(found))
        self.assertEqual("2029-12-31T23:00:00Z", found["expires_at"])
        self.assertIsNotNone(found["used_at"])

    async def test_removed(self) -> None:
        """One that is deleted counts no more."""
        token = (await self.made(name="cron")).body["token"]
        self.assertEqual(204, (await self.admin.ask("DELETE", "/tokens/cron")).status)
        program = Browser(self.port)
        said = await program.ask("GET", "/secret", Authorization=f"Bearer {token}")
        self.assertEqual(401, said.status)
        self.assertEqual(404, (await self.admin.ask("DELETE", "/tokens/cron")).status)

    async def test_refused(self) -> None:
        """What cannot be is refused."""
        await self.made(name="cron")
        for status, body in (
            (409, {"name": "CRON"}),
            (409, {"name": "admin"}),
            (422, {"name": "a b"}),
            (422, {"name": "b", "role": "anybody"}),
            (422, {"name": "b", "expires_at": "2020-01-01T00:00:00Z"}),
            (422, {"name": "b", "expires_at": "2030-01-01T00:00:00"}),
            (422, {"name": "b", "expires_at": "tomorrow"}),
        ):
            self.assertEqual(status, (await self.made(**body)).status, body)

    async def test_admin_token(self) -> None:
        """A program that is an admin makes accounts without any cookie."""
        token = (await self.made(name="ansible", role="admin")).body["token"]
        program = Browser(self.port)
        bearer = {"Authorization": f"Bearer {token}"}
        body = {"name": "ana", "role": "viewer", "password": PASSWORD}
        said = await program.ask("POST", "/accounts", body, **bearer)
        self.assertEqual((201, []), (said.status, said.cookies))
        said = await program.ask(
            "PUT", "/password", {"old": PASSWORD, "new": "another horse"}, **bearer
        )
        self.assertEqual(409, said.status)
        self.assertIn(("ansible", "POST", f"{API}/accounts", 201), await self.noted())


class Audit(ServedCase):
    """What was done by whom."""

    async def test_pages(self) -> None:
        """The newest come first, a page after the other, and the last one says so."""
        admin = await self.is_set_up()
        for name in ("a", "b", "c"):
            await admin.ask("POST", "/tokens", {"name": name, "role": "viewer"})
        guess = {"user": "admin", "password": "guess"}
        await Browser(self.port).ask("POST", "/session", guess)
        await self.settled()
        first = (await admin.ask("GET", "/audit?limit=3")).body
        found = [(one["path"], one["status"], one["note"]) for one in first["entries"]]
        self.assertEqual(
            [
                (f"{API}/session", 401, "could not log in"),
                (f"{API}/tokens", 201, "c: viewer"),
                (f"{API}/tokens", 201, "b: viewer"),
            ],
            found,
        )
        second = (await admin.ask("GET", f"/audit?limit=3&before={first['next']}")).body
        found = [one["note"] for one in second["entries"]]
        self.assertEqual((["a: viewer", "set up the site"], None), (found, second["next"]))
        self.assertEqual("127.0.0.1", second["entries"][0]["origin"])
        self.assertEqual("admin", second["entries"][0]["role"])

    async def test_bounds(self) -> None:
        """Too much at once, and what is no number, are refused."""
        admin = await self.is_set_up()
        for query in ("limit=0", "limit=501", "before=0", "before=x", "who=admin"):
            self.assertEqual(400, (await admin.ask("GET", f"/audit?{query}")).status, query)

    async def test_strangers(self) -> None:
        """What strangers try fills no log."""
        await self.is_set_up()
        stranger = Browser(self.port)
        for _ in range(3):
            await stranger.ask("POST", "/tokens", {"name": "x", "role": "admin"})
            await stranger.ask("POST", "/session", {"user": "root", "password": "x"})
        self.assertEqual([("admin", "POST", f"{API}/setup", 200)], await self.noted())


class Confidential(SynchronousTestCase):
    """What is asked and answered, where a log would show it."""

    def test_not_shown(self) -> None:
        """Nothing of a password, a code or a token is there."""
        secret = "hunter2-Zx9"
        for told in (
            LoginBody("ana", secret),
            SetupBody(secret, secret),
            PasswordBody(secret, secret),
            AccountBody("ana", "viewer", secret),
            ChangedAccountBody("viewer", secret),
            MadeTokenAnswer("ana", "viewer", secret, None),
            SessionAnswer(True, csrf=secret),
            Asked(NOBODY, {}, body=secret),
            Json({"token": secret}, headers={"Set-Cookie": secret}),
            Reply(200, {"Set-Cookie": secret}, secret.encode()),
        ):
            self.assertNotIn(secret, repr(told))
