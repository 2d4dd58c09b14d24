"""Where a command writes what it was asked for: a file for its owner alone, or the console."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cfos_cm.errors import CfosError

__all__ = ["CONSOLE", "Put", "output_name", "writing_to"]

#: In the place of a file's name: standard output.
CONSOLE = "-"

#: Takes some more.
Put = Callable[[bytes], None]

_SECRET = 0o600


class _NotWrittenError(CfosError):
    """A file cannot be written; the text says why."""


def output_name(text: str) -> str:
    """Where to write. The console has another name, which may lead to a file and is none."""
    return CONSOLE if text == "/dev/stdout" else text


@contextmanager
def writing_to(name: str) -> Iterator[Put]:
    """
    Write to a file, or to the console.

    A file may be read by its owner alone. It is there as a whole or not at all: one of the same
    name is replaced when all has gone well, and not before.

    @param name: the file's, or L{CONSOLE}.
    @raise CfosError: if it cannot be written.
    """
    if name == CONSOLE:
        yield _to_console
        return
    path = Path(name)
    if path.is_dir():
        raise _NotWrittenError(f"{name} is a folder; allowed: a file")
    if path.exists() and not path.is_file():
        # What is written replaces what is there: a device or a pipe would be gone for all.
        raise _NotWrittenError(f"{name} is no regular file; allowed: one, or {CONSOLE}")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        yield from _written(path, unfinished)
    except OSError as error:
        raise _NotWrittenError(f"{name} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _written(path: Path, unfinished: Path) -> Iterator[Put]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(unfinished, flags, _SECRET), "wb") as file:

        def put(octets: bytes) -> None:
            file.write(octets)

        yield put
        file.flush()
        os.fsync(file.fileno())
    os.rename(unfinished, path)


def _to_console(octets: bytes) -> None:
    stream = getattr(sys.stdout, "buffer", None)
    try:
        if stream is None:
            sys.stdout.write(octets.decode())
        else:
            stream.write(octets)
            stream.flush()
    except BrokenPipeError:
        # Whoever has read the beginning wants no more of it, as C{head} does.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
