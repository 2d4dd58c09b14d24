"""Orders over HTTP, from a program with a token to a station that we did not write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import websockets
from ocpp.exceptions import NotSupportedError
from ocpp.routing import on
from ocpp.v16 import call_result
from ocpp.v16.enums import Action

from . import cases
from .program import WAIT_S, Program, free_port
from .station import DEFAULT, TRANSACTION, Station, dial

WLAN_PASSWORD = "of-the-wlan-4711"


class Wallbox(Station):
    """
    A station with more actions.

    @ivar cleared: the payload of every ClearChargingProfile.
    @ivar set: the configuration keys that were set.
    """

    def __init__(self, identity: str, connection: websockets.ClientConnection) -> None:
        self.cleared: list[dict[str, Any]] = []
        self.set: dict[str, str] = {}
        super().__init__(identity, connection)

    @on(Action.clear_charging_profile)
    def _clear(self, **payload: Any) -> call_result.ClearChargingProfile:
        self.cleared.append(payload)
        return call_result.ClearChargingProfile(status="Accepted")

    @on(Action.get_configuration)
    def _get(self, **payload: Any) -> call_result.GetConfiguration:
        keys = [
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            {"key": "WlanPassword", "readonly": False, "value": WLAN_PASSWORD},
        ]
        return call_result.GetConfiguration(configuration_key=keys)

    @on(Action.change_configuration)
    def _change(self, key: str, value: str) -> call_result.ChangeConfiguration:
        self.set[key] = value
        return call_result.ChangeConfiguration(status="Accepted")

    @on(Action.clear_cache)
    def _clear_cache(self) -> call_result.ClearCache:
        raise NotSupportedError(description="there is no cache")


@asynccontextmanager
async def wallbox(program: Program, identity: str) -> AsyncIterator[Wallbox]:
    """One from its connection to the end of it."""
    found = Wallbox(identity, await dial(program, identity))
    found.begin()
    try:
        yield found
    finally:
        await found.end()


class OverHttp(cases.PeersCase):
    """
    A site with a page; each test leaves it as it was.

    @ivar tokens: by their roles.
    """

    manager: ClassVar[Program]
    web_port: ClassVar[int]
    tokens: ClassVar[dict[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        """Start the program, and make a token for each role."""
        super().setUpClass()
        cls.manager = cases.make_program()
        cls.addClassCleanup(cases.discard, cls.manager)
        cls.web_port = free_port()
        page = f"\n[web]\nlisten = tcp:{cls.web_port}:interface=127.0.0.1\n"
        cls.manager.configure(cases.tap_cfg(cls.manager.port, fuse_a=63) + page)
        done = cls.manager.console("set-password", said=f"{cases.PASSWORD}\n")
        assert done.returncode == 0, done
        cls.tokens = {role: cls.token(role) for role in ("viewer", "operator", "admin")}
        cls.manager.start()
        cls.manager.wait_for("the page is at")

    @classmethod
    def token(cls, role: str) -> str:
        """A new one, from the console."""
        done = cls.manager.console("token", f"test-{role}", "--role", role)
        assert (done.returncode, done.stderr) == (0, ""), done
        (found,) = [word for word in done.stdout.split() if len(word) >= 40]
        return found

    def fetch(self, method: str, path: str, body: object, token: str | None) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = Request(
            f"http://127.0.0.1:{self.web_port}/api/v1{path}",
            None if method == "GET" else json.dumps(body).encode(),
            headers,
            method=method,
        )
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=WAIT_S) as answer:
                return answer.status, json.load(answer)
        except HTTPError as refused:
            return refused.code, json.load(refused)

    async def http(
        self, method: str, path: str, body: object = None, role: str | None = "operator"
    ) -> tuple[int, Any]:
        """Ask with the token of a role; C{None}: without any."""
        token = None if role is None else self.tokens[role]
        said = {} if body is None else body
        return await asyncio.to_thread(self.fetch, method, path, said, token)

    async def done(self, verb: str, body: object = None) -> str:
        """Give an order for C{bay-1}, which is accepted; its words."""
        status, answer = await self.http("POST", f"/evses/bay-1/{verb}", body)
        self.assertEqual((200, "Accepted"), (status, answer.get("status")), answer)
        words: str = answer["text"]
        return words

    async def leave(self, box: Wallbox, transaction_id: int) -> None:
        """The car leaves, and nothing is limited."""
        await self.done("limit", {"current_ma": None})
        await box.end_transaction(transaction_id, 2000)
        await box.status("Available")

    def test_charge(self) -> None:
        """It is started, limited, paused, resumed, cleared and stopped."""
        self.run_peers(self.whole_charge())

    async def whole_charge(self) -> None:
        """What the operator orders is what the wallbox hears."""
        async with wallbox(self.manager, "CP-0001") as box:
            await box.boot()
            await box.status("Preparing")
            await self.done("start", {"id_tag": cases.TAG})
            self.assertEqual([{"connector_id": 1, "id_tag": cases.TAG}], box.remote_starts)
            transaction_id = await box.charge(cases.TAG)
            await box.ordered(TRANSACTION, 16)

            mark = len(box.orders)
            words = await self.done("limit", {"current_ma": 10_000})
            self.assertEqual("bay-1 may have 10 A; it has confirmed 10 A", words)
            await box.ordered(TRANSACTION, 10, mark)
            _, shown = await self.http("GET", "/evses/bay-1", role="viewer")
            self.assertEqual("operator allows 10 A", shown["setpoint"]["reason"]["text"])

            mark = len(box.orders)
            self.assertIn("it has confirmed 0 A", await self.done("pause"))
            await box.ordered(TRANSACTION, 0, mark)
            _, shown = await self.http("GET", "/evses/bay-1", role="viewer")
            self.assertEqual(
                (True, "paused by operator"),
                (shown["paused"], shown["setpoint"]["reason"]["text"]),
            )

            mark = len(box.orders)
            await self.done("resume")
            await box.ordered(TRANSACTION, 10, mark)

            mark = len(box.orders)
            words = await self.done("clear-profiles")
            self.assertIn("load management sets its own again at once", words)
            self.assertEqual([{}], box.cleared)
            await box.ordered(DEFAULT, mark=mark)
            await box.ordered(TRANSACTION, 10, mark)

            await self.done("stop")
            self.assertEqual([transaction_id], box.remote_stops)
            await self.leave(box, transaction_id)

    def test_restart(self) -> None:
        """A limit outlives kill -9: the wallbox gets no more when all is back."""
        self.run_peers(self.limit_and_kill())

    async def limit_and_kill(self) -> None:
        """The program is killed as soon as the limit is acknowledged."""
        async with wallbox(self.manager, "CP-0001") as box:
            await box.boot()
            transaction_id = await box.charge(cases.TAG)
            await box.ordered(TRANSACTION, 16)
            await self.done("limit", {"current_ma": 8_000})
            await asyncio.to_thread(self.manager.kill)
        mark = self.manager.mark()
        await asyncio.to_thread(self.manager.start)
        await self.manager.says("the page is at", mark)
        async with wallbox(self.manager, "CP-0001") as box:
            await box.boot()
            await box.status("Charging")
            await box.ordered(TRANSACTION, 8)
            await self.leave(box, transaction_id)

    def test_roles(self) -> None:
        """Without a token nobody orders anything, nor does who may only look."""
        self.run_peers(self.refused())

    async def refused(self) -> None:
        """The wallbox hears nothing of it."""
        async with wallbox(self.manager, "CP-0001") as box:
            await box.boot()
            await box.ordered(DEFAULT)
            for role, expected in ((None, 401), ("viewer", 403)):
                for path, body in (
                    ("/evses/bay-1/start", {"id_tag": cases.TAG}),
                    ("/evses/bay-1/limit", {"current_ma": 6_000}),
                    ("/charge-points/CP-0001/call", {"action": "ClearCache"}),
                ):
                    status, _ = await self.http("POST", path, body, role)
                    self.assertEqual(expected, status, path)
            self.assertEqual([], box.remote_starts)
            hard = {"action": "Reset", "payload": {"type": "Hard"}}
            status, problem = await self.http("POST", "/charge-points/CP-0001/call", hard)
            self.assertEqual(403, status, problem)

    def test_ask(self) -> None:
        """Keys are read and set, a CALLERROR comes back as one, and secrets do not."""
        self.run_peers(self.questions())

    async def questions(self) -> None:
        """The answers are the wallbox's."""
        async with wallbox(self.manager, "CP-0001") as box:
            await box.boot()
            status, found = await self.http("GET", "/charge-points/CP-0001/configuration")
            self.assertEqual(200, status, found)
            values = {one["key"]: one["value"] for one in found["keys"]}
            self.assertEqual({"HeartbeatInterval": "300", "WlanPassword": "***"}, values)
            path = "/charge-points/CP-0001/configuration/HeartbeatInterval"
            status, found = await self.http("PUT", path, {"value": "60"})
            self.assertEqual((200, "Accepted"), (status, found["status"]))
            self.assertEqual("60", box.set["HeartbeatInterval"])
            status, problem = await self.http(
                "POST", "/charge-points/CP-0001/call", {"action": "ClearCache"}
            )
            self.assertEqual(502, status, problem)
            self.assertEqual("NotSupported", problem["ocpp_error"])
            self.assertIn("there is no cache", problem["detail"])
            bad = {"action": "Reset", "payload": {"type": "Gentle"}}
            status, problem = await self.http("POST", "/charge-points/CP-0001/call", bad)
            self.assertEqual(422, status, problem)

    def test_admission(self) -> None:
        """One that waits is approved and charges; another one is refused and stays out."""
        self.run_peers(self.newcomers())

    async def newcomers(self) -> None:
        """Nobody touches a file or a console."""
        async with wallbox(self.manager, "NEW-1") as box, wallbox(self.manager, "NEW-2") as no:
            self.assertEqual("Pending", (await box.boot()).status)
            _, found = await self.http("GET", "/charge-points")
            states = {one["identity"]: one["state"] for one in found["charge_points"]}
            self.assertEqual(
                {"NEW-1": "waiting", "NEW-2": "waiting", "CP-0001": "away"}, states
            )
            self.assertEqual([f"ws://127.0.0.1:{self.manager.port}/"], found["urls"])

            status, found = await self.http("POST", "/charge-points/NEW-2/refuse")
            self.assertEqual(200, status, found)
            await no.connection.wait_closed()
            with self.assertRaises(websockets.InvalidStatus) as caught:
                await dial(self.manager, "NEW-2")
            self.assertEqual(403, caught.exception.response.status_code)

            status, found = await self.http(
                "POST",
                "/charge-points/NEW-1/approve",
                {"name": "bay-9", "options": {"max_current": 13}},
                "admin",
            )
            self.assertEqual(200, status, found)
            await box.until(lambda: "BootNotification" in box.triggers)
            self.assertEqual("Accepted", (await box.boot()).status)
            transaction_id = await box.charge(cases.TAG)
            await box.ordered(TRANSACTION, 13)
            await box.end_transaction(transaction_id, 2000)
        text = (self.manager.folder / "tap.cfg").read_text("utf-8")
        self.assertIn("[evse bay-9]", text)
        self.assertIn("address = NEW-1", text)
