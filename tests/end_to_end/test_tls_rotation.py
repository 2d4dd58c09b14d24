"""Certificates are replaced while cars charge: R17 of the list of faults."""

from __future__ import annotations

import asyncio
import signal
import ssl
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from ocpp.v16 import call

from ..issuer import Issuer, Papers
from . import cases
from .billing import Books, billing
from .program import WAIT_S, Program, free_port
from .station import connected
from .test_gateway import CLIENT
from .tls import PEERS, Ends, Knock, python_knocks

ROOT = Issuer("Root")
OTHER_ROOT = Issuer("Other root")
OWNER = Issuer("Owner")
NEXT_OWNER = Issuer("Next owner")

HOSTS = ("localhost", "127.0.0.1")
FIRST = ROOT.issue("server", *HOSTS)
SECOND = OTHER_ROOT.issue("server", *HOSTS)
LONG_AGO = datetime(2021, 1, 1, tzinfo=UTC)

_STATIONS = tuple(f"CP-{number:04}" for number in range(1, 7))

_SERVER = """\
certificate = server.pem
private_key = server.key
ca_certificates = clients.pem
"""

_GATEWAY = """\
[gateway bay-1]
evse = bay-1
url = wss://localhost:{port}/ocpp/
client_id = DE*TST*E1
ca_certificates = backend.pem
certificate = gateway.pem
private_key = gateway.key
"""


def wrong_pairs() -> dict[str, tuple[Papers, str]]:
    """Pairs that cannot be used, and a part of what is said of each."""
    expired = ROOT.issue("server", *HOSTS, ends=LONG_AGO)
    between = Issuer("Between", above=ROOT)
    leaf = between.issue("server", *HOSTS)
    end = "-----END CERTIFICATE-----\n"
    own, upper, _ = leaf.chain.split(end)
    stranger = Issuer("Stranger").pem
    return {
        "of another key": (Papers(SECOND.chain, FIRST.key), "key"),
        "expired": (expired, "expired"),
        "chained to somebody else": (Papers(own + end + stranger, leaf.key), "sign|order"),
        "in the wrong order": (Papers(upper + end + own + end, leaf.key), "key|order"),
        "no certificate": (Papers("nothing\n", FIRST.key), "certificate"),
    }


class Rotation(cases.EndToEndCase):
    """A program with TLS, and stations that show certificates."""

    def setUp(self) -> None:
        """Start it."""
        self.manager = self.program(places=_STATIONS, server=_SERVER)
        self.text = (
            (self.manager.folder / "tap.cfg").read_text().replace("tls = off", "tls = on")
        )
        self.manager.configure(self.text)
        self.write(FIRST, OWNER)

    def write(self, server: Papers, clients: Issuer) -> None:
        """Put the files that it has to read beside its C{tap.cfg}."""
        server.files(self.manager.folder, "server")
        (self.manager.folder / "clients.pem").write_text(clients.pem)

    async def reload(self, words: str = "has been read again") -> None:
        """Have the files read again."""
        mark = self.manager.mark()
        self.manager.send(signal.SIGHUP)
        await self.manager.says(words, mark)

    def context(self, issuer: Issuer, identity: str, root: Issuer = ROOT) -> ssl.SSLContext:
        """How a station encrypts that has its certificate from somebody."""
        with tempfile.TemporaryDirectory() as folder:
            knock = Knock(trusts=root.pem, host="localhost", shows=issuer.issue(identity))
            return knock.context(Path(folder))

    async def shown(self) -> x509.Certificate:
        """What the server shows to who comes now."""
        context = self.context(OWNER, _STATIONS[0])
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection(
            "127.0.0.1", self.manager.port, ssl=context, server_hostname="localhost"
        )
        try:
            encrypted = writer.get_extra_info("ssl_object")
            found: bytes = encrypted.getpeercert(binary_form=True)
            return x509.load_der_x509_certificate(found)
        finally:
            writer.transport.abort()

    async def until_shown(self, papers: Papers) -> None:
        """Wait for the server to show another certificate."""
        async with asyncio.timeout(WAIT_S):
            while await self.shown() != papers.certificate:
                await asyncio.sleep(0.05)

    def test_charging(self) -> None:
        """Cars charge on while the server's pair and whose certificates it takes change."""
        self.manager.start()
        self.run_peers(self.charging())

    async def charging(self) -> None:
        """See L{test_charging}."""
        async with AsyncExitStack() as stack:
            stations = []
            for identity in _STATIONS[:-1]:
                context = self.context(OWNER, identity)
                station = await stack.enter_async_context(
                    connected(self.manager, identity, context=context)
                )
                stations.append((station, await station.charge(cases.TAG)))
            self.write(SECOND, OWNER)
            await self.reload()
            await self.until_shown(SECOND)
            for station, transaction_id in stations:
                await station.meter(transaction_id, 2000, 6)
            self.write(SECOND, NEXT_OWNER)
            await self.reload()
            await self.only_the_next_owners()
            for station, transaction_id in stations:
                await station.meter(transaction_id, 3000, 6)
                await station.end_transaction(transaction_id, 3500)
            lost = [line for line in self.manager.lines if " lost" in line]
            # The last one has come and gone in between.
            self.assertEqual([], [line for line in lost if "bay-6" not in line])

    async def only_the_next_owners(self) -> None:
        """Who comes now is let in by the new authority's word, and not by the old one's."""
        last = _STATIONS[-1]
        async with asyncio.timeout(WAIT_S):
            while await self.knocks(OWNER, last) is not Ends.NO_TLS:
                await asyncio.sleep(0.05)
        context = self.context(NEXT_OWNER, last, OTHER_ROOT)
        async with connected(self.manager, last, context=context) as station:
            await station.ask(call.Heartbeat())

    async def knocks(self, issuer: Issuer, identity: str) -> Ends:
        """What comes of who shows a certificate of somebody."""
        with tempfile.TemporaryDirectory() as folder:
            knock = Knock(trusts=OTHER_ROOT.pem, shows=issuer.issue(identity))
            return await python_knocks(self.manager.port, identity, knock, Path(folder))

    def test_wrong(self) -> None:
        """A pair that cannot be used changes nothing, and the log says what is wrong."""
        self.manager.start()
        self.run_peers(self.wrong())

    async def wrong(self) -> None:
        """See L{test_wrong}."""
        context = self.context(OWNER, _STATIONS[0])
        async with connected(self.manager, _STATIONS[0], context=context) as station:
            transaction_id = await station.charge(cases.TAG)
            for name, (papers, words) in wrong_pairs().items():
                self.write(papers, OWNER)
                await self.reload(words)
                self.assertEqual(FIRST.certificate, await self.shown(), name)
                await station.meter(transaction_id, 2000, 6)
            self.write(SECOND, OWNER)
            await self.reload()
            await self.until_shown(SECOND)
            await station.meter(transaction_id, 3000, 6)

    def test_expired_at_start(self) -> None:
        """A garage charges after a power cut, even if its certificate has expired meanwhile."""
        self.write(ROOT.issue("server", *HOSTS, ends=LONG_AGO), OWNER)
        self.manager.start()
        self.run_peers(self.expired_at_start())

    async def expired_at_start(self) -> None:
        """Who does not mind gets in; the others say what they have against it."""
        await self.manager.says("expired")
        identity = _STATIONS[0]
        for trusts, ends in ((None, Ends.LET_IN), (ROOT.pem, Ends.DISTRUSTS)):
            knock = Knock(trusts=trusts, shows=OWNER.issue(identity))
            for name, peer in PEERS.items():
                with tempfile.TemporaryDirectory() as folder:
                    found = await peer(self.manager.port, identity, knock, Path(folder))
                self.assertIs(ends, found, name)

    def test_minutes(self) -> None:
        """Connections outlive the certificates that they were made with."""
        self.manager.start()
        self.run_peers(self.minutes())

    async def minutes(self) -> None:
        """Both certificates of a connection end, and it goes on."""
        identity = _STATIONS[0]
        soon = datetime.now(UTC) + timedelta(seconds=6)
        server = ROOT.issue("server", *HOSTS, ends=soon)
        self.write(server, OWNER)
        await self.reload()
        await self.until_shown(server)
        with tempfile.TemporaryDirectory() as folder:
            shows = OWNER.issue(identity, ends=soon)
            knock = Knock(trusts=ROOT.pem, host="localhost", shows=shows)
            context = knock.context(Path(folder))
        async with connected(self.manager, identity, context=context) as station:
            transaction_id = await station.charge(cases.TAG)
            left_s = (soon - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(max(0.0, left_s) + 1)
            await station.meter(transaction_id, 2000, 6)
            await station.ask(call.Heartbeat())
            with tempfile.TemporaryDirectory() as folder:
                knock = Knock(shows=shows)
                found = await python_knocks(self.manager.port, identity, knock, Path(folder))
            self.assertIs(Ends.NO_TLS, found)
            await station.end_transaction(transaction_id, 3000)


class GatewayRotation(cases.EndToEndCase):
    """A gateway with a certificate of its own, and its backend."""

    def setUp(self) -> None:
        """Start the gateway."""
        self.books = Books()
        self.port = free_port()
        self.manager = self.program()
        self.write(OWNER.issue(CLIENT))
        (self.manager.folder / "backend.pem").write_text(ROOT.pem)
        text = cases.tap_cfg(self.manager.port)
        self.manager.configure(text + "\n" + _GATEWAY.format(port=self.port))
        self.manager.start()

    def write(self, papers: Papers) -> None:
        """Put the gateway's pair beside its C{tap.cfg}."""
        papers.files(self.manager.folder, "gateway")

    def context(self) -> ssl.SSLContext:
        """How the backend encrypts."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=OWNER.pem)
        with tempfile.TemporaryDirectory() as folder:
            context.load_cert_chain(*FIRST.files(Path(folder), "backend"))
        return context

    def shown(self) -> list[x509.Certificate]:
        """What the gateway has shown, oldest first."""
        return [x509.load_der_x509_certificate(one) for one in self.books.shown if one]

    def test_pair(self) -> None:
        """A new pair is shown from the next connection on; the one that is there goes on."""
        self.run_peers(self.pair(self.manager))

    async def pair(self, manager: Program) -> None:
        """See L{test_pair}."""
        books, second = self.books, OWNER.issue(CLIENT)
        async with connected(manager, "CP-0001") as station:
            await station.boot()
            async with billing(self.port, books, self.context()):
                await books.hears("BootNotification", chargePointModel="Box")
                first = self.shown()
                self.assertEqual(1, len(first))
                self.write(second)
                mark = manager.mark()
                manager.send(signal.SIGHUP)
                await manager.says("has been read again", mark)
                await station.status("Available")
                await books.hears("StatusNotification", connectorId=1, status="Available")
                self.assertEqual(first, self.shown())
            async with billing(self.port, books, self.context()):
                await books.until(lambda: len(self.shown()) > 1)
        self.assertEqual(second.certificate, self.shown()[-1])
