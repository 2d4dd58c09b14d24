"""What a backend has given a client, and what the client learns, against real servers."""

from __future__ import annotations

import os
import subprocess
import threading
from base64 import b64decode
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cfos_cm.charge_point.given import (
    Given,
    LoggedIn,
    LoginRefused,
    ServerDistrusted,
    ServerKeySeen,
    UpgradeFailed,
    WeakTls,
)
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net import backend_client
from cfos_cm.net.backend_client import BackendClient
from cfos_cm.net.client_material import SYSTEM_ROOTS
from cfos_cm.site.security_profile import SecurityProfile

from .authority import Authority, Pair
from .backends import WebsocketBackend, server_context
from .client_case import KEY, ClientCase

#: Keys as OCPP tells them.
NEW, NEWER = "11" * 16, "22" * 20

REFUSED = (HTTPStatus.UNAUTHORIZED, "")


def told(backend: WebsocketBackend) -> list[bytes | None]:
    """The passwords that a backend was told so far."""
    found: list[bytes | None] = []
    for _, headers in backend.requests:
        shown = headers.get("Authorization")
        word = None if shown is None else b64decode(shown.split()[1]).partition(b":")[2]
        found.append(word)
    return found


def passwords(backend: WebsocketBackend, *good: bytes | None) -> None:
    """Have a backend let in only those who tell one of these."""
    judge = backend._judge

    def strictly(connection: Any, request: Any) -> Any:
        answer = judge(connection, request)
        is_good = told(backend)[-1] in good
        return answer if is_good or answer is not None else connection.respond(*REFUSED)

    backend._judge = strictly  # type: ignore[method-assign]


def held_back(backend: WebsocketBackend) -> threading.Event:
    """Have a backend answer nothing until this is set."""
    judge, go = backend._judge, threading.Event()

    def slowly(connection: Any, request: Any) -> Any:
        answer = judge(connection, request)
        go.wait(20)
        return answer

    backend._judge = slowly  # type: ignore[method-assign]
    return go


class KeyTests(ClientCase):
    """Passwords that a backend has given."""

    async def strict(self, *good: bytes | None) -> WebsocketBackend:
        """A backend that knows these passwords alone."""
        backend = WebsocketBackend(self.loop)
        passwords(backend, *good)
        await backend.start()
        self.addCleanup(backend.stop)
        return backend

    async def test_newest_first(self) -> None:
        """The newest is told first, in both forms; then the ones before, and the configured."""
        backend = await self.strict(b"old")
        client = self.client(
            f"ws://127.0.0.1:{backend.port}/", Given(keys=(NEWER, NEW)), password="old"
        )
        await self.until(lambda: client.state.is_connected)
        newer, new = bytes.fromhex(NEWER), bytes.fromhex(NEW)
        self.assertEqual(told(backend), [newer, NEWER.encode(), new, NEW.encode(), b"old"])
        login = await self.until_noticed(LoggedIn)
        self.assertEqual(LoggedIn(None, SecurityProfile.PASSWORD), login)
        self.assertEqual([], self.noticed(LoginRefused))

    async def test_taken(self) -> None:
        """The one that is taken is told of, and stays the first."""
        backend = await self.strict(bytes.fromhex(NEW))
        client = self.client(f"ws://127.0.0.1:{backend.port}/", Given(keys=(NEWER, NEW)))
        self.assertEqual(NEW, (await self.until_noticed(LoggedIn)).key)
        before = len(backend.requests)
        # Something else was learned; the keys are the same.
        client.use(Given(keys=(NEWER, NEW), pin="00"))
        await backend.drop()
        await self.until(lambda: self.listener.connections == 2)
        self.assertEqual(told(backend)[before:], [bytes.fromhex(NEW)])
        self.assertNotIn(NEW, "".join(self.log) + repr(client.state) + repr(Given((NEW,))))
        self.assertNotIn(NEW, repr(LoggedIn(NEW, SecurityProfile.NONE)))

    async def test_known_to_work(self) -> None:
        """Where a key has worked nothing else is told, and the refusal of it is."""
        backend = await self.strict(b"old", bytes.fromhex(NEW))
        given = Given(keys=(NEWER, NEW), keys_work=True)
        self.client(f"ws://127.0.0.1:{backend.port}/", given, password="old")
        self.assertEqual(401, (await self.until_noticed(LoginRefused)).status)
        newer = bytes.fromhex(NEWER)
        self.assertEqual(told(backend)[:2], [newer, NEWER.encode()])
        await self.until(lambda: len(backend.requests) >= 4)
        self.assertEqual({newer, NEWER.encode()}, set(told(backend)))

    async def test_without_password(self) -> None:
        """Who needed none is called without one when a given key is refused."""
        backend = await self.strict(None)
        client = self.client(f"ws://127.0.0.1:{backend.port}/", Given(keys=(NEW,)))
        await self.until(lambda: client.state.is_connected)
        self.assertEqual(told(backend)[-1], None)
        self.assertEqual(LoggedIn(None, SecurityProfile.NONE), self.noticed(LoggedIn)[0])
        self.assertIsNone(client.state.password_form)

    async def test_form(self) -> None:
        """A backend that took the digits of a key is told the digits of the next one."""
        backend = await self.strict(KEY.encode(), NEW.encode())
        client = self.client(f"ws://127.0.0.1:{backend.port}/", password=KEY)
        await self.until(lambda: client.state.is_connected)
        before = len(backend.requests)
        client.use(Given(keys=(NEW,)))
        client.redial("a new key")
        await self.until(lambda: self.listener.connections == 2)
        self.assertEqual(told(backend)[before:], [NEW.encode()])

    async def test_from_the_next_on(self) -> None:
        """A connection that is there stays; noted as working, the key alone is told."""
        backend = await self.strict(b"old", bytes.fromhex(NEW))
        client = self.client(f"ws://127.0.0.1:{backend.port}/", password="old")
        await self.until(lambda: client.state.is_connected)
        client.use(Given(keys=(NEW,)))
        self.assertTrue(client.state.is_connected)
        client.redial("a new key")
        await self.until(lambda: len(self.noticed(LoggedIn)) == 2)
        self.assertEqual(NEW, self.noticed(LoggedIn)[1].key)
        client.use(Given(keys=(NEW,), keys_work=True))
        await backend.drop()
        await self.until(lambda: self.listener.connections == 3)
        self.assertEqual(told(backend)[-1], bytes.fromhex(NEW))

    async def test_under_way(self) -> None:
        """What is given while it is dialled was not told yet: neither taken nor refused."""
        for good in (b"old", bytes.fromhex(NEW)):
            backend = WebsocketBackend(self.loop)
            passwords(backend, good)
            go = held_back(backend)
            await backend.start()
            self.addCleanup(backend.stop)
            client = self.client(f"ws://127.0.0.1:{backend.port}/", password="old")
            await self.until(lambda: backend.requests)  # noqa: B023
            client.use(Given(keys=(NEW,)))
            go.set()
            await self.until(lambda: client.state.is_connected)  # noqa: B023
            key = None if good == b"old" else NEW
            self.assertEqual(key, self.noticed(LoggedIn)[-1].key)
            client.redial("a new password")
            await self.until(lambda: len(backend.requests) >= 2)  # noqa: B023
            self.assertEqual([b"old", bytes.fromhex(NEW)], told(backend)[:2])
            self.assertEqual([], self.noticed(LoginRefused))
            await client.stop()

    async def test_unusable(self) -> None:
        """Keys that cannot be sent are refused, and all stays as it was."""
        backend = await self.strict(b"old")
        url = f"ws://127.0.0.1:{backend.port}/"
        client = self.client(url, password="old")
        with self.assertRaisesRegex(LocalProtocolError, "hexadecimal") as caught:
            client.use(Given(keys=("s3cret",)))
        self.assertNotIn("s3cret", str(caught.exception))
        colon = self.client(url, client_id="a:b")
        self.assertRaises(LocalProtocolError, colon.use, Given(keys=(NEW,)))
        await self.until(lambda: client.state.is_connected)

    async def test_forbidden(self) -> None:
        """That an identity is not let in is told, each time."""
        backend = await self.backend()
        backend.answers = [(HTTPStatus.FORBIDDEN, "")] * 2
        self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: self.listener.connections)
        self.assertEqual([LoginRefused(403)] * 2, self.noticed(LoginRefused))


class TlsCase(ClientCase):
    """The base of tests with TLS."""

    async def setUp(self) -> None:
        """Two authorities."""
        await super().setUp()
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.ours = Authority(self.folder, "ours")
        self.theirs = Authority(self.folder, "theirs")

    async def secure(self, pair: Pair, clients: str | None = None) -> WebsocketBackend:
        """A backend with a certificate."""
        context = server_context(pair.certificate, pair.key, clients)
        return await self.backend(ssl=context)

    async def renew(self, backend: WebsocketBackend, pair: Pair) -> None:
        """Give a backend another certificate; it listens at the same port again."""
        await backend.stop()
        backend._options["ssl"] = server_context(pair.certificate, pair.key)
        await backend.start()


class PinTests(TlsCase):
    """A backend is known by its key."""

    async def test_first_use(self) -> None:
        """What is seen first is told when the WebSocket is open, and it is warned of."""
        pair = self.theirs.pair("x.test", self_signed=True)
        backend = await self.secure(pair)
        client = self.client(f"wss://127.0.0.1:{backend.port}/")
        seen = await self.until_noticed(ServerKeySeen)
        self.assertEqual((pair.pin, "CN=backend"), (seen.pin, seen.subject))
        self.assertIn("is not checked: ca_certificates is empty", client.state.warning)
        client.use(Given(pin=seen.pin))
        self.assertIn("; only that its key stays the same", client.state.warning)
        await backend.drop()
        await self.until(lambda: self.listener.connections == 2)
        self.assertEqual(1, len(self.noticed(ServerKeySeen)))
        self.assertEqual(SecurityProfile.TLS, client.state.profile)

    async def test_no_backend(self) -> None:
        """The key of a server that is no backend is not noted."""
        backend = await self.secure(self.theirs.pair("x.test"))
        backend.answers = [(HTTPStatus.NOT_FOUND, "")] * 1000
        client = self.client(f"wss://127.0.0.1:{backend.port}/")
        await self.until(lambda: client.state.attempts >= 2)
        self.assertEqual([], self.listener.notices)

    async def test_changed(self) -> None:
        """Another key is refused before a password is told, and shown; a renewal is not."""
        first = self.theirs.pair("127.0.0.1")
        backend = await self.secure(first)
        url = f"wss://127.0.0.1:{backend.port}/"
        client = self.client(url, Given(pin=first.pin), password="s3cret")
        await self.until(lambda: client.state.is_connected)
        renewed = self.ours.pair("127.0.0.1", same_key_as=first)
        await self.renew(backend, renewed)
        await self.until(lambda: self.listener.connections == 2)
        other = self.theirs.pair("127.0.0.1")
        await self.renew(backend, other)
        requests = len(backend.requests)
        words = await self.until_told(client, "its key is not the one that it had before")
        for part in (
            first.pin,
            other.pin,
            "the backend is not trusted",
            "cfos-cm gateway trust",
        ):
            self.assertIn(part, words)
        self.assertIn("gateway trust bay-1", words)
        self.assertEqual(requests, len(backend.requests))
        distrusted = await self.until_noticed(ServerDistrusted)
        self.assertIn(other.pin, distrusted.why)
        # An operator says that it is right.
        client.use(Given())
        seen = await self.until_noticed(ServerKeySeen)
        self.assertEqual(other.pin, seen.pin)

    async def test_given_root(self) -> None:
        """One whose certificate leads to a root that was given needs no key that is known."""
        backend = await self.secure(self.ours.pair("127.0.0.1"))
        url = f"wss://127.0.0.1:{backend.port}/"
        given = Given(roots=(self.ours.pem,), pin=self.theirs.pair().pin)
        client = self.client(url, given)
        await self.until(lambda: client.state.is_connected)
        self.assertEqual("", client.state.warning)
        self.assertEqual([], self.noticed(ServerKeySeen))
        stranger = self.client(url, Given(roots=(self.theirs.pem,)))
        await self.until_told(stranger, "by any of the roots that the backend has given")

    async def test_system_roots(self) -> None:
        """Those whom the system believes can be asked for by a word."""
        before = os.environ.get("SSL_CERT_FILE")
        self.addCleanup(
            lambda: (
                os.environ.pop("SSL_CERT_FILE", None)
                if before is None
                else os.environ.update(SSL_CERT_FILE=before)
            )
        )
        os.environ["SSL_CERT_FILE"] = self.ours.file
        for pair, is_good in ((self.ours.pair("127.0.0.1"), True), (self.theirs.pair(), False)):
            backend = await self.secure(pair)
            url = f"wss://127.0.0.1:{backend.port}/"
            client = self.client(url, ca_certificates=(SYSTEM_ROOTS,))
            words = "connected" if is_good else "not signed by any of ca_certificates"
            await self.until_told(client, words)
            self.assertEqual("", client.state.warning)
            await client.stop()


class CertificateTests(TlsCase):
    """Our own certificate."""

    async def test_given(self) -> None:
        """One that the backend has given goes before the configured one."""
        own, configured = self.ours.pair(common_name="DE*1"), self.theirs.pair()
        backend = await self.secure(self.ours.pair("127.0.0.1"), self.ours.file)
        url = f"wss://127.0.0.1:{backend.port}/"
        options = {"certificate": configured.certificate, "private_key": configured.key}
        client = self.client(url, **options)
        await self.until_told(client, "may not take our client certificate")
        client.use(Given(chain=own.pem, private_key=own.key_pem))
        await self.until(lambda: client.state.is_connected)
        self.assertEqual(SecurityProfile.CERTIFICATE, client.state.profile)
        self.assertEqual(SecurityProfile.CERTIFICATE, self.noticed(LoggedIn)[0].profile)

    async def test_not_asked(self) -> None:
        """One that nobody asks for proves nothing."""
        own = self.ours.pair(common_name="DE*1")
        backend = await self.secure(self.ours.pair("127.0.0.1"))
        given = Given(chain=own.pem, private_key=own.key_pem)
        client = self.client(f"wss://127.0.0.1:{backend.port}/", given)
        await self.until(lambda: client.state.is_connected)
        self.assertEqual(SecurityProfile.TLS, client.state.profile)


class UpgradeTests(TlsCase):
    """A security profile that the backend has raised us to."""

    async def test_works(self) -> None:
        """It is called by TLS at the same port; what it amounts to is told."""
        backend = await self.secure(self.ours.pair("127.0.0.1"))
        given = Given(profile=SecurityProfile.TLS, roots=(self.ours.pem,))
        client = self.client(f"ws://127.0.0.1:{backend.port}/x", given, password="pw")
        login = await self.until_noticed(LoggedIn)
        root = self.ours.fingerprint
        self.assertEqual(LoggedIn(None, SecurityProfile.TLS, root), login)
        self.assertEqual("/x/DE%2A1", backend.requests[0][0])
        self.assertEqual([], self.noticed(UpgradeFailed))
        self.assertEqual("", client.state.warning)

    async def test_falls_back(self) -> None:
        """After three attempts it is called as before, and that is told once, with why."""
        backend = await self.backend()
        url = f"ws://127.0.0.1:{backend.port}/"
        client = self.client(url)
        await self.until(lambda: client.state.is_connected)
        client.use(Given(profile=SecurityProfile.TLS))
        client.redial("the security profile")
        failed = await self.until_noticed(UpgradeFailed)
        self.assertEqual(SecurityProfile.TLS, failed.profile)
        self.assertIn("does not seem to speak TLS", failed.why)
        await self.until(lambda: self.listener.connections == 2)
        self.assertEqual(1, len(self.noticed(UpgradeFailed)))
        # It says nothing new that this does not work; but another try is one.
        client.use(Given(profile=SecurityProfile.TLS, pin="00"))
        client.use(Given())
        client.use(Given(profile=SecurityProfile.TLS))
        client.redial("once more")
        await self.until(lambda: len(self.noticed(UpgradeFailed)) == 2)

    async def test_distrusted(self) -> None:
        """So it is when the server's certificate leads to no root that was given."""
        backend = await self.secure(self.theirs.pair("127.0.0.1"))
        given = Given(profile=SecurityProfile.TLS, roots=(self.ours.pem,))
        self.client(f"ws://127.0.0.1:{backend.port}/", given)
        failed = await self.until_noticed(UpgradeFailed)
        self.assertIn("the backend is not trusted", failed.why)
        self.assertEqual(3, len(self.noticed(ServerDistrusted)))

    async def test_never_below(self) -> None:
        """What has worked is never left again, however often it fails."""
        backend = await self.backend()
        given = Given(profile=SecurityProfile.TLS, profile_works=True)
        client = self.client(f"ws://127.0.0.1:{backend.port}/", given)
        await self.until(lambda: client.state.attempts >= 5)
        self.assertEqual([], backend.requests)
        self.assertEqual([], self.noticed(UpgradeFailed))

    async def test_worked_before_it_is_noted(self) -> None:
        """So it is as soon as there was a connection, whether somebody has noted it or not."""
        pair = self.ours.pair("127.0.0.1")
        backend = await self.secure(pair)
        client = self.client(
            f"ws://127.0.0.1:{backend.port}/", Given(profile=SecurityProfile.TLS)
        )
        await self.until(lambda: client.state.is_connected)
        await backend.stop()
        backend._options.pop("ssl")
        await backend.start()
        requests = len(backend.requests)
        await self.until(lambda: client.state.attempts >= 5)
        self.assertEqual(requests, len(backend.requests))

    async def test_under_way(self) -> None:
        """A connection that was dialled before it was raised shows nothing of it."""
        backend = WebsocketBackend(self.loop)
        go = held_back(backend)
        await backend.start()
        self.addCleanup(backend.stop)
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: backend.requests)
        client.use(Given(profile=SecurityProfile.TLS))
        go.set()
        await self.until(lambda: client.state.is_connected)
        client.redial("the security profile")
        await self.until_noticed(UpgradeFailed)
        await self.until(lambda: self.listener.connections == 2)

    async def test_failing_under_way(self) -> None:
        """Nor does the failure of one: three attempts are made with what it was raised to."""
        backend = WebsocketBackend(self.loop)
        backend.answers = [(HTTPStatus.NOT_FOUND, "")]
        go = held_back(backend)
        await backend.start()
        self.addCleanup(backend.stop)
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: backend.requests)
        client.use(Given(profile=SecurityProfile.TLS))
        go.set()
        await self.until_noticed(UpgradeFailed)
        self.assertEqual(4, client.state.attempts)

    async def test_stopped_meanwhile(self) -> None:
        """An attempt that we end ourselves has not failed."""
        backend = WebsocketBackend(self.loop)
        go = held_back(backend)
        await backend.start()
        self.addCleanup(backend.stop)
        self.addCleanup(go.set)
        given = Given(profile=SecurityProfile.PASSWORD)
        client = self.client(f"ws://127.0.0.1:{backend.port}/", given)
        for _ in range(4):
            await self.until(lambda: client._socket is not None)
            await client.stop()
            client.start()
        self.assertEqual([], self.listener.notices)
        self.assertEqual(0, client.state.attempts)

    async def test_back_to_the_one_before(self) -> None:
        """Where a lower one has worked it is called like that again, and not in plain."""
        pair = self.ours.pair("127.0.0.1")
        backend = await self.secure(pair)
        given = Given(
            profile=SecurityProfile.CERTIFICATE,
            profile_before=SecurityProfile.TLS,
            pin=pair.pin,
        )
        backend.answers = [(HTTPStatus.FORBIDDEN, "")] * 3
        client = self.client(f"ws://127.0.0.1:{backend.port}/", given)
        failed = await self.until_noticed(UpgradeFailed)
        self.assertEqual(SecurityProfile.CERTIFICATE, failed.profile)
        await self.until(lambda: client.state.is_connected)
        self.assertEqual(SecurityProfile.TLS, client.state.profile)

    async def test_other_passwords_first(self) -> None:
        """A refusal counts when all passwords were refused, and not for each of them."""
        pair = self.ours.pair("127.0.0.1")
        backend = WebsocketBackend(self.loop, ssl=server_context(pair.certificate, pair.key))
        passwords(backend, b"old")
        await backend.start()
        self.addCleanup(backend.stop)
        given = Given(keys=(NEWER, NEW), profile=SecurityProfile.TLS)
        url = f"ws://127.0.0.1:{backend.port}/"
        client = self.client(url, given, password="old")
        await self.until(lambda: client.state.is_connected)
        self.assertEqual(5, len(backend.requests))
        self.assertEqual([], self.noticed(UpgradeFailed))


class RedialTests(ClientCase):
    """Another connection at once."""

    async def test_open(self) -> None:
        """One that is open ends in good order, and the next comes without a wait."""
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        client._first_wait_s = 1000.0
        await self.until(lambda: backend.count and client.state.is_connected)
        client.redial("a new password")
        await self.until(lambda: self.listener.connections == 2)
        self.assertEqual(self.listener.ends, ["we have hung up: a new password"])

    async def test_waiting(self) -> None:
        """One that waits is dialled at once, and so is one that is being dialled."""
        backend = await self.backend()
        backend.answers = [(HTTPStatus.NOT_FOUND, "")]
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        client._first_wait_s = 1000.0
        await self.until(lambda: client.state.next_attempt_in_s)
        client.redial("a new password")
        client.redial("another password")
        await self.until(lambda: client.state.is_connected)
        self.assertEqual(1, client.state.attempts - 1)

    async def test_stopped(self) -> None:
        """One that is not wanted is not dialled, before it and during it."""
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        await self.until(lambda: client.state.is_connected)
        client.redial("a new password")
        await client.stop()
        client.redial("a new password")
        self.assertEqual(client.state.words, "not connected: not wanted")
        self.assertEqual(1, len(backend.requests))

    async def test_bounded(self) -> None:
        """A backend that has us come back for ever is called less and less often."""
        self.patch(backend_client, "MAX_REDIALS", 2)
        backend = await self.backend()
        client = self.client(f"ws://127.0.0.1:{backend.port}/")
        client._first_wait_s = 1000.0
        for count in (1, 2, 3):
            await self.until(lambda: self.listener.connections == count)  # noqa: B023
            client.of_use()
            client.redial("a new password")
        await self.until(lambda: client.state.next_attempt_in_s)
        self.assertEqual(self.listener.ends[-1], "we have hung up: a new password")


class OpensslTests(TlsCase):
    """Against C{openssl s_server}."""

    async def s_server(self, pair: Pair, *options: str) -> int:
        """One that runs until the test ends; @return: its port."""
        arguments = ("-cert", pair.certificate, "-key", pair.key, "-accept", "127.0.0.1:0")
        process = subprocess.Popen(
            ("openssl", "s_server", "-naccept", "50", *arguments, *options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        # It says ACCEPT 127.0.0.1:PORT when it listens.
        for line in process.stdout:
            if line.startswith(b"ACCEPT"):
                return int(line.rpartition(b":")[2])
        raise AssertionError("openssl s_server has not begun")

    async def client_of(self, port: int, **options: Any) -> BackendClient:
        """A client of it."""
        return self.client(f"wss://127.0.0.1:{port}/", **options)

    async def test_old(self) -> None:
        """A server that has TLS 1.1 at best is refused in plain words, and told of."""
        pair = self.ours.pair("127.0.0.1")
        port = await self.s_server(pair, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        client = await self.client_of(port)
        await self.until_told(client, "not connected: the backend has no TLS 1.2 or newer")
        weak = await self.until_noticed(WeakTls)
        self.assertEqual("the backend has no TLS 1.2 or newer", weak.why)

    async def test_client_certificate(self) -> None:
        """One that wants a certificate says so; shown a good one it goes on."""
        pair, own = self.ours.pair("127.0.0.1"), self.theirs.pair(common_name="DE*1")
        for version in ("-tls1_2", "-tls1_3"):
            port = await self.s_server(
                pair, "-Verify", "1", "-CAfile", self.theirs.file, version, "-WWW"
            )
            client = await self.client_of(port)
            await self.until_told(client, "a client certificate")
            await client.stop()
            shown = await self.client_of(port, certificate=own.certificate, private_key=own.key)
            # It is a web server, and there is no such page.
            await self.until_told(shown, "200: the other end answers as a web server")
            await shown.stop()

    async def test_suites(self) -> None:
        """Each of the suites that the security whitepaper names for a key of this kind."""
        pair = self.ours.pair("127.0.0.1")
        for suite in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"):
            port = await self.s_server(pair, "-tls1_2", "-cipher", suite, "-WWW")
            client = await self.client_of(port, ca_certificates=(self.ours.file,))
            await self.until_told(client, "200: the other end answers as a web server")
            await client.stop()
