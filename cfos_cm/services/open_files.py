"""How many files and sockets the process may have open."""

from __future__ import annotations

import resource
from typing import Any

__all__ = ["RESERVED", "allowed_sockets", "raise_limit"]

#: For a socket of each Charge Point of the largest site, and for all else. A shell gives 1024.
WANTED = 4096
#: For the database, the log, the listening sockets and what else is no Charge Point's.
RESERVED = 64


def raise_limit(reactor: Any) -> None:
    """
    Let the process have more files open, as far as the system allows.

    Not with a reactor that cannot watch more than a thousand of them, as C{select} cannot.
    """
    if "select" in type(reactor).__module__:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def allowed_sockets(most: int) -> int:
    """
    How many sockets Charge Points may have.

    @param most: however many there could be. Refused with a word at the door is better than cut
        off by the system without one.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return most
    return max(1, min(most, soft - RESERVED))
