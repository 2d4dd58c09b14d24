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
from cfos_cm.storage.private_files import private_folder, put_file, remove_file, tidy

__all__ = ["MAX_TEXT_BYTES", "FileVault", "Vaults", "vault_folder"]

#: Of one text: twenty root certificates of each kind, the longest that OCPP can bring.
MAX_TEXT_BYTES = 512 * 1024

_SUFFIX = ".json"
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
    # Where nothing can be written or removed, what is there can be read all the same.
    with suppress(OSError):
        tidy(folder, *(f"{name}{_SUFFIX}" for name in VaultName))
    for name in VaultName:
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
        remove_file(path)
        return
    content = text.encode()
    if len(content) > MAX_TEXT_BYTES:
        raise StorageError(f"{path} would be larger than {MAX_TEXT_BYTES} bytes")
    private_folder(folder.parent)
    private_folder(folder)
    put_file(path, content)
