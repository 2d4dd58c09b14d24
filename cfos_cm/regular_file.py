"""Reading a file of a bounded length that a person has named."""

from __future__ import annotations

import errno
import os
import stat

__all__ = ["read_regular_file"]


def read_regular_file(path: str, most_bytes: int) -> bytes:
    """
    What is in a file; one byte more than C{most_bytes} where it has more than that.

    @raise OSError: if it is none that can be read.
    @raise ValueError: if C{path} is not the name of a file.
    """
    with open(path, "rb", opener=_regular) as file:
        return file.read(most_bytes + 1)


def _regular(path: str, flags: int) -> int:
    # Opening a pipe would wait for its other end; and what is looked at before it is opened may
    # be something else by then.
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file")
