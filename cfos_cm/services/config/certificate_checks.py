"""
What has to be true of certificates and keys in a C{tap.cfg}, and of the files that hold them.

Whether a certificate is valid now is not asked here: a site that was without power for a month
starts with what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from attrs import frozen

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.pair import Pair, flaws
from cfos_cm.certificates.trust import may_sign
from cfos_cm.services.certificate_files import certificates_in, chain_in, key_in
from cfos_cm.services.config.configuration import Config
from cfos_cm.services.config.options import Findings, Section
from cfos_cm.services.config.sections import (
    GatewaySection,
    OcppServerSection,
)
from cfos_cm.services.config.simulator import SimulatorSection
from cfos_cm.services.config.words import SimulatorType

__all__ = ["certificates_can_be_used", "certificates_have_keys", "simulators_need_tls"]

_Owner = OcppServerSection | GatewaySection | SimulatorSection

#: What has no use for a URL.
_CALLED = frozenset({SimulatorType.METER, SimulatorType.BACKEND})


@frozen
class _PairOptions:
    """The options that a pair is written in."""

    certificate: str = "certificate"
    private_key: str = "private_key"
    passphrase: str = ""


_PAIR = _PairOptions()
_SIGNING = _PairOptions("signing_certificate", "signing_key", "signing_passphrase")


def _owners(config: Config) -> tuple[_Owner, ...]:
    return (config.ocpp_server, *config.gateways, *config.simulators)


def _pairs(config: Config) -> Iterator[tuple[Section, _PairOptions]]:
    for one in _owners(config):
        yield one, _PAIR
    yield config.ocpp_server, _SIGNING


def certificates_have_keys(config: Config, found: Findings) -> None:
    """A certificate and its private key come together."""
    for one, names in _pairs(config):
        if not one.sound(names.certificate, names.private_key):
            continue
        certificate, key = getattr(one, names.certificate), getattr(one, names.private_key)
        if certificate is not None and key is None:
            found.about(one, names.certificate, f"needs a {names.private_key}")
        if key is not None and certificate is None:
            found.about(one, names.private_key, f"needs a {names.certificate}")


def simulators_need_tls(config: Config, found: Findings) -> None:
    """What a virtual wallbox has for TLS is of use with TLS only."""
    for one in config.simulators:
        if one.type in _CALLED or not one.sound("type", "url"):
            continue
        if one.url.lower().startswith("wss:"):
            continue
        for option in ("ca_certificates", "certificate"):
            if getattr(one, option) and one.sound(option):
                allowed = "needs TLS: url must begin with wss://, or this be empty"
                found.about(one, option, allowed)


def certificates_can_be_used(
    config: Config, found: Findings, is_file: Callable[[str], bool]
) -> None:
    """
    What is in the files is what is asked for, and a key is its certificate's.

    Each file is read once, for however many sections.

    @param is_file: whether a path is a file that can be read; what is none is passed over.
    """
    pair_words, authority_words = cache(_pair_words), cache(_authority_words)
    for one, names in _pairs(config):
        options = (names.certificate, names.private_key)
        paths = [getattr(one, name) for name in options]
        if None in paths or not one.sound(*options):
            continue
        passphrase = getattr(one, names.passphrase) if names.passphrase else None
        located = [config.located(path) for path in paths]
        if not all(map(is_file, located)):
            continue
        for at, words in pair_words(*located, passphrase, names is _SIGNING):
            found.about(one, options[at], words)
    for owner in _owners(config):
        for path in config.located_files(owner.ca_certificates):
            words = authority_words(path) if is_file(path) else ""
            if words:
                found.about(owner, "ca_certificates", words)


def _pair_words(
    certificate: str, private_key: str, passphrase: str | None, signs: bool
) -> tuple[tuple[int, str], ...]:
    """What is wrong with a pair: 0 and words about its certificate, 1 and such of its key."""
    try:
        key = key_in(private_key, passphrase)
    except CertificateFault as fault:
        return ((1, f"cannot be used: {fault}"),)
    try:
        pair = Pair(chain_in(certificate, private_key), key)
    except CertificateFault as fault:
        return ((0, f"cannot be used: {fault}"),)
    words = list(flaws(pair))
    if signs and not may_sign(pair.certificate):
        words.append("it is not that of an authority: it may not sign others")
    return tuple((0, f"cannot be used: {one}") for one in words)


def _authority_words(path: str) -> str:
    try:
        certificates_in(path)
    except CertificateFault as fault:
        return f"cannot be used: {fault}"
    return ""
