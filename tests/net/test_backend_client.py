"""The connection to a backend, against servers that we did not write."""

from __future__ import annotations

import socket
import time
from base64 import b64decode
from http import HTTPStatus
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet import error, reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.given import Given
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net import backend_client, backend_socket, proxies
from cfos_cm.net.backend_client import MAX_WAIT_S, BackendClient
from cfos_cm.net.backend_target import BackendTarget, PasswordForm
from cfos_cm.wire.authorization_key import KeyForm

from .authority import Authority
from .backends import SmallProxy, WebsocketBackend, server_context
from .client_case import KEY, ClientCase, Listening, Speaking


class ConnectionTests(ClientCase):
    """What is said, both ways."""

    async def test_messages(self) -> None:
        """Messages go both ways; the path has the client id, encoded."""
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/ocpp/")
        await self.until_told(client, "connected")
        await self.until(lambda: self.listener.connections)
        self.listener.send('[2,"1","Ä",{}]'.encode())
        await self.until(lambda: self.listener.received_texts)
        self.assertEqual(self.listener.received_texts, ['[2,"1","Ä",{}]'.encode()])
        self.assertEqual(backend.requests[0][0], "/ocpp/DE%2A1")
        headers = backend.requests[0][1]
        self.assertNotIn("User-Agent", headers)
        self.assertNotIn("Sec-WebSocket-Extensions", headers)
        self.assertEqual(client.state.words, "connected")
        self.assertTrue(client.state.is_connected)
        self.assertIsNone(client.state.next_attempt_in_s)

    async def test_at_once(self) -> None:
        """What is sent is on its way before the turn of the loop is over, with TLS too."""
        for secure in (False, True):
            options: dict[str, Any] = {}
            if secure:
                pair = Authority(Path(self.mktemp_folder()), "ca").pair("127.0.0.1")
                options["ssl"] = server_context(pair.certificate, pair.key)
            backend = await self.backend(**options)
            scheme = "wss" if secure else "ws"
            self.listener.connections = 0
            self.client(f"{scheme}://127.0.0.1:{backend.port}/")
            await self.until(lambda: self.listener.connections)
            self.listener.send(b"now")
            # This thread holds the reactor: nothing but what was sent at once can arrive.
            deadline_s = time.monotonic() + 10
            while not backend.heard and time.monotonic() < deadline_s:
                time.sleep(0.005)
            self.assertEqual(backend.heard, ["now"])

    def mktemp_folder(self) -> str:
        """A folder of this test's own."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        return str(folder)

    async def test_ipv6(self) -> None:
        """An address of IPv6 is dialled, and told in its brackets."""
        backend = WebsocketBackend(self.loop)
        backend.host = "::1"
        await backend.start()
        self.addCleanup(backend.stop)
        client = self.client(f"ws://[::1]:{backend.port}/")
        await self.until(lambda: client.state.is_connected)
        self.assertEqual(backend.requests[0][1]["Host"], f"[::1]:{backend.port}")

    async def test_changed(self) -> None:
        """Each change of what is said of it is told."""
        backend = await self.backend()
        said: list[str] = []
        target = BackendTarget(f"ws://127.0.0.1:{backend.port}/", "CP-1", name="bay-1")
        client = BackendClient(
            target,
            self.listener,
            reactor,
            lambda: 0.5,
            lambda: said.append(client.state.words),
        )
        client.start()
        await self.until(lambda: self.listener.connections)
        await client.stop()
        self.assertEqual(
            said, ["not connected: being dialled", "connected", "not connected: not wanted"]
        )

    async def test_listener_fails(self) -> None:
        """A mistake of the listener's ends the connection, and it is dialled again."""
        backend = await self.backend()
        fails = [True, False]

        def received(_: bytes) -> None:
            if fails.pop(0):
                raise RuntimeError("a mistake")

        self.listener.received = received  # type: ignore[method-assign]
        self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: self.listener.connections == 1)
        self.listener.send(b"x")
        await self.until(lambda: self.listener.connections == 2)
        self.assertEqual(self.listener.ends, ["we have hung up: internal error"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    async def test_ping_interval(self) -> None:
        """The interval is that of the connection being dialled, and of later ones too."""
        self.patch(backend_socket, "PONG_TIMEOUT_S", 0.2)
        backend = await self.backend()
        backend.reads = False
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        client.set_ping_interval(0.05)
        for times in (1, 2):
            await self.until(lambda times=times: len(self.listener.ends) == times)
        self.assertIn("after a ping", self.listener.ends[1])

    async def test_comes_back(self) -> None:
        """Dropped, it is told of, and dials again by itself."""
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: backend.count and self.listener.connections)
        await backend.drop()
        await self.until(lambda: self.listener.connections == 2)
        self.assertEqual(self.listener.ends, ["the connection was lost"])
        self.assertEqual(client.state.words, "connected")

    async def test_hang_up(self) -> None:
        """Hung up, it says why, and dials again."""
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: self.listener.connections == 1)
        client.hang_up(1000, "stalled")
        await self.until(lambda: self.listener.connections == 2)
        self.assertEqual(self.listener.ends, ["we have hung up: stalled"])

    async def test_stop(self) -> None:
        """Stopped, the listener is told, and nothing is left."""
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: self.listener.connections == 1)
        await client.stop()
        self.assertEqual(self.listener.ends, ["it is not wanted any more"])
        self.assertEqual(client.state.words, "not connected: not wanted")

    async def test_silent(self) -> None:
        """A backend that answers no ping is given up."""
        self.patch(backend_socket, "PONG_TIMEOUT_S", 0.2)
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: backend.count == 1)
        await backend.silence()
        client.set_ping_interval(0.05)
        await self.until(lambda: self.listener.ends)
        self.assertIn("after a ping", self.listener.ends[0])

    async def test_does_not_read(self) -> None:
        """A backend that does not read is dropped before much waits for it."""
        backend = await self.backend()
        backend.reads = False
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: self.listener.connections == 1)
        for _ in range(1000):
            self.listener.send(b"x" * 60_000)
        await self.until(lambda: self.listener.ends)
        self.assertEqual(self.listener.ends, ["the backend does not read what is sent to it"])
        self.assertTrue(client.state.words)

    async def test_other_subprotocol(self) -> None:
        """A server that chooses another subprotocol, or none, is refused."""
        backend = await self.backend(subprotocols=None)
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until_told(client, "does not speak ocpp1.6: it has chosen no subprotocol")
        self.assertEqual(self.listener.connections, 0)

    async def test_thrown_out(self) -> None:
        """A backend that takes us and throws us out is called less and less often."""
        backend = await self.backend()
        backend.close_at_once = (1008, "unknown station")
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: client.state.attempts >= 4)
        await self.until_told(client, "1008 (policy violation): unknown station")
        self.assertGreater(client.state.next_attempt_in_s or 0, 0.0)
        backend.close_at_once = None
        await self.until(lambda: client.state.words == "connected")
        client.of_use()
        self.assertEqual(client.state.attempts, 0)

    async def test_thrown_out_of_use(self) -> None:
        """So is one that serves us first, each time; when it lasts, that is forgotten."""
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        attempts = []
        for count in range(1, 5):
            await self.until(lambda: self.listener.connections == count)  # noqa: B023
            client.of_use()
            attempts.append(client.state.attempts)
            await backend.drop()
            await self.until(lambda: len(self.listener.ends) == count)  # noqa: B023
        self.assertEqual(attempts, [0, 1, 2, 3])
        self.patch(backend_client, "USEFUL_AFTER_S", 0.05)
        await self.until(lambda: client.state.is_connected and not client.state.attempts)
        client.of_use()
        await backend.drop()
        await self.until(lambda: self.listener.connections == 6)
        client.of_use()
        self.assertEqual(client.state.attempts, 0)

    async def test_lasted(self) -> None:
        """A connection that has lasted has been of use by itself."""
        self.patch(backend_client, "USEFUL_AFTER_S", 0.05)
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: client.state.attempts == 1)
        await self.until(lambda: client.state.is_connected and not client.state.attempts)


class RefusalTests(ClientCase):
    """Backends that let nobody in."""

    async def test_statuses(self) -> None:
        """Each refusal is told in plain words."""
        backend = await self.backend()
        backend.answers = [(HTTPStatus.NOT_FOUND, "<html>")] * 100
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until_told(
            client, "not connected: 404: the backend knows no such path or client id"
        )
        self.assertEqual(self.listener.ends, [])

    async def test_nobody(self) -> None:
        """A port that nobody listens at is told with the address."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            client = self.client(f"ws://127.0.0.1:{port}/")
            await self.until_told(client, f"nobody listens at 127.0.0.1:{port}")

    async def test_unknown_name(self) -> None:
        """A host without an address is told by its name."""
        client = self.client("ws://backend.invalid/")
        await self.until_told(client, "no address is known for backend.invalid")

    async def test_hostile(self) -> None:
        """Answers that are none end the attempt, and it is dialled again."""
        for answer, words in (
            (b"HTTP/1.1 101 X\r\n" + b"X: y\r\n" * 10_000, "has no end"),
            (b"\x00\xff" * 100, "does not speak HTTP"),
            (
                b"HTTP/1.1 302 Found\r\nLocation: ws://u:s3cret@evil.test/x\r\n\r\n",
                "302: the backend redirects to ws://evil.test, which is not followed",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
                "200: the other end answers a page for people (HTML)",
            ),
            (b"", "has not answered the upgrade within 0.2 s"),
            (b"HTTP/1.1 101 X\r\nX: ", "has not answered the upgrade within 0.2 s"),
        ):
            self.patch(backend_client, "HANDSHAKE_TIMEOUT_S", 0.2)
            speaking = type("_Speaking", (Speaking,), {"answer": answer})
            endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
            factory = Factory.forProtocol(speaking)
            port = await endpoint.listen(factory)
            client = self.client(f"ws://127.0.0.1:{port.getHost().port}/")
            await self.until_told(client, words)
            await self.until(lambda client=client: client.state.attempts >= 2)
            await client.stop()
            await port.stopListening()
        self.assertNotIn("s3cret", "".join(self.log))


class PasswordTests(ClientCase):
    """HTTP Basic authentication."""

    async def told(self, backend: WebsocketBackend, attempts: int) -> list[bytes]:
        """The passwords of the first attempts."""
        await self.until(lambda: len(backend.requests) >= attempts)
        found = []
        for _, headers in backend.requests[:attempts]:
            user, _, password = b64decode(headers["Authorization"].split()[1]).partition(b":")
            self.assertEqual(user, b"DE*1")
            found.append(password)
        return found

    async def test_forms(self) -> None:
        """A password is sent as its form says."""
        for form, password, sent, shown in (
            (PasswordForm.TEXT, KEY, KEY.encode(), KeyForm.TEXT),
            (PasswordForm.TEXT, "pä:s", "pä:s".encode(), KeyForm.TEXT),
            (PasswordForm.HEX, "00fF", b"\x00\xff", KeyForm.BYTES),
            (PasswordForm.AUTO, KEY, bytes.fromhex(KEY), KeyForm.BYTES),
            (PasswordForm.AUTO, "00ff", b"00ff", KeyForm.TEXT),
        ):
            backend = await self.backend()
            client = self.client(
                f"ws://127.0.0.1:{backend.port}/", password=password, password_form=form
            )
            self.assertEqual(await self.told(backend, 1), [sent])
            self.assertEqual(client.state.password_form, shown)

    async def test_turn_by_turn(self) -> None:
        """Refused with 401, the other form has its turn; what was taken is kept."""
        backend = await self.backend()
        refused = (HTTPStatus.UNAUTHORIZED, "")
        backend.answers = [refused, refused, refused, None, None]
        client = self.client(f"ws://127.0.0.1:{backend.port}/", password=KEY)
        await self.until(lambda: backend.count and self.listener.connections)
        raw, text = bytes.fromhex(KEY), KEY.encode()
        self.assertEqual(await self.told(backend, 4), [raw, text, raw, text])
        self.assertEqual(client.state.password_form, KeyForm.TEXT)
        await backend.drop()
        self.assertEqual((await self.told(backend, 5))[-1], text)
        said = "".join(self.log) + repr(client.target) + repr(client.state)
        for secret in (KEY, raw.hex(), repr(raw), "Basic"):
            self.assertNotIn(secret, said)
        self.assertIn("401: the backend refuses the password or the client id", said)

    async def test_no_password(self) -> None:
        """Without a password no credentials are sent."""
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: backend.requests)
        self.assertNotIn("Authorization", backend.requests[0][1])
        self.assertIsNone(client.state.password_form)

    async def test_another(self) -> None:
        """Another password is said from the next connection on; the old one is a fallback."""
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/", password="old")
        await self.until(lambda: backend.count and self.listener.connections)
        client.use(Given(keys=(KEY,)))
        backend.answers = [(HTTPStatus.UNAUTHORIZED, ""), (HTTPStatus.UNAUTHORIZED, "")]
        await backend.drop()
        new = bytes.fromhex(KEY)
        # A password that has one form only has not shown which one of a key is taken.
        self.assertEqual(await self.told(backend, 4), [b"old", new, KEY.encode(), b"old"])


class ProxyTests(ClientCase):
    """Proxies on the way."""

    async def proxy(self, kind: str) -> SmallProxy:
        """One that listens."""
        proxy = SmallProxy(self.loop)
        await proxy.start(kind)
        self.addCleanup(proxy.stop)
        return proxy

    async def test_both(self) -> None:
        """The proxy looks the backend's name up, with TLS to the backend too."""
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        authority = Authority(folder, "ca")
        pair = authority.pair("backend.test")
        for kind in ("socks5", "http"):
            for secure in (False, True):
                proxy = await self.proxy(kind)
                proxy.resolves = {"backend.test": "127.0.0.1"}
                context = server_context(pair.certificate, pair.key) if secure else None
                backend = await self.backend(ssl=context)
                client = self.client(
                    f"{'wss' if secure else 'ws'}://backend.test:{backend.port}/",
                    proxy=f"{kind}://127.0.0.1:{proxy.port}",
                    ca_certificates=(authority.file,) if secure else (),
                )
                await self.until(lambda client=client: client.state.is_connected)
                self.assertEqual(proxy.asked, [("backend.test", backend.port)])

    async def test_credentials(self) -> None:
        """A proxy that wants a user is told it, and refuses a wrong one in plain words."""
        backend = await self.backend()
        url = f"ws://127.0.0.1:{backend.port}/"
        for kind, wanted in (("socks5", "me:p:w"), ("http", "Basic bWU6cDp3")):
            proxy = await self.proxy(kind)
            proxy.wants = wanted
            at = f"127.0.0.1:{proxy.port}"
            client = self.client(url, proxy=f"{kind}://me:p%3Aw@{at}")
            await self.until(lambda client=client: client.state.is_connected)
            await client.stop()
            proxy.credentials.clear()
            other = self.client(url, proxy=f"{kind}://me:s3cret@{at}")
            words = await self.until_told(other, "refuses its user or password")
            self.assertIn(f"the proxy {kind}://{at}: ", words)
        self.assertNotIn("s3cret", "".join(self.log))

    async def test_in_one_piece(self) -> None:
        """What comes together with the proxy's last words is the backend's."""
        free = b"HTTP/1.1 200 OK\r\n\r\n"
        for answer, words in (
            (free + b"HTTP/1.1 404 Not Found\r\n\r\n", "not connected: 404: the backend"),
            (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000, "its answer has no end"),
        ):
            factory = Factory.forProtocol(type("_Proxy", (Speaking,), {"answer": answer}))
            endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
            port = await endpoint.listen(factory)
            self.addCleanup(port.stopListening)
            at = f"http://127.0.0.1:{port.getHost().port}"
            client = self.client("ws://backend.test/", proxy=at)
            await self.until_told(client, words)
            await client.stop()

    async def test_unreachable(self) -> None:
        """What the proxy does not reach, and a proxy that is not reached, are told apart."""
        for kind in ("socks5", "http"):
            proxy = await self.proxy(kind)
            client = self.client("ws://127.0.0.1:1/", proxy=f"{kind}://127.0.0.1:{proxy.port}")
            await self.until_told(client, "it does not reach the backend")
        other = self.client("ws://backend.test/", proxy="socks5://127.0.0.1:1")
        await self.until_told(other, "nobody listens at the proxy socks5://127.0.0.1:1")

    async def test_silent(self) -> None:
        """A proxy that says nothing is given up, and left when the client is stopped."""
        self.patch(proxies, "PROXY_TIMEOUT_S", 0.1)
        proxy = await self.proxy("silent")
        at = f"socks5://127.0.0.1:{proxy.port}"
        client = self.client("ws://backend.test/", proxy=at)
        await self.until_told(client, "it has not answered within 0.1 s")
        self.patch(proxies, "PROXY_TIMEOUT_S", 1000)
        other = self.client("ws://backend.test/", proxy=at)
        await self.until_told(other, "being dialled")
        await other.stop()


class BackOffTests(SynchronousTestCase):
    """When it dials again, on a virtual clock."""

    def setUp(self) -> None:
        """A client whose every attempt is refused."""
        self.clock = MemoryReactorClock()
        self.listener = Listening()
        target = BackendTarget("ws://127.0.0.1/", "CP-1", name="bay-1")
        self.client = BackendClient(target, self.listener, self.clock, lambda: 0.0)

    def refuse(self) -> float:
        """The attempt that is under way fails; @return: how long it waits then. [s]"""
        self.clock.advance(0.0)
        *_, (_, _, factory, _, _) = self.clock.tcpClients
        factory.clientConnectionFailed(None, Failure(error.ConnectionRefusedError()))
        self.clock.advance(0.4)
        wait_s = self.client.state.next_attempt_in_s
        assert wait_s is not None
        self.clock.advance(wait_s)
        return round(wait_s)

    def test_doubles(self) -> None:
        """From one second on each failure doubles the wait, up to five minutes."""
        self.client.start()
        waits = [self.refuse() for _ in range(11)]
        self.assertEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, MAX_WAIT_S, MAX_WAIT_S])
        self.client.stop()

    def test_no_answer(self) -> None:
        """A host that does not answer is given up after some seconds."""
        self.client.start()
        self.clock.advance(backend_client.DIAL_TIMEOUT_S)
        self.assertEqual(self.client.state.words, "not connected: 127.0.0.1:80 does not answer")
        self.client.stop()
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopped_while_waiting(self) -> None:
        """Stopped, no timer is left."""
        self.client.start()
        self.refuse()
        ended: list[None] = []
        self.client.stop().addCallback(ended.append)
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class TargetTests(SynchronousTestCase):
    """What cannot be dialled at all."""

    def test_bad(self) -> None:
        """It is refused with what is wrong, and without a secret."""
        for options, words in (
            ({"url": "http://h/"}, "the URL of a backend"),
            ({"client_id": ".."}, "a client id"),
            ({"client_id": "a:b", "password": "s3cret"}, "with a colon"),
            ({"password": "s3cret", "password_form": PasswordForm.HEX}, "pairs of hexa"),
            ({"proxy": "ftp://u:s3cret@h:1"}, "the URL of a proxy must be socks5://"),
        ):
            target = evolve(BackendTarget("ws://h/", "CP-1"), **options)
            refused = self.assertRaises(
                LocalProtocolError, BackendClient, target, Listening(), Clock(), lambda: 0.0
            )
            self.assertIn(words, str(refused))
            self.assertNotIn("s3cret", str(refused))

    def test_colon(self) -> None:
        """Without a password a client id may have a colon."""
        self.assertEqual(BackendTarget("ws://h/", "a:b").dialled_url(), "ws://h/a%3Ab")
