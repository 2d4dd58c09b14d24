"""C{cfos-cm certs}: authorities, servers' and clients' certificates, made in files."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen
from cryptography import x509

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.issuing import (
    issue_client,
    issue_server,
    make_authority,
    sign_request,
)
from cfos_cm.certificates.keys import PrivateKey, new_ec_key, new_rsa_key
from cfos_cm.certificates.names import fingerprint, is_self_signed, subject_words
from cfos_cm.certificates.pair import Pair
from cfos_cm.certificates.pem import pem_of, read_request
from cfos_cm.certificates.subject import Subject, host_names
from cfos_cm.services.certificate_files import content_of
from cfos_cm.services.certs_signing import new_passphrase, signing_authority
from cfos_cm.services.console_database import Write
from cfos_cm.services.own_names import host_name, own_names
from cfos_cm.storage.private_files import PUBLIC, SECRET, private_folder, put_file

__all__ = [
    "AUTHORITY_DAYS",
    "DAYS",
    "init_authority",
    "issue_for_client",
    "issue_for_server",
    "sign_for",
]

AUTHORITY_DAYS = 3650
#: Some clients take no server's certificate that is valid for longer.
DAYS = 825

_AUTHORITY_BITS = 4096
_BITS = 2048


@frozen
class _Place:
    """Two files with one name: the certificate, and the key beside it."""

    certificate: Path
    key: Path


def init_authority(options: argparse.Namespace, write: Write) -> int:
    """
    Make an authority: its key, which is locked unless told otherwise, and its certificate.

    @return: the exit status.
    @raise CertificateFault: if something cannot be made, or a file is there already.
    """
    place = _free_place(options, options.name)
    common_name = options.common_name or f"Charging site CA {host_name()}".strip()
    subject = _subject(options, common_name)
    passphrase = None if options.no_passphrase else new_passphrase(options)
    key = _new_key(options.key, _AUTHORITY_BITS)
    certificate = make_authority(subject, key, _now(), options.days)
    _keep(place.key, pem_of(key, passphrase=passphrase), SECRET)
    _keep(place.certificate, pem_of(certificate), PUBLIC)
    _tell(write, certificate, place)
    write("")
    write("Keep its key where nobody else can read it: whoever has it can be anybody here.")
    write("To let in only wallboxes that have a certificate of it, in tap.cfg:")
    write("  [ocpp server]")
    write(f"  ca_certificates = {place.certificate.absolute()}")
    write("To have it sign for wallboxes that ask for a certificate of their own:")
    write(f"  signing_certificate = {place.certificate.absolute()}")
    write(f"  signing_key = {place.key.absolute()}")
    if passphrase is not None:
        write("  signing_passphrase = its passphrase")
    write(f"Wallboxes that are to check the server's certificate need {place.certificate} too.")
    return 0


def issue_for_server(options: argparse.Namespace, write: Write) -> int:
    """
    Make a server's key and its certificate, signed by an authority.

    @raise CertificateFault: if something cannot be made, or a file is there already.
    """
    place = _free_place(options, options.name)
    authority = signing_authority(options)
    hosts = options.host or list(_usable_names())
    common_name = options.common_name or hosts[0]
    subject = _subject(options, common_name)
    key = _new_key(options.key, _BITS)
    certificate = issue_server(
        authority, subject, hosts, key.public_key(), _now(), options.days
    )
    _keep_issued(place, key, certificate, authority)
    _tell(write, certificate, place)
    write("")
    write("For this server, in tap.cfg:")
    write("  [ocpp server]")
    _write_pair(write, place)
    return 0


def issue_for_client(options: argparse.Namespace, write: Write) -> int:
    """
    Make a client's key and its certificate, signed by an authority.

    @raise CertificateFault: if something cannot be made, or a file is there already.
    """
    place = _free_place(options, options.name or _file_name(options.common_name))
    authority = signing_authority(options)
    subject = _subject(options, options.common_name)
    key = _new_key(options.key, _BITS)
    names = options.host or ()
    certificate = issue_client(
        authority, subject, names, key.public_key(), _now(), options.days
    )
    _keep_issued(place, key, certificate, authority)
    _tell(write, certificate, place)
    write("")
    write(f"For the wallbox {options.common_name}: put both files into it. Or, for a gateway")
    write("whose backend asks for a certificate, in tap.cfg:")
    write("  [gateway NAME]")
    _write_pair(write, place)
    return 0


def sign_for(options: argparse.Namespace, write: Write) -> int:
    """
    Sign a request that was made elsewhere, such as by C{openssl req} or in a wallbox.

    @raise CertificateFault: if it cannot be signed, or the file is there already.
    """
    request = read_request(content_of(options.request))
    stem = options.name or Path(options.request).stem
    path = _free_file(options, Path(options.dir) / f"{stem}.pem")
    authority = signing_authority(options)
    certificate = sign_request(
        authority, request, _now(), options.days, for_client=options.purpose == "client"
    )
    _keep(path, _chain(certificate, authority), PUBLIC)
    _say(write, certificate)
    write(f"certificate: {path}")
    return 0


def _new_key(kind: str, bits: int) -> PrivateKey:
    return new_ec_key() if kind == "ec" else new_rsa_key(bits)


def _subject(options: argparse.Namespace, common_name: str) -> Subject:
    return Subject(
        common_name=common_name,
        organisation=options.organisation,
        unit=options.unit,
        locality=options.locality,
        country=options.country,
        email=options.email,
    )


def _usable_names() -> tuple[str, ...]:
    found = []
    for name in own_names():
        try:
            host_names((name,))
        except CertificateFault:
            continue
        found.append(name)
    return tuple(found)


def _file_name(common_name: str) -> str:
    """A name for files, of what may have stars, slashes and umlauts in it."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", common_name).strip(".-")
    return plain[:100] or "client"


def _free_place(options: argparse.Namespace, name: str) -> _Place:
    certificate = Path(options.dir) / f"{name}.pem"
    return _Place(
        _free_file(options, certificate),
        _free_file(options, certificate.with_name(f"{name}.key")),
    )


def _free_file(options: argparse.Namespace, path: Path) -> Path:
    """@raise CertificateFault: if there is something that nobody said to write over."""
    try:
        is_there = path.exists()
    except OSError as error:
        raise CertificateFault(f"{path}: cannot be written: {error.strerror}") from error
    if is_there and not options.force:
        raise CertificateFault(
            f"{path} is there already: --force writes over it, --name gives another name"
        )
    return path


def _keep_issued(
    place: _Place, key: PrivateKey, certificate: x509.Certificate, authority: Pair
) -> None:
    _keep(place.key, pem_of(key), SECRET)
    _keep(place.certificate, _chain(certificate, authority), PUBLIC)


def _chain(certificate: x509.Certificate, authority: Pair) -> str:
    """With those above it, but for the root: who is to believe that has it already."""
    return pem_of(certificate, *(one for one in authority.chain if not is_self_signed(one)))


def _keep(path: Path, pem: str, mode: int) -> None:
    try:
        if not path.parent.is_dir():
            private_folder(path.parent)
        put_file(path, pem.encode(), mode)
    except OSError as error:
        raise CertificateFault(f"{path}: cannot be written: {error.strerror}") from error


def _tell(write: Callable[[str], None], certificate: x509.Certificate, place: _Place) -> None:
    _say(write, certificate)
    write(f"certificate: {place.certificate}")
    write(f"private key: {place.key}")


def _say(write: Write, certificate: x509.Certificate) -> None:
    ends = certificate.not_valid_after_utc
    write(f"{subject_words(certificate.subject)}")
    write(f"valid until: {ends:%Y-%m-%d}")
    write(f"SHA-256:     {fingerprint(certificate)}")


def _write_pair(write: Write, place: _Place) -> None:
    write(f"  certificate = {place.certificate.absolute()}")
    write(f"  private_key = {place.key.absolute()}")


def _now() -> datetime:
    return datetime.now(UTC)
