"""CertificateHashData: against an own reader of DER, and against C{openssl ocsp}."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from attrs import evolve
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.certificates.der import members
from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.hash_data import HashAlgorithm, HashData, hash_data, is_same
from cfos_cm.certificates.pem import pem_of
from cfos_cm.v16.types import CertificateHashData
from cfos_cm.v16.types import HashAlgorithm as Spelled
from tests.certificates.made import (
    authority,
    certificate,
    client_pair,
    der_value,
    ec_key,
    rsa_key,
    server_pair,
)
from tests.certificates.openssl import openssl


def named_by_hand(der: bytes, issuer: bytes, algorithm: str) -> HashData:
    """RFC 6960, 4.1.1, from the bytes."""
    fields, above = _fields(der), _fields(issuer)
    serial, issued_by = fields[0][1], der_value(*fields[2])
    key = list(members(above[5][1]))[1][1][1:]  # without the number of unused bits
    return HashData(
        HashAlgorithm(algorithm),
        hashlib.new(algorithm, issued_by).hexdigest(),
        hashlib.new(algorithm, key).hexdigest(),
        f"{int.from_bytes(serial, 'big'):x}",
    )


def _fields(der: bytes) -> list[tuple[int, bytes]]:
    ((_, whole),) = members(der)
    ((_, signed), *_) = members(whole)
    return [one for one in members(signed) if one[0] != 0xA0]


class HashDataTests(SynchronousTestCase):
    """How a certificate is named."""

    def test_byHand(self) -> None:
        """Leaves and roots, EC and RSA, with each of the hashes."""
        root = authority().certificate
        for one, issuer in (
            (root, None),
            (server_pair().certificate, root),
            (client_pair().certificate, root),
            (certificate("Köln", key=rsa_key(), serial=1), None),
            (certificate("Köln", key=rsa_key(), serial=2**158 + 1), None),
            (certificate("Köln", key=ec_key(), serial=0xABCDEF), None),
        ):
            der = one.public_bytes(Encoding.DER)
            above = (issuer or one).public_bytes(Encoding.DER)
            for algorithm in HashAlgorithm:
                expected = named_by_hand(der, above, algorithm)
                self.assertEqual(expected, hash_data(one, issuer, algorithm))

    def test_openssl(self) -> None:
        """The very values that C{openssl ocsp} asks with."""
        root, leaf = authority().certificate, server_pair().certificate
        files = [Path(self.mktemp()), Path(self.mktemp())]
        for file, one in zip(files, (root, leaf), strict=True):
            file.write_text(pem_of(one))
        for algorithm in HashAlgorithm:
            said = openssl(
                "ocsp",
                f"-{algorithm.lower()}",
                *("-issuer", str(files[0]), "-cert", str(files[1]), "-req_text"),
            )
            found = hash_data(leaf, root, algorithm)
            for label, expected in (
                ("Issuer Name Hash", found.issuer_name_hash),
                ("Issuer Key Hash", found.issuer_key_hash),
                ("Serial Number", found.serial_number),
            ):
                match = re.search(rf"{label}: ([0-9A-F]+)", said.replace("\\\n", ""))
                assert match is not None
                self.assertEqual(match[1].lower().lstrip("0"), expected.lstrip("0"))

    def test_fits(self) -> None:
        """Every one of them can stand in a message."""
        for algorithm in HashAlgorithm:
            found = hash_data(certificate(serial=2**159 - 1), None, algorithm)
            CertificateHashData(
                hash_algorithm=Spelled(found.algorithm),
                issuer_name_hash=found.issuer_name_hash,
                issuer_key_hash=found.issuer_key_hash,
                serial_number=found.serial_number,
            )
            self.assertLessEqual(len(found.serial_number), 40)
            self.assertLessEqual(len(found.issuer_key_hash), 128)

    def test_otherIssuer(self) -> None:
        """Somebody of another name has not signed it."""
        with self.assertRaises(CertificateFault):
            hash_data(server_pair().certificate, authority("Other").certificate)

    @given(st.integers(1, 2**159 - 1), st.integers(0, 6), st.booleans())
    def test_tolerant(self, serial: int, zeros: int, is_upper: bool) -> None:
        """Case and leading zeros do not matter, and every other difference does."""
        found = HashData(HashAlgorithm.SHA256, "0a" * 32, "b0" * 32, f"{serial:x}")
        text = "0" * zeros + found.serial_number
        other = evolve(
            found,
            issuer_name_hash="0A" * 32,
            issuer_key_hash="B0" * 32,
            serial_number=text.upper() if is_upper else text,
        )
        self.assertTrue(is_same(found, other))
        for different in (
            evolve(other, serial_number=f"{serial + 1:x}"),
            evolve(other, serial_number=text + "0"),
            evolve(other, issuer_name_hash="a" * 63),
            evolve(other, issuer_key_hash="b1" * 32),
            evolve(other, algorithm=HashAlgorithm.SHA384),
        ):
            self.assertFalse(is_same(found, different))
