"""The whole program with backends that do what none should."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import websockets
from attrs import define, field
from ocpp.v16 import call

from . import cases
from .program import WAIT_S, Program, free_port
from .station import TRANSACTION, Station, connected
from .test_gateway import GATEWAY, raw

_ACCEPTED = {"status": "Accepted", "currentTime": "2026-03-01T10:00:00Z", "interval": 300}

#: The password as it is configured, and what else it may stand for.
_HEX_KEY = "00112233445566778899aabbccddeeff"


@define(eq=False)
class Hostile:
    """
    A backend in the hands of a test.

    @ivar answers: what each action is answered with: a payload, C{None} for nothing, or an
        error code; any other is answered as by an honest backend.
    @ivar told: the frames of the gateway that are calls.
    @ivar said: the frames that answer the backend's calls, by their ids.
    @ivar greets: is called with each new connection, before anything is read of it.
    @ivar judges: what an upgrade is refused with, by its headers; C{None}: it is not.
    """

    answers: dict[str, Any] = field(factory=dict)
    told: list[list[Any]] = field(factory=list)
    said: dict[str, list[Any]] = field(factory=dict)
    paths: list[str] = field(factory=list)
    greets: Callable[[Any], Awaitable[None]] | None = None
    judges: Callable[[Any], HTTPStatus | None] = field(default=lambda _headers: None)
    follows: dict[str, list[Any]] = field(factory=dict)
    connection: Any = None
    _news: asyncio.Event = field(factory=asyncio.Event)
    _numbers: Any = field(factory=lambda: itertools.count(1))

    async def until(self, met: Callable[[], Any]) -> None:
        """Wait for what the gateway says to make something true."""
        async with asyncio.timeout(WAIT_S):
            while not met():
                self._news.clear()
                await self._news.wait()

    def of(self, action: str) -> list[Any]:
        """The payloads of one action, in their order."""
        return [frame[3] for frame in self.told if frame[2] == action]

    async def hears(self, action: str, count: int = 1) -> Any:
        """Wait for one; gives its payload."""
        await self.until(lambda: len(self.of(action)) >= count)
        return self.of(action)[count - 1]

    async def ask(self, action: str, payload: Any) -> Any:
        """
        Ask the gateway.

        @return: the confirmation, or the code of the CALLERROR.
        """
        unique_id = f"q{next(self._numbers)}"
        await self.connection.send(json.dumps([2, unique_id, action, payload]))
        await self.until(lambda: unique_id in self.said)
        return self.said[unique_id][2]

    async def serve(self, connection: Any) -> None:
        """One connection of the gateway."""
        self.connection = connection
        self.paths.append(connection.request.path)
        self._news.set()
        with contextlib.suppress(websockets.ConnectionClosed):
            if self.greets is not None:
                await self.greets(connection)
            async for text in connection:
                frame = json.loads(text)
                if frame[0] == 2:
                    self.told.append(frame)
                    await self._answer(connection, frame)
                else:
                    self.said[frame[1]] = frame
                self._news.set()
        self._news.set()

    async def _answer(self, connection: Any, frame: list[Any]) -> None:
        usual = {
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
            "BootNotification": _ACCEPTED,
            "Heartbeat": {"currentTime": "2026-03-01T10:00:00Z"},
            "StartTransaction": {"transactionId": 1, "idTagInfo": {"status": "Accepted"}},
        }
        answer = self.answers.get(frame[2], usual.get(frame[2], {}))
        if isinstance(answer, str):
            await connection.send(json.dumps([4, frame[1], answer, "because", {}]))
        elif answer is not None:
            await connection.send(json.dumps([3, frame[1], answer]))
        for order in self.follows.pop(frame[2], []):
            await connection.send(json.dumps(order))


@contextlib.asynccontextmanager
async def listening(port: int, hostile: Hostile) -> AsyncIterator[Hostile]:
    """Such a backend, from its start to its end."""

    def judge(connection: Any, request: Any) -> Any:
        status = hostile.judges(request.headers)
        return None if status is None else connection.respond(status, "no")

    async with websockets.serve(
        hostile.serve,
        "127.0.0.1",
        port,
        process_request=judge,
        subprotocols=[websockets.Subprotocol("ocpp1.6")],
    ):
        yield hostile


class HostileCase(cases.EndToEndCase):
    """A manager with one wallbox, and a port for its backend."""

    def manager(self, gateway: str = GATEWAY, **options: Any) -> Program:
        """A manager that runs."""
        self.port = free_port()
        manager = self.program()
        text = cases.tap_cfg(manager.port, **options)
        manager.configure(text + "\n" + gateway.format(port=self.port))
        manager.start()
        return manager

    async def goes_on(self, station: Station, transaction_id: int, rounds: int = 10) -> None:
        """The wallbox is answered as ever, one message after the other."""
        for energy_wh in range(1000, 1000 + rounds):
            await station.meter(transaction_id, energy_wh, 10)
            await station.ask(call.Heartbeat())


class Personas(HostileCase):
    """Backends that were met in the field: Q46, Q47 and Q48 of the list of oddities."""

    def test_unknown_station(self) -> None:
        """One that takes everybody and throws us out again is asked less and less often."""
        self.run_peers(self.unknown_station(self.manager()))

    async def unknown_station(self, manager: Program) -> None:
        """See L{test_unknown_station}."""
        hostile = Hostile()

        async def throw_out(connection: Any) -> None:
            await connection.recv()
            await connection.close(1008, "unknown station")

        hostile.greets = throw_out
        async with listening(self.port, hostile), connected(manager, "CP-0001") as station:
            await station.boot()
            waits_s, mark = [], 0
            for _ in range(2):
                said = await manager.says(r"1008 \(policy violation\): .*in (\d+) s", mark)
                mark = next(
                    number
                    for number, line in enumerate(manager.lines[mark:], mark + 1)
                    if said.string == line
                )
                waits_s.append(int(said[1]))
                await station.ask(call.Heartbeat())
            self.assertGreater(waits_s[-1], waits_s[0])

    def test_thrown_out_later(self) -> None:
        """So is one that lets us in first, each time."""
        self.run_peers(self.thrown_out_later(self.manager()))

    async def thrown_out_later(self, manager: Program) -> None:
        """See L{test_thrown_out_later}."""
        hostile = Hostile(follows={})
        async with listening(self.port, hostile):
            waits_s = []
            for count in range(1, 3):
                await hostile.until(lambda: len(hostile.paths) >= count)  # noqa: B023
                mark = manager.mark()
                if count == 1:
                    await hostile.hears("StatusNotification")
                await hostile.connection.close(1008, "not today")
                said = await manager.says(r"not today; next attempt in (\d+) s", mark)
                waits_s.append(int(said[1]))
            self.assertGreater(waits_s[-1], waits_s[0])

    def test_transaction_0(self) -> None:
        """
        Who refuses a tag with transaction 0, or stops a start at once, gets each message under
        the number that he has given.
        """
        self.run_peers(self.transaction_0(self.manager()))

    async def transaction_0(self, manager: Program) -> None:
        """See L{test_transaction_0}."""
        refused = {"transactionId": 0, "idTagInfo": {"status": "Invalid"}}
        hostile = Hostile(answers={"StartTransaction": refused})
        async with listening(self.port, hostile), connected(manager, "CP-0001") as station:
            await station.boot()
            await hostile.hears("StatusNotification")
            first = await station.charge(cases.TAG)
            await station.until(lambda: station.remote_stops == [first])
            await station.end_transaction(first, 1010)
            self.assertEqual(0, (await hostile.hears("StopTransaction"))["transactionId"])
            hostile.answers["StartTransaction"] = {
                "transactionId": 5,
                "idTagInfo": {"status": "Accepted"},
            }
            stop = [2, "stop", "RemoteStopTransaction", {"transactionId": 5}]
            hostile.follows["StartTransaction"] = [stop]
            second = await station.charge(cases.TAG)
            await station.until(lambda: station.remote_stops == [first, second])
            await hostile.until(lambda: "stop" in hostile.said)
            self.assertEqual({"status": "Accepted"}, hostile.said["stop"][2])
            await station.end_transaction(second, 1020)
            stopped = await hostile.hears("StopTransaction", 2)
            self.assertEqual((5, 1020), (stopped["transactionId"], stopped["meterStop"]))
            again = await hostile.ask("RemoteStopTransaction", {"transactionId": 0})
            self.assertEqual({"status": "Rejected"}, again)
            self.assertEqual([first, second], station.remote_stops)

    def test_swapped_codes(self) -> None:
        """NotImplemented and NotSupported mean the same; each is said where it belongs."""
        self.run_peers(self.swapped_codes(self.manager()))

    async def swapped_codes(self, manager: Program) -> None:
        """See L{test_swapped_codes}."""
        hostile = Hostile()
        async with listening(self.port, hostile), raw(manager, "CP-0001") as ask:
            await ask("BootNotification", '{"chargePointVendor":"V","chargePointModel":"M"}')
            await hostile.hears("StatusNotification")
            for code in ("NotSupported", "NotImplemented"):
                hostile.answers["VendorThing"] = code
                found = json.loads(await ask("VendorThing", "{}"))
                self.assertEqual([4, code], [found[0], found[2]])
                hostile.answers["DataTransfer"] = code
                found = json.loads(await ask("DataTransfer", '{"vendorId":"X"}'))
                self.assertEqual([4, code], [found[0], found[2]])
            self.assertEqual("NotSupported", await hostile.ask("Authorize", {"idTag": "A"}))
            self.assertEqual("NotSupported", await hostile.ask("GetLog", {}))
            self.assertEqual("NotImplemented", await hostile.ask("setChargingProfile", {}))


class Stalls(HostileCase):
    """Whatever the backend does, or does not, the wallbox is answered at once."""

    def test_deaf(self) -> None:
        """It takes the connection and answers nothing, and later does not even read."""
        self.run_peers(self.deaf(self.manager()))

    async def deaf(self, manager: Program) -> None:
        """See L{test_deaf}."""
        hostile = Hostile()
        async with listening(self.port, hostile), connected(manager, "CP-0001") as station:
            await station.boot()
            await hostile.hears("StatusNotification")
            # What it has said of a card counts for a while.
            await station.authorize(cases.TAG)
            hostile.answers = dict.fromkeys(
                ("StartTransaction", "MeterValues", "StatusNotification", "Heartbeat")
            )
            transaction_id = await station.charge(cases.TAG)
            await self.goes_on(station, transaction_id)
            hostile.connection.transport.pause_reading()
            await self.goes_on(station, transaction_id)
            self.assertEqual([], hostile.of("MeterValues"))
            hostile.connection.transport.abort()

    def test_half_open(self) -> None:
        """It takes the call and never says a word."""
        self.run_peers(self.odd_server(self.manager(), self.say_nothing))

    def test_byte_by_byte(self) -> None:
        """It answers one byte after the other, and never comes to an end."""
        self.run_peers(self.odd_server(self.manager(), self.dribble))

    async def say_nothing(self, writer: asyncio.StreamWriter) -> None:
        """See L{test_half_open}."""
        await asyncio.Event().wait()

    async def dribble(self, writer: asyncio.StreamWriter) -> None:
        """See L{test_byte_by_byte}."""
        for byte in itertools.chain(
            b"HTTP/1.1 101 Switching Protocols\r\nX: ", itertools.repeat(97)
        ):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async def odd_server(
        self, manager: Program, speak: Callable[[asyncio.StreamWriter], Awaitable[None]]
    ) -> None:
        """A charge from its start to its end beside a server that is no backend."""
        callers = asyncio.Semaphore(0)

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            callers.release()
            with contextlib.suppress(ConnectionError):
                await speak(writer)

        server = await asyncio.start_server(serve, "127.0.0.1", self.port)
        try:
            async with connected(manager, "CP-0001") as station:
                await asyncio.wait_for(callers.acquire(), WAIT_S)
                await station.boot()
                self.assertEqual("Invalid", (await station.authorize(cases.TAG))["status"])
                await self.goes_on(station, await station.charge(cases.TAG))
        finally:
            server.close()

    def test_flood(self) -> None:
        """It asks without end, sends answers to nothing, and what is no OCPP."""
        self.run_peers(self.flood(self.manager()))

    async def flood(self, manager: Program) -> None:
        """See L{test_flood}."""
        hostile = Hostile()
        sent = 0

        async def pour() -> None:
            nonlocal sent
            names = ",".join(f'"k{number}":1' for number in range(5000))
            texts = (
                '[2,"{}","GetConfiguration",{{}}]',
                '[3,"{}",{{"status":"Accepted"}}]',
                '[2,"{}","GetCompositeSchedule",{{"connectorId":1,"duration":604800}}]',
                '[4,"{}","GenericError","","{{}}"]',
                '[2,"{}","SendLocalList",{{' + names + "}}]",
                '[2,"{}","RemoteStopTransaction",{{"transactionId":-1}}]',
                '[2,"{}","SetChargingProfile",{{"connectorId":1}}]',
            )
            for number in itertools.count():
                with contextlib.suppress(websockets.ConnectionClosed):
                    await hostile.connection.send(texts[number % 7].format(f"f{number}"))
                    sent += 1
                await asyncio.sleep(0)

        async with listening(self.port, hostile), connected(manager, "CP-0001") as station:
            await station.boot()
            await hostile.hears("StatusNotification")
            transaction_id = await station.charge(cases.TAG)
            flooding = asyncio.create_task(pour())
            await hostile.until(lambda: sent > 100)
            before = sent
            await self.goes_on(station, transaction_id, 20)
            await hostile.until(lambda: sent > before)
            flooding.cancel()
            await hostile.connection.close()
            await manager.says("let in|connected")
            self.assertLess(len(manager.lines), 200)


class Power(HostileCase):
    """What a backend would like to have done, and is not."""

    def test_wishes(self) -> None:
        """
        Whatever it allows, the fuse holds; it cannot take the wallbox away, nor read what is
        secret.
        """
        self.run_peers(self.wishes(self.manager()))

    async def wishes(self, manager: Program) -> None:
        """See L{test_wishes}."""
        hostile = Hostile()
        async with listening(self.port, hostile), connected(manager, "CP-0001") as station:
            await station.boot()
            await hostile.hears("StatusNotification")
            await station.charge(cases.TAG)
            await station.ordered(TRANSACTION, 16)
            await hostile.hears("StartTransaction")
            for limit_a in (63, 80.5, 8):
                payload = {"connectorId": 1, "csChargingProfiles": _default(limit_a)}
                answer = await hostile.ask("SetChargingProfile", payload)
                self.assertEqual({"status": "Accepted"}, answer)
            await station.ordered(TRANSACTION, 8)
            mark = len(station.orders)
            self.assertEqual(
                {"status": "Accepted"}, await hostile.ask("ClearChargingProfile", {})
            )
            await station.ordered(TRANSACTION, 16, mark)
            self.assertEqual({0, 8, 16}, {one.limit_a for one in station.orders})
            for key in ("OcppServerURL", "BackOffice-Path-wired", "SmartChargingEnabled"):
                change = {"key": key, "value": "ws://elsewhere.example/"}
                status = await hostile.ask("ChangeConfiguration", change)
                self.assertEqual({"status": "NotSupported"}, status, key)
            secrets = {"key": ["AuthorizationKey", "WifiPassword"]}
            found = await hostile.ask("GetConfiguration", secrets)
            self.assertEqual(
                {
                    "configurationKey": [{"key": "AuthorizationKey", "readonly": False}],
                    "unknownKey": ["WifiPassword"],
                },
                found,
            )

    def test_password(self) -> None:
        """Any client id arrives as it is, and the password in the form that is taken."""
        gateway = (
            "[gateway bay-1]\nevse = bay-1\nurl = ws://127.0.0.1:{port}/ocpp/\n"
            f"client_id = Büro 1 #2 100%\npassword = {_HEX_KEY}\n"
        )
        self.run_peers(self.password(self.manager(gateway)))

    async def password(self, manager: Program) -> None:
        """See L{test_password}."""
        hostile, logins = Hostile(), list[str]()
        wanted = f"Basic {b64encode(f'Büro 1 #2 100%:{_HEX_KEY}'.encode()).decode()}"

        def judge(headers: Any) -> HTTPStatus | None:
            logins.append(headers["Authorization"])
            return None if logins[-1] == wanted else HTTPStatus.UNAUTHORIZED

        hostile.judges = judge
        async with listening(self.port, hostile):
            await hostile.hears("BootNotification")
        self.assertEqual(2, len(logins))
        self.assertEqual(["/ocpp/B%C3%BCro%201%20%232%20100%25"], hostile.paths)
        self.assertEqual("/ocpp/Büro 1 #2 100%", unquote(hostile.paths[0]))
        manager.wait_for("401: the backend refuses the password")
        log = "\n".join(manager.lines)
        for secret in (_HEX_KEY, *(login.partition(" ")[2] for login in logins)):
            self.assertNotIn(secret, log)


def _default(limit_a: float) -> dict[str, Any]:
    return {
        "chargingProfileId": 1,
        "stackLevel": 99,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "startSchedule": "2026-01-01T00:00:00Z",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_a}],
        },
    }
