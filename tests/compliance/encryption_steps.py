"""
What can happen in a case about encryption and certificates, beside L{tests.compliance.steps}.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from tests.compliance.bench import CaseFailed
from tests.compliance.sites import FIRST
from tests.compliance.stage import Stage
from tests.issuer import new_papers, request_of

__all__ = ["IsEncrypted", "RaisesProfile", "RequestsCertificate", "weaknesses"]

#: What "Improved security for OCPP 1.6-J" allows of encryption.
_VERSIONS = ("TLSv1.2", "TLSv1.3")
_LEAST_RSA_BITS, _LEAST_EC_BITS = 2048, 224


def weaknesses(certificate: x509.Certificate) -> str | None:
    """What is too weak in a certificate; C{None}: nothing."""
    key = certificate.public_key()
    match key:
        case RSAPublicKey() if key.key_size >= _LEAST_RSA_BITS:
            pass
        case EllipticCurvePublicKey() if key.key_size >= _LEAST_EC_BITS:
            pass
        case _:
            return f"its key is {type(key).__name__} {getattr(key, 'key_size', '')}"
    is_sha256 = isinstance(certificate.signature_hash_algorithm, SHA256)
    return None if is_sha256 else f"it is signed with {certificate.signature_hash_algorithm}"


@frozen
class IsEncrypted:
    """
    The peer's connection is encrypted as OCPP wants it, by a certificate that is strong.

    That it leads to whom the peer believes, and is for the host that it has called, was looked
    at in the handshake.

    @ivar suite: the one it must be, as OpenSSL calls it; empty: any.
    """

    suite: str = ""
    by: str = FIRST

    async def does(self, stage: Stage) -> None:
        """Look at it."""
        found = stage.line(self.by).encryption
        if found is None:
            raise CaseFailed("the connection is not encrypted")
        if found.version not in _VERSIONS:
            raise CaseFailed(f"it is {found.version}")
        if self.suite not in ("", found.suite):
            raise CaseFailed(f"the cipher suite is {found.suite}")
        if found.compression is not None:
            raise CaseFailed(f"it is compressed: {found.compression}")
        why = weaknesses(found.certificate)
        if why is not None:
            raise CaseFailed(f"the certificate is weak: {why}")


@frozen
class RaisesProfile:
    """
    The operator has the peer change to a higher security profile.

    @ivar answer: what the peer says to it.
    """

    profile: int
    by: str = FIRST
    answer: str = "Accepted"

    async def does(self, stage: Stage) -> None:
        """Raise it, and see that the peer is told as OCPP wants it."""
        line = stage.line(self.by)
        reading = stage.expect(self.by, "GetConfiguration", {"key": ["SecurityProfile"]})
        # Who raises it looks first what it is.
        reading.addCallback(lambda heard: line.answer(heard, self._configuration()))
        order = stage.raise_profile(self.by, self.profile)
        heard = await stage.hears(order, f"ChangeConfiguration at {self.by}")
        sending = line.answer(heard, {"status": self.answer})
        await stage.bench.within(sending, "the end of sending")
        outcome = await stage.bench.within(order.outcome, "the outcome of the change")
        if outcome.error is not None:
            raise CaseFailed(f"the operator was told: {outcome.error}")

    def _configuration(self) -> dict[str, Any]:
        value = str(self.profile - 1)
        key = {"key": "SecurityProfile", "readonly": False, "value": value}
        return {"configurationKey": [key]}


@frozen
class RequestsCertificate:
    """
    The peer asks for a certificate and gets one; it is kept with its key as C{papers}.

    @ivar authority: who must have signed it (PEM).
    @ivar name: the common name that is asked for; empty: the peer's identity.
    """

    authority: str
    by: str = FIRST
    name: str = ""

    async def does(self, stage: Stage) -> None:
        """Ask, get it, and judge it as C{openssl verify} does."""
        request, key = request_of(self.name or self.by)
        coming = stage.expect(self.by, "CertificateSigned", {})
        asked = stage.line(self.by).ask("SignCertificate", {"csr": request})
        answer = await stage.bench.within(asked.answer, "an answer to SignCertificate")
        if answer.payload != {"status": "Accepted"}:
            raise CaseFailed(f"SignCertificate: {answer}")
        signed = await stage.bench.within(coming, "CertificateSigned")
        chain: Any = signed.payload["certificateChain"]
        papers = new_papers(chain, key)
        if papers is None:
            raise CaseFailed("the certificate is for another key")
        why = weaknesses(papers.certificate) or _objection(chain, self.authority)
        if why is not None:
            raise CaseFailed(f"the certificate that came is not valid: {why}")
        stage.memory.kept["papers"] = papers
        sending = stage.line(self.by).answer(signed, {"status": "Accepted"})
        await stage.bench.within(sending, "the end of sending")


def _objection(chain: str, authority: str) -> str | None:
    """Why C{openssl} does not take a client's certificate; C{None}: it does."""
    with TemporaryDirectory() as folder:
        leaf, root = Path(folder, "leaf.pem"), Path(folder, "root.pem")
        leaf.write_text(chain)
        root.write_text(authority)
        command = ("openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile")
        found = subprocess.run(
            [*command, str(root), "-untrusted", str(leaf), str(leaf)],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    return None if found.returncode == 0 else f"{found.stdout}{found.stderr}"
