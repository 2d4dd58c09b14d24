"""
What can happen in a case about encryption and certificates where the gateway is tried, beside
L{tests.compliance.gateway.steps}.
"""

from __future__ import annotations

from attrs import frozen
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_csr
from cryptography.x509.oid import NameOID

from tests.compliance.bench import CaseFailed
from tests.compliance.encryption_steps import weaknesses
from tests.compliance.gateway.backend import NAME
from tests.compliance.gateway.bench import GatewayBench, Showing
from tests.compliance.line import Encryption
from tests.compliance.stage import Stage
from tests.compliance.steps import Says
from tests.issuer import Issuer, request_of

__all__ = ["Counts", "DialledEncrypted", "IsShunned", "Presents", "Signs"]


def _bench(stage: Stage) -> GatewayBench:
    assert isinstance(stage.bench, GatewayBench), "a case for the other role"
    return stage.bench


@frozen
class Presents:
    """The backend encrypts so from the next connection on; see L{Showing}."""

    showing: Showing

    async def does(self, stage: Stage) -> None:
        """Have it do so."""
        _bench(stage).present(self.showing)


@frozen
class DialledEncrypted:
    """
    How the latest connection is encrypted.

    @ivar suite: as OpenSSL calls it; empty: any.
    @ivar server_name: that was asked for; C{None}: any.
    @ivar shows: whose certificate the gateway shows; C{None}: none.
    @ivar is_new: it is for the key that was asked for with C{csr}.
    """

    suite: str = ""
    server_name: str | None = None
    shows: str | None = None
    is_new: bool = False

    async def does(self, stage: Stage) -> None:
        """Compare it."""
        found = _bench(stage).backend.requests[-1].encryption
        if found is None:
            raise CaseFailed("it has called without encryption")
        if found.version not in ("TLSv1.2", "TLSv1.3") or found.compression is not None:
            raise CaseFailed(f"the encryption is {found.version} {found.compression}")
        if self.suite not in ("", found.suite):
            raise CaseFailed(f"the cipher suite is {found.suite}")
        if self.server_name not in (None, found.server_name):
            raise CaseFailed(f"it has asked for {found.server_name}")
        self._judge(found)
        if self.is_new and _key_shown(found) != _key_asked_for(stage.memory.kept["csr"]):
            raise CaseFailed("it shows another certificate than the one it was given")

    def _judge(self, found: Encryption) -> None:
        if self.shows is None:
            if found.shown is not None:
                raise CaseFailed("it shows a certificate")
            return
        if found.shown is None:
            raise CaseFailed("it shows no certificate")
        names = found.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if [one.value for one in names] != [self.shows]:
            raise CaseFailed(f"it shows a certificate of {names}")
        why = weaknesses(found.certificate)
        if why is not None:
            raise CaseFailed(f"its certificate is weak: {why}")


@frozen
class IsShunned:
    """
    The gateway has tried, and has said nothing at all to the backend.

    @ivar since: how many handshakes of HTTP there were before, by the name under which it was
        kept.
    """

    since: str

    async def does(self, stage: Stage) -> None:
        """Look at what came."""
        backend = _bench(stage).backend
        if not backend.broken_off:
            raise CaseFailed("it has not tried")
        if len(backend.requests) != stage.memory.kept[self.since]:
            raise CaseFailed(f"it has said {backend.requests[-1]}")


@frozen
class Counts:
    """How many handshakes of HTTP there were is kept under a name."""

    name: str

    async def does(self, stage: Stage) -> None:
        """Keep it."""
        stage.memory.kept[self.name] = len(_bench(stage).backend.requests)


@frozen
class Signs:
    """
    The backend signs the request that was kept as C{csr}, and sends the certificate.

    @ivar issuer: who signs.
    @ivar answer: what the gateway must say.
    @ivar for_another_key: the certificate is not for the key that was asked for.
    """

    issuer: Issuer
    answer: str = "Accepted"
    for_another_key: bool = False

    async def does(self, stage: Stage) -> None:
        """Sign it, send it, and compare the answer."""
        request = request_of("GW-1")[0] if self.for_another_key else stage.memory.kept["csr"]
        payload = {"certificateChain": self.issuer.sign(request)}
        says = Says("CertificateSigned", payload, {"status": self.answer}, by=NAME)
        await says.does(stage)


def _key_shown(found: Encryption) -> bytes:
    key = found.certificate.public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _key_asked_for(request: str) -> bytes:
    key = load_pem_x509_csr(request.encode()).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
