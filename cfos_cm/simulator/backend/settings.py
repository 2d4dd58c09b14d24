"""What a virtual backend is told before it starts."""

from __future__ import annotations

import re
from decimal import Decimal

from attrs import frozen

__all__ = ["VirtualBackendSettings"]


@frozen(kw_only=True)
class VirtualBackendSettings:
    """
    A backend that bills by the kWh.

    @ivar book: the file that it keeps what it was told in.
    @ivar port: where Charge Points connect to; 0: at a free one.
    @ivar interface: the address of this machine where that is.
    @ivar certificate: the file (PEM) with its certificate, and those of its authorities behind
        it, so that it is called by C{wss://} only; C{None}: by C{ws://}.
    @ivar private_key: the file (PEM) with the certificate's key.
    @ivar price: what a kWh costs. [EUR per kWh]
    @ivar tags: whose cards it knows; C{*} stands for anything.
    """

    book: str
    port: int = 9210
    interface: str = "127.0.0.1"
    certificate: str | None = None
    private_key: str | None = None
    price: Decimal = Decimal("0.40")
    tags: tuple[str, ...] = ("*",)

    def knows(self, id_tag: str) -> bool:
        """Whether it knows a card; upper and lower case are the same."""
        return any(_is_like(pattern, id_tag) for pattern in self.tags)


def _is_like(pattern: str, id_tag: str) -> bool:
    parts = map(re.escape, pattern.split("*"))
    return re.fullmatch(".*".join(parts), id_tag, re.IGNORECASE | re.DOTALL) is not None
