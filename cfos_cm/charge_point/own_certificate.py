"""
The certificate that a backend has given its gateway: asked for, taken and renewed.

"Improved security for OCPP 1.6-J", A02 and A03. The private key is made here and never leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, field, frozen
from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.issuing import make_request
from cfos_cm.certificates.keys import new_ec_key
from cfos_cm.certificates.names import identities
from cfos_cm.certificates.pair import Pair, flaws, read_pair, time_words
from cfos_cm.certificates.pem import MAX_CHAIN, pem_of, read_certificates, read_key
from cfos_cm.certificates.subject import Subject
from cfos_cm.certificates.trust import verify_chain
from cfos_cm.charge_point.environment import Vault, VaultName
from cfos_cm.charge_point.given import Given
from cfos_cm.charge_point.kept_text import read_kept, text_of
from cfos_cm.charge_point.remembering import by_the_way
from cfos_cm.errors import StorageError

__all__ = ["CLOCK_TOLERANCE", "RENEWAL", "OwnCertificate"]

#: So long before its end a new one is asked for.
RENEWAL: Final = timedelta(days=30)
#: A certificate may be that much younger than it can be by our clock.
CLOCK_TOLERANCE: Final = timedelta(minutes=10)

_log = Logger(namespace="cfos_cm.gateway")


@frozen
class _Kept:
    """
    @ivar chain: the certificate and those of its authorities (PEM).
    @ivar private_key: its key (PEM).
    """

    chain: str = field(repr=False)
    private_key: str = field(repr=False)


@frozen
class _Asked:
    """@ivar private_key: of the certificate that is asked for (PEM)."""

    private_key: str = field(repr=False)


class OwnCertificate:
    """The certificate of one gateway."""

    def __init__(
        self, name: str, client_id: str, vault: Vault, now: Callable[[], datetime]
    ) -> None:
        """
        @param name: of the gateway, for people.
        @param client_id: whom a certificate must be for.
        @param now: the time of day; aware.
        """
        self._name = name
        self._client_id = client_id
        self._vault = vault
        self._now = now
        self._kept: _Kept | None = None
        self._pair: Pair | None = None
        self._asked: _Asked | None = None

    def restore(self, kept: Mapping[VaultName, str]) -> None:
        """Take what was given before the restart, and what is asked for."""
        self._asked = read_kept(self._name, kept, VaultName.REQUEST, _Asked)
        found = read_kept(self._name, kept, VaultName.CERTIFICATE, _Kept)
        if found is None:
            return
        try:
            pair = read_pair(found.chain.encode(), found.private_key.encode())
        except (CertificateFault, ValueError):
            _log.error(
                "{name}: the certificate that the backend has given cannot be read any more: "
                "that of the settings is used, if there is one",
                name=self._name,
            )
            return
        self._kept, self._pair = found, pair

    def add_to(self, given: Given) -> Given:
        """C{given} with what is known here."""
        if self._kept is None:
            return given
        return evolve(given, chain=self._kept.chain, private_key=self._kept.private_key)

    @property
    def certificate(self) -> x509.Certificate | None:
        """The one that is used; C{None}: that of the settings, or none."""
        return None if self._pair is None else self._pair.certificate

    @property
    def is_old(self) -> bool:
        """Whether another one should be asked for: A03."""
        certificate = self.certificate
        return certificate is not None and (
            certificate.not_valid_after_utc - self._now() <= RENEWAL
        )

    async def ask(self, organisation: str | None) -> str:
        """
        A request for a new certificate, with a new key.

        @param organisation: who operates the charge points; C{None}: not known.
        @return: the text (PEM); the key is on disk by then.
        @raise CertificateFault: if the identity cannot stand in a certificate.
        @raise StorageError: if the key cannot be stored.
        """
        key = new_ec_key()
        request = make_request(Subject(self._client_id, organisation), (), key)
        # From now on: a certificate that is being stored must not have it forgotten.
        before, self._asked = self._asked, _Asked(pem_of(key))
        try:
            await self._vault.put(VaultName.REQUEST, text_of(self._asked))
        except StorageError:
            self._asked = before
            raise
        return pem_of(request)

    def read(self, text: str, roots: Sequence[x509.Certificate]) -> Pair:
        """
        A certificate that was asked for.

        @param text: it and those of its authorities (PEM).
        @param roots: whom it may lead to; none: to whomever it likes.
        @raise CertificateFault: if it cannot be read, is none that was asked for, is for
            somebody else, is not valid now, or leads to none of C{roots}.
        """
        chain = read_certificates(text.encode(), "the certificate")
        pair = self._paired(chain)
        if self._client_id.casefold() not in _folded(identities(pair.certificate)):
            raise CertificateFault("the certificate is for another name than the client id")
        found = list(flaws(pair))
        moment = self._moment(pair.chain)
        words = [time_words(one, moment) for one in pair.chain]
        if roots:
            words.append(verify_chain(pair.chain, roots, moment, "client"))
        found += [one for one in words if one]
        if found:
            raise CertificateFault(f"the certificate: {found[0]}")
        return pair

    def take(self, pair: Pair) -> Deferred[None]:
        """
        Use a certificate that L{read} has given, from the next connection on.

        @return: when it is on disk; fails with L{StorageError<cfos_cm.errors.StorageError>}.
        """
        chain = "".join(pem_of(one) for one in pair.chain)
        kept = _Kept(chain, pem_of(pair.key))

        def taken(_: object) -> None:
            self._kept, self._pair = kept, pair
            # It may be another one for the key before, while one for a new key is asked for.
            if self._asked is not None and self._asked.private_key == kept.private_key:
                self._asked = None
                by_the_way(self._name, self._vault.put(VaultName.REQUEST, None))

        return self._vault.put(VaultName.CERTIFICATE, text_of(kept)).addCallback(taken)

    def _paired(self, chain: Sequence[x509.Certificate]) -> Pair:
        """The certificate of a key of ours, with its authorities in their order."""
        texts = [None if one is None else one.private_key for one in (self._asked, self._kept)]
        for text in texts:
            if text is None:
                continue
            key = read_key(text.encode(), "the private key")
            for one in chain:
                if one.public_key() == key.public_key():
                    return Pair(_in_order(one, chain), key)
        if self._asked is None:
            raise CertificateFault("no certificate was asked for")
        raise CertificateFault("the certificate is not for the key that one was asked for with")

    def _moment(self, chain: Sequence[x509.Certificate]) -> datetime:
        """Now, or a little later for a clock of ours that is slow."""
        now = self._now()
        youngest = max(one.not_valid_before_utc for one in chain)
        return min(max(now, youngest), now + CLOCK_TOLERANCE)


def _folded(names: Sequence[str]) -> set[str]:
    return {name.casefold() for name in names}


def _in_order(
    first: x509.Certificate, others: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """A certificate, the one that has signed it, and so on; many send them in any order."""
    found = [first]
    while len(found) < MAX_CHAIN and found[-1].issuer != found[-1].subject:
        above = [one for one in others if one.subject == found[-1].issuer and one not in found]
        if not above:
            break
        found.append(above[0])
    return tuple(found)
