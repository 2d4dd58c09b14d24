"""
TLS of a client: whom it believes, and what it says about others. The server is Python's C{ssl},
in memory.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.charge_point.given import Given
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.client_material import (
    SYSTEM_ROOTS,
    ClientMaterial,
    context_of,
    read_material,
    read_own_pair,
)
from cfos_cm.net.client_tls import ClientTls, is_weak, tls_words

from .authority import Authority, Pair
from .backends import server_context

_DAY = timedelta(days=1)


@frozen
class Files:
    """Which files are used."""

    ca_certificates: tuple[str, ...] = ()
    certificate: str | None = None
    private_key: str | None = None


class Case(SynchronousTestCase):
    """The base of tests with authorities."""

    def setUp(self) -> None:
        """One that is believed, and another."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.ours = Authority(self.folder, "ours")
        self.theirs = Authority(self.folder, "theirs")
        self.good = self.ours.pair("host.test")
        self.stranger = self.theirs.pair("host.test")

    def meet(
        self,
        server: Pair | ssl.SSLContext,
        files: Files | None = None,
        given: Given | None = None,
        host: str = "host.test",
    ) -> ClientTls:
        """A handshake; whether it is good is in C{error} then."""
        material = read_material(files or Files(), given)
        client = ClientTls(host, material, "ask somebody")
        self.error = shake(client, server)
        return client

    def assertTaken(self, *how: Any, **more: Any) -> ClientTls:
        """The handshake is good."""
        client = self.meet(*how, **more)
        self.assertIsNone(client.objection)
        self.assertIsNone(self.error)
        return client

    def assertRefused(self, words: str, *how: Any, **more: Any) -> ClientTls:
        """The handshake is broken off by us, for this reason."""
        client = self.meet(*how, **more)
        self.assertIn(words, client.objection or "")
        self.assertIsInstance(self.error, SSL.Error)
        self.assertIsNone(client.seen)
        return client


def shake(client: ClientTls, server: Pair | ssl.SSLContext) -> BaseException | None:
    """Have both shake hands; what the client says is returned: C{None}: all is well."""
    context = (
        server_context(server.certificate, server.key) if isinstance(server, Pair) else server
    )
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    other = context.wrap_bio(incoming, outgoing, server_side=True)
    ours = client.clientConnectionForTLS(None)  # type: ignore[arg-type]
    ours.set_connect_state()
    for _ in range(10):
        try:
            with contextlib.suppress(SSL.WantReadError):
                ours.do_handshake()
        except SSL.Error as error:
            return error
        with contextlib.suppress(SSL.WantReadError):
            while True:
                incoming.write(ours.bio_read(65536))
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLError):
            other.do_handshake()
        if data := outgoing.read():
            ours.bio_write(data)
    return None


class TrustTests(Case):
    """Who is believed."""

    def test_configured(self) -> None:
        """An authority that is configured, and nobody else."""
        files = Files((self.ours.file,))
        client = self.assertTaken(self.good, files)
        self.assertEqual((None, self.ours.fingerprint), (client.seen, client.root))
        self.assertRefused("not signed by any of ca_certificates", self.stranger, files)

    def test_given_root(self) -> None:
        """A root that the backend has given counts alone, and beside those configured."""
        given = Given(roots=(self.ours.pem,))
        self.assertIsNone(self.assertTaken(self.good, None, given).seen)
        self.assertRefused("any of the roots that the backend has", self.stranger, None, given)
        files = Files((self.theirs.file,))
        self.assertTaken(self.good, files, given)
        self.assertTaken(self.stranger, files, given)
        words = "any of ca_certificates or the roots that"
        self.assertRefused(words, self.ours.pair("host.test", self_signed=True), files, given)

    def test_given_root_name(self) -> None:
        """With a root that was given the name has to be that of the host, too."""
        given = Given(roots=(self.ours.pem,))
        words = "is for host.test, and not for other.test"
        self.assertRefused(words, self.good, None, given, host="other.test")

    def test_first_use(self) -> None:
        """Where nothing is known anybody is taken, and what was seen can be noted."""
        for pair in (
            self.stranger,
            self.theirs.pair("x.test", self_signed=True),
            self.theirs.pair("host.test", begins=-3 * _DAY, ends=-2 * _DAY),
            self.theirs.pair("host.test", begins=2 * _DAY, ends=3 * _DAY),
        ):
            seen = self.assertTaken(pair).seen
            assert seen is not None
            self.assertEqual(pair.pin, seen.pin)
            self.assertEqual("CN=backend", seen.subject)
            der = ssl.PEM_cert_to_DER_cert(pair.pem)
            self.assertEqual(seen.fingerprint.replace(":", "").lower(), _sha256(der))

    def test_pin(self) -> None:
        """A key that was seen before is taken, also in another certificate, and no other."""
        given = Given(pin=self.stranger.pin)
        self.assertIsNone(self.assertTaken(self.stranger, None, given).seen)
        renewed = self.ours.pair("y.test", self_signed=True, same_key_as=self.stranger)
        self.assertTaken(renewed, None, given)
        old = self.theirs.pair(ends=-_DAY / 2, same_key_as=self.stranger)
        self.assertTaken(old, None, given)
        client = self.assertRefused(
            "its key is not the one that it had", self.good, None, given
        )
        words = client.objection or ""
        for part in (self.stranger.pin, self.good.pin, "CN=backend", "right: ask somebody"):
            self.assertIn(part, words)

    def test_pin_and_root(self) -> None:
        """A root that was given counts beside a key that was seen: one of them is enough."""
        given = Given(pin=self.stranger.pin, roots=(self.ours.pem,))
        self.assertIsNone(self.assertTaken(self.stranger, None, given).root)
        self.assertEqual(self.ours.fingerprint, self.assertTaken(self.good, None, given).root)
        self.assertRefused("its key is not the one", self.theirs.pair("host.test"), None, given)
        self.assertRefused("its key is not", self.good, None, given, host="other.test")

    def test_pin_beside_configured(self) -> None:
        """What is configured goes before a key that was seen: it says nothing any more."""
        given = Given(pin=self.stranger.pin)
        files = Files((self.ours.file,))
        self.assertTaken(self.good, files, given)
        self.assertRefused("not signed by any of", self.stranger, files, given)

    def test_weak(self) -> None:
        """A key that is too short is nobody's, whoever vouches for it, or for nobody."""
        key = rsa.generate_private_key(65537, 1024)
        weak = self.ours.pair("host.test", key=key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(weak.certificate, weak.key)
        short = "key has 1024 bits; RSA needs 2048 at least"
        for files, given, words in (
            (Files(), None, short),
            (Files(), Given(pin=weak.pin), short),
            (Files((self.ours.file,)), None, "has a key that is too short"),
        ):
            self.assertRefused(words, context, files, given)

    def test_purpose(self) -> None:
        """A certificate that is made for clients alone is no server's."""
        client = self.ours.pair("host.test", use=ExtendedKeyUsageOID.CLIENT_AUTH)
        words = "its certificate is not made for a server"
        self.assertRefused(words, client, Files((self.ours.file,)))

    def test_leaf(self) -> None:
        """The server's own certificate may be what is believed, until it has expired."""
        for self_signed in (True, False):
            pair = self.theirs.pair(common_name="Tiefgarage Süd", self_signed=self_signed)
            self.assertTaken(pair, Files((pair.certificate,)))
            other = self.theirs.pair(common_name="Tiefgarage Süd", self_signed=self_signed)
            self.assertRefused("is not signed by", other, Files((pair.certificate,)))
        old = self.theirs.pair("host.test", ends=-_DAY / 2)
        self.assertRefused("has expired on", old, Files((old.certificate,)))

    def test_names(self) -> None:
        """Host names, wildcards and addresses; a common name where there is no other name."""
        for names, common_name, host, is_good in (
            (("*.host.test",), "x", "a.host.test", True),
            (("*.host.test",), "x", "b.a.host.test", False),
            (("*.test",), "x", "host.test", False),
            (("192.0.2.7",), "x", "192.0.2.7", True),
            (("192.0.2.7",), "x", "192.0.2.8", False),
            (("::1",), "x", "::1", True),
            (("192.0.2.7",), "host.test", "host.test", False),
            ((), "host.test", "host.test", True),
            ((), "My host", "host.test", False),
            ((), "bücher.test", "xn--bcher-kva.test", True),
            ((), "*.host.test", "a.host.test", True),
            (("host.test",), "x", "HOST.test.", True),
        ):
            with self.subTest(names=names, common_name=common_name, host=host):
                pair = self.ours.pair(*names, common_name=common_name)
                how = (pair, Files((self.ours.file,)), None, host)
                if is_good:
                    self.assertTaken(*how)
                else:
                    self.assertRefused(f"and not for {host}", *how)

    def test_damaged(self) -> None:
        """A certificate that cannot be read is refused, and taken where any would be."""
        damaged = self.ours.pair(damaged=True)
        client = self.meet(damaged, Files((self.ours.file,)))
        self.assertIn("its certificate cannot be", client.objection or "")
        self.assertIsInstance(self.error, SSL.Error)
        seen = self.assertTaken(damaged).seen
        assert seen is not None
        self.assertEqual(damaged.pin, seen.pin)

    def test_bad_host(self) -> None:
        """A host that no certificate could be for is said."""
        with self.assertRaisesRegex(LocalProtocolError, "no certificate could be for"):
            ClientTls("süd.test", ClientMaterial())

    def test_system(self) -> None:
        """The word for the system's roots: OpenSSL's variable says which these are."""
        self.set_root(self.ours.file)
        files = Files((SYSTEM_ROOTS,))
        self.assertTaken(self.good, files)
        self.assertRefused("not signed by any of ca_certificates", self.stranger, files)
        self.assertTaken(self.stranger, Files((SYSTEM_ROOTS, self.theirs.file)))

    def test_system_changes(self) -> None:
        """Roots of the system that have changed count in the next handshake."""
        roots = self.folder / "roots.pem"
        roots.write_text(self.theirs.pem)
        self.set_root(str(roots))
        files = Files((SYSTEM_ROOTS,))
        before = self.assertTaken(self.stranger, files)
        roots.write_text(self.ours.pem)
        os.utime(roots, (1, 1))
        self.assertTaken(self.good, files)
        self.assertRefused("not signed by any of", self.stranger, files)
        self.assertIsNotNone(before)

    def set_root(self, path: str) -> None:
        """What the system believes."""
        before = os.environ.get("SSL_CERT_FILE")

        def reset() -> None:
            os.environ.pop("SSL_CERT_FILE", None)
            if before is not None:
                os.environ["SSL_CERT_FILE"] = before

        self.addCleanup(reset)
        os.environ["SSL_CERT_FILE"] = path


class MaterialTests(Case):
    """What is read, and what it is made into."""

    def test_shared(self) -> None:
        """Connections with the same material share what takes memory, others do not."""
        one = read_material(Files((self.ours.file,)))
        same = read_material(Files((self.ours.file,)))
        other = read_material(Files((self.theirs.file,)))
        context = context_of(one)
        self.assertIs(context, context_of(same))
        self.assertIsNot(context, context_of(other))
        own = read_material(Files((self.ours.file,), self.good.certificate, self.good.key))
        self.assertIsNot(context, context_of(own))

    def test_given_pair(self) -> None:
        """The pair that the backend has given goes before the configured one."""
        given = Given(chain=self.good.pem, private_key=self.good.key_pem)
        files = Files((), self.stranger.certificate, self.stranger.key)
        for found, pair in ((given, self.good), (Given(), self.stranger)):
            own = read_material(files, found).pair
            assert own is not None
            self.assertEqual(pair.private.public_key(), own.certificate.public_key())
        half = Given(chain=self.good.pem)
        self.assertIsNone(read_material(Files(), half).pair)

    def test_bad(self) -> None:
        """What cannot be used is said, and no key with it."""
        for files, given, words in (
            (Files(("/nowhere.pem",)), None, "ca_certificates: /nowhere.pem cannot be read"),
            (Files((self.good.key,)), None, "there is a private key in it"),
            (Files((), self.good.certificate), None, "belong together"),
            (Files((), None, self.good.key), None, "belong together"),
            (
                Files((), self.good.certificate, self.stranger.key),
                None,
                "the private key is not that of the certificate",
            ),
            (
                Files(),
                Given(chain=self.good.pem, private_key=self.stranger.key_pem),
                "the private key is not that of the certificate",
            ),
            (Files(), Given(roots=("x",)), "a given root"),
        ):
            with self.assertRaises((LocalProtocolError, CertificateFault)) as caught:
                read_material(files, given)
            self.assertIn(words, str(caught.exception))
            self.assertNotIn(self.stranger.key_pem.splitlines()[1], str(caught.exception))

    def test_large(self) -> None:
        """A file that is larger than any is not read to its end."""
        path = self.folder / "large.pem"
        path.touch()
        os.truncate(path, 1 << 40)
        with self.assertRaisesRegex(LocalProtocolError, "is larger than"):
            read_material(Files((str(path),)))

    def test_no_file(self) -> None:
        """What is no file is not waited for, and not held open."""
        pipe, folder = self.folder / "pipe", self.folder / "folder"
        os.mkfifo(pipe)
        folder.mkdir()
        for path, words in (
            (str(pipe), "it is not a regular file"),
            ("/dev/zero", "it is not a regular file"),
            (str(folder), "it is not a regular file"),
            (f"{folder}/", "it is not a regular file"),
            (f"{self.ours.file}/", "Not a directory"),
            ("nul\0.pem", "this is not the name of a file"),
        ):
            before = len(os.listdir("/proc/self/fd"))
            for files in (Files((path,)), Files((), path, path)):
                with self.assertRaisesRegex(LocalProtocolError, f"cannot be read: {words}"):
                    read_material(files)
            self.assertEqual(before, len(os.listdir("/proc/self/fd")))

    def test_broken_system(self) -> None:
        """A file of the system that is just being written is told of, and read anew later."""
        roots = self.folder / "roots.pem"
        roots.touch()
        self.patch(SSL, "_CERTIFICATE_FILE_LOCATIONS", [str(roots)])
        self.patch(SSL.Context, "_check_env_vars_set", lambda *_: False)
        self.patch(SSL, "_CRYPTOGRAPHY_MANYLINUX_CA_DIR", _default("dir"))
        self.patch(SSL, "_CRYPTOGRAPHY_MANYLINUX_CA_FILE", _default("file"))
        material = ClientMaterial(has_system_roots=True)
        with self.assertRaisesRegex(LocalProtocolError, "ca_certificates: they cannot be used"):
            ClientTls("host.test", material)
        roots.write_text(self.ours.pem)
        self.assertTaken(self.good, Files((SYSTEM_ROOTS,)))

    def test_none(self) -> None:
        """Without files there is no pair, and nothing is known."""
        self.assertIsNone(read_own_pair(Files()))
        self.assertTrue(read_material(Files()).takes_any)
        self.assertFalse(read_material(Files(), Given(pin="00")).takes_any)
        self.assertFalse(read_material(Files((self.ours.file,))).takes_any)
        self.assertFalse(read_material(Files((SYSTEM_ROOTS,))).takes_any)

    def test_secret(self) -> None:
        """No key is in what is printed of it."""
        files = Files((), self.good.certificate, self.good.key)
        self.assertNotIn("Key", repr(read_material(files)))


class ShownTests(Case):
    """What we show of ourselves."""

    def test_asked(self) -> None:
        """It is known whether a certificate was asked for, and whether one was shown."""
        own = Files((), self.stranger.certificate, self.stranger.key)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for asks, files in ((False, own), (True, own), (True, Files()), (False, Files())):
                clients = self.theirs.file if asks else None
                context = server_context(self.good.certificate, self.good.key, clients)
                context.maximum_version = version
                if asks:
                    context.verify_mode = ssl.CERT_OPTIONAL
                client = self.assertTaken(context, files)
                self.assertEqual(
                    (asks, asks and files is own), (client.has_asked, client.has_shown)
                )

    def test_server_name(self) -> None:
        """A name is asked for in the handshake, an address is not."""
        for host, name in (("host.test", "host.test"), ("192.0.2.7", None), ("::1", None)):
            names: list[str | None] = []
            context = server_context(self.good.certificate, self.good.key)
            context.sni_callback = lambda _, name, __: names.append(name)  # type: ignore[assignment]  # noqa: B023
            self.assertTaken(context, None, None, host)
            self.assertEqual([name], names)

    def test_suites(self) -> None:
        """The suites that the security whitepaper names are taken, old ones are not."""
        for suite, is_good in (
            ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
            ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
            ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
            ("ECDHE-ECDSA-AES128-SHA256", False),
        ):
            context = server_context(self.good.certificate, self.good.key)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(suite)
            client = self.meet(context)
            self.assertEqual(is_good, client.seen is not None, suite)


class WordTests(SynchronousTestCase):
    """What OpenSSL's words mean."""

    def test_words(self) -> None:
        """Each is told in plain words; some mean that the other end's TLS is too weak."""
        for said, words, weak in (
            ("wrong version number", "does not speak TLS", False),
            ("tlsv1 alert protocol version", "no TLS 1.2 or newer", True),
            ("unsupported protocol", "no TLS 1.2 or newer", True),
            ("ee key too small", "has a key that is too short", True),
            ("tlsv13 alert certificate required", "wants a client certificate", False),
            ("a new one", "TLS has failed: a new one", False),
        ):
            error = SSL.Error([("SSL routines", "", said)])
            self.assertIn(words, tls_words(error))
            self.assertEqual(weak, is_weak(error))
        self.assertEqual("the backend has broken off TLS", tls_words(SSL.Error()))
        self.assertFalse(is_weak(ValueError("unsupported protocol")))
        self.assertFalse(is_weak(None))


def _default(what: str) -> bytes:
    """Where the library's own OpenSSL looks for what the system believes."""
    find = getattr(SSL._lib, f"X509_get_default_cert_{what}")
    return bytes(SSL._ffi.string(find()))


def _sha256(data: bytes) -> str:
    return sha256(data).hexdigest()
