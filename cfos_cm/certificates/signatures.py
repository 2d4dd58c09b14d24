"""Who has signed a certificate, and whether the signature is worth anything."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import MD5, SHA1

__all__ = ["has_signed", "is_self_signed", "may_sign", "weak_signature"]

_WEAK = (SHA1, MD5)


def has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """
    Whether C{issuer} has signed C{certificate}: its name and its key are those.

    What that is worth, L{weak_signature} says.
    """
    try:
        if isinstance(certificate.signature_hash_algorithm, _WEAK):
            _verify_weak(issuer, certificate)
        else:
            certificate.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - the library has many; none of them is a yes
        return False
    return True


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate is signed with its own key."""
    return has_signed(certificate, certificate)


def weak_signature(certificate: x509.Certificate) -> str | None:
    """
    Why the signature below a certificate is worth nothing; C{None}: it is.

    That of a root below itself proves nothing anyway: it is never weak.
    """
    used = certificate.signature_hash_algorithm
    if not isinstance(used, _WEAK) or is_self_signed(certificate):
        return None
    return f"is signed with {used.name.upper()}; SHA-256 is needed at least"


def may_sign(certificate: x509.Certificate) -> bool:
    """
    Whether a certificate is that of an authority (CA).

    RFC 5280, 4.2.1.9 and 4.2.1.3, and as OpenSSL sees it: one of version 1 that is signed by
    itself counts, such as the roots that C{openssl req -x509} makes without extensions; one
    whose key usage says so, too.
    """
    extensions = certificate.extensions
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if usage is not None and not usage.key_cert_sign:
        return False
    try:
        return extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_old_root = certificate.version is x509.Version.v1 and is_self_signed(certificate)
        return usage is not None or is_old_root


def _verify_weak(issuer: x509.Certificate, certificate: x509.Certificate) -> None:
    """
    Check a signature with a hash that the library does not take for certificates any more.

    @raise Exception: of any kind, if it is not the issuer's.
    """
    if issuer.subject != certificate.issuer:
        raise ValueError("another name")
    key, used = issuer.public_key(), certificate.signature_hash_algorithm
    signed, signature = certificate.tbs_certificate_bytes, certificate.signature
    assert used is not None
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), used)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(used))
    else:
        raise ValueError("another kind of key")
