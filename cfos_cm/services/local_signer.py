"""An authority of our own, that signs the certificates of Charge Points."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from attrs import field, frozen
from cryptography import x509

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.issuing import sign_request
from cfos_cm.certificates.names import is_self_signed
from cfos_cm.certificates.pair import Pair, flaws
from cfos_cm.certificates.pem import pem_of, read_request
from cfos_cm.certificates.signatures import may_sign
from cfos_cm.services.certificate_files import may_be_there, pair_in
from cfos_cm.services.config import Config

__all__ = ["DAYS", "LocalSigner", "SigningFiles", "read_signer", "signing_files"]

#: How long the certificate of a Charge Point is valid.
DAYS = 825


@frozen
class SigningFiles:
    """
    Where the authority is.

    @ivar is_asked_for: the settings name it; if not, it need not be there.
    """

    certificate: str
    private_key: str
    passphrase: str | None = field(default=None, repr=False)
    is_asked_for: bool = False

    def is_there(self) -> bool:
        """Whether there is one, or has to be."""
        return self.is_asked_for or may_be_there(self.certificate)


def signing_files(config: Config) -> SigningFiles:
    """What the settings say, or C{ca/ca.pem} and C{ca/ca.key} in the state directory."""
    server = config.ocpp_server
    if server.signing_certificate is not None and server.signing_key is not None:
        certificate = config.located(server.signing_certificate)
        key = config.located(server.signing_key)
        return SigningFiles(certificate, key, server.signing_passphrase, is_asked_for=True)
    folder = Path(config.state_directory) / "ca"
    return SigningFiles(
        str(folder / "ca.pem"), str(folder / "ca.key"), server.signing_passphrase
    )


def read_signer(files: SigningFiles) -> Pair | None:
    """
    The authority; C{None}: there is none, and nobody has asked for one.

    To unlock its key may take a second.

    @raise CertificateFault: if it is there and cannot be used.
    """
    if not files.is_there():
        return None
    pair = pair_in(files.certificate, files.private_key, files.passphrase)
    found = list(flaws(pair))
    if not may_sign(pair.certificate):
        found.append("it is not that of an authority: it may not sign others")
    if found:
        raise CertificateFault(f"{files.certificate}: {'; '.join(found)}")
    return pair


class LocalSigner:
    """This is L{cfos_cm.central_system.environment.Signer}."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """@param now: what time it is, aware."""
        self._now = now
        self._authority: Pair | None = None

    @property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Whose certificates those that it signs lead to; none: it does not sign."""
        return () if self._authority is None else self._authority.chain

    @property
    def is_ready(self) -> bool:
        """Whether it signs anything at all."""
        return self._authority is not None

    def use(self, authority: Pair | None) -> None:
        """Sign with this from now on; C{None}: sign nothing."""
        self._authority = authority

    def sign(self, request_pem: str, names: Collection[str]) -> str:
        """
        See L{cfos_cm.central_system.environment.Signer.sign}.

        @raise CertificateFault: if it is not signed.
        """
        if self._authority is None:
            raise CertificateFault(
                "there is no authority here that signs certificates: 'cfos-cm certs init-ca' "
                "makes one"
            )
        request = read_request(request_pem.encode())
        certificate = sign_request(
            self._authority, request, self._now(), DAYS, for_client=True, allowed=names
        )
        # Whoever is to believe a root has it already.
        above = (one for one in self._authority.chain if not is_self_signed(one))
        return pem_of(certificate, *above)
