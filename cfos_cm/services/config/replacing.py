"""Putting a new C{tap.cfg} in the place of one that somebody else may write too."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from cfos_cm.errors import CfosError
from cfos_cm.regular_file import read_regular_file
from cfos_cm.services.config.ini import MAX_BYTES
from cfos_cm.storage.private_files import sync_folder, tidy

__all__ = ["Overtaken", "replace_file"]

_OF_GROUP_AND_OTHERS = 0o077


class Overtaken(CfosError):
    """Somebody else has written the file meanwhile: it is his now."""


def replace_file(path: str, content: bytes, before: bytes) -> bool:
    """
    Replace a file as a whole: at every moment it is the one before or the new one.

    It keeps its mode and, where that is possible, its owner; where its group cannot be kept it
    is for its owner alone. Of a link what it leads to is replaced.

    @param before: what has to be in it when that is done.
    @return: whether it is certain that it is on disk.
    @raise Overtaken: if there is something else in it.
    @raise OSError: if it cannot be done, with the path that is concerned; nothing has changed.
    """
    target = Path(os.path.realpath(path))
    _check_writable(target)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        tidy(target.parent, target.name)
        _write(unfinished, content, target.stat())
        if read_regular_file(str(target), MAX_BYTES) != before:
            raise Overtaken(f"{path} has been changed by somebody else meanwhile")
        os.rename(unfinished, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    return _is_on_disk(target.parent)


def _check_writable(target: Path) -> None:
    # Who may write the folder could replace it all the same; whoever closed it meant it.
    if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))


def _write(path: Path, content: bytes, like: os.stat_result) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), _give(file.fileno(), like))
        os.fsync(file.fileno())


def _give(descriptor: int, like: os.stat_result) -> int:
    """Give a file to an owner and a group; gives the mode that it can have then."""
    mode = like.st_mode & 0o777
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) == (like.st_uid, like.st_gid):
        return mode
    for owner in (like.st_uid, -1):
        with suppress(PermissionError):
            os.fchown(descriptor, owner, like.st_gid)
            return mode
    return mode & ~_OF_GROUP_AND_OTHERS


def _is_on_disk(folder: Path) -> bool:
    """The file is replaced by now: whatever fails here, it is not undone."""
    try:
        sync_folder(folder)
    except OSError:
        return False
    return True
