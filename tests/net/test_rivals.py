"""Two connections of one Charge Point, in every order of events."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.settings import ChargePointSettings
from cfos_cm.counters import Counter
from cfos_cm.errors import DeviceError
from cfos_cm.quirk import Quirk
from cfos_cm.v16.core import ClearCacheConfirmation, ClearCacheRequest
from tests.central_system.world import BAY_1, BAY_2, SITE

from .peers import LIMITS, PING, PONG, TEXT, ServerCase, Wire, basic, frame, upgrade

PASSWORD = "s3cret"
HEARTBEAT = frame(TEXT, b'[2,"1","Heartbeat",{}]')
AUTHORIZATION = f"Authorization: {basic('CP-1', PASSWORD)}"


class Case(ServerCase):
    """What both kinds of newcomers need."""

    request = upgrade()

    async def dialled(self) -> Wire:
        """Another connection of the same Charge Point, whose request has been read."""
        known = set(self.server.connections)
        wire = await self.dial(self.request)
        while self.server.connections <= known:
            await self.turn()
        for _ in range(3):
            await self.turn()
        return wire

    async def first(self) -> Wire:
        """A connection that nobody disputes."""
        wire = await self.dial(self.request)
        self.assertIn(" 101 ", await wire.head())
        return wire

    async def assertRefused(self, wire: Wire) -> None:
        """Fail unless a newcomer is told that the earlier one is alive."""
        head = await wire.head()
        self.assertIn("HTTP/1.1 503 Service Unavailable\r\n", head)
        self.assertIn("\r\nRetry-After: 30", head)
        await wire.closed()

    async def assertServed(self, wire: Wire) -> None:
        """Fail unless what is said here is answered, and this is the one that counts."""
        wire.say(HEARTBEAT)
        self.assertEqual(TEXT, (await wire.frame())[0])
        self.assertEqual(1, len(self.world.system.sessions()))

    async def challenged(self, wire: Wire) -> bytes:
        """The payload of the ping that an earlier connection gets."""
        opcode, payload = await wire.frame()
        self.assertEqual(PING, opcode)
        return payload

    def counted(self, what: Counter) -> int:
        """How often something has happened."""
        return self.world.system.counters[what]


class Unauthenticated(Case):
    """Where no password is asked for, a newcomer displaces nobody that is alive."""

    async def test_alive(self) -> None:
        """The earlier connection answers its ping: the newcomer is refused."""
        first = await self.first()
        second = await self.dialled()
        first.say(frame(PONG, await self.challenged(first)))
        await self.assertRefused(second)
        await self.assertServed(first)
        self.assertEqual(1, self.counted(Counter.REPLACEMENTS_REFUSED))

    async def test_any_word(self) -> None:
        """Anything that it says shows that it is alive."""
        first = await self.first()
        second = await self.dialled()
        await self.challenged(first)
        first.say(b"\x81")
        await self.assertRefused(second)

    async def test_dead(self) -> None:
        """It says nothing: it is dropped, and the newcomer takes over."""
        first = await self.first()
        second = await self.dialled()
        self.world.clock.advance(LIMITS.challenge_s - 0.1)
        self.assertFalse(first.ended)
        self.world.clock.advance(0.1)
        self.assertIn(" 101 ", await second.head())
        await first.closed()
        await self.assertServed(second)
        self.assertEqual(1, self.counted(Counter.PONGS_MISSED))
        self.assertEqual(1, self.counted(Counter.CONNECTIONS_REPLACED))

    async def test_longer_than_a_handshake(self) -> None:
        """A newcomer that has to wait is not thrown out for being slow."""
        first = await self.first()
        second = await self.dial(self.request[:30])
        await self.turn()
        self.world.clock.advance(LIMITS.handshake_s - 1)
        second.say(self.request[30:])
        await self.challenged(first)
        self.world.clock.advance(LIMITS.challenge_s)
        self.assertIn(" 101 ", await second.head())

    async def test_earlier_one_leaves(self) -> None:
        """The newcomer is let in as soon as the earlier connection has gone."""
        first = await self.first()
        second = await self.dialled()
        first.drop()
        self.assertIn(" 101 ", await second.head())
        await self.assertServed(second)

    async def test_newcomer_leaves(self) -> None:
        """A newcomer that does not wait leaves nothing behind."""
        first = await self.first()
        second = await self.dialled()
        second.drop()
        while len(self.server.connections) > 1:
            await self.turn()
        self.world.clock.advance(LIMITS.challenge_s)
        await self.challenged(first)
        await self.assertServed(first)

    async def test_both_leave(self) -> None:
        """Both may leave, in either order."""
        for order in ((0, 1), (1, 0)):
            wires = [await self.first(), await self.dialled()]
            for index in order:
                wires[index].drop()
            while self.server.connections:
                await self.turn()
            self.assertEqual({}, self.server.rivals._open)
            self.assertEqual({}, self.server.rivals._challenges)

    async def test_third(self) -> None:
        """Of two that wait the newer one does, and not for longer."""
        first = await self.first()
        second = await self.dialled()
        self.world.clock.advance(3)
        third = await self.dialled()
        await self.assertRefused(second)
        self.world.clock.advance(LIMITS.challenge_s - 3)
        self.assertIn(" 101 ", await third.head())
        await first.closed()
        await self.assertServed(third)

    async def test_early_words(self) -> None:
        """What a newcomer says while it waits is heard when it is let in, up to a bound."""
        first = await self.first()
        second = await self.dialled()
        second.say(frame(TEXT, b'[2,"1",\r\n\r\n"Heartbeat",{}]'))
        await self.challenged(first)
        for _ in range(5):
            await self.turn()
        first.drop()
        self.assertIn(" 101 ", await second.head())
        self.assertEqual(TEXT, (await second.frame())[0])

    async def test_too_many_early_words(self) -> None:
        """Who says too much before is dropped."""
        await self.first()
        second = await self.dialled()
        second.say(b"\r\n\r\n" * LIMITS.handshake_bytes)
        await second.closed()
        self.assertEqual(b"", second.heard)

    async def test_busy(self) -> None:
        """An earlier connection that is not read because it is too fast is alive."""
        first = await self.first()
        first.say(frame(PONG) * (LIMITS.message_burst + 50))
        while not self.counted(Counter.READING_PAUSED):
            await self.turn()
        await self.assertRefused(await self.dialled())

    async def test_told(self) -> None:
        """Somebody who tries again and again does not fill the log."""
        first = await self.first()
        with capturedLogs() as logged:
            for _ in range(5):
                second = await self.dialled()
                first.say(frame(PONG, await self.challenged(first)))
                await self.assertRefused(second)
        told = [line for line in map(formatEvent, logged) if "is alive" in line]
        self.assertEqual(1, len(told), told)

    async def test_stopping(self) -> None:
        """Who waits when we stop is dropped, and never opened."""
        first = await self.first()
        second = await self.dialled()
        earlier, waiting = sorted(self.server.connections, key=lambda one: one.session is None)
        ended = self.server.close_all()
        self.server.rivals.left(earlier)
        self.assertEqual(waiting.STATE_CONNECTING, waiting.state)
        await self.challenged(first)
        self.assertEqual(1001, await first.close_code())
        first.drop()
        await ended
        await second.closed()
        self.assertEqual(b"", second.heard)

    async def test_closing(self) -> None:
        """One that we have said goodbye to is in nobody's way."""
        first = await self.first()
        session = self.world.system.session("CP-1")
        assert session is not None
        session.hang_up(1008, "enough")
        second = await self.dialled()
        self.assertIn(" 101 ", await second.head())
        self.assertEqual(1008, await first.close_code())


class Authenticated(Case):
    """Where a password is asked for, whoever knows it takes over, though not all the time."""

    settings = evolve(SITE, password=PASSWORD)
    request = upgrade("/CP-1", AUTHORIZATION)

    async def test_newest(self) -> None:
        """The newest connection counts, at once."""
        first = await self.first()
        second = await self.dialled()
        self.assertIn(" 101 ", await second.head())
        self.assertEqual(1000, await first.close_code())
        await self.assertServed(second)

    async def test_twice(self) -> None:
        """A second replacement within the interval has to wait for a sign of life."""
        await self.first()
        second = await self.dialled()
        await second.head()
        self.world.clock.advance(LIMITS.replacement_interval_s - 1)
        third = await self.dialled()
        second.say(frame(PONG, await self.challenged(second)))
        await self.assertRefused(third)

    async def test_later(self) -> None:
        """After the interval the newest counts again."""
        await self.first()
        second = await self.dialled()
        await second.head()
        second.say(HEARTBEAT)
        await second.frame()
        self.world.clock.advance(LIMITS.replacement_interval_s)
        third = await self.dialled()
        self.assertIn(" 101 ", await third.head())

    async def test_faster(self) -> None:
        """One that takes over while another waits sends that one away."""
        await self.first()
        second = await self.dialled()
        await second.head()
        self.world.clock.advance(LIMITS.replacement_interval_s - 1)
        third = await self.dialled()
        self.world.clock.advance(1)
        fourth = await self.dialled()
        self.assertIn(" 101 ", await fourth.head())
        await self.assertRefused(third)
        await self.assertServed(fourth)

    async def test_wrong_password(self) -> None:
        """Who does not know it gets nowhere near."""
        first = await self.first()
        self.assertEqual(401, await self.status(upgrade()))
        await self.assertServed(first)


def not_pinged() -> ChargePointSettings:
    """A Charge Point that must not be pinged."""
    quirks = QuirkPolicy(named=frozenset({Quirk.NO_PING}))
    return ChargePointSettings("CP-1", {1: BAY_1, 2: BAY_2}, quirks=quirks)


#: So long after its last word a Charge Point that cannot be asked is taken to be alive. [s]
ALIVE_S = SITE.heartbeat_interval_s + LIMITS.silence_margin_s


class Silent(Case):
    """A Charge Point that must not be pinged cannot be asked: what counts is its last word."""

    settings = evolve(SITE, charge_points={"CP-1": not_pinged()})

    async def test_alive(self) -> None:
        """While it is heard of, a newcomer without a password is refused, every time."""
        first = await self.first()
        for _ in range(3):
            self.world.clock.advance(ALIVE_S - 1)
            await self.assertRefused(await self.dialled())
            await self.assertServed(first)
        self.assertEqual(b"", first.heard)
        self.assertEqual(0, self.counted(Counter.CONNECTIONS_REPLACED))

    async def test_silent(self) -> None:
        """When it has missed a heartbeat, the newcomer takes over at once."""
        first = await self.first()
        self.world.clock.advance(ALIVE_S)
        second = await self.dialled()
        self.assertIn(" 101 ", await second.head())
        self.assertEqual(1000, await first.close_code())
        await self.assertServed(second)


class SilentAndAuthenticated(Case):
    """The same where it has to know a password."""

    settings = evolve(SITE, password=PASSWORD, charge_points={"CP-1": not_pinged()})
    request = upgrade("/CP-1", AUTHORIZATION)

    async def test_newest(self) -> None:
        """The newest connection counts, once within the interval."""
        await self.first()
        second = await self.first()
        await self.assertRefused(await self.dialled())
        await self.assertServed(second)
        self.world.clock.advance(LIMITS.replacement_interval_s)
        await self.assertServed(await self.first())
        self.assertEqual(2, self.counted(Counter.CONNECTIONS_REPLACED))

    async def test_silent(self) -> None:
        """One that is silent is in nobody's way, whatever it has displaced."""
        await self.first()
        self.world.clock.advance(ALIVE_S)
        await self.first()
        self.world.clock.advance(ALIVE_S)
        await self.assertServed(await self.first())


class LearnedLater(Case):
    """It turns out while a newcomer waits that the earlier connection must not be pinged."""

    async def learned_while_challenged(self) -> tuple[Wire, Wire]:
        """An earlier connection, and one that waits for its place."""
        first = await self.first()
        self.world.clock.advance(LIMITS.ping_interval_s - 1)
        second = await self.dialled()
        await self.challenged(first)
        self.patch(self.world.system, "quirks_of", lambda _: frozenset({Quirk.NO_PING}))
        self.world.clock.advance(1)
        return first, second

    async def test_heard(self) -> None:
        """It is still listened to: the newcomer is refused, and no timer is left."""
        first, second = await self.learned_while_challenged()
        await self.assertServed(first)
        await self.assertRefused(second)
        self.world.clock.advance(LIMITS.challenge_s)
        await self.assertServed(first)

    async def test_unanswered(self) -> None:
        """That it has not answered the ping is not held against it."""
        first, second = await self.learned_while_challenged()
        self.world.clock.advance(LIMITS.challenge_s)
        await self.assertRefused(second)
        await self.assertServed(first)
        self.assertEqual(0, self.counted(Counter.PONGS_MISSED))

    async def test_before(self) -> None:
        """Once it is known it is not pinged for a newcomer either."""
        first = await self.first()
        self.patch(self.world.system, "quirks_of", lambda _: frozenset({Quirk.NO_PING}))
        await self.assertRefused(await self.dialled())
        self.assertEqual(b"", first.heard)


class Fight(Case):
    """Two devices that both know the password."""

    settings = evolve(SITE, password=PASSWORD)
    limits = evolve(LIMITS, replacement_interval_s=0)
    request = upgrade("/CP-1", AUTHORIZATION)
    timeout = 60
    rounds = 1000

    async def test_fight(self) -> None:
        """One connection is left at the end, and everything that was asked has one end."""
        asked: list[Deferred[ClearCacheConfirmation]] = []
        ends: list[int] = []
        for number in range(self.rounds):
            wire = await self.first()
            calling = self.world.system.call("CP-1", ClearCacheRequest())
            calling.addErrback(lambda failure: failure.trap(DeviceError))
            calling.addCallback(lambda _, number=number: ends.append(number))
            asked.append(calling)
        while len(self.server.connections) > 1:
            self.world.clock.advance(0.1)
            await self.turn()
        self.assertEqual(1, len(self.world.system.sessions()))
        self.assertEqual(self.rounds - 1, self.counted(Counter.CONNECTIONS_REPLACED))
        wire.drop()
        while self.server.connections:
            await self.turn()
        self.assertEqual(list(range(self.rounds)), sorted(ends))
        self.assertEqual((), self.world.system.sessions())
        self.assertEqual(({}, {}), (self.server.rivals._open, self.server.rivals._challenges))
        self.assertEqual(set(), self.server._sockets._here)
