"""Certificates and keys that were sent over HTTP: judged, kept, and named in C{tap.cfg}."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, field, frozen
from cryptography import x509
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.keys import weakness
from cfos_cm.certificates.names import fingerprint, subject_words
from cfos_cm.certificates.pair import Pair, objections, read_pair, time_words
from cfos_cm.certificates.pem import MAX_FILE_BYTES, pem_of, read_certificates
from cfos_cm.certificates.subject import host_names
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.server_tls import ServerMaterial, ServerTls
from cfos_cm.services.config import Config
from cfos_cm.services.config.editing import SetOptions
from cfos_cm.services.config.gateway_checks import identities
from cfos_cm.services.own_names import own_names
from cfos_cm.services.own_pairs import MAX_NAMES, new_pairs
from cfos_cm.services.server_certificates import own_folder
from cfos_cm.services.web.new_files import NewFile
from cfos_cm.services.web.settings_file import Changed, SettingsFile
from cfos_cm.storage.private_files import PUBLIC, remove_file
from cfos_cm.web.problem import Problem

__all__ = ["FOLDER", "PairTexts", "Uploaded"]

#: Below the state_directory.
FOLDER = "uploaded"

T = TypeVar("T")

_SERVER = "ocpp server"
_PAIR = ("certificate", "private_key")
_OF_GATEWAYS = ("ca_certificates", *_PAIR)
_NEW_KEY = (
    "the server shows another certificate now: whoever was told the one before, or its key, "
    "has to be told this one, SHA-256 {fingerprint}"
)
_OTHERS = (
    "wallboxes that come by TLS must have a certificate now that one of these has signed, or "
    "that is one of them"
)

_log = Logger(namespace="cfos_cm.services")


@frozen
class PairTexts:
    """
    A certificate chain and its private key as they were sent.

    @ivar passphrase: what unlocks the key; C{None}: it is not locked.
    """

    certificate: str
    private_key: str = field(repr=False)
    passphrase: str | None = field(default=None, repr=False)


@frozen
class _Material:
    """
    What was judged to be good.

    @ivar values: the options that name the files; C{None}: they go back to their defaults.
    @ivar warnings: sentences for people.
    @ivar note: for the audit log.
    """

    files: tuple[NewFile, ...] = ()
    values: dict[str, str | None] = field(factory=dict)
    warnings: tuple[str, ...] = ()
    note: str = ""


class Uploaded:
    """
    Takes certificates and keys.

    They are judged before anything is changed, and are named in C{tap.cfg} in the same turn; if
    anything fails, nothing has changed. A key never comes out again.
    """

    def __init__(
        self,
        settings: SettingsFile,
        config: Callable[[], Config],
        now: Callable[[], datetime],
        reactor: Any,
        names: Callable[[], Iterable[str]] = own_names,
    ) -> None:
        """
        @param config: what the site runs with now.
        @param now: aware.
        @param reactor: whose threads do the work.
        @param names: what this computer is called.
        """
        self._settings = settings
        self._config = config
        self._now = now
        self._reactor = reactor
        self._names = names

    async def use_server(self, texts: PairTexts, by: str = "") -> Changed:
        """
        Have the server show a certificate.

        @raise Problem: 422 if it cannot be used, for what reason.
        """
        material = await self._in_thread(self._server_material, texts)
        return await self._use((_SERVER,), material, by)

    async def use_own(self, by: str = "") -> Changed:
        """Have the server show the certificates again that this program has made itself."""
        words = "the server shows the certificate of its own making again"
        material = _Material((), dict.fromkeys(_PAIR), (), words)
        return await self._use((_SERVER,), material, by)

    async def create_own(self, names: Sequence[str], by: str = "") -> Changed:
        """
        Make new pairs with new keys, and have the server show them.

        @param names: what the server is called, beside the names of this computer.
        @raise Problem: 422 for names that cannot stand in a certificate.
        """
        material = await self._in_thread(self._own_material, tuple(names))
        return await self._use((_SERVER,), material, by)

    async def use_authorities(self, certificates: str, by: str = "") -> Changed:
        """
        Let in those Charge Points only that one of these has signed.

        @raise Problem: 422 if they cannot be used.
        """
        material = await self._in_thread(self._authorities, certificates, "authorities")
        material = evolve(material, warnings=(_OTHERS,))
        return await self._use((_SERVER,), material, by)

    async def drop_authorities(self, by: str = "") -> Changed:
        """Ask Charge Points for no certificate any more."""
        words = "wallboxes that come by TLS need no certificate any more"
        material = _Material((), {"ca_certificates": None}, (words,), words)
        return await self._use((_SERVER,), material, by)

    async def use_gateway(
        self, name: str, ca_certificates: str | None, pair: PairTexts | None, by: str = ""
    ) -> Changed:
        """
        Have a gateway, and all others of its client id, show or believe certificates.

        @raise Problem: 404 for no gateway of this name, 422 for what cannot be used.
        """
        headings = self._gateways(name)
        material = await self._in_thread(self._gateway_material, name, ca_certificates, pair)
        return await self._use(headings, material, by)

    async def drop_gateway(self, name: str, by: str = "") -> Changed:
        """
        Have a gateway show no certificate, and believe the first that it is shown.

        @raise Problem: 404 for no gateway of this name.
        """
        words = "the backend's certificate is believed when it is seen the first time"
        material = _Material((), dict.fromkeys(_OF_GATEWAYS), (words,))
        return await self._use(self._gateways(name), material, by)

    def _gateways(self, name: str) -> tuple[str, ...]:
        """The headings of all that are the same client of the same backend."""
        config = self._config()
        if name not in [one.name for one in config.gateways]:
            raise Problem(404, "there is no gateway of this name")
        for group in identities(config).values():
            if name in [one.name for one in group]:
                return tuple(f"gateway {one.name}" for one in group)
        return (f"gateway {name}",)

    async def _use(self, headings: Sequence[str], material: _Material, by: str) -> Changed:
        changes = [SetOptions(heading, material.values) for heading in headings]
        done = await self._settings.change(changes, by=by, files=material.files)
        # Not while another change has put its files, and has not named them yet.
        await self._settings.in_turn(self._tidy)
        note = "; ".join(one for one in (material.note, done.note) if one)
        return evolve(done, note=note, warnings=(*material.warnings, *done.warnings))

    # What follows is for a thread.

    def _server_material(self, texts: PairTexts) -> _Material:
        pair = self._pair(texts)
        _try(pair, now=self._now)
        mark = fingerprint(pair.certificate)
        files, values = self._files_of(pair, "server")
        about = f"the server's certificate of {subject_words(pair.certificate.subject)}"
        warnings = (_NEW_KEY.format(fingerprint=mark),)
        return _Material(files, values, warnings, f"{about}, SHA-256 {mark}")

    def _own_material(self, wanted: tuple[str, ...]) -> _Material:
        host_names(wanted)
        config, names = self._config(), dict.fromkeys((*wanted, *self._names()))
        if len(names) > MAX_NAMES:
            most = MAX_NAMES - len(set(self._names()))
            raise CertificateFault(f"there is room for {most} names beside this computer's own")
        pairs = new_pairs(names, config.manager.title, self._now())
        _try(*pairs.values(), now=self._now)
        files = []
        for name, pair in pairs.items():
            path = own_folder(config) / name
            key, chain = pem_of(pair.key).encode(), pem_of(*pair.chain).encode()
            files.append(NewFile(path.with_suffix(".key"), key))
            files.append(NewFile(path, chain, PUBLIC))
        marks = ", or ".join(fingerprint(pair.certificate) for pair in pairs.values())
        warnings = (_NEW_KEY.format(fingerprint=marks),)
        note = f"the server has new keys, SHA-256 {marks}"
        return _Material(tuple(files), dict.fromkeys(_PAIR), warnings, note)

    def _gateway_material(
        self, name: str, ca_certificates: str | None, texts: PairTexts | None
    ) -> _Material:
        files: tuple[NewFile, ...] = ()
        values: dict[str, str | None] = {}
        if ca_certificates is not None:
            found = self._authorities(ca_certificates, f"gateway-{name}-ca")
            files, values = found.files, found.values
        if texts is not None:
            more, names = self._files_of(self._pair(texts), f"gateway-{name}")
            files, values = (*files, *more), {**values, **names}
        if not values:
            raise CertificateFault("there is nothing to be used: no certificate was sent")
        return _Material(files, values)

    def _authorities(self, text: str, stem: str) -> _Material:
        found = read_certificates(_octets(text, "ca_certificates"), "ca_certificates")
        for one in found:
            for words in _objections(one, self._now()):
                raise CertificateFault(
                    f"ca_certificates: the certificate of {subject_words(one.subject)} {words}"
                )
        file, value = self._file(stem, ".pem", pem_of(*found))
        return _Material((file,), {"ca_certificates": value})

    def _pair(self, texts: PairTexts) -> Pair:
        """@raise CertificateFault: if it cannot be used now."""
        passphrase = None if not texts.passphrase else texts.passphrase.encode()
        chain = _octets(texts.certificate, "certificate")
        pair = read_pair(chain, _octets(texts.private_key, "private_key"), passphrase)
        words = objections(pair, self._now())
        if words:
            raise CertificateFault(f"certificate: {'; '.join(words)}")
        return pair

    def _files_of(
        self, pair: Pair, stem: str
    ) -> tuple[tuple[NewFile, ...], dict[str, str | None]]:
        certificate, chain = self._file(stem, ".pem", pem_of(*pair.chain))
        private_key, key = self._file(stem, ".key", pem_of(pair.key))
        return (private_key, certificate), {"certificate": chain, "private_key": key}

    def _file(self, stem: str, suffix: str, pem: str) -> tuple[NewFile, str]:
        """A file, and what stands in C{tap.cfg} for it. What is new has a new name."""
        config, content = self._config(), pem.encode()
        name = f"{stem}-{hashlib.sha256(content).hexdigest()[:16]}{suffix}"
        written = os.path.join(config.manager.state_directory, FOLDER, name)
        return NewFile(Path(config.located(written)), content), written

    def _tidy(self) -> None:
        """Remove what is named nowhere any more, in no backup either."""
        folder = Path(self._config().state_directory) / FOLDER
        try:
            for name in os.listdir(folder) if folder.is_dir() else ():
                if not self._settings.names_file(name):
                    remove_file(folder / name)
        except OSError as error:
            _log.warn("{folder}: {why}", folder=folder, why=error.strerror)

    def _in_thread(self, work: Callable[..., T], *args: Any) -> Awaitable[T]:
        pool = self._reactor.getThreadPool()
        return deferToThreadPool(self._reactor, pool, _judged, work, *args)


def _judged(work: Callable[..., T], *args: Any) -> T:
    try:
        return work(*args)
    except CertificateFault as fault:
        raise Problem(422, f"{fault}; nothing was changed") from None
    except LocalProtocolError as error:
        raise Problem(422, f"{error}; nothing was changed") from None


def _octets(text: str, what: str) -> bytes:
    octets = text.encode("utf-8", "replace")
    if len(octets) > MAX_FILE_BYTES:
        raise CertificateFault(f"{what}: it has more than {MAX_FILE_BYTES} bytes")
    if octets.strip() and b"-----BEGIN " not in octets:
        raise CertificateFault(f"{what}: it is no PEM text: there is no -----BEGIN in it")
    return octets


def _objections(certificate: x509.Certificate, now: datetime) -> Iterable[str]:
    words = time_words(certificate, now)
    if words is not None:
        yield words
    words = weakness(certificate.public_key())
    if words is not None:
        yield f"is weak: its key {words}"


def _try(*pairs: Pair, now: Callable[[], datetime]) -> None:
    """@raise LocalProtocolError: if a client does not get TLS by one of them."""
    ServerTls(now).use(ServerMaterial(pairs=pairs))
