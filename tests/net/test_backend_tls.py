"""TLS to a backend, against servers that we did not write."""

from __future__ import annotations

import ssl
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory

from cfos_cm.net import backend_client
from cfos_cm.net.backend_client import BackendClient

from .authority import Authority, Pair
from .backends import HonestTls, server_context
from .client_case import KEY, ClientCase, Speaking


class TlsTests(ClientCase):
    """wss://"""

    async def setUp(self) -> None:
        """Two authorities."""
        await super().setUp()
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        self.folder = folder
        self.ours = Authority(folder, "ours")
        self.theirs = Authority(folder, "theirs")

    async def secure(
        self, pair: Pair, host: str = "127.0.0.1", clients: str | None = None, **options: Any
    ) -> BackendClient:
        """A client of a backend with a certificate."""
        context = server_context(pair.certificate, pair.key, clients)
        backend = await self.backend(ssl=context)
        options.setdefault("ca_certificates", (self.ours.file,))
        return self.client(f"wss://{host}:{backend.port}/", **options)

    async def test_good(self) -> None:
        """A certificate that leads to an authority of ours and is the host's is taken."""
        for names, host in (
            (("127.0.0.1",), "127.0.0.1"),
            (("localhost", "other.test"), "localhost"),
        ):
            client = await self.secure(self.ours.pair(*names), host)
            await self.until_told(client, "connected")
            await self.until(lambda client=client: client.state.is_connected)
            self.assertEqual(client.state.warning, "")

    async def test_several_authorities(self) -> None:
        """Any of several authorities will do."""
        both = (self.theirs.file, self.ours.file)
        client = await self.secure(self.ours.pair("127.0.0.1"), ca_certificates=both)
        await self.until(lambda: client.state.is_connected)

    async def test_common_name(self) -> None:
        """A certificate without alternative names is for its common name."""
        pair = self.ours.pair(common_name="localhost")
        client = await self.secure(pair, "localhost")
        await self.until(lambda: client.state.is_connected)

    async def test_own_leaf(self) -> None:
        """The backend's own certificate may be what is believed, whoever has signed it."""
        for self_signed in (True, False):
            pair = self.theirs.pair(common_name="Tiefgarage", self_signed=self_signed)
            client = await self.secure(pair, ca_certificates=(pair.certificate,))
            await self.until(lambda client=client: client.state.is_connected)

    async def test_unchecked(self) -> None:
        """Without authorities any certificate is taken, and that is told."""
        pair = self.theirs.pair("x.test", self_signed=True)
        client = await self.secure(pair, ca_certificates=())
        await self.until(lambda: client.state.is_connected)
        self.assertIn("certificate is not checked", client.state.warning)
        self.assertIn("certificate is not checked", "".join(self.log))

    async def test_refused(self) -> None:
        """What is wrong with a certificate is told in plain words."""
        old = self.ours.pair("127.0.0.1", begins=-timedelta(days=3), ends=-timedelta(days=2))
        new = self.ours.pair("127.0.0.1", begins=timedelta(days=2), ends=timedelta(days=3))
        for pair, words in (
            (
                self.theirs.pair("127.0.0.1"),
                "is not signed by any of ca_certificates; it is signed by CN=",
            ),
            (self.theirs.pair("127.0.0.1", self_signed=True), "is not signed by any of"),
            (old, "its certificate has expired on 2"),
            (new, "its certificate is valid from 2"),
            (
                self.ours.pair("a.test", "127.0.0.2"),
                "its certificate is for a.test, 127.0.0.2, and not for 127.0.0.1",
            ),
            (self.ours.pair(common_name="b.test"), "is for b.test, and not for 127.0.0.1"),
            (
                self.ours.pair("c.test", common_name="127.0.0.1"),
                "is for c.test, and not for 127.0.0.1",
            ),
        ):
            client = await self.secure(pair)
            await self.until_told(client, words)
            self.assertIn("the backend is not trusted", client.state.words)
        self.assertEqual(self.listener.connections, 0)

    async def test_client_certificate(self) -> None:
        """A client certificate lets us in where one is asked for; without it we are told so."""
        pair = self.ours.pair("127.0.0.1")
        own = self.theirs.pair(common_name="DE*1")
        client = await self.secure(
            pair,
            clients=self.theirs.file,
            certificate=own.certificate,
            private_key=own.key,
        )
        await self.until(lambda: client.state.is_connected)
        other = await self.secure(pair, clients=self.theirs.file)
        await self.until_told(other, "has asked for a certificate, and may want one of ours")

    async def test_alerts(self) -> None:
        """What a backend says against us in the handshake is told in plain words."""
        pair, wrong = self.ours.pair("127.0.0.1"), self.ours.pair()
        newest = server_context(pair.certificate, pair.key)
        newest.set_ciphers("DHE-RSA-AES256-SHA")
        newest.maximum_version = ssl.TLSVersion.TLSv1_2
        asking = server_context(pair.certificate, pair.key, self.theirs.file)
        own = {"certificate": wrong.certificate, "private_key": wrong.key}
        for context, options, words in (
            (asking, {}, "the backend wants a client certificate"),
            (asking, own, "does not know who has signed our client certificate"),
            (newest, {}, "the backend has broken off TLS"),
        ):
            server = HonestTls(context)
            self.addCleanup(server.end)
            client = self.client(f"wss://127.0.0.1:{server.port}/", **options)
            await self.until_told(client, words)
            await client.stop()

    async def test_files(self) -> None:
        """Files that are not there, or no certificates, are told of, and tried again."""
        good, other = self.ours.pair(), self.ours.pair()
        locked = self.ours.pair(passphrase=b"s3cret")
        for options, words in (
            ({"ca_certificates": ("/nowhere.pem",)}, "ca_certificates: /nowhere.pem cannot"),
            ({"ca_certificates": (good.key,)}, "there is a private key in it"),
            ({"certificate": good.certificate}, "belong together"),
            (
                {"certificate": good.certificate, "private_key": other.key},
                "the private key is not that of the certificate",
            ),
            (
                {"certificate": good.certificate, "private_key": good.certificate},
                "private_key: there is no private key in it",
            ),
            (
                {"certificate": locked.certificate, "private_key": locked.key},
                "private_key: the private key is locked with a passphrase",
            ),
        ):
            client = self.client("wss://127.0.0.1:1/", **options)
            await self.until_told(client, words)
            await self.until(lambda client=client: client.state.attempts >= 2)

    async def test_no_tls(self) -> None:
        """A backend without TLS, and one that wants it, are told from each other."""
        plain = await self.backend()
        client = self.client(f"wss://127.0.0.1:{plain.port}/")
        await self.until_told(client, "may have to begin with ws://")
        pair = self.ours.pair("127.0.0.1")
        secure = await self.backend(ssl=server_context(pair.certificate, pair.key))
        other = self.client(f"ws://127.0.0.1:{secure.port}/")
        await self.until_told(other, "not connected: it has closed the connection")

    async def test_redirect_to_plain(self) -> None:
        """A redirect out of TLS is not followed."""
        pair = self.ours.pair("127.0.0.1")
        backend = await self.backend(ssl=server_context(pair.certificate, pair.key))
        backend.answers = [(HTTPStatus.TEMPORARY_REDIRECT, "")] * 50
        plain = await self.backend()
        backend.location = f"ws://127.0.0.1:{plain.port}/"
        url = f"wss://127.0.0.1:{backend.port}/"
        client = self.client(url, ca_certificates=(self.ours.file,), password=KEY)
        await self.until_told(client, "307: the backend redirects to ws://127.0.0.1")
        await self.until(lambda: client.state.attempts >= 2)
        self.assertEqual(plain.requests, [])

    async def test_silent(self) -> None:
        """A server that never shakes hands is given up in time."""
        self.patch(backend_client, "TLS_HANDSHAKE_TIMEOUT_S", 0.2)
        factory = Factory.forProtocol(type("_Silent", (Speaking,), {}))
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(port.stopListening)
        client = self.client(f"wss://127.0.0.1:{port.getHost().port}/")
        await self.until_told(client, "has not answered the upgrade within 0.2 s")

    async def test_server_name(self) -> None:
        """The name that is dialled is told in the handshake, as servers of many names want."""
        pair = self.ours.pair("localhost")
        context = server_context(pair.certificate, pair.key)
        names: list[str | None] = []
        context.sni_callback = lambda _, name, __: names.append(name)  # type: ignore[assignment]
        backend = await self.backend(ssl=context)
        client = self.client(
            f"wss://localhost:{backend.port}/", ca_certificates=(self.ours.file,)
        )
        await self.until(lambda: client.state.is_connected)
        self.assertEqual(names, ["localhost"])
