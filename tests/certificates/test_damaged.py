"""Hundreds of damaged certificates, keys and requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.trial.util import suppress

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.names import identities, subject_words
from cfos_cm.certificates.pem import pem_of, read_certificates, read_key, read_request
from cfos_cm.certificates.trust import authority_words, verify_chain
from tests.certificates import broken
from tests.certificates.made import NOW, authority, ec_key, key_pem, rsa_key

_LABELS = ("CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY", "CERTIFICATE REQUEST")


class Damaged(SynchronousTestCase):
    """Each is refused in plain words, and nothing else happens."""

    #: The library warns of some of them, before it reads them.
    suppress = [suppress(category=UserWarning)]  # type: ignore[no-untyped-call]

    def refused(
        self, cases: Iterable[tuple[str, bytes]], read: Callable[[bytes], object]
    ) -> int:
        """@return: how many there were."""
        number = 0
        for name, data in cases:
            number += 1
            try:
                read(data)
            except CertificateFault as fault:
                self.assertLess(len(str(fault)), 200, name)
                self.assertTrue(str(fault).isprintable(), name)
            else:
                self.fail(f"{name} was taken")
        return number

    def test_certificates(self) -> None:
        """What is no file of certificates."""
        number = self.refused(
            broken.certificates(), lambda data: read_certificates(data, "ca_certificates")
        )
        self.assertGreater(number, 100)

    def test_keys(self) -> None:
        """What is no file with a private key."""
        number = self.refused(broken.private_keys(), lambda data: read_key(data, "private_key"))
        self.assertGreater(number, 150)

    def test_lockedKeys(self) -> None:
        """A passphrase makes none of them better, but for those that are locked."""
        cases = [one for one in broken.private_keys() if "locked" not in one[0]]
        self.refused(cases, lambda data: read_key(data, "private_key", b"geheim"))

    def test_requests(self) -> None:
        """What is no request, or one that somebody has changed."""
        number = self.refused(broken.requests(), read_request)
        self.assertGreater(number, 100)

    def test_flipped(self) -> None:
        """A certificate with a changed bit may be read, but is believed by nobody."""
        read = 0
        for name, data in broken.flips():
            try:
                (found,) = read_certificates(data, "certificate")
            except CertificateFault:
                continue
            read += 1
            words = verify_chain((found,), authority().chain, NOW, "client")
            self.assertIsNotNone(words, name)
        self.assertGreater(read, 5)

    def test_noSecrets(self) -> None:
        """No error has anything of a key in it."""
        secret = key_pem(rsa_key()).decode().splitlines()[5]
        text = key_pem(rsa_key()).decode()
        for data in (
            text[:-40],
            text.replace(secret, secret[:-4]),
            text.replace("BEGIN", "BEG"),
        ):
            with self.assertRaises(CertificateFault) as raised:
                read_key(data.encode(), "private_key")
            self.assertNotIn(secret[:16], str(raised.exception))
            self.assertIsNone(raised.exception.__cause__)
            self.assertTrue(
                raised.exception.__context__ is None or raised.exception.__suppress_context__
            )

    @given(st.binary(max_size=300), st.sampled_from(_LABELS))
    def test_anything(self, data: bytes, label: str) -> None:
        """Any bytes, plain or as PEM, are read or refused."""
        for text in (data, broken.armoured(data, label)):
            for read in (
                lambda text: read_certificates(text, "x"),
                lambda text: read_key(text, "x"),
                lambda text: read_key(text, "x", b"geheim"),
                read_request,
            ):
                try:
                    read(text)
                except CertificateFault:
                    continue

    @given(
        st.lists(
            st.tuples(st.integers(0, 5_000), st.binary(min_size=1, max_size=8)),
            min_size=1,
            max_size=4,
        )
    )
    def test_overwritten(self, changes: list[tuple[int, bytes]]) -> None:
        """A certificate that was overwritten in places is refused, or can be asked anything."""
        data = overwritten(changes)
        try:
            (found,) = read_certificates(data, "x")
        except CertificateFault:
            return
        identities(found)
        subject_words(found.subject)
        authority_words(found, NOW)
        verify_chain((found,), authority().chain, NOW, "server")
        pem_of(found)

    @given(st.integers(0, 8 * 400), st.integers(0, 8 * 400))
    def test_lockedAndFlipped(self, one: int, other: int) -> None:
        """A locked key with changed bits does not keep us busy, whatever it asks for."""
        data = broken.flipped(broken.flipped(_LOCKED, one), other)
        try:
            read_key(data, "x", b"geheim")
        except CertificateFault:
            return


def overwritten(changes: list[tuple[int, bytes]]) -> bytes:
    """A good certificate, overwritten."""
    data = bytearray(broken.good_certificate().public_bytes(Encoding.DER))
    for at, new in changes:
        start = at % len(data)
        data[start : start + len(new)] = new
    return bytes(data)


_LOCKED = key_pem(ec_key(), passphrase=b"geheim", encoding=Encoding.DER)
