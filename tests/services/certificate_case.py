"""A site's folder with certificates in it, and what a client is shown."""

from __future__ import annotations

import ssl
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.pem import pem_of
from cfos_cm.net.server_tls import ServerTls
from cfos_cm.services import own_pairs as own_pairs_module
from cfos_cm.services import server_certificates as module
from cfos_cm.services.config import Config, read_config
from cfos_cm.services.server_certificates import ServerCertificates
from tests.certificates.made import rsa_key
from tests.issuer import Issuer, Papers

from .threadless import ThreadlessClock

__all__ = ["DAY", "NOW", "CertificateCase", "done", "shown_by"]

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)

_SUITES = {"ec": "ECDHE-ECDSA-AES256-GCM-SHA384", "rsa": "ECDHE-RSA-AES256-GCM-SHA384"}


def done(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives that has nothing to wait for."""
    return cast(Any, SynchronousTestCase()).successResultOf(Deferred.fromCoroutine(work))


def shown_by(tls: ServerTls, kind: str = "ec") -> x509.Certificate:
    """
    The certificate that a client of Python's C{ssl} is shown.

    @param kind: of its key, C{ec} or C{rsa}.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES[kind])
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(coming, going)
    server = tls.serverConnectionForTLS(cast(Any, SimpleNamespace(objection=None)))
    for _ in range(10):
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            server.bio_write(going.read())
        with suppress(SSL.WantReadError):
            server.do_handshake()
        coming.write(server.bio_read(65536))
    found = client.getpeercert(binary_form=True)
    assert found is not None
    return x509.load_der_x509_certificate(found)


class CertificateCase(SynchronousTestCase):
    """
    A site with TLS, in a folder of its own.

    @ivar now: the time of day.
    @ivar names: what the computer is called, and its addresses.
    @ivar tls: the server's.
    """

    def setUp(self) -> None:
        """Make the folder; no RSA key is made that takes long."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.now = NOW
        self.names = ("garage", "garage.local", "localhost", "127.0.0.1", "192.168.178.5")
        self.clock = ThreadlessClock()
        self.patch(module, "own_names", lambda: self.names)
        self.patch(own_pairs_module, "new_rsa_key", lambda: rsa_key(2048))
        kinds = {**own_pairs_module._KINDS, "rsa": lambda: rsa_key(2048)}
        self.patch(own_pairs_module, "_KINDS", kinds)
        self.restart()

    def restart(self) -> None:
        """The program has started anew."""
        self.tls = ServerTls(lambda: self.now)
        self.certificates = ServerCertificates(self.clock, lambda: self.now, self.tls)

    def config(self, server: str = "", title: str = "Tiefgarage Köln") -> Config:
        """The settings, with more about the server."""
        path = self.folder / "tap.cfg"
        path.write_text(f"[manager]\ntitle = {title}\n[ocpp server]\n{server}\n")
        return read_config(str(path))

    def keep(self, papers: Papers, name: str = "server") -> str:
        """Put a pair into the folder; gives the options that name it."""
        papers.files(self.folder, name)
        return f"certificate = {name}.pem\nprivate_key = {name}.key"

    def keep_authority(self, issuer: Issuer, name: str = "ca") -> str:
        """Put an authority into the folder, without its key; gives the option."""
        (self.folder / f"{name}.pem").write_text(issuer.pem)
        return f"ca_certificates = {name}.pem"

    def opened(self, config: Config) -> list[str]:
        """Begin; gives the warnings and errors in the log."""
        return self.logged(self.certificates.open(config))

    def configured(self, config: Config) -> list[str]:
        """Reload; gives the warnings and errors in the log."""
        return self.logged(self.certificates.configure(config))

    def logged(self, work: Coroutine[Any, Any, Any]) -> list[str]:
        """The warnings and errors in the log of something that is done at once."""
        with capturedLogs() as events:
            self.successResultOf(Deferred.fromCoroutine(work))
        return [formatEvent(one) for one in events if one["log_level"] >= LogLevel.warn]

    def assertShows(self, papers: Papers, kind: str = "ec") -> None:
        """A client is shown this certificate."""
        self.assertEqual(pem_of(papers.certificate), pem_of(shown_by(self.tls, kind)))
