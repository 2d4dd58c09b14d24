"""
Passwords, private keys and certificates of one gateway, in files that nobody else can read.

They are not in the database: that is copied, shown and moved to servers, and these are not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool

from cfos_cm.charge_point.environment import VaultName
from cfos_cm.errors import StorageError

__all__ = ["MAX_TEXT_BYTES", "FileVault", "Vaults", "vault_folder"]

#: Of one text: twenty root certificates of each kind, the longest that OCPP can bring.
MAX_TEXT_BYTES = 512 * 1024

_SUFFIX = ".json"
_UNFINISHED = ".new"
_DIGITS = 16

_Result = TypeVar("_Result")


def vault_folder(state_directory: str, gateway: str) -> Path:
    """
    Where the vault of a gateway is.

    @param gateway: its key; not the folder's name, because it is whatever the settings say.
    """
    name = sha256(gateway.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return Path(state_directory) / "gateways" / name


class FileVault:
    """
    This is L{cfos_cm.charge_point.environment.Vault}.

    Each text is a file of mode 0600 in a folder of mode 0700, replaced as a whole: after a
    fall of the program, or of the power, it is the one before or the new one.
    """

    def __init__(self, reactor: Any, state_directory: str, gateway: str) -> None:
        """
        @param reactor: whose threads do the work.
        @param gateway: its key.
        """
        self._reactor = reactor
        self._folder = vault_folder(state_directory, gateway)
        # What is put first is on disk first, and a second text never overtakes its first.
        self._turn = DeferredLock()

    def load(self) -> Deferred[Mapping[VaultName, str]]:
        """
        All of it.

        @return: fails with L{StorageError} if it cannot be read.
        """
        return self._aside(lambda: _load(self._folder))

    def put(self, name: VaultName, text: str | None) -> Deferred[None]:
        """
        Keep a text; C{None}: forget it. It is on disk when the Deferred fires.

        @return: fails with L{StorageError} if it is not; then the one before is still there.
        """
        return self._aside(lambda: _put(self._folder, name, text))

    def _aside(self, work: Callable[[], _Result]) -> Deferred[_Result]:
        def run() -> _Result:
            try:
                return work()
            except OSError as error:
                raise StorageError(
                    f"what is secret cannot be kept in {self._folder}: {error.strerror}"
                ) from None

        return self._turn.run(
            deferToThreadPool, self._reactor, self._reactor.getThreadPool(), run
        )


class Vaults:
    """The vaults of all gateways; one that is asked for again is the same."""

    def __init__(self, reactor: Any, state_directory: str) -> None:
        """
        @param reactor: whose threads do the work.
        """
        self._reactor = reactor
        self._state_directory = state_directory
        self._vaults: dict[str, FileVault] = {}

    def of(self, gateway: str) -> FileVault:
        """
        That of a gateway.

        @param gateway: its key.
        """
        found = self._vaults.get(gateway)
        if found is None:
            # What the one before has still to write is written first.
            found = FileVault(self._reactor, self._state_directory, gateway)
            self._vaults[gateway] = found
        return found


def _load(folder: Path) -> Mapping[VaultName, str]:
    found = {}
    for name in VaultName:
        # What a fall has left half written.
        with suppress(FileNotFoundError):
            os.unlink(folder / f"{name}{_UNFINISHED}")
        text = _read(folder / f"{name}{_SUFFIX}")
        if text is not None:
            found[name] = text
    return found


def _read(path: Path) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        content = file.read(MAX_TEXT_BYTES + 1)
    if len(content) > MAX_TEXT_BYTES:
        raise StorageError(f"{path} is larger than {MAX_TEXT_BYTES} bytes")
    # A text that is none is for whoever reads it to refuse.
    return content.decode("utf-8", "replace")


def _put(folder: Path, name: VaultName, text: str | None) -> None:
    path = folder / f"{VaultName(name)}{_SUFFIX}"
    if text is None:
        with suppress(FileNotFoundError):
            os.unlink(path)
            _sync(folder)
        return
    content = text.encode()
    if len(content) > MAX_TEXT_BYTES:
        raise StorageError(f"{path} would be larger than {MAX_TEXT_BYTES} bytes")
    _make(folder)
    unfinished = path.with_suffix(_UNFINISHED)
    _write(unfinished, content)
    os.rename(unfinished, path)
    _sync(folder)


def _write(path: Path, content: bytes) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            os.unlink(path)
        raise


def _make(folder: Path) -> None:
    """The folder and the one above it, for us alone, whatever they were."""
    for one in (folder.parent, folder):
        if not one.is_dir():
            one.mkdir(mode=0o700, parents=one is folder.parent, exist_ok=True)
            _sync(one.parent)
        if one.stat().st_mode & 0o077:
            one.chmod(0o700)


def _sync(folder: Path) -> None:
    """Have on disk which files are in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
