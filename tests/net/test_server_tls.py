"""The server's TLS, with C{openssl} and Python's C{ssl} at the other end."""

from __future__ import annotations

import contextlib
import ssl
from datetime import timedelta
from pathlib import Path
from typing import cast

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import capturedLogs, formatEvent
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from cfos_cm.certificates.pair import Pair
from cfos_cm.certificates.pem import MAX_FILE_BYTES, pem_of
from cfos_cm.counters import Counter
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.quiet_log import QUIET_S
from cfos_cm.net.server_tls import ServerMaterial, ServerTls
from cfos_cm.net.server_tls_words import chain_words, handshake_words
from cfos_cm.net.tls_end import TlsEnd, Upper, is_beginning_known
from cfos_cm.site.security_profile import SecurityProfile
from tests.central_system.world import SITE

from .peers import TEXT, basic, frame
from .tls_server import (
    NOW,
    Peer,
    TlsCase,
    authority,
    client_pair,
    context_of,
    key_of,
    server_pair,
)

HEARTBEAT = b'[2,"1","Heartbeat",{}]'
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
#: "Improved security for OCPP 1.6-J", TLS: the suites, and who can show a certificate for them.
SUITES = (
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "ec"),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "ec"),
    ("AES128-GCM-SHA256", "rsa"),
    ("AES256-GCM-SHA384", "rsa"),
    ("ECDHE-RSA-AES128-GCM-SHA256", "rsa"),
    ("ECDHE-RSA-AES256-GCM-SHA384", "rsa"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "ec"),
    ("ECDHE-RSA-CHACHA20-POLY1305", "rsa"),
)


def pem_file(folder: str, *certificates: x509.Certificate) -> str:
    """The path of a file with certificates."""
    Path(folder).mkdir(exist_ok=True)
    path = Path(folder, "some.pem")
    path.write_text("".join(map(pem_of, certificates)))
    return str(path)


def shake(*ends: SSL.Connection) -> None:
    """Have both ends of a handshake come to its end."""
    for _ in range(4):
        for one, other in (ends, ends[::-1]):
            with contextlib.suppress(SSL.WantReadError):
                one.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(1 << 16))


def begun(
    tls: ServerTls, context: SSL.Context, session: SSL.Session | None = None
) -> tuple[SSL.Connection, SSL.Connection]:
    """The client's end of a handshake in memory, and the server's."""
    factory, nobody = TLSMemoryBIOFactory(tls, False, Factory()), cast(Upper, Protocol())
    server = tls.serverConnectionForTLS(TlsEnd(factory, nobody, 0))
    client = SSL.Connection(context, None)
    client.set_connect_state()
    if session is not None:
        client.set_session(session)
    return client, server


class Agreed(TlsCase):
    """What is agreed upon, and what never is."""

    def material(self) -> ServerMaterial:
        """A certificate of each kind."""
        return ServerMaterial((server_pair("ec"), server_pair("rsa")))

    async def setUp(self) -> None:
        """Listen; the root is in a file."""
        await super().setUp()
        self.trusted = ("-CAfile", pem_file(self.mktemp(), authority().certificate))

    async def test_suites(self) -> None:
        """
        The four suites of the specification, and the better ones, each with the certificate of
        its kind and the one behind that: only the root is trusted.
        """
        for suite, kind in SUITES:
            said = await self.openssl("-tls1_2", "-cipher", suite, *self.trusted, "-showcerts")
            self.assertIn(f"New, TLSv1.2, Cipher is {suite}\n", said)
            self.assertIn("Verify return code: 0 (ok)", said)
            self.assertEqual(2, said.count("BEGIN CERTIFICATE"), suite)
            self.assertIn(f"CN = Authority {kind}", said)

    async def test_tls_1_3(self) -> None:
        """TLS 1.3, with a certificate of each kind."""
        for suite, algorithm, kind in (
            ("TLS_AES_128_GCM_SHA256", "ecdsa_secp256r1_sha256", "ec"),
            ("TLS_AES_256_GCM_SHA384", "rsa_pss_rsae_sha256", "rsa"),
            ("TLS_CHACHA20_POLY1305_SHA256", "ecdsa_secp256r1_sha256", "ec"),
        ):
            said = await self.openssl(
                "-tls1_3", "-ciphersuites", suite, "-sigalgs", algorithm, *self.trusted
            )
            self.assertIn(f"New, TLSv1.3, Cipher is {suite}\n", said)
            self.assertIn("Verify return code: 0 (ok)", said)
            self.assertIn(f"CN = Authority {kind}", said)

    async def test_refused(self) -> None:
        """Older versions, and suites that are not safe; the log says what is wrong."""
        for arguments, words in (
            (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "it knows no TLS 1.2 or newer"),
            (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), "it knows no TLS 1.2 or newer"),
            (("-tls1_2", "-cipher", "AES128-SHA:AES256-SHA256"), "none of the cipher suites"),
            (("-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"), "none of the cipher suites"),
            (("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"), "none of the cipher suites"),
            (("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"), "none of the cipher suites"),
        ):
            before = self.world.system.counters[Counter.TLS_FAILED]
            self.world.clock.advance(QUIET_S)
            with capturedLogs() as logged:
                said = await self.openssl(*arguments)
                await self.gone()
            self.assertIn("Cipher is (NONE)", said, arguments)
            self.assertEqual(before + 1, self.world.system.counters[Counter.TLS_FAILED])
            lines = [formatEvent(event) or "" for event in logged]
            self.assertTrue(
                any(words in line and "tcp4:127.0.0.1:" in line for line in lines),
                (arguments, lines),
            )

    async def test_no_compression(self) -> None:
        """Nothing is compressed, though the other end would."""
        said = await self.openssl("-tls1_2", "-comp")
        self.assertIn("Compression: NONE", said)

    async def test_no_renegotiation(self) -> None:
        """Nobody can have the server shake hands again and again."""
        said = await self.openssl("-tls1_2", say=b"R\n")
        self.assertIn("RENEGOTIATING", said)
        self.assertIn("no renegotiation", said)
        self.assertIn("Secure Renegotiation IS supported", said)

    async def test_many_times(self) -> None:
        """With TLS 1.2 C{openssl} resumes its session, five times."""
        said = await self.openssl("-tls1_2", "-reconnect")
        self.assertEqual(1, said.count("New, TLSv1.2"))
        self.assertEqual(5, said.count("Reused, TLSv1.2"))


class Long(TlsCase):
    """As long a certificate as may be in a file."""

    def material(self) -> ServerMaterial:
        """It names far more hosts than there are."""
        key, issuer = key_of("ec", "long"), authority()
        names = [f"host-{number}.garage.example" for number in range(1600)]
        long = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(issuer.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW)
            .not_valid_after(NOW + timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName(map(x509.DNSName, ["localhost", *names])), False
            )
            .sign(issuer.key, SHA256())
        )
        self.assertLess(len(pem_of(long)), MAX_FILE_BYTES)
        return ServerMaterial((Pair((long,), key),))

    async def test_whole(self) -> None:
        """It comes whole."""
        for version in VERSIONS:
            self.assertEqual(101, (await self.python(context_of(version=version))).status)
            await self.gone()


class Resumed(TlsCase):
    """Sessions that are gone on with."""

    def material(self) -> ServerMaterial:
        """Certificates are taken, and not demanded."""
        return ServerMaterial((server_pair(),), authority().chain)

    async def test_resumed(self) -> None:
        """Of both versions, with and without a certificate, which counts as before."""
        for version in VERSIONS:
            for pair in (None, client_pair()):
                context = context_of(pair, version)
                first = await self.python(context)
                self.assertFalse(first.was_reused)
                profiles = []
                session = first.session
                for _ in range(2):
                    await self.gone()
                    again = await self.python(context, session=session)
                    self.assertEqual((101, True), (again.status, again.was_reused))
                    profiles.append(self.profile_of_last)
                    session = again.session
                wanted = SecurityProfile.TLS if pair is None else SecurityProfile.CERTIFICATE
                self.assertEqual([wanted] * 2, profiles, (version, pair is None))
                await self.gone()
                self.world.system.standings.allow("CP-1", SecurityProfile.NONE)

    async def setUp(self) -> None:
        """Listen; the profile of who was let in last is noted."""
        await super().setUp()
        self.profile_of_last: SecurityProfile | None = None
        opened = self.world.system.open

        def note(*arguments: object) -> object:
            self.profile_of_last = arguments[4]  # type: ignore[assignment]
            return opened(*arguments)  # type: ignore[arg-type]

        self.patch(self.world.system, "open", note)

    async def test_new_material(self) -> None:
        """No session outlives what it was begun with: who is believed may be others now."""
        context = context_of(client_pair())
        first = await self.python(context)
        self.server_tls.use(self.material())
        again = await self.python(context, session=first.session)
        self.assertEqual((101, False), (again.status, again.was_reused))

    async def test_tickets_of_yesterday(self) -> None:
        """They are of no use, and nobody is refused for one; nor when the clock is put back."""
        context = context_of()
        self.patch(self.server_tls, "_now", lambda: NOW)
        session = (await self.python(context)).session
        for later, is_reused in (
            (timedelta(hours=20), True),
            (timedelta(hours=25), False),
            (timedelta(hours=25), True),
            (timedelta(hours=24), False),
        ):
            self.patch(self.server_tls, "_now", lambda later=later: NOW + later)
            peer = await self.python(context, session=session)
            self.assertEqual((101, is_reused), (peer.status, peer.was_reused), later)
            session = peer.session
            await self.gone()

    async def test_expired(self) -> None:
        """A certificate that has expired since does not count, though nobody looks at it."""
        for version in VERSIONS:
            context = context_of(client_pair(), version)
            self.patch(self.server_tls, "_now", lambda: NOW)
            first = await self.python(context)
            self.assertEqual(101, first.status)
            await self.gone()
            self.patch(self.server_tls, "_now", lambda: NOW + timedelta(days=3))
            self.world.clock.advance(QUIET_S)
            with capturedLogs() as logged:
                try:
                    status = (await self.python(context, session=first.session)).status
                except OSError:
                    status = 0
            self.assertEqual(0, status)
            lines = "\n".join(formatEvent(event) or "" for event in logged)
            self.assertIn("it goes on with a certificate that is not valid any more", lines)


class ClientCertificates(TlsCase):
    """Charge Points that show who they are."""

    needs_certificate = False

    def material(self) -> ServerMaterial:
        """One authority that the settings name, and one that they do not."""
        return ServerMaterial(
            (server_pair(),),
            authority().chain,
            authority("Second").chain,
            self.needs_certificate,
        )

    async def status(self, pair: Pair | None, path: str = "/CP-1") -> int:  # type: ignore[override]
        """What becomes of one; 0: it gets no TLS."""
        try:
            return (await self.python(context_of(pair), path)).status
        except OSError:
            return 0

    async def check_refused(self, pair: Pair | None, words: str) -> None:
        """One gets no TLS, is counted, and the log says why."""
        before = self.world.system.counters[Counter.TLS_FAILED]
        with capturedLogs() as logged:
            self.assertEqual(0, await self.status(pair))
            await self.gone()
        lines = [formatEvent(event) or "" for event in logged]
        self.assertTrue(any(words in line for line in lines), lines)
        self.assertEqual(before + 1, self.world.system.counters[Counter.TLS_FAILED])

    async def test_taken(self) -> None:
        """Those of both authorities are, and say who it is."""
        for by in ("Authority", "Second"):
            self.assertEqual(101, await self.status(client_pair(by=by)))
            self.assertEqual(401, await self.status(client_pair("CP-2", by)))
            await self.gone()

    async def test_refused(self) -> None:
        """Those that nobody known has signed, and those whose time is not now."""
        for pair, words in (
            (
                client_pair(by="Stranger"),
                "is signed by none of ca_certificates (CN=CP-1, signed by CN=Stranger)",
            ),
            (client_pair(begins=-30), "has expired (CN=CP-1, signed by CN=Authority)"),
            (client_pair(begins=30), "is not valid yet"),
            (server_pair(), "is not made for a client"),
        ):
            await self.check_refused(pair, words)
            self.assertEqual((), self.world.system.sessions())

    async def test_names_in_log(self) -> None:
        """Whoever shows another name each time does not fill the log."""
        with capturedLogs() as logged:
            for name in ("CP-1", "CP-2", "CP-3"):
                self.assertEqual(0, await self.status(client_pair(name, "Stranger")))
                await self.gone()
        lines = [formatEvent(event) or "" for event in logged]
        self.assertEqual(1, sum("signed by none of" in line for line in lines), lines)

    async def test_damaged_chain(self) -> None:
        """A certificate that only says that it is from an authority is not believed."""
        real, other = client_pair(), authority("Stranger")
        forged = (
            x509.CertificateBuilder()
            .subject_name(real.certificate.subject)
            .issuer_name(authority().certificate.subject)
            .public_key(real.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=1))
            .sign(other.key, SHA256())
        )
        before = self.world.system.counters[Counter.TLS_FAILED]
        self.assertEqual(0, await self.status(Pair((forged,), real.key)))
        await self.gone()
        self.assertEqual(before + 1, self.world.system.counters[Counter.TLS_FAILED])

    async def test_unreadable(self) -> None:
        """What OpenSSL takes and nobody else can read is refused in plain words."""
        real = client_pair()
        issuer = authority()
        assert isinstance(issuer.key, EllipticCurvePrivateKey)
        # RFC 5280, 4.1.2.1: there are the versions 1 to 3.
        body = real.certificate.tbs_certificate_bytes.replace(
            b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1
        )
        signature = b"\x00" + issuer.key.sign(body, ECDSA(SHA256()))
        algorithm = bytes.fromhex("300a06082a8648ce3d040302")
        whole = body + algorithm + b"\x03" + bytes([len(signature)]) + signature
        der = b"\x30\x82" + len(whole).to_bytes(2, "big") + whole
        tls = ServerTls()
        tls.use(self.material())
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        path = self.mktemp()
        Path(path).write_bytes(der)
        context.use_certificate_file(path, FILETYPE_ASN1)
        context.use_privatekey(real.key)
        client, server = begun(tls, context)
        shake(client, server)
        with self.assertRaisesRegex(LocalProtocolError, "a certificate that cannot be read"):
            tls.certificate_names(server)


class Needed(ClientCertificates):
    """Where everybody has to show one."""

    needs_certificate = True

    async def test_none(self) -> None:
        """Who shows none gets no TLS."""
        await self.check_refused(None, "it shows no certificate, and it needs one here")


class NotNeeded(ClientCertificates):
    """Where nobody has to."""

    async def test_none(self) -> None:
        """Who shows none is let in."""
        self.assertEqual(101, await self.status(None))


class Leaf(TlsCase):
    """The very certificate of a Charge Point, in place of its authority's."""

    def material(self) -> ServerMaterial:
        """No authority is known."""
        return ServerMaterial((server_pair(),), client_pair().chain)

    async def test_taken(self) -> None:
        """It is taken, and others of the same authority are not."""
        self.assertEqual(101, (await self.python(context_of(client_pair()))).status)
        with self.assertRaises(OSError):
            await self.python(context_of(client_pair("CP-2")), "/CP-2")


class OnlyOurs(TlsCase):
    """Where the settings name no authority, and there is one that signs here all the same."""

    settings = evolve(SITE, password="s3cret")
    password = f"Authorization: {basic('CP-1', 's3cret')}"

    def material(self) -> ServerMaterial:
        """Nobody has to show a certificate."""
        return ServerMaterial((server_pair(),), (), authority("Second").chain)

    async def check_none(
        self, context: ssl.SSLContext, session: ssl.SSLSession | None = None
    ) -> Peer:
        """Who comes like this is let in by a password, and not without one."""
        self.assertEqual(401, (await self.python(context, session=session)).status)
        peer = await self.python(context, session=session, headers=(self.password,))
        self.assertEqual((101, session is not None), (peer.status, peer.was_reused))
        await self.gone()
        self.assertIs(SecurityProfile.TLS, self.world.system.standings.of("CP-1"))
        return peer

    async def test_makers(self) -> None:
        """
        A wallbox goes on showing its maker's certificate, whatever that says, and whatever its
        time: it counts as none, also when its session is gone on with.
        """
        for version in VERSIONS:
            for begins in (-30, 0):
                context = context_of(client_pair(by="Stranger", begins=begins), version)
                peer = await self.check_none(context)
                await self.check_none(context, peer.session)

    async def test_ours(self) -> None:
        """One that is signed here counts, also when its session is gone on with."""
        context = context_of(client_pair(by="Second"))
        first = await self.python(context)
        await self.gone()
        again = await self.python(context, session=first.session)
        self.assertEqual((101, 101, True), (first.status, again.status, again.was_reused))
        self.assertIs(SecurityProfile.CERTIFICATE, self.world.system.standings.of("CP-1"))

    async def test_ours_refused(self) -> None:
        """One that is signed here has to be valid, and a client's."""
        for pair in (
            client_pair(by="Second", begins=-30),
            client_pair(by="Second", begins=30),
            server_pair(by="Second"),
        ):
            with self.assertRaises(OSError):
                await self.python(context_of(pair), headers=(self.password,))

    async def test_another_key(self) -> None:
        """One that says to be signed with another key than ours is not ours."""
        real, issuer = client_pair(), authority("Second")
        odd = (
            x509.CertificateBuilder()
            .subject_name(real.certificate.subject)
            .issuer_name(issuer.certificate.subject)
            .public_key(real.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=1))
            .add_extension(x509.AuthorityKeyIdentifier(bytes(20), None, None), False)
            .sign(issuer.key, SHA256())
        )
        await self.check_none(context_of(Pair((odd,), real.key)))

    def test_replaced(self) -> None:
        """What a handshake was begun with counts to its end: the maker's stays none."""
        tls, maker, session = ServerTls(), self.maker(), None
        for is_resumed in (False, True):
            tls.use(self.material())
            if is_resumed:
                client, server = begun(tls, maker)
                shake(client, server)
                session = client.get_session()
                # OpenSSL takes back the session of one that is gone without a word.
                client.shutdown()
            client, server = begun(tls, maker, session)
            tls.use(ServerMaterial((server_pair(),), authority().chain, (), True))
            shake(client, server)
            # OpenSSL asks about the certificate in a whole handshake only.
            self.assertIsNot(is_resumed, server.get_app_data().is_somebody_elses)
            self.assertIsNotNone(server.get_peer_certificate())
            self.assertIsNone(tls.certificate_names(server))

    def maker(self) -> SSL.Context:
        """What a client begins with that shows a certificate of its maker's."""
        pair, context = client_pair(by="Stranger"), SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.use_certificate(pair.certificate)
        context.use_privatekey(pair.key)
        return context


class NotAsked(TlsCase):
    """Where nobody is known who could have signed a certificate."""

    async def test_ignored(self) -> None:
        """No certificate is asked for, and none counts."""
        peer = await self.python(context_of(client_pair("CP-9")))
        self.assertEqual(101, peer.status)
        self.assertIs(SecurityProfile.TLS, self.world.system.standings.of("CP-1"))


class Rotation(TlsCase):
    """What it is made of is replaced while it runs."""

    async def heartbeat(self, wire: object) -> None:
        """A heartbeat is answered."""
        wire.say(frame(TEXT, HEARTBEAT))  # type: ignore[attr-defined]
        self.assertEqual(TEXT, (await wire.frame())[0])  # type: ignore[attr-defined]

    async def test_not_cut(self) -> None:
        """Who is connected stays so; who comes then sees the new certificate."""
        wire = await self.opened_over_tls()
        new = server_pair("rsa", name="new")
        self.server_tls.use(ServerMaterial((new,)))
        await self.heartbeat(wire)
        peer = await self.python(context_of(), "/CP-2")
        self.assertEqual(new.certificate.public_bytes(Encoding.DER), peer.shown)
        await self.heartbeat(wire)
        self.assertFalse(wire.ended)

    async def test_bad(self) -> None:
        """What cannot be used is refused, and the old one is shown on."""
        good = server_pair()
        weak = Pair((good.chain[0],), key_of("ec", "another"))
        disordered = Pair((good.chain[0], authority().certificate), good.key)
        for material, words in (
            (ServerMaterial(()), "the server has no certificate"),
            (ServerMaterial((weak,)), "cannot be used"),
            (ServerMaterial((good, server_pair(name="other"))), "one certificate of each kind"),
            (ServerMaterial((good,), needs_certificate=True), "there are no ca_certificates"),
            (ServerMaterial((disordered,)), "cannot be used"),
        ):
            error = self.assertRaises(LocalProtocolError, self.server_tls.use, material)
            self.assertIn(words, str(error))
            self.assertNotIn("PRIVATE", str(error))
            peer = await self.python(context_of())
            self.assertEqual(good.certificate.public_bytes(Encoding.DER), peer.shown)
            self.assertEqual(101, peer.status)
            await self.gone()


class Material(SynchronousTestCase):
    """What needs no socket."""

    def test_ready(self) -> None:
        """It is ready as soon as there is something to be shown, and never before."""
        tls = ServerTls()
        verifyObject(IOpenSSLServerConnectionCreator, tls)
        self.assertFalse(tls.is_ready)
        self.assertRaises(LocalProtocolError, tls.serverConnectionForTLS, None)
        self.assertRaises(LocalProtocolError, tls.use, ServerMaterial(()))
        self.assertFalse(tls.is_ready)
        tls.use(ServerMaterial((server_pair(),)))
        self.assertTrue(tls.is_ready)

    def test_tried(self) -> None:
        """What OpenSSL would take and nobody could use is found before it is used."""
        from cfos_cm.net import server_tls

        tls = ServerTls()
        self.patch(server_tls, "_CIPHERS", b"AES256-GCM-SHA384")
        self.assertRaises(LocalProtocolError, tls.use, ServerMaterial((server_pair(),)))
        self.assertFalse(tls.is_ready)

    def test_no_secrets(self) -> None:
        """It can be printed: there is no key in it."""
        shown = repr(ServerMaterial((server_pair(),), authority().chain))
        self.assertNotIn("key", shown.lower())

    def test_expected_of_twisted(self) -> None:
        """The short cut through Twisted's beginning is taken with the version that is here."""
        self.assertTrue(is_beginning_known())
        self.assertIn("_flushReceiveBIO", dir(TLSMemoryBIOProtocol))


class Words(SynchronousTestCase):
    """Plain words for what goes wrong."""

    def test_chain(self) -> None:
        """Each error of OpenSSL has some; those that nobody knows have its number."""
        for error, words in (
            (10, "expired"),
            (9, "not valid yet"),
            (20, "signed by none of ca_certificates"),
            (18, "signed by none of ca_certificates"),
            (22, "too many others"),
            (26, "not made for a client"),
            (67, "too weak"),
            (4711, "4711"),
        ):
            self.assertIn(words, chain_words(error))

    def test_handshake(self) -> None:
        """What OpenSSL has raised, and the end of a connection."""
        for error, words in (
            (SSL.Error([("SSL routines", "", "tlsv1 alert unknown ca")]), "does not know who"),
            (SSL.Error([("SSL routines", "", "ssl/tls alert certificate expired")]), "clock"),
            (SSL.Error([("SSL routines", "", "something new")]), "TLS has failed: something"),
            (SSL.Error(), "broken off"),
            (SSL.SysCallError(-1, "Unexpected EOF"), "broken off"),
            (ConnectionDone(), "may not trust the server"),
            (ConnectionLost(), "may not trust the server"),
            (None, "broken off"),
        ):
            self.assertIn(words, handshake_words(error))
