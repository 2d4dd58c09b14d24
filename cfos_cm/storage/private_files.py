"""Files that others may not read, replaced as a whole: after a fall of the power, too."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["PUBLIC", "SECRET", "private_folder", "put_file"]

#: The modes of files: for their owner alone, and for everybody to read.
SECRET = 0o600
PUBLIC = 0o644

_UNFINISHED = ".new"
_OF_OTHERS = 0o077


def private_folder(path: Path) -> None:
    """
    Have a folder there that nobody else can look into; those above it are made like others.

    @raise OSError: if that cannot be done.
    """
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        _sync(path.parent)
    if path.stat().st_mode & _OF_OTHERS:
        path.chmod(0o700)


def put_file(path: Path, content: bytes, mode: int = SECRET) -> None:
    """
    Have a file there with this in it, and on disk; whatever was there before is gone.

    It is the one before or the new one at every moment, never a part of it.

    @raise OSError: if it cannot be written.
    """
    unfinished = path.with_name(path.name + _UNFINISHED)
    # What a fall has left half written, or somebody has put there for us to follow.
    with suppress(FileNotFoundError):
        os.unlink(unfinished)
    try:
        _write(unfinished, content, mode)
        os.rename(unfinished, path)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    _sync(path.parent)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Have on disk which files are in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
