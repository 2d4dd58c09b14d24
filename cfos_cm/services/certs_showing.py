"""C{cfos-cm certs}: what is in certificates, and whether they can be used."""

from __future__ import annotations

import argparse
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cfos_cm.certificates.expiry import expiry_words
from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.names import (
    alternative_names,
    fingerprint,
    public_key_pin,
    subject_words,
)
from cfos_cm.certificates.pair import objections, time_words
from cfos_cm.certificates.signatures import may_sign
from cfos_cm.certificates.trust import Purpose, verify_chain
from cfos_cm.services.certificate_files import certificates_in, pair_in, shown_in
from cfos_cm.services.certificate_watch import report_of
from cfos_cm.services.config import Config, read_config
from cfos_cm.services.configured_certificates import configured_certificates
from cfos_cm.services.console_database import Write
from cfos_cm.services.console_words import printable

__all__ = ["check_certificates", "show_certificates"]

_OTHERS_MAY_READ = stat.S_IRGRP | stat.S_IROTH


def show_certificates(options: argparse.Namespace, write: Write) -> int:
    """
    Say what is in files, or in all files of a C{tap.cfg} where none are named.

    @return: the exit status.
    @raise cfos_cm.errors.CfosError: if a file cannot be read.
    """
    found = _shown(options)
    for number, (title, certificate) in enumerate(found):
        if number:
            write("")
        write(title)
        for line in _lines(certificate):
            write(f"  {line}")
    if not found:
        write(f"{options.config} names no certificate, and none has been made yet")
    return 0


def _shown(options: argparse.Namespace) -> list[tuple[str, x509.Certificate]]:
    if options.files:
        return [(path, one) for path in options.files for one in shown_in(path)]
    watched = configured_certificates(read_config(options.config))
    for one in watched:
        if one.certificate is None:
            raise CertificateFault(one.fault)
    return [(f"{one.what}: {one.file}", one.certificate) for one in watched if one.certificate]


def _lines(certificate: x509.Certificate) -> Iterator[str]:
    now = datetime.now(UTC)
    names = alternative_names(certificate)
    yield f"subject:    {subject_words(certificate.subject)}"
    yield f"signed by:  {subject_words(certificate.issuer)}"
    yield f"names:      {printable(', '.join(names)) if names else 'none but the subject'}"
    yield f"valid from: {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    yield f"validity:   {time_words(certificate, now) or _ends(certificate, now)}"
    yield f"key:        {_key_words(certificate.public_key())}"
    yield f"authority:  {'yes' if may_sign(certificate) else 'no'}"
    yield f"SHA-256:    {fingerprint(certificate)}"
    yield f"key's pin:  {public_key_pin(certificate)}"


def _ends(certificate: x509.Certificate, now: datetime) -> str:
    return expiry_words(certificate.not_valid_after_utc, now)


def _key_words(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA, {key.key_size} bits"
    return f"EC, {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else "other"


def check_certificates(options: argparse.Namespace, write: Write) -> int:
    """
    Say what is wrong with a certificate and its key, or with all of a C{tap.cfg}.

    @return: the exit status: 1 when something is wrong.
    @raise cfos_cm.errors.CfosError: if a file cannot be read.
    """
    problems = list(_problems(options))
    for one in problems:
        write(one)
    if not problems:
        write("nothing is wrong")
    return 1 if problems else 0


def _problems(options: argparse.Namespace) -> Iterator[str]:
    if options.certificate is None:
        yield from _problems_of_site(read_config(options.config))
        return
    yield from _problems_of_files(_Files.of(options))


@frozen
class _Files:
    """What is checked."""

    certificate: str
    key: str | None
    authorities: tuple[str, ...]
    purpose: Purpose

    @classmethod
    def of(cls, options: argparse.Namespace) -> _Files:
        """As they were named on the command line."""
        return cls(options.certificate, options.key, tuple(options.ca or ()), options.purpose)


def _problems_of_files(files: _Files) -> Iterator[str]:
    now = datetime.now(UTC)
    if files.key is not None:
        pair = pair_in(files.certificate, files.key)
        yield from (f"{files.certificate}: {one}" for one in objections(pair, now))
        yield from _open_keys([files.key])
        chain = pair.chain
    else:
        chain = certificates_in(files.certificate)
    if files.authorities:
        believed = [one for path in files.authorities for one in certificates_in(path)]
        words = verify_chain(chain, believed, now, files.purpose)
        if words is not None:
            yield f"{files.certificate}: {words}"
    elif files.key is None:
        words = time_words(chain[0], now)
        if words is not None:
            yield f"{files.certificate}: the certificate {words}"


def _problems_of_site(config: Config) -> Iterator[str]:
    now = datetime.now(UTC)
    for watched in configured_certificates(config):
        one = report_of(watched, now)
        if one.is_warning:
            yield str(one)
    yield from _open_keys(_keys_of(config))


def _keys_of(config: Config) -> Iterator[str]:
    server = config.ocpp_server
    keys = (
        server.private_key,
        server.signing_key,
        *(one.private_key for one in config.gateways),
    )
    yield from (config.located(one) for one in dict.fromkeys(keys) if one is not None)


def _open_keys(paths: Iterator[str] | list[str]) -> Iterator[str]:
    """Which keys others on this computer can read."""
    for path in paths:
        if Path(path).stat().st_mode & _OTHERS_MAY_READ:
            yield f"{path}: others on this computer can read this private key: chmod 600 {path}"
