"""
TLS to a backend: who is believed to be it, and how we prove who we are.

"Improved security for OCPP 1.6-J", profiles 2 and 3. Without a certificate of whoever has
signed the backend's, any certificate is taken, as the user was told; with one or more of them
the backend's has to lead to one of them, and to be the host's that was dialled.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
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
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from cfos_cm.errors import LocalProtocolError

__all__ = ["ClientTls", "OverTls", "TlsFiles", "tls_words"]

#: "Improved security for OCPP 1.6-J", TLS: both pairs of suites, and better ones.
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:RSA+AESGCM:!aNULL"
_OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION

#: OpenSSL's verification errors, X509_V_ERR_…
_NOT_YET_VALID, _EXPIRED = 9, 10
_NO_KNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
_SHOWN_NAMES = 3

#: OpenSSL's words, and ours.
_FAILURES = (
    (
        "wrong version number",
        "the other end does not speak TLS: the URL may have to begin with ws://",
    ),
    (
        "packet length too long",
        "the other end does not speak TLS: the URL may have to begin with ws://",
    ),
    ("unsupported protocol", "the backend has no TLS 1.2 or newer"),
    ("protocol version", "the backend has no TLS 1.2 or newer"),
    (
        "certificate required",
        "the backend wants a client certificate: certificate and private_key",
    ),
    ("unknown ca", "the backend does not know who has signed our client certificate"),
    ("certificate unknown", "the backend does not take our client certificate"),
    ("bad certificate", "the backend does not take our client certificate"),
    ("certificate expired", "the backend says that our client certificate has expired"),
    ("certificate revoked", "the backend says that our client certificate is revoked"),
    ("access denied", "the backend does not let our client certificate in"),
    ("unrecognized name", "the backend has no certificate for this host name"),
    ("handshake failure", "the backend has broken off TLS; it may want a client certificate"),
    ("dh key too small", "the backend's TLS is too weak"),
    ("key too small", "the backend's certificate has a key that is too short"),
    ("unexpected eof", "the backend has broken off TLS"),
)


class TlsFiles:
    """
    The certificates and the key that a connection needs, read.

    @ivar authorities: those that the backend's certificate may lead to; none: any is taken.
    """

    def __init__(
        self,
        authorities: Sequence[bytes] = (),
        certificate: bytes | None = None,
        private_key: bytes | None = None,
    ) -> None:
        """
        Each argument is PEM; C{certificate} has those of its authorities behind it.

        @raise LocalProtocolError: if one of them cannot be used; no key is in its text.
        """
        self.authorities: tuple[x509.Certificate, ...] = tuple(
            one for pem in authorities for one in _certificates(pem, "ca_certificates")
        )
        chain = [] if certificate is None else _certificates(certificate, "certificate")
        self._chain = chain
        self._key: Any = None if private_key is None else _key(private_key)
        if bool(chain) != (self._key is not None):
            raise LocalProtocolError("certificate and private_key belong together")

    def context(self) -> SSL.Context:
        """
        The settings of a connection, without who is believed.

        @raise LocalProtocolError: if the key is not the certificate's.
        """
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(_OPTIONS)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.set_cipher_list(_CIPHERS)
        if self._chain:
            try:
                context.use_certificate(self._chain[0])
                for one in self._chain[1:]:
                    context.add_extra_chain_cert(one)
                context.use_privatekey(self._key)
                context.check_privatekey()
            except SSL.Error:
                raise LocalProtocolError("private_key is not that of certificate") from None
        return context


@implementer(IOpenSSLClientConnectionCreator)
class ClientTls:
    """
    TLS for one attempt to connect to a backend.

    @ivar is_checked: whether the backend has to prove who it is.
    @ivar objection: what is wrong with its certificate, in plain words; C{None}: nothing, so
        far.
    """

    objection: str | None = None
    _connection: SSL.Connection | None = None

    def __init__(self, host: str, files: TlsFiles) -> None:
        """
        @param host: the name or the address that is dialled.
        @raise LocalProtocolError: if the certificate and the key do not fit each other, or no
            certificate could have such a name.
        """
        self._host = host
        self._identity, self._server_name = _identity(host)
        self._pinned = {one.public_bytes(Encoding.DER) for one in files.authorities}
        self._context = files.context()
        self.is_checked = bool(files.authorities)
        if self.is_checked:
            store = self._context.get_cert_store()
            assert store is not None
            for one in files.authorities:
                store.add_cert(crypto.X509.from_cryptography(one))
            # A certificate of the backend itself is as good as that of an authority.
            store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
            self._context.set_verify(SSL.VERIFY_PEER, self._verify)
        else:
            # The certificate of whoever is met first could be pinned here: it is at hand when
            # the handshake is over.
            self._context.set_verify(SSL.VERIFY_NONE)

    def clientConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See L{IOpenSSLClientConnectionCreator}."""
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(protocol)
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
        wants = (
            "; it may want a client certificate" if connection.get_certificate() is None else ""
        )
        return f"the backend has closed the connection during TLS, or after it{wants}"

    def _verify(
        self, _: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
    ) -> bool:
        found = certificate.to_cryptography()
        objection = None
        if not ok:
            objection = _chain_words(found, error)
        elif depth == 0 and not self._is_pinned(found):
            objection = self._name_words(found)
        if objection is not None and self.objection is None:
            self.objection = objection
        return objection is None

    def _is_pinned(self, certificate: x509.Certificate) -> bool:
        # RFC 6125, 6.6.2: the very certificate that the user has named needs no name.
        return certificate.public_bytes(Encoding.DER) in self._pinned

    def _name_words(self, certificate: x509.Certificate) -> str | None:
        """What is wrong with a certificate's names; C{None}: one of them is the host's."""
        try:
            patterns = _patterns(certificate)
            verify_service_identity(patterns, [self._identity], [])
        except (VerificationError, CertificateError):
            names = _names(certificate)
            return f"its certificate is for {names}, and not for {self._host}"
        return None


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
        factory.protocol = TLSMemoryBIOProtocol
        factory.noisy = False
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(lambda wrapper: wrapper.wrappedProtocol)


def tls_words(error: SSL.Error) -> str:
    """What a failed handshake means, in plain words."""
    said = "; ".join(
        str(one[-1]) for one in (error.args[0] if error.args else ()) if isinstance(one, tuple)
    )
    for part, words in _FAILURES:
        if part in said.lower():
            return words
    return f"TLS has failed: {said}" if said else "the backend has broken off TLS"


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


def _certificates(pem: bytes, option: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise LocalProtocolError(
            f"{option}: there is no certificate (PEM) in the file"
        ) from None


def _key(pem: bytes) -> Any:
    try:
        return load_pem_private_key(pem, None)
    except TypeError:
        raise LocalProtocolError("private_key: it is locked with a passphrase") from None
    except Exception:  # noqa: BLE001 - the library has many, and some repeat what they read
        raise LocalProtocolError("private_key: there is no key (PEM) in the file") from None


def _chain_words(certificate: x509.Certificate, error: int) -> str:
    if error == _EXPIRED:
        return f"its certificate has expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if error == _NOT_YET_VALID:
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
        return f"its certificate is valid from {begins} on only; is the clock here right?"
    if error in _NO_KNOWN_ISSUER:
        return "its certificate is not signed by any of ca_certificates"
    return f"its certificate cannot be verified (OpenSSL error {error})"


def _patterns(certificate: x509.Certificate) -> Sequence[CertificatePattern]:
    found = extract_patterns(certificate)
    if found or _has_alternative_names(certificate):
        return found
    # "Improved security for OCPP 1.6-J", server certificates: the CN is the host's name.
    return [DNSPattern.from_bytes(one.encode()) for one in _common_names(certificate)]


def _has_alternative_names(certificate: x509.Certificate) -> bool:
    try:
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return False
    return True


def _common_names(certificate: x509.Certificate) -> list[str]:
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return [str(one.value) for one in found]


def _names(certificate: x509.Certificate) -> str:
    """Whose a certificate says that it is; not too much of it."""
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
        found = [
            *names.get_values_for_type(x509.DNSName),
            *map(str, names.get_values_for_type(x509.IPAddress)),
        ]
    except x509.ExtensionNotFound:
        found = _common_names(certificate)
    shown = [one[:80] for one in found if one.isprintable()][:_SHOWN_NAMES]
    return ", ".join(shown) if shown else "nobody by name"
