"""Files that others may not read, replaced as a whole: after a fall of the power, too."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

__all__ = [
    "PUBLIC",
    "SECRET",
    "private_folder",
    "put_file",
    "remove_file",
    "sync_folder",
    "tidy",
]

#: The modes of files: for their owner alone, and for everybody to read.
SECRET = 0o600
PUBLIC = 0o644

#: Each process has one of its own, so that what one has half written is never the other's.
_UNFINISHED = re.compile(r"(.+)\.[0-9]+\.new")
_OF_OTHERS = 0o077


def private_folder(path: Path) -> None:
    """
    Have a folder there that nobody else can look into; those above it are made like others.

    @raise OSError: if that cannot be done.
    """
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent)
    if path.stat().st_mode & _OF_OTHERS:
        path.chmod(0o700)


def put_file(path: Path, content: bytes, mode: int = SECRET) -> None:
    """
    Have a file there with this in it, and on disk; whatever was there before is gone.

    It is the one before or the new one at every moment, never a part of it: also when two
    processes write it at once.

    @raise OSError: if it cannot be written.
    """
    tidy(path.parent, path.name)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        _write(unfinished, content, mode)
        os.rename(unfinished, path)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """
    Have no file there, and that on disk.

    @raise OSError: if it cannot be removed.
    """
    with suppress(FileNotFoundError):
        os.unlink(path)
        sync_folder(path.parent)


def tidy(folder: Path, *names: str) -> None:
    """
    Remove what a fall has left half written of files in a folder.

    @raise OSError: if something cannot be removed; never because there is no folder.
    """
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            found = _UNFINISHED.fullmatch(name)
            if found is not None and found[1] in names:
                # Another process may have done with it meanwhile.
                with suppress(FileNotFoundError):
                    os.unlink(folder / name)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """
    Have on disk which files are in a folder.

    @raise OSError: if that cannot be done.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
