"""What it means, in plain words, that a Charge Point and the server do not agree upon TLS."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet.error import ConnectionClosed

__all__ = ["chain_words", "handshake_words", "is_nobody_known", "openssl_words"]

#: OpenSSL's verification errors, X509_V_ERR_…
_NOT_YET_VALID, _EXPIRED, _TOO_LONG, _PURPOSE = 9, 10, 22, 26
_NO_KNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
_TOO_WEAK = frozenset({66, 67, 68})

#: OpenSSL's words, and ours; the first that fits.
_FAILURES = (
    ("did not return a certificate", "it shows no certificate, and it needs one here"),
    ("unsupported protocol", "it knows no TLS 1.2 or newer"),
    ("version too low", "it knows no TLS 1.2 or newer"),
    ("alert protocol version", "it does not take TLS 1.2 or newer"),
    ("no shared cipher", "it knows none of the cipher suites that are safe"),
    ("alert unknown ca", "it does not know who has signed the server's certificate"),
    ("alert certificate unknown", "it does not take the server's certificate"),
    ("alert bad certificate", "it does not take the server's certificate"),
    ("alert unsupported certificate", "it does not take the server's certificate"),
    (
        "alert certificate expired",
        "it says that the server's certificate has expired; is its clock right?",
    ),
    ("alert certificate revoked", "it says that the server's certificate is revoked"),
    (
        "alert handshake failure",
        "it has broken off TLS: nothing on offer is good enough for it",
    ),
    ("alert", "it has broken off TLS"),
    ("no suitable", "it knows none of the keys and signatures that are safe"),
    ("no shared", "it knows none of the keys and signatures that are safe"),
    ("certificate verify failed", "its certificate is not taken"),
)


def chain_words(error: int) -> str:
    """
    Why a Charge Point's certificate is not taken.

    @param error: OpenSSL's number for it.
    """
    if error == _EXPIRED:
        return "it shows a certificate that has expired"
    if error == _NOT_YET_VALID:
        return "it shows a certificate that is not valid yet; is the clock here right?"
    if is_nobody_known(error):
        return "it shows a certificate that is signed by none of ca_certificates"
    if error == _TOO_LONG:
        return "it shows a certificate with too many others between it and ca_certificates"
    if error == _PURPOSE:
        return "it shows a certificate that is not made for a client"
    if error in _TOO_WEAK:
        return "it shows a certificate whose key or signature is too weak"
    return f"it shows a certificate that cannot be verified (OpenSSL error {error})"


def is_nobody_known(error: int) -> bool:
    """Whether OpenSSL's number for an error says that nobody known has signed a certificate."""
    return error in _NO_KNOWN_ISSUER


def handshake_words(error: BaseException | None) -> str:
    """Why a handshake has failed."""
    if isinstance(error, ConnectionClosed):
        return "it has closed the connection in the middle of TLS; it may not trust the server"
    said = openssl_words(error) if isinstance(error, SSL.Error) else ""
    for part, words in _FAILURES:
        if part in said.lower():
            return words
    return f"TLS has failed: {said}" if said else "it has broken off TLS"


def openssl_words(error: SSL.Error) -> str:
    """What OpenSSL says itself."""
    raised = error.args[0] if error.args else ()
    if not isinstance(raised, (list, tuple)):
        return ""
    return "; ".join(str(one[-1]) for one in raised if isinstance(one, tuple) and one)
