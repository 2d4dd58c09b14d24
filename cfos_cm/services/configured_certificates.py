"""All certificates that a C{tap.cfg} names, and those that are made for it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain, islice

from attrs import frozen
from cryptography import x509

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.net.tls_mode import TlsMode
from cfos_cm.services.certificate_files import may_be_there, shown_in
from cfos_cm.services.config import Config
from cfos_cm.services.local_signer import signing_files
from cfos_cm.services.own_pairs import certificate_files
from cfos_cm.services.server_certificates import own_folder

__all__ = ["MAX_WATCHED", "Watched", "configured_certificates"]

#: A site has a few; a list of all authorities of the world has some hundred.
MAX_WATCHED = 2000


@frozen
class Watched:
    """
    One certificate.

    @ivar what: whose it is, for people.
    @ivar file: where it stands; empty: in no file.
    @ivar certificate: C{None}: the file cannot be read, for the reason in C{fault}.
    """

    what: str
    file: str
    certificate: x509.Certificate | None
    fault: str = ""


def configured_certificates(config: Config) -> tuple[Watched, ...]:
    """
    Each certificate in each file; at most L{MAX_WATCHED}: those that are shown to others before
    those that others are checked against.

    It reads files, which is for a thread.
    """
    return tuple(islice(_watched(config), MAX_WATCHED))


def _watched(config: Config) -> Iterator[Watched]:
    read = cache(_read)
    for what, path in chain(_shown_places(config), _believed_places(config)):
        certificates, fault = read(path)
        if fault:
            yield Watched(what, path, None, fault)
        yield from (Watched(what, path, one) for one in certificates)


def _read(path: str) -> tuple[tuple[x509.Certificate, ...], str]:
    try:
        return shown_in(path), ""
    except CertificateFault as fault:
        return (), str(fault)


def _shown_places(config: Config) -> Iterator[tuple[str, str]]:
    """Whose certificate it is, and its file."""
    if config.ocpp_server.tls is not TlsMode.OFF:
        yield from _server_places(config)
    for gateway in config.gateways:
        if gateway.certificate is not None:
            place = config.located(gateway.certificate)
            yield f"[{gateway.origin.heading}] certificate", place


def _server_places(config: Config) -> Iterator[tuple[str, str]]:
    server = config.ocpp_server
    if server.certificate is not None:
        yield "the server's certificate", config.located(server.certificate)
    else:
        for path in certificate_files(own_folder(config)):
            if may_be_there(path):
                yield "the server's own certificate", str(path)
    signing = signing_files(config)
    if signing.is_there():
        yield "the authority that signs for wallboxes", signing.certificate


def _believed_places(config: Config) -> Iterator[tuple[str, str]]:
    """In which option it is, and its file."""
    if config.ocpp_server.tls is not TlsMode.OFF:
        for path in config.located_files(config.ocpp_server.ca_certificates):
            yield "[ocpp server] ca_certificates", path
    for gateway in config.gateways:
        for path in config.located_files(gateway.ca_certificates):
            yield f"[{gateway.origin.heading}] ca_certificates", path
