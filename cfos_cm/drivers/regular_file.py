"""Reading a file of a bounded length that a person has named."""

from __future__ import annotations

import errno
import os

__all__ = ["read_regular_file"]


def read_regular_file(path: str, most_bytes: int) -> bytes:
    """
    What is in a file; one byte more than C{most_bytes} where it has more than that.

    @raise OSError: if it is none that can be read.
    @raise ValueError: if C{path} is not the name of a file.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        # Opening a pipe would wait for its other end.
        raise OSError(errno.EINVAL, "it is not a regular file")
    with open(path, "rb") as file:
        return file.read(most_bytes + 1)
