"""Which certificates the server shows, and whose it takes: read, made, renewed and replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from cryptography import x509
from twisted.internet.defer import DeferredLock
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.names import fingerprint, subject_words
from cfos_cm.certificates.pair import Pair, flaws, objections
from cfos_cm.errors import CfosError
from cfos_cm.net.server_tls import ServerMaterial, ServerTls
from cfos_cm.net.tls_mode import TlsMode
from cfos_cm.services.certificate_files import certificates_in, pair_in
from cfos_cm.services.config import Config
from cfos_cm.services.local_signer import LocalSigner, read_signer, signing_files
from cfos_cm.services.own_names import own_names
from cfos_cm.services.own_pairs import own_pairs

__all__ = ["ServerCertificates", "own_folder"]

_log = Logger(namespace="cfos_cm.services")

_Chain = tuple[x509.Certificate, ...]


def own_folder(config: Config) -> Path:
    """Where the pairs are kept that no authority has signed."""
    return Path(config.state_directory) / "certificates"


@define
class _Found:
    """
    What the files have in them.

    @ivar made: sentences for people.
    @ivar troubles: the same, about what is wrong; what can be used is used all the same.
    @ivar signs_as_before: the authority of our own could not be read.
    @ivar unkept: those that were made here and are in no file, by their kind.
    """

    pairs: tuple[Pair, ...] = ()
    authorities: _Chain = ()
    signer: Pair | None = None
    made: list[str] = field(factory=list)
    troubles: list[str] = field(factory=list)
    signs_as_before: bool = False
    unkept: Mapping[str, Pair] = field(factory=dict)


@frozen
class _Files:
    """
    Where to look, and how to judge.

    @ivar shown: the pairs in use now, by their certificates.
    @ivar is_patient: what is not valid now is used all the same.
    @ivar unkept: what was made here before and is in no file, by its kind.
    """

    config: Config
    now: datetime
    shown: frozenset[_Chain]
    is_patient: bool
    unkept: Mapping[str, Pair]


class ServerCertificates:
    """
    Gives the server's TLS what it is made of.

    Files are read, and keys are made, in a thread. Nothing here ever fails: a site that was
    without power for a month charges again with a certificate that has expired meanwhile.

    @ivar signer: signs the certificates of Charge Points.
    """

    def __init__(self, reactor: Any, now: Callable[[], datetime], tls: ServerTls) -> None:
        """
        @param reactor: whose threads do the work.
        @param now: what time it is, aware.
        """
        self._reactor = reactor
        self._now = now
        self._tls = tls
        self.signer = LocalSigner(now)
        self._config: Config | None = None
        self._used: ServerMaterial | None = None
        self._unkept: Mapping[str, Pair] = {}
        self._turn = DeferredLock()

    async def open(self, config: Config) -> None:
        """
        Begin.

        A pair of the settings that cannot be used is replaced by those that are made here; one
        that has expired is used. Both is an error in the log.
        """
        await self._turn.run(self._replace, config, True)

    async def configure(self, config: Config) -> None:
        """
        Read all files again, whether their names have changed or not.

        A new pair that cannot be used, has expired or is not valid yet is refused, with the
        reason in the log, and so is everything that came with it: what there was before stays.
        """
        await self._turn.run(self._replace, config, not self._tls.is_ready)

    async def renew(self) -> None:
        """To be called now and then: renews the pairs that are made here, if it is time to."""
        config = self._config
        if config is not None and config.ocpp_server.certificate is None:
            await self._turn.run(self._replace, config, True)

    async def _replace(self, config: Config, is_patient: bool) -> None:
        self._config = config
        if config.ocpp_server.tls is TlsMode.OFF:
            self.signer.use(None)
            return
        used = () if self._used is None else self._used.pairs
        shown = frozenset(one.chain for one in used)
        files = _Files(config, self._now(), shown, is_patient, self._unkept)
        pool = self._reactor.getThreadPool()
        try:
            found: _Found = await deferToThreadPool(self._reactor, pool, _read, files)
            self._unkept = found.unkept
            self._use(config, found)
        except (CfosError, OSError) as error:
            # Whatever it is: the rest of the site goes on.
            left = "what there was before stays" if self._tls.is_ready else "there is no TLS"
            _log.error("{error!s}; {left}", error=error, left=left)

    def _use(self, config: Config, found: _Found) -> None:
        """@raise LocalProtocolError: if the server's TLS does not take it."""
        for sentence in found.made:
            _log.info("{sentence}", sentence=sentence)
        for sentence in found.troubles:
            _log.error("{sentence}", sentence=sentence)
        signer = self.signer.authorities if found.signs_as_before else _chain(found.signer)
        material = ServerMaterial(
            pairs=found.pairs,
            authorities=found.authorities,
            optional_authorities=signer,
            needs_certificate=bool(config.ocpp_server.ca_certificates),
        )
        # Who replaces it makes every Charge Point begin anew instead of going on.
        if self._used is None or _essence(material) != _essence(self._used):
            self._tls.use(material)
            self._used = material
            _tell(material)
        if not found.signs_as_before:
            self.signer.use(found.signer)


def _chain(pair: Pair | None) -> _Chain:
    return () if pair is None else pair.chain


def _essence(material: ServerMaterial) -> tuple[object, ...]:
    """What makes the difference: a key is the same if its certificate is."""
    chains = tuple(one.chain for one in material.pairs)
    authorities = (material.authorities, material.optional_authorities)
    return chains, authorities, material.needs_certificate


def _tell(material: ServerMaterial) -> None:
    for pair in material.pairs:
        _log.info(
            "TLS shows the certificate of {subject}, SHA-256 {fingerprint}",
            subject=subject_words(pair.certificate.subject),
            fingerprint=fingerprint(pair.certificate),
        )


def _read(files: _Files) -> _Found:
    """@raise CertificateFault: if TLS cannot, or must not, be had with what there is."""
    found = _Found(unkept=files.unkept)
    server = files.config.ocpp_server
    for path in files.config.located_files(server.ca_certificates):
        found.authorities += certificates_in(path)
    _read_pairs(files, found)
    try:
        found.signer = read_signer(signing_files(files.config))
    except CertificateFault as fault:
        found.signs_as_before = True
        found.troubles.append(f"certificates of wallboxes are not signed: {fault}")
    return found


def _read_pairs(files: _Files, found: _Found) -> None:
    server = files.config.ocpp_server
    if server.certificate is not None and server.private_key is not None:
        certificate = files.config.located(server.certificate)
        try:
            pair = pair_in(certificate, files.config.located(server.private_key))
            found.pairs = (_judged(pair, certificate, files, found),)
            return
        except CertificateFault as fault:
            if not files.is_patient:
                raise
            found.troubles.append(f"{fault}; the server shows a certificate of its own making")
    title = files.config.manager.title
    folder = own_folder(files.config)
    own = own_pairs(folder, own_names(), title, files.now, files.unkept)
    found.pairs, found.unkept = own.pairs, own.unkept
    found.made += own.made
    found.troubles += own.troubles


def _judged(pair: Pair, name: str, files: _Files, found: _Found) -> Pair:
    """@raise CertificateFault: if it must not be used."""
    never = flaws(pair)
    if never:
        raise CertificateFault(f"{name} cannot be used: {'; '.join(never)}")
    words = "; ".join(objections(pair, files.now))
    if words and not files.is_patient and pair.chain not in files.shown:
        raise CertificateFault(f"{name} is not used: {words}")
    if words:
        found.troubles.append(f"{name} is used, and yet {words}")
    return pair
