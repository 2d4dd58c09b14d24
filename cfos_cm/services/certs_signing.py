"""C{cfos-cm certs}: who signs, and the passphrases that unlock keys."""

from __future__ import annotations

import argparse
import getpass
import warnings
from pathlib import Path

from cfos_cm.certificates.fault import CertificateFault, KeyLocked
from cfos_cm.certificates.pair import Pair
from cfos_cm.services.certificate_files import content_of, may_be_there, pair_in

__all__ = ["new_passphrase", "signing_authority"]

_MIN_PASSPHRASE_CHARS = 4
_MAX_PASSPHRASE_BYTES = 1000


def signing_authority(options: argparse.Namespace) -> Pair:
    """
    The authority that is to sign; asks for what unlocks its key, where that is needed.

    @raise CertificateFault: if it is not there, or its key cannot be had.
    """
    certificate = Path(options.ca or Path(options.dir) / "ca.pem")
    key = Path(options.ca_key or certificate.with_suffix(".key"))
    if options.ca is None and not may_be_there(certificate):
        raise CertificateFault(
            f"{certificate} is not there: 'cfos-cm certs init-ca' makes an authority, or "
            "--ca FILE names one"
        )
    try:
        return pair_in(str(certificate), str(key), _passphrase_in_file(options))
    except KeyLocked:
        passphrase = _ask(f"passphrase of {key}: ")
    return pair_in(str(certificate), str(key), passphrase)


def new_passphrase(options: argparse.Namespace) -> bytes:
    """
    What is to lock a key: the first line of a file, or what somebody types twice.

    @raise CertificateFault: if there is none that will do.
    """
    passphrase = _passphrase_in_file(options)
    if passphrase is None:
        passphrase = _ask("passphrase for the authority's key: ")
        if _ask("the same once more: ") != passphrase:
            raise CertificateFault("the two passphrases are not the same")
    if len(passphrase) < _MIN_PASSPHRASE_CHARS:
        raise CertificateFault(
            f"a passphrase needs {_MIN_PASSPHRASE_CHARS} characters at least; to have none, "
            "say --no-passphrase"
        )
    return passphrase.encode()


def _passphrase_in_file(options: argparse.Namespace) -> str | None:
    """The first line of a file."""
    if options.passphrase_file is None:
        return None
    try:
        text = content_of(options.passphrase_file)[:_MAX_PASSPHRASE_BYTES].decode()
    except UnicodeDecodeError:
        raise CertificateFault(f"{options.passphrase_file}: it is not UTF-8") from None
    return text.partition("\n")[0].rstrip("\r")


def _ask(prompt: str) -> str:
    """What somebody types, which is not shown."""
    with warnings.catch_warnings():
        # It would be shown after all.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError, OSError):
            raise CertificateFault(
                "there is no terminal to ask for the passphrase at: --passphrase-file FILE"
            ) from None
