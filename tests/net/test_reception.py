"""Charge Points whose handshakes are slightly wrong, and logins that are put off."""

from __future__ import annotations

from attrs import evolve
from twisted.logger import capturedLogs, formatEvent

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.settings import ChargePointSettings, UnknownChargePoints
from cfos_cm.counters import Counter
from cfos_cm.net.login_throttle import BURST, MAX_WAITING_OF_SOURCE, TRIES_PER_MIN
from cfos_cm.quirk import Quirk
from tests.central_system.world import BAY_1, BAY_2, SITE

from .peers import LIMITS, TEXT, ServerCase, Wire, basic, frame, upgrade

PASSWORD = "s3cret-pässword"

#: So many wrong passwords from one address cost nothing.
FREE = 1 + BURST
#: Then there is one after the other. [s]
STEP_S = 60 / TRIES_PER_MIN


def forgiven(*quirks: Quirk) -> QuirkPolicy:
    """What an operator has named."""
    return QuirkPolicy(named=frozenset(quirks))


def without_connection(request: bytes) -> bytes:
    """A request that does not say C{Connection: Upgrade}."""
    return request.replace(b"Connection: Upgrade\r\n", b"")


class Identities(ServerCase):
    """Every form in which wallboxes append what they were told, or have built in."""

    settings = evolve(
        SITE,
        charge_points={
            name: ChargePointSettings(name, {1: BAY_1})
            for name in ("CP-1", "RDAM 123", "Garage", "ABC", "abc")
        },
    )

    async def test_forms(self) -> None:
        """The one that is configured is found."""
        for path, identity in (
            ("/CP-1", "CP-1"),
            ("/ocpp/CP-1", "CP-1"),
            ("/CP-1/CP-1", "CP-1"),
            ("/CP-1/SN-0815", "CP-1"),
            ("/ocpp//CP-1", "CP-1"),
            ("//CP-1", "CP-1"),
            ("/CP-1/", "CP-1"),
            ("/steve/websocket/CentralSystemService/CP-1", "CP-1"),
            ("/cp-1", "CP-1"),
            ("/ocpp/GARAGE", "Garage"),
            ("/CP-1?token=x&id=/y", "CP-1"),
            ("/CP%2D1", "CP-1"),
            ("/CP-1%20", "CP-1"),
            ("/RDAM%20123", "RDAM 123"),
            ("/rdam%20123", "RDAM 123"),
            ("/RDAM 123", "RDAM 123"),
            ("/ocpp/RDAM 123?x=y", "RDAM 123"),
            ("/ABC", "ABC"),
            ("/abc", "abc"),
        ):
            wire = await self.opened(path)
            self.assertIsNotNone(self.world.system.session(identity), path)
            wire.drop()
            while self.world.system.sessions():
                await self.turn()

    async def test_stranger(self) -> None:
        """Where nothing fits, what stands at the end is somebody new."""
        for path, identity in (("/ocpp/Abc", "Abc"), ("/a/b", "b"), ("/CP_1", "CP_1")):
            await self.opened(path)
            self.assertIsNotNone(self.world.system.session(identity), path)

    async def test_blank_stranger(self) -> None:
        """Blanks are put right for those only that are configured."""
        self.assertEqual(400, await self.status(upgrade("/NEW 1")))


class Subprotocol(ServerCase):
    """A wallbox that does not say what it speaks."""

    settings = evolve(
        SITE,
        charge_points={
            "CP-1": ChargePointSettings(
                "CP-1", {1: BAY_1}, quirks=forgiven(Quirk.NO_SUBPROTOCOL)
            ),
            "CP-2": ChargePointSettings("CP-2", {1: BAY_2}),
        },
    )

    async def test_forgiven(self) -> None:
        """It is understood when it is known for it, and nothing is agreed upon in its name."""
        wire = await self.dial(upgrade(subprotocol=None))
        head = await wire.head()
        self.assertIn(" 101 ", head)
        self.assertNotIn("sec-websocket-protocol", head.lower())
        wire.say(frame(TEXT, b'[2,"1","Heartbeat",{}]'))
        self.assertEqual(TEXT, (await wire.frame())[0])

    async def test_others(self) -> None:
        """Nobody else is, and nobody who says that he speaks something else."""
        self.assertEqual(400, await self.status(upgrade("/CP-2", subprotocol=None)))
        self.assertEqual(400, await self.status(upgrade("/CP-1", subprotocol="ocpp2.0.1")))
        self.assertEqual(2, self.world.system.counters[Counter.HANDSHAKES_FAILED])


class ConnectionHeader(ServerCase):
    """A wallbox whose request has no C{Connection: Upgrade}."""

    settings = evolve(
        SITE,
        charge_points={
            "CP-1": ChargePointSettings(
                "CP-1", {1: BAY_1}, quirks=forgiven(Quirk.NO_CONNECTION_HEADER)
            ),
            "CP-2": ChargePointSettings("CP-2", {1: BAY_2}),
        },
    )

    async def test_forgiven(self) -> None:
        """It gets its upgrade when it is known for it, also when it says something else."""
        self.assertEqual(101, await self.status(without_connection(upgrade("/ocpp/CP-1"))))

    async def test_keep_alive(self) -> None:
        """It also does when it says something else instead, in small pieces."""
        request = upgrade().replace(b"Connection: Upgrade", b"Connection: keep-alive")
        wire = await self.dial(request[:70])
        await self.turn()
        wire.say(request[70:])
        self.assertIn(" 101 ", await wire.head())

    async def test_others(self) -> None:
        """Nobody else does; of one that is configured the log says what to set."""
        with capturedLogs() as logged:
            for path in ("/CP-2", "/new", "/", "/a%2fb"):
                request = without_connection(upgrade(path))
                self.assertEqual(400, await self.status(request), path)
        hints = [
            line for line in map(formatEvent, logged) if "add no-connection-header" in line
        ]
        self.assertEqual(1, len(hints))
        self.assertIn("CP-2", hints[0])


class Logins(ServerCase):
    """Wrong passwords."""

    settings = evolve(SITE, password=PASSWORD, unknown=UnknownChargePoints.REFUSE)
    limits = evolve(LIMITS, sockets=30)

    def request(self, password: str, name: str = "CP-1") -> bytes:
        """An upgrade request with a password."""
        return upgrade(f"/{name}", f"Authorization: {basic(name, password)}")

    async def guess(self, times: int, name: str = "CP-1") -> None:
        """Some wrong passwords."""
        for _ in range(times):
            self.assertEqual(401, await self.status(self.request("wrong", name)))

    async def held(self, password: str, name: str = "CP-1") -> Wire:
        """A login that has to wait for its turn."""
        put_off = self.world.system.counters[Counter.LOGINS_PUT_OFF]
        wire = await self.dial(self.request(password, name))
        while self.world.system.counters[Counter.LOGINS_PUT_OFF] == put_off:
            await self.turn()
        return wire

    async def test_put_off(self) -> None:
        """After some of them even the right one has to wait for its turn."""
        await self.guess(FREE)
        wires = [await self.held("wrong"), await self.held(PASSWORD)]
        counters = self.world.system.counters
        self.assertEqual(FREE, counters[Counter.LOGINS_FAILED])
        self.world.clock.advance(STEP_S)
        self.assertIn(" 401 ", await wires[0].head())
        self.assertEqual(b"", wires[1].heard)
        self.world.clock.advance(STEP_S)
        self.assertIn(" 101 ", await wires[1].head())
        self.assertEqual(FREE + 1, counters[Counter.LOGINS_FAILED])
        self.assertEqual(2, counters[Counter.LOGINS_PUT_OFF])

    async def test_no_place_to_wait(self) -> None:
        """When some wait already, the next one is told when to come again."""
        await self.guess(FREE)
        for _ in range(MAX_WAITING_OF_SOURCE):
            await self.held("wrong")
        head = await self.asked(self.request(PASSWORD))
        self.assertIn("HTTP/1.1 429 Too Many Requests\r\n", head)
        self.assertIn(f"\r\nRetry-After: {STEP_S:.0f}", head)
        self.assertEqual(
            MAX_WAITING_OF_SOURCE + 1, self.world.system.counters[Counter.LOGINS_PUT_OFF]
        )

    async def test_gone_while_waiting(self) -> None:
        """Who goes meanwhile makes room for others, and leaves no timer."""
        await self.guess(FREE)
        for _ in range(MAX_WAITING_OF_SOURCE):
            (await self.held("wrong")).drop()
        while self.server.connections:
            await self.turn()
        self.assertEqual([], self.world.clock.getDelayedCalls())
        wire = await self.held(PASSWORD)
        self.world.clock.advance(STEP_S)
        self.assertIn(" 101 ", await wire.head())

    async def test_stays_while_waiting(self) -> None:
        """Who waits for us has not to go for those who dial meanwhile."""
        await self.guess(FREE)
        wire = await self.held(PASSWORD)
        for _ in range(self.limits.sockets + 3):
            await self.dial(b"GET /")
        while self.world.system.counters[Counter.CONNECTIONS_REFUSED] < 4:
            await self.turn()
        self.world.clock.advance(STEP_S)
        self.assertIn(" 101 ", await wire.head())

    async def test_more_bytes_while_waiting(self) -> None:
        """What is said too early is kept, and answered when it is time."""
        await self.guess(FREE)
        wire = await self.held(PASSWORD)
        wire.say(frame(TEXT, b'[2,"1","Heartbeat",{}]'))
        for _ in range(5):
            await self.turn()
        self.world.clock.advance(STEP_S)
        self.assertIn(" 101 ", await wire.head())
        self.assertEqual(TEXT, (await wire.frame())[0])

    async def test_stopped_while_waiting(self) -> None:
        """The server does not wait for those who wait."""
        await self.guess(FREE)
        wire = await self.held(PASSWORD)
        await self.server.close_all()
        await wire.closed()

    async def test_mistake_while_waiting(self) -> None:
        """A mistake of ours when it is their turn is in the log, and ends the connection."""
        await self.guess(FREE)
        wire = await self.held(PASSWORD)
        self.patch(self.world.system, "admit", lambda *_: 1 // 0)
        self.world.clock.advance(STEP_S)
        self.assertNotIn(" 101 ", await wire.head())
        self.assertTrue(self.flushLoggedErrors(ZeroDivisionError))
        self.assertTrue(
            all(not held for held in self.server.reception._throttle._held.values())
        )

    async def test_told(self) -> None:
        """The log says once that somebody has to wait."""
        await self.guess(FREE)
        with capturedLogs() as logged:
            for _ in range(MAX_WAITING_OF_SOURCE):
                await self.held("wrong")
            self.assertEqual(429, await self.status(self.request("wrong")))
        told = [line for line in map(formatEvent, logged) if "CP-1" in line]
        self.assertEqual(1, len(told), told)
        self.assertIn("too many wrong passwords were tried for it", told[0])

    async def test_alike(self) -> None:
        """Known and unknown identities are put off in the same words."""
        heads = set()
        for name in ("CP-1", "nobody"):
            await self.guess(FREE, name)
            held = [await self.held("wrong", name) for _ in range(MAX_WAITING_OF_SOURCE)]
            heads.add(await self.asked(self.request("wrong", name)))
            self.world.clock.advance(STEP_S * MAX_WAITING_OF_SOURCE)
            heads.update([await wire.head() for wire in held])
        self.assertEqual(2, len(heads), heads)

    async def test_other_case(self) -> None:
        """Another spelling of the same identity is no new one."""
        await self.guess(FREE - 1)
        await self.guess(1, "cp-1")
        await self.held(PASSWORD)

    async def test_at_home(self) -> None:
        """Where a Charge Point was logged in last, what others tried before does not count."""
        await self.guess(FREE)
        wire = await self.held(PASSWORD)
        self.world.clock.advance(STEP_S)
        self.assertIn(" 101 ", await wire.head())
        await self.guess(BURST)
        await self.held("wrong")

    async def test_right_one_of_a_stranger(self) -> None:
        """Who knows the password and is not configured has not guessed."""
        for _ in range(FREE + 3):
            self.assertEqual(404, await self.status(self.request(PASSWORD, "nobody")))

    async def test_not_asked(self) -> None:
        """Who need not know a password is not remembered for having shown one."""
        own = evolve(SITE.charge_points["CP-1"], password=PASSWORD)
        charge_points = {**SITE.charge_points, "CP-1": own}
        settings = evolve(SITE, password=None, charge_points=charge_points)
        self.world.system.configure(settings)
        self.assertEqual(101, await self.status(self.request("any", "nobody")))
        self.assertIsNone(self.server.reception._throttle._at_home.get("nobody"))

    async def test_no_password(self) -> None:
        """Who shows none guesses none: many programs ask first without."""
        for _ in range(FREE + 3):
            self.assertEqual(401, await self.status(upgrade()))
        self.assertEqual(101, await self.status(self.request(PASSWORD)))

    async def test_others(self) -> None:
        """Others at the same address are not put off."""
        await self.guess(FREE)
        self.assertEqual(101, await self.status(self.request(PASSWORD, "CP-2")))

    async def test_nobody_learns(self) -> None:
        """Where only some have to know a password, an unknown one is told the same."""
        own = evolve(SITE.charge_points["CP-1"], password=PASSWORD)
        settings = evolve(
            SITE,
            password=None,
            charge_points={**SITE.charge_points, "CP-1": own},
            unknown=UnknownChargePoints.REFUSE,
        )
        self.world.system.configure(settings)
        told = []
        for names in (("nobody", "Nobody"), ("CP-1", "cp-1")):
            requests = [upgrade(f"/{names[0]}")]
            requests += [self.request("wrong", names[0])] * FREE
            heads = [await self.asked(request) for request in requests]
            for _ in range(MAX_WAITING_OF_SOURCE):
                await self.held("wrong", names[1])
            told.append([*heads, await self.asked(self.request("wrong", names[1]))])
        self.assertEqual(told[0], told[1])
        self.assertIn(" 401 ", told[0][-2])
        self.assertIn(" 429 ", told[0][-1])

    async def test_refused(self) -> None:
        """Identities that are refused are counted."""
        self.assertEqual(404, await self.status(self.request(PASSWORD, "nobody")))
        self.assertEqual(404, await self.status(upgrade("/..")))
        self.assertEqual(2, self.world.system.counters[Counter.IDENTITIES_REFUSED])
