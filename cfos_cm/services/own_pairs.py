"""
The server's own pairs, that no authority has signed: made, kept and renewed with their keys.

All of it reads and writes files and makes keys, which takes seconds on a small machine: it is
for a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from attrs import field, frozen
from cryptography import x509

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.certificates.issuing import self_signed
from cfos_cm.certificates.keys import PrivateKey, new_ec_key, new_rsa_key
from cfos_cm.certificates.names import alternative_names
from cfos_cm.certificates.pair import Pair, flaws
from cfos_cm.certificates.pem import pem_of
from cfos_cm.certificates.subject import MAX_COMMON_NAME_BYTES, MAX_TEXT_CHARS, Subject
from cfos_cm.certificates.subject import host_names as readable_hosts
from cfos_cm.services.certificate_files import certificates_in, key_in, may_be_there
from cfos_cm.storage.private_files import PUBLIC, SECRET, private_folder, put_file

__all__ = [
    "DAYS",
    "EARLIEST",
    "MAX_NAMES",
    "RENEWED_DAYS",
    "OwnPairs",
    "certificate_files",
    "new_pairs",
    "own_pairs",
]

#: How long a certificate is valid; browsers and some wallboxes take no longer ones.
DAYS = 825

#: It is renewed so long before its end.
RENEWED_DAYS = 30

#: This program is younger: a clock that shows an earlier time was never set.
EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)

#: Those of now, and those that there were before.
MAX_NAMES = 40

_KINDS: Mapping[str, Callable[[], PrivateKey]] = {"ec": new_ec_key, "rsa": new_rsa_key}


@frozen
class OwnPairs:
    """
    The pairs, one of each kind of key.

    @ivar made: what was made or renewed, a sentence each.
    @ivar troubles: what could not be kept, a sentence each.
    @ivar unkept: the pairs that are not in the folder, by their kind.
    """

    pairs: tuple[Pair, ...]
    made: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    unkept: Mapping[str, Pair] = field(factory=dict)


def certificate_files(folder: Path) -> tuple[Path, ...]:
    """Where the certificates are kept; the key of each is beside it."""
    return tuple(_file(folder, kind) for kind in _KINDS)


def _file(folder: Path, kind: str) -> Path:
    return folder / f"server-{kind}.pem"


def own_pairs(
    folder: Path,
    names: Iterable[str],
    title: str,
    now: datetime,
    unkept: Mapping[str, Pair] = MappingProxyType({}),
) -> OwnPairs:
    """
    The pairs that are kept in a folder; those that are missing there are made.

    A certificate is renewed with the same key L{RENEWED_DAYS} before its end, and when a name
    is missing in it; it keeps the names of before. What cannot be kept is used all the same.

    @param names: what this computer is called, and its addresses; the first one is the common
        name.
    @param title: what the site is called.
    @param now: aware; a time before L{EARLIEST} is not believed.
    @param unkept: those that could not be kept the last time; they go on, and are kept as soon
        as that is possible.
    """
    readable = tuple(dict.fromkeys(_readable(names)))[:MAX_NAMES]
    keeper = _Keeper(folder, readable, title, now)
    keeper.close_to_others()
    pairs = {
        kind: keeper.pair(kind, new_key, unkept.get(kind)) for kind, new_key in _KINDS.items()
    }
    return OwnPairs(
        tuple(pairs.values()),
        tuple(keeper.made),
        tuple(keeper.troubles),
        {kind: pair for kind, pair in pairs.items() if kind in keeper.unkept},
    )


def new_pairs(names: Iterable[str], title: str, now: datetime) -> Mapping[Path, Pair]:
    """
    A new pair of each kind of key, by the name of its certificate's file; kept nowhere.

    @param names: at most L{MAX_NAMES}; see L{own_pairs} for them and for all else.
    """
    readable = tuple(dict.fromkeys(_readable(names)))[:MAX_NAMES]
    keeper = _Keeper(Path(), readable, title, now)
    return {_file(Path(), kind): keeper.new(new_key()) for kind, new_key in _KINDS.items()}


def _readable(names: Iterable[str]) -> Iterator[str]:
    """Those of them that can stand in a certificate, as they stand there."""
    for name in names:
        try:
            (found,) = readable_hosts((name,))
        except CertificateFault:
            continue
        yield str(found.value)


class _Keeper:
    """Reads what there is, and makes what there is not."""

    def __init__(self, folder: Path, names: tuple[str, ...], title: str, now: datetime) -> None:
        self._folder = folder
        self._names = names
        self._title = title
        self._now = now
        self.made: list[str] = []
        self.troubles: list[str] = []
        self.unkept: set[str] = set()

    def close_to_others(self) -> None:
        """Nobody else can look into the folder, whatever it was before."""
        try:
            private_folder(self._folder)
        except OSError as error:
            self.troubles.append(f"{self._folder}: cannot be used: {error.strerror}")

    def new(self, key: PrivateKey) -> Pair:
        """A pair of a key that is new; it is not kept."""
        time = self._time(None)
        return Pair((self_signed(self._subject(), self._names, key, time, DAYS),), key)

    def pair(self, kind: str, new_key: Callable[[], PrivateKey], unkept: Pair | None) -> Pair:
        """
        The pair of one kind of key.

        @param unkept: the one until now, if it is not in the folder.
        """
        path = _file(self._folder, kind)
        key = self._key(path.with_suffix(".key"), kind, new_key, unkept)
        before = self._certificate(path, key)
        if before is None and unkept is not None and not flaws(Pair(unkept.chain, key)):
            before = unkept.certificate
            self._keep(path, kind, pem_of(before))
        if before is not None and self._is_good(before):
            return Pair((before,), key)
        return Pair((self._renewed(path, kind, key, before),), key)

    def _key(
        self, path: Path, kind: str, new_key: Callable[[], PrivateKey], unkept: Pair | None
    ) -> PrivateKey:
        if may_be_there(path):
            try:
                return key_in(str(path))
            except CertificateFault as fault:
                self.troubles.append(f"{fault}; another key is used")
                # One that is only closed to us, or on a disk that fails, is left alone.
                if isinstance(fault.__cause__, OSError) or not self._move_aside(path):
                    self.unkept.add(kind)
                    return new_key() if unkept is None else unkept.key
        key = new_key() if unkept is None else unkept.key
        if self._keep(path, kind, pem_of(key), SECRET):
            self.made.append(f"a new private key was made: {path}")
        return key

    def _move_aside(self, path: Path) -> bool:
        """Whether there is room for another one now."""
        try:
            path.rename(path.with_suffix(".damaged"))
        except OSError as error:
            self.troubles.append(f"{path}: cannot be moved away: {error.strerror}")
            return False
        return True

    def _certificate(self, path: Path, key: PrivateKey) -> x509.Certificate | None:
        """The one that is there, if it is the key's."""
        if not may_be_there(path):
            return None
        try:
            found = certificates_in(str(path))
        except CertificateFault as fault:
            self.troubles.append(f"{fault}; another certificate is made")
            return None
        return None if flaws(Pair(found[:1], key)) else found[0]

    def _is_good(self, certificate: x509.Certificate) -> bool:
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        is_in_time = begins <= self._time(certificate) < ends - timedelta(days=RENEWED_DAYS)
        return is_in_time and set(self._names) <= set(alternative_names(certificate))

    def _time(self, before: x509.Certificate | None) -> datetime:
        """What time it is: where the clock was never set, not before the last certificate."""
        if self._now >= EARLIEST or before is None:
            return max(self._now, EARLIEST)
        return max(EARLIEST, before.not_valid_before_utc)

    def _renewed(
        self, path: Path, kind: str, key: PrivateKey, before: x509.Certificate | None
    ) -> x509.Certificate:
        earlier = () if before is None else _readable(alternative_names(before))
        names = tuple(dict.fromkeys((*self._names, *earlier)))[:MAX_NAMES]
        certificate = self_signed(self._subject(), names, key, self._time(before), DAYS)
        self._keep(path, kind, pem_of(certificate))
        verb = "made" if before is None else "renewed with the same key"
        self.made.append(
            f"the server's own certificate was {verb}: {path}, for {', '.join(names)}"
        )
        return certificate

    def _subject(self) -> Subject:
        common_name = self._names[0] if self._names else "cfos-cm"
        if len(common_name.encode()) > MAX_COMMON_NAME_BYTES:
            common_name = common_name.partition(".")[0][:MAX_COMMON_NAME_BYTES]
        title = "".join(one if one.isprintable() else " " for one in self._title)
        return Subject(common_name, organisation=title[:MAX_TEXT_CHARS].strip() or None)

    def _keep(self, path: Path, kind: str, pem: str, mode: int = PUBLIC) -> bool:
        try:
            put_file(path, pem.encode(), mode)
        except OSError as error:
            self.unkept.add(kind)
            self.troubles.append(
                f"{path}: cannot be kept, and will be another one at the next start: "
                f"{error.strerror}"
            )
            return False
        return True
