"""Who gets a WebSocket, and what the others are told."""

from __future__ import annotations

import shutil

from attrs import evolve
from twisted.logger import LogLevel, capturedLogs, formatEvent
from websockets.exceptions import InvalidStatus

from cfos_cm.central_system import central_system
from cfos_cm.central_system.settings import UnknownChargePoints
from tests.central_system.world import SITE

from .peers import LIMITS, ServerCase, basic, upgrade

PASSWORD = "s3cret-pässword"


class Subprotocol(ServerCase):
    """OCPP-J is spoken by agreement only."""

    async def test_agreed(self) -> None:
        """The answer repeats the subprotocol, and tells nothing about the server."""
        head = await self.asked(upgrade())
        self.assertIn("HTTP/1.1 101 ", head)
        lines = head.lower().split("\r\n")
        self.assertIn("sec-websocket-protocol: ocpp1.6", lines)
        self.assertIn("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=", lines)
        self.assertEqual([line for line in lines if line.startswith("server")], [])
        self.assertNotIn("autobahn", head.lower())

    async def test_oneOfSeveral(self) -> None:
        """Of several that are offered, ours is taken."""
        head = await self.asked(upgrade(subprotocol="ocpp2.0.1, ocpp1.6"))
        self.assertIn("sec-websocket-protocol: ocpp1.6", head.lower().split("\r\n"))

    async def test_none(self) -> None:
        """Without ours there is no upgrade."""
        for subprotocol in (None, "ocpp2.0.1", "OCPP1.6", "ocpp1.6j", "ocpp1.5, soap"):
            self.assertEqual(await self.status(upgrade(subprotocol=subprotocol)), 400)

    async def test_noCompression(self) -> None:
        """Compression is not agreed upon, whatever a peer offers."""
        offers = ("permessage-deflate", "permessage-deflate; client_max_window_bits")
        for number, offer in enumerate(offers):
            request = upgrade(f"/new-{number}", f"Sec-WebSocket-Extensions: {offer}")
            head = await self.asked(request)
            self.assertIn(" 101 ", head)
            self.assertNotIn("extensions", head.lower())
        extensions = await self.in_thread(
            lambda client: client.protocol.extensions, compression="deflate"
        )
        self.assertEqual(list(extensions), [])


class Password(ServerCase):
    """HTTP Basic authentication."""

    settings = evolve(SITE, password=PASSWORD, unknown=UnknownChargePoints.REFUSE)

    async def test_right(self) -> None:
        """The right one opens."""
        header = f"Authorization: {basic('CP-1', PASSWORD)}"
        self.assertEqual(await self.status(upgrade("/CP-1", header)), 101)

    async def test_wrong(self) -> None:
        """None, a wrong one and what is none at all are refused, and told what is wanted."""
        for header in (
            "X: y",
            f"Authorization: {basic('CP-1', 'wrong')}",
            f"Authorization: {basic('CP-2', PASSWORD)}",
            f"Authorization: {basic('CP-1', PASSWORD + ' ')}",
            "Authorization: Bearer abc",
            "Authorization: Basic ???",
            "Authorization: Basic Q1A=",
            "Authorization:",
        ):
            head = await self.asked(upgrade("/CP-1", header))
            self.assertIn("HTTP/1.1 401 Unauthorized", head, header)
            self.assertIn('WWW-Authenticate: Basic realm="ocpp"', head)
            self.assertIn("Content-Length: 0", head)
        self.assertEqual(self.world.system.sessions(), ())

    async def test_strangersLearnNothing(self) -> None:
        """Known and unknown identities are refused with the same bytes."""
        heads = {
            await self.asked(upgrade(f"/{name}", f"Authorization: {basic(name, 'x')}"))
            for name in ("CP-1", "new")
        }
        self.assertEqual(len(heads), 1)

    async def test_unknown(self) -> None:
        """Whoever knows the password and is not configured is not found."""
        header = f"Authorization: {basic('new', PASSWORD)}"
        self.assertEqual(await self.status(upgrade("/new", header)), 404)

    async def test_liveSession(self) -> None:
        """Whoever does not know the password cannot push a Charge Point out."""
        wire = await self.opened("/CP-1", f"Authorization: {basic('CP-1', PASSWORD)}")
        session = self.world.system.session("CP-1")
        self.assertEqual(await self.status(upgrade()), 401)
        self.assertIs(self.world.system.session("CP-1"), session)
        self.assertFalse(wire.ended)

    async def test_websocketsLibrary(self) -> None:
        """An independent client gets in, and out, in the same way."""
        for password, status in ((PASSWORD, 0), ("wrong", 401)):
            headers = {"Authorization": basic("CP-1", password)}
            found = 0
            try:
                await self.in_thread(lambda client: None, additional_headers=headers)
            except InvalidStatus as error:
                found = error.response.status_code
            self.assertEqual(found, status)

    async def test_notInTheLog(self) -> None:
        """No line of the log, at any level, has the password in any form."""
        encoded = basic("CP-1", PASSWORD).partition(" ")[2]
        with capturedLogs() as logged:
            for secret in (encoded, encoded[:-4] + "!!!!"):
                await self.asked(upgrade("/CP-1", f"Authorization: Basic {secret}"))
        text = "\n".join(f"{formatEvent(event)} {event!r}" for event in logged)
        for forbidden in (encoded[:-4], PASSWORD):
            self.assertNotIn(forbidden, text)


class NoPassword(ServerCase):
    """Where no password is asked for."""

    async def test_oddHeader(self) -> None:
        """A Charge Point that shows something that is no password gets in as well."""
        for number, value in ((1, "Bearer abc"), (2, basic("x", "y"))):
            request = upgrade(f"/CP-{number}", f"Authorization: {value}")
            self.assertEqual(await self.status(request), 101)


class Identity(ServerCase):
    """The last segment of the path."""

    async def test_forms(self) -> None:
        """Whatever comes before it, the last segment is the identity, decoded once."""
        for path, identity in (
            ("/CP-1", "CP-1"),
            ("/ocpp/16/CP-1", "CP-1"),
            ("//CP-1/", "CP-1"),
            ("/CP%2D1", "CP-1"),
            ("/RDAM%20123", "RDAM 123"),
            ("/DE*ABC*E1%40x", "DE*ABC*E1@x"),
            ("/CP-1?CP-2=/x", "CP-1"),
            ("/../CP-1", "CP-1"),
            ("/" + "x" * 48, "x" * 48),
        ):
            wire = await self.opened(path)
            self.assertIsNotNone(self.world.system.session(identity), path)
            wire.drop()
            await wire.closed()

    async def test_refused(self) -> None:
        """What cannot be an identity is not found, and nothing is made of it."""
        for path in (
            "/",
            "/.",
            "/..",
            "/%2e%2e",
            "/%2e%2e%2fetc%2fpasswd",
            "/..%2fCP-1",
            "/%252e%252e",
            "/CP%252D1",
            "/CP-1%00",
            "/a%2fb",
            "/a%5cb",
            "/%0d%0aX-Injected:%20yes",
            "/" + "x" * 49,
            "/" + "x" * 10_000,
            "/%e2%80%aeCP-1",
            "/%f0%9f%8d%95",
            "/%ff",
            "/${jndi:ldap:x}",
            "/'%20OR%20'1'='1",
            "/<script>",
        ):
            self.assertEqual(await self.status(upgrade(path)), 404, path)
        self.assertEqual(self.world.system.sessions(), ())

    async def test_tooManyStrangers(self) -> None:
        """Above the bound of those who wait, the next one is told to come later."""
        self.patch(central_system, "MAX_UNKNOWN_CHARGE_POINTS", 1)
        await self.opened("/new-1")
        self.assertEqual(await self.status(upgrade("/new-2")), 503)
        self.assertEqual(await self.status(upgrade("/CP-1")), 101)


class Hostile(ServerCase):
    """What is no upgrade request."""

    async def test_otherRequests(self) -> None:
        """Every other request is refused, and never served."""
        for request, status in (
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", (400, 426)),
            (b"GET /CP-1 HTTP/1.0\r\nHost: x\r\n\r\n", (505,)),
            (b"GET /CP-1 HTTP/2\r\n\r\n", (505,)),
            (b"GET \xff\xfe\r\n\r\n", (400,)),
            (b"GET \r\n\r\n", (400,)),
            (upgrade("/CP-1", "Host: other"), (400,)),
            (upgrade("/CP-1#fragment"), (400,)),
        ):
            self.assertIn(await self.status(request), status, request)

    async def test_hugeHeader(self) -> None:
        """A request that does not end is cut off without a word, in one piece or in many."""
        wire = await self.dial(upgrade("/CP-1", "X: " + "x" * 17_000))
        await wire.closed()
        self.assertEqual(wire.heard, b"")
        wire = await self.dial(b"GET /CP-1 HTTP/1.1\r\n")
        for _ in range(20):
            wire.say(b"X: " + b"x" * 1000 + b"\r\n")
        await wire.closed()
        self.assertEqual(wire.heard, b"")

    async def test_largeHeader(self) -> None:
        """A request within the bound is served."""
        self.assertEqual(await self.status(upgrade("/CP-1", "X: " + "x" * 15_000)), 101)

    async def test_slow(self) -> None:
        """A request that does not come in time is cut off."""
        wire = await self.dial(b"GET /CP-1 HTTP/1.1\r\n")
        other = await self.dial(upgrade("/CP-2"))
        await other.head()
        self.world.clock.advance(LIMITS.handshake_s - 0.1)
        self.assertFalse(wire.ended)
        self.world.clock.advance(0.1)
        await wire.closed()
        self.assertIsNotNone(self.world.system.session("CP-2"))

    async def test_log(self) -> None:
        """What a peer has sent cannot forge a line of the log, or of the answer."""
        with capturedLogs() as logged:
            for request in (
                upgrade("/CP-1#\x1b[2J"),
                upgrade("/\x1b[2J\u2028x"),
                upgrade(subprotocol="\x1b[2J\u202e"),
                upgrade("/CP-1", "Sec-WebSocket-Version: \x1b[2J"),
                b"GET \x1b/CP-1 HTTP/1.1\r\nHost: x\r\n\r\n",
                b"GET /CP-1 \x1b[2J\r\nHost: x\r\n\r\n",
                b"GET /CP-1 HTTP/1.1\r\nHost: x:\x1b[2J\r\n\r\n",
            ):
                head = await self.asked(request)
                self.assertNotIn("\x1b", head)
                self.assertNotIn(" 101 ", head)
        lines = [formatEvent(event) for event in logged if event["log_level"] > LogLevel.debug]
        self.assertGreater(len(lines), 5)
        for line in lines:
            self.assertTrue(line.isprintable(), ascii(line))

    async def test_mistake(self) -> None:
        """A mistake of ours refuses the upgrade, and tells the peer nothing."""

        def broken(*arguments: object) -> object:
            raise ZeroDivisionError("/secret/place")

        self.patch(self.world.system, "admit", broken)
        head = await self.asked(upgrade())
        self.assertTrue(head.startswith("HTTP/1.1 500 Internal Server Error\r\n"), head)
        self.assertNotIn("secret", head)
        self.flushLoggedErrors(ZeroDivisionError)

    async def test_mistake_at_the_beginning(self) -> None:
        """A mistake of ours when the connection is open ends it, and the next one is served."""

        def broken(*arguments: object) -> object:
            raise ZeroDivisionError("/secret/place")

        patch = self.patch(self.world.system, "open", broken)
        wire = await self.opened()
        self.assertEqual(1011, await wire.close_code())
        wire.drop()
        patch.restore()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        while self.server.connections:
            await self.turn()
        await self.opened()
        self.assertIsNotNone(self.world.system.session("CP-1"))


class Curl(ServerCase):
    """The same with a client that knows nothing of WebSockets."""

    settings = evolve(SITE, password=PASSWORD, unknown=UnknownChargePoints.REFUSE)
    if shutil.which("curl") is None:
        skip = "curl is not installed"

    async def test_statuses(self) -> None:
        """Each refusal has its status, and the upgrade is made."""
        ocpp = ("--header", "Sec-WebSocket-Protocol: ocpp1.6")
        user = ("--user", f"CP-1:{PASSWORD}")
        for arguments, path, status in (
            ((*ocpp, *user), "/CP-1", "101 Switching Protocols"),
            (user, "/CP-1", "400 Subprotocol ocpp1.6 required"),
            (ocpp, "/CP-1", "401 Unauthorized"),
            ((*ocpp, "--user", f"new:{PASSWORD}"), "/new", "404 Not Found"),
            ((*ocpp, *user), "/a%2fb", "404 Not Found"),
        ):
            head = await self.curl(*arguments, path=path)
            self.assertEqual(head.split("\r\n")[0], f"HTTP/1.1 {status}")
            self.assertEqual("WWW-Authenticate" in head, status.startswith("401"))
