"""
The root certificates that a backend has installed in its gateway.

"Improved security for OCPP 1.6-J", M03 to M05: InstallCertificate, DeleteCertificate and
GetInstalledCertificateIds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from attrs import evolve, frozen
from cryptography import x509
from twisted.internet.defer import Deferred

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.hash_data import HashAlgorithm, HashData, hash_data, is_same
from cfos_cm.certificates.names import fingerprint
from cfos_cm.certificates.pem import pem_of, read_certificates
from cfos_cm.certificates.trust import authority_words
from cfos_cm.charge_point.environment import Vault, VaultName
from cfos_cm.charge_point.kept_text import read_kept, text_of
from cfos_cm.charge_point.keys import MAX_ROOTS
from cfos_cm.v16.security import CertificateUse

__all__ = ["InstalledRoots", "Root"]


@frozen
class Root:
    """
    A root certificate.

    @ivar pem: its text, as it is kept.
    """

    certificate: x509.Certificate
    pem: str


@frozen
class _Kept:
    """The texts, by kind."""

    central_system: tuple[str, ...] = ()
    manufacturer: tuple[str, ...] = ()


_FIELDS: Final = {
    CertificateUse.CENTRAL_SYSTEM_ROOT_CERTIFICATE: "central_system",
    CertificateUse.MANUFACTURER_ROOT_CERTIFICATE: "manufacturer",
}


class InstalledRoots:
    """The roots of one gateway, by what they vouch for."""

    def __init__(self, name: str, vault: Vault, now: Callable[[], datetime]) -> None:
        """
        @param name: of the gateway, for people.
        @param now: the time of day; aware.
        """
        self._name = name
        self._vault = vault
        self._now = now
        self._kept = _Kept()
        self._roots: dict[CertificateUse, tuple[Root, ...]] = dict.fromkeys(_FIELDS, ())

    def restore(self, kept: Mapping[VaultName, str]) -> None:
        """Take what was installed before the restart."""
        found = read_kept(self._name, kept, VaultName.ROOTS, _Kept)
        if found is not None:
            self._take(found)

    def of(self, use: CertificateUse) -> tuple[Root, ...]:
        """Those of a kind, in the order in which they came."""
        return self._roots[use]

    def read(self, use: CertificateUse, text: str) -> Root:
        """
        A root certificate that may be installed.

        @raise CertificateFault: if it is none, may not sign others, is not valid now, or there
            are L{MAX_ROOTS} already.
        """
        found = read_certificates(text.encode(), "the root certificate")
        if len(found) != 1:
            raise CertificateFault(
                f"the root certificate: {len(found)} certificates; there must be one"
            )
        objection = authority_words(found[0], self._now())
        if objection is not None:
            raise CertificateFault(f"the root certificate: {objection}")
        if len(self._roots[use]) >= MAX_ROOTS and not self._knows(use, found[0]):
            raise CertificateFault(f"{MAX_ROOTS} root certificates are installed already")
        # One that cannot be named could not be deleted either.
        hash_data(found[0], None)
        return Root(found[0], pem_of(found[0]))

    def install(self, use: CertificateUse, root: Root) -> Deferred[None]:
        """
        Believe whom it vouches for.

        @return: when it is on disk; fails with L{StorageError<cfos_cm.errors.StorageError>}.
        """
        texts = getattr(self._kept, _FIELDS[use])
        if root.pem not in texts:
            texts = (*texts, root.pem)
        return self._put(use, texts)

    def find(self, wanted: HashData) -> tuple[CertificateUse, Root] | None:
        """The one that is named by its hashes; C{None}: there is none."""
        for use, roots in self._roots.items():
            for root in roots:
                if is_same(hash_data(root.certificate, None, wanted.algorithm), wanted):
                    return use, root
        return None

    def delete(self, use: CertificateUse, root: Root) -> Deferred[None]:
        """As L{install}: believe it no more."""
        texts = tuple(one for one in getattr(self._kept, _FIELDS[use]) if one != root.pem)
        return self._put(use, texts)

    def ids(self, use: CertificateUse) -> tuple[HashData, ...]:
        """How those of a kind are named."""
        return tuple(
            hash_data(root.certificate, None, HashAlgorithm.SHA256) for root in self.of(use)
        )

    def _knows(self, use: CertificateUse, certificate: x509.Certificate) -> bool:
        known = {fingerprint(root.certificate) for root in self._roots[use]}
        return fingerprint(certificate) in known

    def _put(self, use: CertificateUse, texts: tuple[str, ...]) -> Deferred[None]:
        kept = evolve(self._kept, **{_FIELDS[use]: texts})
        putting = self._vault.put(VaultName.ROOTS, text_of(kept))
        return putting.addCallback(lambda _: self._take(kept))

    def _take(self, kept: _Kept) -> None:
        self._kept = kept
        self._roots = {
            use: tuple(_roots_in(getattr(kept, name))) for use, name in _FIELDS.items()
        }


def _roots_in(texts: tuple[str, ...]) -> list[Root]:
    found = []
    for text in texts[:MAX_ROOTS]:
        try:
            (certificate,) = read_certificates(text.encode(), "an installed root certificate")
        except (CertificateFault, ValueError):
            continue
        found.append(Root(certificate, text))
    return found
