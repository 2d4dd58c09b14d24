"""OpenSSL's own program: what it makes, and what it says of what we have made."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["accepts", "openssl"]


def openssl(*arguments: str, said: bytes = b"", folder: Path | None = None) -> str:
    """
    What it prints.

    @raise subprocess.CalledProcessError: if it says no.
    """
    return subprocess.run(
        ["openssl", *arguments],
        input=said,
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=True,
    ).stdout.decode()


def accepts(*arguments: str, folder: Path | None = None) -> bool:
    """Whether it says yes."""
    try:
        openssl(*arguments, folder=folder)
    except subprocess.CalledProcessError:
        return False
    return True
