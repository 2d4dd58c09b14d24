"""
TLS to a server: who is believed to be it, and how we prove who we are.

"Improved security for OCPP 1.6-J", profiles 2 and 3. With certificates of those who may have
signed the server's, that has to lead to one of them, and to be the host's that was dialled.
Without any, the server is known by its key: that of the first connection is noted, and another
one is refused. A certificate that is renewed with the same key is fine.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import (
    DNS_ID,
    CertificatePattern,
    DNSPattern,
    IPAddress_ID,
    verify_service_identity,
)
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from cfos_cm.certificates.keys import weakness
from cfos_cm.certificates.names import (
    alternative_names,
    common_names,
    fingerprint,
    public_key_pin,
    subject_words,
)
from cfos_cm.charge_point.given import ServerKeySeen
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.client_material import ClientMaterial, context_of
from cfos_cm.net.tls_layer import TlsLayer

__all__ = ["ClientTls", "OverTls", "is_weak", "tls_words"]

#: OpenSSL's verification errors, X509_V_ERR_…
_NOT_YET_VALID, _EXPIRED, _TOO_LONG, _REVOKED = 9, 10, 22, 23
_NO_KNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
_NO_AUTHORITY = frozenset({24, 79})
_OTHERS = {
    7: "its certificate is not what was signed: somebody has changed it, or it is damaged",
    26: "its certificate is not made for a server",
    66: "its certificate has a key that is too short",
    67: "its certificate is signed with a key that is too short",
    68: "its certificate is signed in a way that is too weak",
}
_SHOWN_NAMES = 3

#: OpenSSL's words for where a handshake is.
_ASKED = b"read server certificate request"
_SHOWN = b"write certificate verify"

_NO_TLS = "the other end does not speak TLS: the URL may have to begin with ws://"
_OLD_TLS = "the backend has no TLS 1.2 or newer"

#: OpenSSL's words, and ours.
_FAILURES = (
    ("wrong version number", _NO_TLS),
    ("packet length too long", _NO_TLS),
    ("http request", _NO_TLS),
    ("unsupported protocol", _OLD_TLS),
    ("protocol version", _OLD_TLS),
    (
        "certificate required",
        "the backend wants a client certificate: certificate and private_key",
    ),
    ("unknown ca", "the backend does not know who has signed our client certificate"),
    ("certificate unknown", "the backend does not take our client certificate"),
    ("bad certificate", "the backend does not take our client certificate"),
    ("unsupported certificate", "the backend does not take our client certificate"),
    ("certificate expired", "the backend says that our client certificate has expired"),
    ("certificate revoked", "the backend says that our client certificate is revoked"),
    ("access denied", "the backend does not let our client certificate in"),
    ("unrecognized name", "the backend has no certificate for this host name"),
    ("handshake failure", "the backend has broken off TLS; it may want a client certificate"),
    ("insufficient security", "the backend wants TLS that is stronger than ours"),
    ("dh key too small", "the backend's TLS is too weak"),
    ("wrong cipher returned", "the backend's TLS is too weak"),
    ("ee key too small", "the backend's certificate has a key that is too short"),
    ("ca key too small", "the backend's certificate is signed with a key that is too short"),
    ("ca md too weak", "the backend's certificate is signed in a way that is too weak"),
    ("unexpected eof", "the backend has broken off TLS"),
)
_WEAK = (
    "unsupported protocol",
    "protocol version",
    "key too small",
    "md too weak",
    "wrong cipher returned",
)

_log = Logger(namespace="cfos_cm.net")


@implementer(IOpenSSLClientConnectionCreator)
class ClientTls:
    """
    TLS for one attempt to connect to a server.

    @ivar objection: what is wrong with its certificate, in plain words; C{None}: nothing, so
        far.
    @ivar seen: what it has shown, where it was taken without having been known; C{None}: it
        was known, or has shown nothing so far.
    @ivar root: the fingerprint of the certificate at the end of the chain that it was believed
        by; C{None}: it was not believed by one.
    @ivar has_asked: whether it has asked for a certificate of ours.
    @ivar has_shown: whether we have shown one, and proved that it is ours.
    """

    objection: str | None = None
    seen: ServerKeySeen | None = None
    root: str | None = None
    has_asked = False
    has_shown = False
    _chain_objection: str | None = None
    _anchor: x509.Certificate | None = None
    _connection: SSL.Connection | None = None

    def __init__(self, host: str, material: ClientMaterial, remedy: str = "") -> None:
        """
        @param host: the name or the address that is dialled.
        @param remedy: what to do where the server has another key than before, for people.
        @raise LocalProtocolError: if our own pair cannot be used, or no certificate could have
            such a name.
        """
        self._host = host
        self._material = material
        self._remedy = remedy
        self._identity, self._server_name = _identity(host)
        self._context = context_of(material)

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See L{IOpenSSLClientConnectionCreator}."""
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(protocol)
        connection.set_verify(SSL.VERIFY_PEER, self._verify)
        connection.set_info_callback(self._note)
        if self._server_name is not None:
            connection.set_tlsext_host_name(self._server_name)
        self._connection = connection
        return connection

    def broken_off_words(self) -> str:
        """What it means that the other end has closed the connection instead of an answer."""
        connection = self._connection
        if connection is None or connection.get_peer_certificate(as_cryptography=True) is None:
            return (
                "the other end has closed the connection and does not seem to speak TLS: the "
                "URL may have to begin with ws://"
            )
        words = "the backend has closed the connection during TLS, or after it"
        if not self.has_asked:
            return words
        may = "not take our client certificate" if self.has_shown else "want one of ours"
        return f"{words}; it has asked for a certificate, and may {may}"

    def _note(self, connection: SSL.Connection, _where: int, _status: int) -> None:
        state = connection.get_state_string()
        self.has_asked = self.has_asked or state.endswith(_ASKED)
        self.has_shown = self.has_shown or state.endswith(_SHOWN)

    def _verify(
        self, _: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
    ) -> bool:
        try:
            self._look_at(certificate.to_cryptography(), error, depth, bool(ok))
        except Exception as fault:  # noqa: BLE001 - the libraries have many for what is damaged
            _log.debug("a certificate cannot be read: {fault!r}", fault=fault)
            self.objection = self.objection or "its certificate cannot be read"
        return self.objection is None

    def _look_at(
        self, certificate: x509.Certificate, error: int, depth: int, is_good: bool
    ) -> None:
        """OpenSSL has looked at one of a chain; the server's own comes last, as a good one."""
        material = self._material
        if not is_good:
            words = _chain_words(certificate, error, material.whose)
            self._chain_objection = self._chain_objection or words
            # A server that is known by its key may have any chain.
            if material.has_roots and material.pin is None:
                self.objection = self._chain_objection
            return
        # It begins with the one at the end of the chain.
        self._anchor = self._anchor or certificate
        if depth == 0:
            self.objection = self._judge(certificate)

    def _judge(self, certificate: x509.Certificate) -> str | None:
        """What is wrong with a server that has shown this; C{None}: nothing."""
        material = self._material
        weak = weakness(certificate.public_key())
        if weak is not None:
            # It may be known by nothing but that key.
            return f"its certificate's key {weak}"
        if material.takes_any:
            self.seen = _seen(certificate)
            return None
        if material.pin is not None and public_key_pin(certificate) == material.pin:
            return None
        if material.has_roots:
            words = self._chain_objection or self._name_words(certificate)
            if words is None and self._anchor is not None:
                self.root = fingerprint(self._anchor)
            if words is None or material.pin is None:
                return words
        return self._changed_words(certificate)

    def _name_words(self, certificate: x509.Certificate) -> str | None:
        """What is wrong with a certificate's names; C{None}: one of them is the host's."""
        if certificate in self._material.authorities:
            # RFC 6125, 6.6.2: the very certificate that the user has named needs no name.
            return None
        try:
            verify_service_identity(_patterns(certificate), [self._identity], [])
        except (VerificationError, CertificateError):
            return f"its certificate is for {_names(certificate)}, and not for {self._host}"
        return None

    def _changed_words(self, certificate: x509.Certificate) -> str:
        seen = _seen(certificate)
        return (
            f"its key is not the one that it had before: SHA-256 {self._material.pin} then, "
            f"{seen.pin} now; the certificate says {seen.subject}, and its own "
            f"SHA-256 is {seen.fingerprint}"
            f"{self._remedy and '; if that is right: '}{self._remedy}"
        )


@implementer(IStreamClientEndpoint)
class OverTls:
    """An endpoint with TLS above it. What is written is sent at once, not in the next turn."""

    def __init__(
        self, tls: ClientTls, endpoint: IStreamClientEndpoint, clock: IReactorTime
    ) -> None:
        self._tls = tls
        self._endpoint = endpoint
        self._clock = clock

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See L{IStreamClientEndpoint}; the handshake is not over when it fires."""
        factory = TLSMemoryBIOFactory(self._tls, True, protocolFactory, self._clock)
        factory.protocol = TlsLayer
        factory.noisy = False
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(lambda wrapper: wrapper.wrappedProtocol)


def tls_words(error: SSL.Error) -> str:
    """What a failed handshake means, in plain words."""
    said = _said(error)
    for part, words in _FAILURES:
        if part in said.lower():
            return words
    return f"TLS has failed: {said}" if said else "the backend has broken off TLS"


def is_weak(error: BaseException | None) -> bool:
    """Whether something has failed because the other end's TLS is not good enough."""
    said = _said(error).lower() if isinstance(error, SSL.Error) else ""
    return any(part in said for part in _WEAK)


def _said(error: SSL.Error) -> str:
    """OpenSSL's own words."""
    return "; ".join(
        str(one[-1]) for one in (error.args[0] if error.args else ()) if isinstance(one, tuple)
    )


def _identity(host: str) -> tuple[IPAddress_ID | DNS_ID, bytes | None]:
    """Who is to answer, and the name that is asked for; an address is not asked for."""
    try:
        return IPAddress_ID(str(ip_address(host))), None
    except ValueError:
        pass
    name = host.rstrip(".")
    try:
        return DNS_ID(name), name.encode("ascii")
    except ValueError:
        raise LocalProtocolError(f"no certificate could be for {host[:80]!r}") from None


def _chain_words(certificate: x509.Certificate, error: int, whose: str) -> str:
    if error == _EXPIRED:
        return f"its certificate has expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if error == _NOT_YET_VALID:
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
        return f"its certificate is valid from {begins} on only; is the clock here right?"
    if error in _NO_KNOWN_ISSUER:
        issuer = subject_words(certificate.issuer)
        return f"its certificate is not signed by any of {whose}; it is signed by {issuer}"
    if error == _TOO_LONG:
        return "too many others stand between its certificate and a known one"
    if error == _REVOKED:
        return "its certificate is revoked"
    if error in _NO_AUTHORITY:
        return "its certificate is signed by one who may not sign any"
    return _OTHERS.get(error, f"its certificate cannot be verified (OpenSSL error {error})")


def _seen(certificate: x509.Certificate) -> ServerKeySeen:
    return ServerKeySeen(
        public_key_pin(certificate),
        fingerprint(certificate),
        subject_words(certificate.subject),
    )


def _patterns(certificate: x509.Certificate) -> Sequence[CertificatePattern]:
    found = extract_patterns(certificate)
    if found or _has_alternative_names(certificate):
        return found
    # "Improved security for OCPP 1.6-J", server certificates: the CN is the host's name.
    patterns = map(_pattern, common_names(certificate))
    return [one for one in patterns if one is not None]


def _pattern(name: str) -> DNSPattern | None:
    """A common name as that of a host; C{None}: no host could have it."""
    try:
        return DNSPattern.from_bytes(name.encode("idna"))
    except (CertificateError, ValueError):
        return None


def _has_alternative_names(certificate: x509.Certificate) -> bool:
    try:
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return False
    return True


def _names(certificate: x509.Certificate) -> str:
    """Whose a certificate says that it is; not too much of it."""
    found = alternative_names(certificate) or common_names(certificate)
    shown = [one[:80] for one in found if one.isprintable()][:_SHOWN_NAMES]
    return ", ".join(shown) if shown else "nobody by name"
