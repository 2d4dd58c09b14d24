"""
The server's TLS: which certificates it shows to Charge Points, and whose it takes.

"Improved security for OCPP 1.6-J", security profiles 2 and 3, and its section on TLS: version
1.2 or newer, the four suites that it names and better ones, no compression, no renegotiation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from tempfile import NamedTemporaryFile

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.names import identities, subject_words
from cfos_cm.certificates.pair import Pair, flaws, time_words
from cfos_cm.certificates.readable import read
from cfos_cm.certificates.signatures import has_signed
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.server_tls_words import chain_words, is_nobody_known, openssl_words

__all__ = ["ServerMaterial", "ServerTls"]

#: "Improved security for OCPP 1.6-J", TLS: both pairs of suites, and better ones.
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:RSA+AESGCM:!aNULL"
_OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
#: OpenSSL's SSL_MODE_NO_AUTO_CHAIN: whom we believe is not whom we show.
_NO_AUTO_CHAIN = 0x8
#: So many certificates may be between a client's and an authority.
_MAX_DEPTH = 5
#: For so long a client may go on with a session of before. [s]
_SESSION_S = 7200
#: With TLS 1.2, who has the key of a ticket can read what was said by it: it is not kept long.
_TICKETS_FOR = timedelta(days=1)
#: A handshake in memory is over after a few turns, or never.
_MAX_TURNS = 10
_MAX_RECORD_BYTES = 64 * 1024


@frozen
class ServerMaterial:
    """
    What the server's TLS is made of.

    @ivar pairs: its certificates with their keys; at most one with RSA, and one with elliptic
        curves.
    @ivar authorities: those that have signed the certificates of Charge Points.
    @ivar optional_authorities: more of them, that nobody was told of by the settings. Where
        there are no others, the certificate of somebody else, such as a maker's, counts as
        none.
    @ivar needs_certificate: who shows no certificate is not let in.
    """

    pairs: tuple[Pair, ...] = field(repr=lambda pairs: f"{len(pairs)} pairs")
    authorities: tuple[x509.Certificate, ...] = ()
    optional_authorities: tuple[x509.Certificate, ...] = ()
    needs_certificate: bool = False


@implementer(IOpenSSLServerConnectionCreator)
class ServerTls:
    """
    Begins TLS with whoever connects.

    What it is made of can be replaced while it runs: connections that are there go on with what
    they have begun with. Sessions are resumed by tickets, so nothing is kept for those who are
    gone; a ticket is worth nothing any more when the material was replaced.
    """

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        """@param now: what time it is, aware; C{None}: what the system says."""
        self._now = _utc_now if now is None else now
        self._context: SSL.Context | None = None
        self._material: ServerMaterial | None = None
        self._made_at = self._now()

    @property
    def is_ready(self) -> bool:
        """Whether there is a certificate to be shown."""
        return self._context is not None

    def use(self, material: ServerMaterial) -> None:
        """
        Begin TLS with this from the next connection on.

        It is tried before, in a handshake in memory with each of the pairs.

        @raise LocalProtocolError: if it cannot be used; what was there before stays.
        """
        _check(material)
        context = _context(material)
        for pair in material.pairs:
            _try(context, pair)
        self._context, self._material, self._made_at = context, material, self._now()

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        See L{IOpenSSLServerConnectionCreator}.

        @param protocol: its C{objection} and C{whose} are set when the client's certificate is
            not taken, and its C{is_somebody_elses} when nobody known has signed it, and it is
            taken.
        @raise LocalProtocolError: if there is no certificate to be shown.
        """
        if self._context is None:
            raise LocalProtocolError("the server has no certificate")
        if not timedelta(0) <= self._now() - self._made_at < _TICKETS_FOR:
            self._forget_tickets()
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(protocol)
        connection.set_accept_state()
        return connection

    def _forget_tickets(self) -> None:
        """The key of tickets is the context's own: a new context has a new one."""
        self._made_at = self._now()
        if self._material is not None:
            # What fails now did not when it was tried: it is no reason to serve nobody.
            with suppress(LocalProtocolError):
                self._context = _context(self._material)

    def certificate_names(self, connection: SSL.Connection) -> tuple[str, ...] | None:
        """
        Whose certificate a client has shown, one that was verified; C{None}: it has shown none
        that counts.

        A session that is resumed comes without its certificate being looked at again, so its
        time is looked at here, and so is who has signed it, where OpenSSL takes any.

        @param connection: one whose handshake is over.
        @raise LocalProtocolError: if it is not to be taken any more, in plain words.
        """
        words = "it shows a certificate that cannot be read"
        try:
            certificate = read(
                lambda: connection.get_peer_certificate(as_cryptography=True), words
            )
            if certificate is None or not _counts(certificate, connection):
                return None
            when = read(lambda: time_words(certificate, self._now()), words)
            names = identities(certificate)
        except CertificateFault:
            raise LocalProtocolError(words) from None
        if when is not None:
            raise LocalProtocolError("it goes on with a certificate that is not valid any more")
        return names


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _check(material: ServerMaterial) -> None:
    """@raise LocalProtocolError: if it cannot be used."""
    if not material.pairs:
        raise LocalProtocolError("the server has no certificate")
    kinds = [isinstance(pair.key, RSAPrivateKey) for pair in material.pairs]
    if len(set(kinds)) < len(kinds):
        raise LocalProtocolError("the server can have one certificate of each kind of key only")
    for pair in material.pairs:
        for flaw in flaws(pair):
            raise LocalProtocolError(f"the server's certificate cannot be used: {flaw}")
    if material.needs_certificate and not _believed(material):
        raise LocalProtocolError(
            "nobody could show a certificate: there are no ca_certificates"
        )


def _takes_any(material: ServerMaterial) -> bool:
    """Whether who shows the certificate of somebody else is let in as one who shows none."""
    return not material.authorities and not material.needs_certificate


def _counts(certificate: x509.Certificate, connection: SSL.Connection) -> bool:
    """Whether a certificate that OpenSSL has taken is from somebody who is believed."""
    # What the connection was begun with: it may have been replaced meanwhile.
    material: ServerMaterial = connection.get_context().get_app_data()
    if not _takes_any(material):
        return True
    authorities = material.optional_authorities
    is_ours = any(has_signed(one, certificate) for one in authorities)
    return is_ours and not connection.get_app_data().is_somebody_elses


def _believed(material: ServerMaterial) -> tuple[x509.Certificate, ...]:
    return (*material.authorities, *material.optional_authorities)


def _context(material: ServerMaterial) -> SSL.Context:
    """
    The settings of a connection; when it has begun one it cannot be changed any more.

    @raise LocalProtocolError: if OpenSSL does not take a pair.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_app_data(material)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS | _NO_AUTO_CHAIN)
    context.set_cipher_list(_CIPHERS)
    # With tickets the client keeps its session, and without them nobody does.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(token_bytes(16))
    context.set_timeout(_SESSION_S)
    for pair in material.pairs:
        _show(context, pair)
    _demand_certificates(context, material)
    return context


def _show(context: SSL.Context, pair: Pair) -> None:
    # What is added one by one goes behind every certificate; a file's goes behind its own.
    try:
        with _file_of(pair.chain) as path:
            context.use_certificate_chain_file(path)
        context.use_privatekey(pair.key)
        context.check_privatekey()
    except SSL.Error as error:
        words = openssl_words(error)
        raise LocalProtocolError(f"the server's certificate cannot be used: {words}") from None
    except OSError as error:
        raise LocalProtocolError(f"no temporary file could be made: {error.strerror}") from None


@contextmanager
def _file_of(chain: tuple[x509.Certificate, ...]) -> Iterator[str]:
    """The path of a file that is there for a moment; what is in it is told to everybody."""
    with NamedTemporaryFile(suffix=".pem") as file:
        file.writelines(one.public_bytes(Encoding.PEM) for one in chain)
        file.flush()
        yield file.name


def _demand_certificates(context: SSL.Context, material: ServerMaterial) -> None:
    believed = _believed(material)
    if not believed:
        return
    store = context.get_cert_store()
    assert store is not None
    for one in believed:
        store.add_cert(crypto.X509.from_cryptography(one))
    # The very certificate of a Charge Point is as good as that of its authority.
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    mode = SSL.VERIFY_PEER
    if material.needs_certificate:
        mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context.set_verify(mode, _verify_ours if _takes_any(material) else _verify)
    context.set_verify_depth(_MAX_DEPTH)


def _verify(
    connection: SSL.Connection, shown: crypto.X509, error: int, _depth: int, ok: int
) -> bool:
    """What OpenSSL says of a certificate counts; only its reason is kept, and whose it is."""
    if not ok:
        protocol = connection.get_app_data()
        if protocol.objection is None:
            protocol.objection = chain_words(error)
            protocol.whose = _whose(shown)
    return bool(ok)


def _whose(shown: crypto.X509) -> str:
    """What somebody who is not believed calls himself, for people."""

    def names() -> str:
        one = shown.to_cryptography()
        return f"{subject_words(one.subject)}, signed by {subject_words(one.issuer)}"

    try:
        return read(names, "")
    except CertificateFault:
        return ""


def _verify_ours(
    connection: SSL.Connection, shown: crypto.X509, error: int, depth: int, ok: int
) -> bool:
    """The same, but what nobody known has signed is taken: L{ServerTls} does not count it."""
    protocol = connection.get_app_data()
    if not ok and is_nobody_known(error):
        protocol.is_somebody_elses = True
    return protocol.is_somebody_elses or _verify(connection, shown, error, depth, ok)


def _try(context: SSL.Context, pair: Pair) -> None:
    """@raise LocalProtocolError: if a client that knows this kind of key gets no TLS by it."""
    server = SSL.Connection(context, None)
    server.set_verify(SSL.VERIFY_NONE)
    server.set_accept_state()
    client = SSL.Connection(_client_for(pair), None)
    client.set_connect_state()
    try:
        for _ in range(_MAX_TURNS):
            are_over = _steps(client, server), _steps(server, client)
            if all(are_over):
                break
        shown = client.get_peer_cert_chain(as_cryptography=True) or []
    except SSL.Error as error:
        words = openssl_words(error)
        raise LocalProtocolError(f"the server's certificate cannot be used: {words}") from None
    if tuple(shown) != pair.chain:
        raise LocalProtocolError("the server's certificate is not shown as it should be")


def _client_for(pair: Pair) -> SSL.Context:
    kind = b"aRSA" if isinstance(pair.key, RSAPrivateKey) else b"aECDSA"
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    # With TLS 1.3 it could not be said which one is wanted.
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(b"ECDHE+AESGCM+" + kind)
    context.set_verify(SSL.VERIFY_NONE)
    return context


def _steps(one: SSL.Connection, other: SSL.Connection) -> bool:
    """Have one go on, and the other get what it says; whether its handshake is over."""
    try:
        one.do_handshake()
        is_over = True
    except SSL.WantReadError:
        is_over = False
    with suppress(SSL.WantReadError):
        while True:
            other.bio_write(one.bio_read(_MAX_RECORD_BYTES))
    return is_over
