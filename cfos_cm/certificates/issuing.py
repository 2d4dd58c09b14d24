"""Certificates and requests, made and signed. SHA-256, random serial numbers of 159 bits."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.keys import PrivateKey, PublicKey, usable_key
from cfos_cm.certificates.names import subject_words
from cfos_cm.certificates.pair import Pair, objections
from cfos_cm.certificates.readable import checked_request, read
from cfos_cm.certificates.signatures import may_sign
from cfos_cm.certificates.subject import Subject, host_names, subject_of

__all__ = [
    "MAX_DAYS",
    "issue_client",
    "issue_server",
    "make_authority",
    "make_request",
    "self_signed",
    "sign_request",
]

#: A hundred years.
MAX_DAYS = 36500

#: Clocks differ: a certificate is valid from a little before it is made.
_EARLIER = timedelta(hours=1)

_KINDS = (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier, x509.RFC822Name)


def make_authority(
    subject: Subject, key: PrivateKey, now: datetime, days: int
) -> x509.Certificate:
    """
    The certificate of an authority (CA), signed by itself.

    @param now: aware of its time zone; the certificate is valid from one hour before.
    @raise CertificateFault: if the key is weak, or the days are none or too many.
    """
    name, public_key = subject.name(), key.public_key()
    draft = _Draft(name, name, public_key, _validity(now, days))
    builder = (
        draft.builder()
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )
    return builder.sign(key, SHA256())


def issue_server(
    authority: Pair,
    subject: Subject,
    hosts: Iterable[str],
    public_key: PublicKey,
    now: datetime,
    days: int,
) -> x509.Certificate:
    """
    A server's certificate; it ends no later than its authority's.

    @param hosts: host names and addresses; none: the common name is the host's name.
    @raise CertificateFault: if something cannot stand in it, or C{authority} must not sign.
    """
    names = _server_names(subject, hosts)
    return _issued(authority, subject, names, public_key, now, days, for_client=False)


def issue_client(
    authority: Pair,
    subject: Subject,
    names: Iterable[str],
    public_key: PublicKey,
    now: datetime,
    days: int,
) -> x509.Certificate:
    """
    A client's certificate; it ends no later than its authority's.

    @param names: more host names and addresses that it is known by; usually none.
    @raise CertificateFault: as L{issue_server} does.
    """
    found = host_names(names)
    return _issued(authority, subject, found, public_key, now, days, for_client=True)


def self_signed(
    subject: Subject, hosts: Iterable[str], key: PrivateKey, now: datetime, days: int
) -> x509.Certificate:
    """
    A server's certificate that no authority has signed; it can sign no other.

    @raise CertificateFault: as L{issue_server} does.
    """
    names = _server_names(subject, hosts)
    name, public_key = subject.name(), key.public_key()
    draft = _Draft(name, name, public_key, _validity(now, days))
    return _end_entity(draft, names, for_client=False).sign(key, SHA256())


def make_request(
    subject: Subject, hosts: Iterable[str], key: PrivateKey
) -> x509.CertificateSigningRequest:
    """
    A certificate signing request (PKCS #10).

    @raise CertificateFault: if something cannot stand in it, or the key is weak.
    """
    usable_key(key.public_key())
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject.name())
    names = host_names(hosts)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, SHA256())


def sign_request(
    authority: Pair,
    request: x509.CertificateSigningRequest,
    now: datetime,
    days: int,
    for_client: bool,
    allowed: Collection[str] | None = None,
) -> x509.Certificate:
    """
    A certificate for whoever made a request; it is never that of an authority.

    Only the subject's CN, O, OU, L, C and mail address are taken over; for a server its host
    names and addresses as well, and for a client those alternative names that are allowed to
    it. Whether it may be called what it asks for is for the caller, or for C{allowed}.

    @param allowed: whose certificate it may be: the common name has to be one of these names;
        upper case does not matter. C{None}: whoever asks.
    @raise CertificateFault: if something cannot stand in it, the request's signature is not its
        key's, it asks for another name, or C{authority} must not sign.
    """
    words = "request: it is damaged"
    if not read(lambda: checked_request(request).is_signature_valid, words):
        raise CertificateFault("request: it is not signed with the key that is in it")
    subject = subject_of(request.subject)
    wanted = _requested_names(request)
    if allowed is not None:
        wanted = _allowed_names(subject, wanted, allowed)
    elif for_client:
        wanted = ()
    if not for_client:
        wanted = _server_names(subject, (str(one.value) for one in wanted))
    public_key = usable_key(request.public_key())
    return _issued(authority, subject, wanted, public_key, now, days, for_client)


@frozen
class _Draft:
    """What every certificate has in it."""

    subject: x509.Name
    issuer: x509.Name
    public_key: PublicKey
    validity: tuple[datetime, datetime]

    def builder(self) -> x509.CertificateBuilder:
        """@raise CertificateFault: if the key is weak."""
        usable_key(self.public_key)
        key_id = x509.SubjectKeyIdentifier.from_public_key(self.public_key)
        return (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(self.issuer)
            .public_key(self.public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.validity[0])
            .not_valid_after(self.validity[1])
            .add_extension(key_id, critical=False)
        )


def _issued(
    authority: Pair,
    subject: Subject,
    names: Collection[x509.GeneralName],
    public_key: PublicKey,
    now: datetime,
    days: int,
    for_client: bool,
) -> x509.Certificate:
    issuer = authority.certificate
    _check_authority(authority, now)
    if subject.name() == issuer.subject:
        # OpenSSL takes a certificate with one name twice for signed by itself.
        raise CertificateFault(
            "the subject is the same as that of the authority; another common name is needed"
        )
    begins, ends = _validity(now, days)
    ends = min(ends, issuer.not_valid_after_utc)
    draft = _Draft(subject.name(), issuer.subject, public_key, (begins, ends))
    builder = _end_entity(draft, names, for_client)
    return builder.add_extension(_issuer_key_id(issuer), critical=False).sign(
        authority.key, SHA256()
    )


def _end_entity(
    draft: _Draft, names: Collection[x509.GeneralName], for_client: bool
) -> x509.CertificateBuilder:
    # The suites of TLS 1.2 without ECDHE send a secret that is encrypted with the RSA key.
    is_rsa = isinstance(draft.public_key, rsa.RSAPublicKey)
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if for_client else ExtendedKeyUsageOID.SERVER_AUTH
    builder = (
        draft.builder()
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, key_encipherment=is_rsa), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder


def _check_authority(authority: Pair, now: datetime) -> None:
    found = objections(authority, now)
    if not found and not may_sign(authority.certificate):
        found = (f"{subject_words(authority.certificate.subject)} is no authority",)
    if found:
        raise CertificateFault(f"the authority cannot sign: {'; '.join(found)}")


def _validity(now: datetime, days: int) -> tuple[datetime, datetime]:
    if not 1 <= days <= MAX_DAYS:
        raise CertificateFault(
            f"a certificate is valid for 1 to {MAX_DAYS} days, and not for {days}"
        )
    start = now.replace(microsecond=0)
    try:
        return start - _EARLIER, start + timedelta(days=days)
    except OverflowError:
        raise CertificateFault("the clock here is far from the truth") from None


def _server_names(subject: Subject, hosts: Iterable[str]) -> tuple[x509.GeneralName, ...]:
    names = host_names(hosts)
    if names:
        return names
    try:
        return host_names((subject.common_name,))
    except CertificateFault as fault:
        raise CertificateFault(f"a server needs a host name or an address: {fault}") from None


def _requested_names(
    request: x509.CertificateSigningRequest,
) -> tuple[x509.GeneralName, ...]:
    """Host names, addresses, URIs and mail addresses; other kinds are never taken over."""
    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(one for one in found if isinstance(one, _KINDS))


def _allowed_names(
    subject: Subject, wanted: Iterable[x509.GeneralName], allowed: Collection[str]
) -> tuple[x509.GeneralName, ...]:
    known = {one.casefold() for one in allowed}
    if subject.common_name.casefold() not in known:
        raise CertificateFault(
            f"request: it is for {subject.common_name!r}; allowed: {', '.join(allowed)[:200]}"
        )
    return tuple(one for one in wanted if str(one.value).casefold() in known)


def _usage(
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_key_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:  # X.509 version 1
        found = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)
