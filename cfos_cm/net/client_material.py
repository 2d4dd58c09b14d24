"""What a client needs for TLS: whom it believes, and how it proves who it is itself."""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Protocol
from weakref import WeakValueDictionary

from attrs import frozen
from cryptography import x509
from OpenSSL import SSL, crypto

from cfos_cm.certificates.pair import Pair, flaws, read_pair
from cfos_cm.certificates.pem import MAX_BUNDLE_BYTES, MAX_CHAIN, read_certificates
from cfos_cm.charge_point.given import Given
from cfos_cm.errors import LocalProtocolError
from cfos_cm.regular_file import read_regular_file

__all__ = [
    "SYSTEM_ROOTS",
    "ClientMaterial",
    "PairFiles",
    "TlsFiles",
    "context_of",
    "read_material",
    "read_own_pair",
]

#: Among C{ca_certificates}: those that the system itself believes.
SYSTEM_ROOTS = "system"

#: "Improved security for OCPP 1.6-J", TLS: both pairs of suites, and better ones; keys and
#: signatures that are worth 112 bits.
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:RSA+AESGCM:!aNULL:@SECLEVEL=2"
_OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION


_CONFIGURED = "ca_certificates"
_OF_BACKEND = "the roots that the backend has given"

#: Where systems have theirs; looked at only to see that they have changed.
_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class PairFiles(Protocol):
    """Somebody who is told which files have his own certificate and its key."""

    @property
    def certificate(self) -> str | None:
        """The file with our own certificate, and those of its authorities behind it."""

    @property
    def private_key(self) -> str | None:
        """The file with its key."""


class TlsFiles(PairFiles, Protocol):
    """Somebody who is told whom to believe, too."""

    @property
    def ca_certificates(self) -> tuple[str, ...]:
        """Files, and L{SYSTEM_ROOTS}; none: anybody is believed."""


@frozen
class ClientMaterial:
    """
    What is believed and shown on a connection.

    @ivar authorities: those that a server's certificate may lead to, or the server's own.
    @ivar has_system_roots: those that the system believes count, too.
    @ivar pin: the public key that is believed whoever has signed for it: SHA-256 in
        hexadecimal. C{None}: there is none.
    @ivar pair: our own; C{None}: we have none.
    @ivar whose: what the authorities are, for people.
    """

    authorities: tuple[x509.Certificate, ...] = ()
    has_system_roots: bool = False
    pin: str | None = None
    pair: Pair | None = None
    whose: str = _CONFIGURED

    @property
    def has_roots(self) -> bool:
        """Whether a certificate can lead to somebody who is believed."""
        return bool(self.authorities) or self.has_system_roots

    @property
    def takes_any(self) -> bool:
        """Whether nothing is known of the server, so that any certificate is taken."""
        return not self.has_roots and self.pin is None


def read_material(files: TlsFiles, given: Given | None = None) -> ClientMaterial:
    """
    Read it anew: files may have been renewed.

    A key that was seen before counts only where nothing is configured. What a backend has given
    counts beside what is configured, and our own pair that it has given before that.

    @raise LocalProtocolError: if a file cannot be read.
    @raise CertificateFault: if what is in it cannot be used; no key is in its text.
    """
    given = given or Given()
    configured = [
        one
        for path in files.ca_certificates
        if path != SYSTEM_ROOTS
        for one in read_certificates(_content(path, _CONFIGURED), f"{_CONFIGURED}: {path}")
    ]
    roots = [
        one for pem in given.roots for one in read_certificates(pem.encode(), "a given root")
    ]
    sources = ((_CONFIGURED, files.ca_certificates), (_OF_BACKEND, roots))
    return ClientMaterial(
        authorities=(*configured, *roots),
        has_system_roots=SYSTEM_ROOTS in files.ca_certificates,
        pin=None if files.ca_certificates else given.pin,
        pair=_pair(files, given),
        whose=" or ".join(name for name, content in sources if content) or _CONFIGURED,
    )


def read_own_pair(files: PairFiles) -> Pair | None:
    """
    Read our own certificate and its key.

    @return: C{None}: there is none.
    @raise LocalProtocolError: if there is half of one, a file cannot be read, or it can never
        be used.
    @raise CertificateFault: if there is none in the files.
    """
    certificate, private_key = files.certificate, files.private_key
    if certificate is None and private_key is None:
        return None
    if certificate is None or private_key is None:
        raise LocalProtocolError("certificate and private_key belong together")
    chain = _content(certificate, "certificate")
    return _flawless(read_pair(chain, _content(private_key, "private_key")))


def context_of(material: ClientMaterial) -> SSL.Context:
    """
    The settings of a connection; who is believed beyond its authorities is not in them.

    Connections with the same material share them: what a system believes takes a megabyte.

    @raise LocalProtocolError: if our own pair, or what is believed, cannot be used.
    """
    chain = () if material.pair is None else material.pair.chain
    system = _system_state() if material.has_system_roots else None
    key = (material.authorities, system, chain)
    context = _contexts.get(key)
    if context is None:
        context = _contexts[key] = _new_context(material)
    return context


_contexts: WeakValueDictionary[Hashable, SSL.Context] = WeakValueDictionary()


def _new_context(material: ClientMaterial) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(_CIPHERS)
    context.set_verify_depth(MAX_CHAIN)
    if material.pair is not None:
        _show(context, material.pair)
    try:
        _believe(context, material)
    except (SSL.Error, crypto.Error):
        # As when the system is just writing them.
        raise LocalProtocolError(f"{material.whose}: they cannot be used") from None
    return context


def _believe(context: SSL.Context, material: ClientMaterial) -> None:
    if material.has_system_roots:
        context.set_default_verify_paths()
    store = context.get_cert_store()
    assert store is not None
    for one in material.authorities:
        store.add_cert(crypto.X509.from_cryptography(one))
    # A certificate of the server itself is as good as that of an authority.
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)


def _show(context: SSL.Context, pair: Pair) -> None:
    try:
        context.use_certificate(pair.certificate)
        for one in pair.chain[1:]:
            context.add_extra_chain_cert(one)
        context.use_privatekey(pair.key)
        context.check_privatekey()
    except SSL.Error:
        raise LocalProtocolError("certificate and private_key cannot be used") from None


def _pair(files: TlsFiles, given: Given) -> Pair | None:
    """As L{read_own_pair}; what was given goes before what is configured."""
    if given.chain is None or given.private_key is None:
        return read_own_pair(files)
    return _flawless(read_pair(given.chain.encode(), given.private_key.encode()))


def _flawless(pair: Pair) -> Pair:
    """@raise LocalProtocolError: if it can never be used."""
    found = flaws(pair)
    if found:
        raise LocalProtocolError(f"our own certificate cannot be used: {'; '.join(found)}")
    return pair


def _system_state() -> Hashable:
    named = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    return (named, *(_changed_at(one) for one in (*named, *_SYSTEM_FILES) if one))


def _changed_at(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _content(path: str, option: str) -> bytes:
    """@raise LocalProtocolError: if the file cannot be read."""
    try:
        content = read_regular_file(path, MAX_BUNDLE_BYTES)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "this is not the name of a file"
        raise LocalProtocolError(f"{option}: {path} cannot be read: {why}") from None
    if len(content) > MAX_BUNDLE_BYTES:
        raise LocalProtocolError(f"{option}: {path} is larger than {MAX_BUNDLE_BYTES} bytes")
    return content
