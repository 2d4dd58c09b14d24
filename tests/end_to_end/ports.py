"""TCP ports for a device that has several of them, one after the other."""

from __future__ import annotations

import socket

from .program import free_port

__all__ = ["ports_in_a_row"]


def ports_in_a_row(count: int) -> int:
    """The first of some TCP ports in a row on which nobody listens."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
