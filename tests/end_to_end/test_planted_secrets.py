"""Secrets are put wherever somebody can put one; nothing that is shown or written has them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPResponse
from typing import Any, ClassVar
from urllib.parse import quote

from ocpp.routing import on
from ocpp.v16 import call, call_result
from ocpp.v16.enums import Action

from . import cases
from .billing import Books, Client, billing
from .program import WAIT_S, Program, free_port
from .station import Station, connected, dial
from .test_gateway import CLIENT

#: Each in its own place. What a log may say only shortened, C{cases} looks for.
PLANTED = {
    place: f"planted-{place.replace(' ', '-')}-{number:04x}Zq9"
    for number, place in enumerate(
        (
            "ocpp server",
            "evse",
            "gateway",
            "comment",
            "wlan key told",
            "authorization key told",
            "key changed by us",
            "key changed by a backend",
            "url of diagnostics",
            "url of a backend",
            "data in data",
            "key in data",
            "key in broken data",
            "pem of a wallbox",
            "header in an info",
            "password of admin",
            "password of somebody",
            "wrong password",
            "password as a name",
            "bearer of nobody",
            "basic to the page",
            "cookie of nobody",
            "token in a query",
            "wrong code",
            "new gateway password",
            "url with a user",
            "pem that is sent",
            "passphrase that is sent",
            "password to the wallbox",
            "token told by a wallbox",
        ),
        0x4711,
    )
}

CONFIG = """\
[manager]
title = Test site
[ocpp server]
port = {port}
interface = 127.0.0.1
tls = off
password = {ocpp}
[web]
listen = tcp:{web}:interface=127.0.0.1
[circuit garage]
max_current = 63
[evse bay-1]
type = ocpp16
address = CP-0001
password = {evse}
;password = {comment}
[gateway bay-1]
evse = bay-1
url = ws://127.0.0.1:{backend}/ocpp/
client_id = {client}
password = {gateway}
allow = ChangeConfiguration GetDiagnostics
"""

JSON_LOG = ("--logger", "cfos_cm.services.logs.json_lines", "cfos-cm", "--config", "tap.cfg")


def _pem(secret: str) -> str:
    return f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"


class Talkative(Station):
    """A station that tells its secrets."""

    @on(Action.get_configuration)
    def _get(self, **_: Any) -> call_result.GetConfiguration:
        keys = [
            {"key": "WlanPsk", "readonly": False, "value": PLANTED["wlan key told"]},
            {
                "key": "AuthorizationKey",
                "readonly": False,
                "value": PLANTED["authorization key told"],
            },
        ]
        return call_result.GetConfiguration(configuration_key=keys)

    @on(Action.change_configuration)
    def _change(self, **_: Any) -> call_result.ChangeConfiguration:
        return call_result.ChangeConfiguration(status="Accepted")

    @on(Action.get_diagnostics)
    def _diagnostics(self, **_: Any) -> call_result.GetDiagnostics:
        return call_result.GetDiagnostics()

    @on(Action.data_transfer)
    def _data(self, **_: Any) -> call_result.DataTransfer:
        told = json.dumps({"apiToken": PLANTED["token told by a wallbox"]})
        return call_result.DataTransfer(status="Accepted", data=told)


class Planted(cases.PeersCase):
    """
    A site that is set up, used and started again with a log of the other kind.

    @ivar secrets: what must be nowhere, by where it was put.
    @ivar own: what one answer has to tell, and nothing else.
    """

    manager: ClassVar[Program]

    def setUp(self) -> None:
        """A site before its first start."""
        super().setUp()
        self.manager = cases.make_program()  # type: ignore[misc]
        self.addCleanup(cases.discard, self.manager)
        self.web, self.backend = free_port(), free_port()
        self.secrets = dict(PLANTED)
        self.own: dict[str, str] = {}
        self.seen: dict[str, str] = {}
        self.fields: dict[str, str] = {}

    def configure(self) -> None:
        """Its settings."""
        names = {"ocpp": "ocpp server"} | {one: one for one in ("evse", "comment", "gateway")}
        passwords = {name: PLANTED[place] for name, place in names.items()}
        self.manager.configure(
            CONFIG.format(
                port=self.manager.port,
                web=self.web,
                backend=self.backend,
                client=CLIENT,
                **passwords,
            )
        )

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        fields: Mapping[str, str] | None = None,
        is_own: bool = False,
    ) -> tuple[HTTPResponse, Any]:
        """
        Ask for something; all that is answered is kept, to be looked through.

        @param fields: in the place of those of who is logged in.
        @param is_own: its answer is for who asks alone: it may have C{own} in it.
        """
        connection = HTTPConnection("127.0.0.1", self.web, timeout=WAIT_S)
        said = dict(self.fields if fields is None else fields)
        said |= {"Origin": f"http://127.0.0.1:{self.web}", "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        if method == "GET":
            del said["Content-Type"]
        try:
            connection.request(method, path, text, said)
            answer = connection.getresponse()
            told = answer.read().decode()
        finally:
            connection.close()
        if not is_own:
            heads = "".join(f"{name}: {value}\n" for name, value in answer.getheaders())
            self.seen[f"{method} {path} {len(self.seen)}"] = heads + told
        with contextlib.suppress(ValueError):
            return answer, json.loads(told)
        return answer, told

    def api(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        """What is answered below the API's path."""
        return self.ask(method, f"/api/v1{path}", body, **more)[1]

    def begin(self, path: str, body: Mapping[str, str]) -> None:
        """Set up, or log in."""
        answer, told = self.ask("POST", f"/api/v1/{path}", body, {}, is_own=True)
        self.assertEqual(200, answer.status, told)
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        self.fields = {"Cookie": cookie, "X-CSRF-Token": told["csrf"]}
        self.own |= {f"session of {path}": cookie.partition("=")[2]}
        self.own |= {f"csrf of {path}": told["csrf"]}

    def test_nowhere(self) -> None:
        """Not in an answer, a log of either kind, a trace, an export or a console."""
        self.configure()
        self.manager.start()
        self.manager.wait_for("the page is at")
        code = (self.manager.folder / "var" / "setup-code").read_text().strip()
        self.refused({"code": PLANTED["wrong code"]}, "setup")
        self.begin("setup", {"code": code, "password": PLANTED["password of admin"]})
        self.run_peers(self.used())
        self.manager.stop()
        # The log tells the code of purpose, to who starts the program.
        first, self.manager.lines = self.manager.lines, []
        self.manager.command = JSON_LOG
        self.manager.start()
        self.manager.wait_for("the page is at")
        self.begin("session", {"user": "admin", "password": PLANTED["password of admin"]})
        self.run_peers(self.used())
        self.own["set-up code"] = code
        self.look_around()
        self.look_through(first)

    def look_through(self, first_log: list[str]) -> None:
        """Nothing of it is anywhere."""
        self.assertGreaterEqual(len(self.secrets), 20)
        logs = {"log": "\n".join(first_log), "log of JSON": "\n".join(self.manager.lines)}
        # What was logged was worth looking through.
        self.assertTrue(all("CP-0001" in text for text in logs.values()))
        json.loads(self.manager.lines[-1])
        everything = {**self.seen, **logs}
        for place, secret in {**self.secrets, **self.own}.items():
            for where, text in everything.items():
                if place == "set-up code" and where == "log":
                    continue
                for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
                    if form in text:
                        at = text.index(form)
                        self.fail(f"{place} is in {where}: {text[max(0, at - 200) : at + 60]}")
        self.manager.lines += first_log

    async def used(self) -> None:
        """Everybody says what he should not."""
        self.books = Books()
        async with billing(self.backend, self.books):
            box = Talkative("CP-0001", await dial(self.manager, "CP-0001", PLANTED["evse"]))
            box.begin()
            try:
                await box.boot()
                await self.told_by(box)
                await self.books.hears("BootNotification")
                await self.billed(self.books.clients[CLIENT])
                await asyncio.to_thread(self.asked)
            finally:
                await box.end()
        with contextlib.suppress(Exception):
            async with connected(self.manager, "CP-0001", PLANTED["password to the wallbox"]):
                pass

    async def told_by(self, box: Station) -> None:
        """The wallbox says secrets of its own."""
        await box.status("Preparing")
        for data in (
            json.dumps({"password": PLANTED["data in data"]}),
            json.dumps(
                json.dumps({"key": "AuthorizationKey", "value": PLANTED["key in data"]})
            ),
            f'{{"key":"WlanPassword","value":"{PLANTED["key in broken data"]}',
            _pem(PLANTED["pem of a wallbox"]),
        ):
            await box.ask(call.DataTransfer(vendor_id="test", data=data))
        await box.ask(
            call.StatusNotification(
                connector_id=1,
                error_code="OtherError",
                status="Faulted",
                info=f"Bearer {PLANTED['header in an info']}",
            )
        )

    async def billed(self, client: Client) -> None:
        """A backend gives a password, and says where diagnostics go."""
        key = PLANTED["key changed by a backend"]
        await client.call(call.ChangeConfiguration(key="AuthorizationKey", value=key))
        place = f"ftp://user:{PLANTED['url of a backend']}@198.51.100.1/up"
        await client.call(call.GetDiagnostics(location=place, retries=0))

    def asked(self) -> None:
        """Somebody says secrets over HTTP, in places for them and in others."""
        box = "/charge-points/CP-0001"
        self.assertIn("keys", self.api("GET", f"{box}/configuration"))
        changed = {"value": PLANTED["key changed by us"]}
        self.assertIn("status", self.api("PUT", f"{box}/configuration/WlanPassword", changed))
        place = f"ftp://user:{PLANTED['url of diagnostics']}@192.0.2.1/up"
        for action, payload in (
            ("GetDiagnostics", {"location": place}),
            ("DataTransfer", {"vendorId": "test"}),
            ("GetConfiguration", {}),
        ):
            said = self.api("POST", f"{box}/call", {"action": action, "payload": payload})
            self.assertIn("confirmation", said)
        self.refused({"user": "admin", "password": PLANTED["wrong password"]}, "session")
        self.refused({"user": PLANTED["password as a name"], "password": "x" * 9}, "session")
        for fields in (
            {"Authorization": f"Bearer {PLANTED['bearer of nobody']}"},
            {"Authorization": f"Basic {PLANTED['basic to the page']}"},
            {"Cookie": f"cfos_cm={PLANTED['cookie of nobody']}"},
        ):
            self.assertEqual(401, self.ask("GET", "/api/v1/site", None, fields)[0].status)
        self.api("GET", f"/site?token={PLANTED['token in a query']}")
        self.settings()
        self.people()

    def refused(self, body: Mapping[str, str], path: str) -> None:
        """Somebody is not let in."""
        more = {"password": "long enough"} if path == "setup" else {}
        answer, _ = self.ask("POST", f"/api/v1/{path}", {**body, **more}, {})
        self.assertIn(answer.status, (401, 403, 429))

    def settings(self) -> None:
        """Settings with secrets are changed, and some that are wrong are not."""
        changed = {"options": {"password": PLANTED["new gateway password"]}}
        wrong = {"options": {"url": f"ws://user:{PLANTED['url with a user']}@127.0.0.1/"}}
        for options, status in ((changed, 200), (wrong, 422)):
            change = {"changes": [{"heading": "gateway bay-1", **options}]}
            answer, told = self.ask("PATCH", "/api/v1/settings", change)
            self.assertEqual(status, answer.status, told)
        pair = {
            "certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "private_key": _pem(PLANTED["pem that is sent"]),
            "passphrase": PLANTED["passphrase that is sent"],
        }
        answer, told = self.ask("PUT", "/api/v1/certificates/server", pair)
        self.assertEqual(422, answer.status, told)

    def people(self) -> None:
        """An account and a token are made, and are there no more."""
        account = {"name": "ana", "role": "viewer", "password": PLANTED["password of somebody"]}
        self.assertIn("accounts", self.api("POST", "/accounts", account))
        self.assertIn("detail", self.api("POST", "/accounts", account))
        token = self.api("POST", "/tokens", {"name": "bob", "role": "viewer"}, is_own=True)
        self.own[f"token {len(self.own)}"] = secret = token["token"]
        bearer = {"Authorization": f"Bearer {secret}"}
        self.assertEqual(200, self.ask("GET", "/metrics", None, bearer)[0].status)
        self.api("DELETE", "/tokens/bob")
        self.assertEqual(401, self.ask("GET", "/metrics", None, bearer)[0].status)
        self.api("DELETE", "/accounts/ana")

    def look_around(self) -> None:
        """Everything that can be read over HTTP and on the console."""
        _, described = self.ask("GET", "/api/v1/openapi.json")
        backups = self.api("GET", "/settings/backups")["backups"]
        self.assertTrue(backups)
        names = {"name": "bay-1", "identity": "CP-0001", "id": "1"}
        read = 0
        for path, operations in described["paths"].items():
            if "get" in operations and not path.endswith("/live"):
                filled = re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], "x"), path)
                if path != "/api/v1/session":
                    self.ask("GET", filled)
                    read += 1
        self.assertGreater(read, 30)
        for path in (
            "trace?format=ndjson",
            "trace?limit=1000",
            "transactions?format=csv",
            f"settings/backups/{backups[0]['id']}",
        ):
            self.ask("GET", f"/api/v1/{path}")
        trace = self.seen[next(one for one in self.seen if "ndjson" in one)]
        for word in ("ChangeConfiguration", "GetDiagnostics", "DataTransfer", "WlanPsk"):
            self.assertIn(word, trace)
        for command in (
            ("trace", "--limit", "200"),
            ("charge-point", "show", "CP-0001"),
            ("gateway", "list"),
            ("export", "gateway-queues"),
        ):
            done = self.manager.console(*command)
            self.assertEqual(0, done.returncode, (command, done.stdout, done.stderr))
            self.seen[f"console {command}"] = done.stdout + done.stderr
