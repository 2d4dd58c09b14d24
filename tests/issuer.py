"""
Somebody who signs certificates in tests, by the library C{cryptography} alone.

What the program makes and what it judges are compared with it, so that it shares no code with
L{cfos_cm.certificates}.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.ocsp import OCSPRequestBuilder
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["BEGAN", "ENDS", "Issuer", "Papers", "new_papers", "ocsp_hashes", "request_of"]

#: Whatever clock a test has, it is between these.
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
ENDS = datetime(2049, 1, 1, tzinfo=UTC)

#: They belong to hosts that serve, and to Charge Points that call.
_USES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)

#: What an authority may do with its key.
_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@frozen
class Papers:
    """
    What somebody shows who he is with.

    @ivar chain: his certificate, and those of who has signed it; PEM.
    @ivar key: the private key of it; PEM.
    """

    chain: str
    key: str = field(repr=False)

    @property
    def certificate(self) -> x509.Certificate:
        """The first of the chain."""
        return x509.load_pem_x509_certificates(self.chain.encode())[0]

    def files(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write them: the chain, and the key beside it."""
        chain, key = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_text(self.chain)
        key.write_text(self.key)
        key.chmod(0o600)
        return chain, key


class Issuer:
    """
    An authority: a root, or one that another has signed.

    @ivar papers: its own.
    """

    def __init__(
        self,
        name: str,
        above: Issuer | None = None,
        begins: datetime = BEGAN,
        ends: datetime = ENDS,
        bits: int = 0,
        is_authority: bool = True,
    ) -> None:
        """
        @param above: who has signed it; C{None}: it has itself.
        @param bits: of its RSA key; 0: it has one on P-256.
        @param is_authority: whether its certificate says so.
        """
        self._key = _key(bits)
        self._name = _named(name)
        builder = _builder(self._name, self._key, begins, ends).add_extension(
            x509.BasicConstraints(ca=is_authority, path_length=None), critical=True
        )
        if is_authority:
            builder = builder.add_extension(_SIGNS, critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        self._certificate = (self if above is None else above)._signed(builder)
        #: A root is known to whoever believes in it.
        self._upwards: str = "" if above is None else self.pem + above._upwards
        self.papers = Papers(self._upwards or self.pem, _key_pem(self._key))

    @property
    def pem(self) -> str:
        """Its certificate alone."""
        return _pem(self._certificate)

    @property
    def certificate(self) -> x509.Certificate:
        """The same as a value."""
        return self._certificate

    def issue(
        self,
        common_name: str,
        *hosts: str,
        begins: datetime = BEGAN,
        ends: datetime = ENDS,
        bits: int = 0,
        organisation: str = "",
        is_self_signed: bool = False,
    ) -> Papers:
        """
        A pair for a host or a Charge Point.

        @param hosts: names and addresses beside the common name.
        @param bits: of an RSA key; 0: it is one on P-256.
        @param is_self_signed: it is not the issuer's at all.
        """
        key, subject = _key(bits), _named(common_name, organisation)
        builder = _leaf(subject, key, hosts, begins, ends)
        if is_self_signed:
            found = builder.issuer_name(subject).sign(key, SHA256())
            return Papers(_pem(found), _key_pem(key))
        return Papers(_pem(self._signed(builder)) + self._upwards, _key_pem(key))

    def sign(self, request: str, begins: datetime = BEGAN, ends: datetime = ENDS) -> str:
        """The chain for a request, with its subject; PEM."""
        asked = x509.load_pem_x509_csr(request.encode())
        builder = (
            x509.CertificateBuilder()
            .subject_name(asked.subject)
            .public_key(asked.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_USES), critical=False)
        )
        return _pem(self._signed(builder)) + self._upwards

    def _signed(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        key = self._key.public_key()
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key)
        builder = builder.issuer_name(self._name).add_extension(identifier, critical=False)
        return builder.sign(self._key, SHA256())


def request_of(common_name: str) -> tuple[str, str]:
    """A request for a certificate (PEM), and the private key that it is for (PEM)."""
    key = _key(0)
    builder = x509.CertificateSigningRequestBuilder().subject_name(_named(common_name))
    request = builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    return request, _key_pem(key)


def new_papers(chain: str, key: str) -> Papers | None:
    """A chain with its key; C{None}: they do not belong together."""
    papers = Papers(chain, key)
    found = papers.certificate.public_key()
    request = x509.CertificateSigningRequestBuilder().subject_name(_named("whoever"))
    own = request.sign(_loaded(key), SHA256()).public_key()
    return papers if found == own else None


def ocsp_hashes(certificate: x509.Certificate, issuer: x509.Certificate) -> dict[str, str]:
    """CertificateHashDataType of a certificate, as the library makes it for OCSP."""
    request = OCSPRequestBuilder().add_certificate(certificate, issuer, SHA256()).build()
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": request.issuer_name_hash.hex(),
        "issuerKeyHash": request.issuer_key_hash.hex(),
        "serialNumber": f"{request.serial_number:x}",
    }


def _loaded(pem: str) -> Key:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, Key)
    return key


def _key(bits: int) -> Key:
    return _rsa_key(bits) if bits else ec.generate_private_key(ec.SECP256R1())


@cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    # It takes long, and nobody minds that two have the same.
    return rsa.generate_private_key(65537, bits)


def _named(common_name: str, organisation: str = "") -> x509.Name:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organisation:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(names)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, key: Key, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _leaf(
    subject: x509.Name, key: Key, hosts: tuple[str, ...], begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    builder = _builder(subject, key, begins, ends)
    builder = builder.add_extension(x509.ExtendedKeyUsage(_USES), critical=False)
    if hosts:
        names = x509.SubjectAlternativeName([_general(one) for one in hosts])
        builder = builder.add_extension(names, critical=False)
    return builder


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: Key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
