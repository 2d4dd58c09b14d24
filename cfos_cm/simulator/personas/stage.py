"""Where a persona plays, and how a play can end before its time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from attrs import field, frozen

from cfos_cm.errors import CfosError
from cfos_cm.net.client_material import ClientMaterial
from cfos_cm.simulator.personas.upgrade import Address

__all__ = ["EndOfPlay", "NobodyThere", "NotShown", "Stage"]


class NobodyThere(CfosError):
    """Nothing takes a connection at the address, or it is none, or there is no TLS with it."""


class EndOfPlay(CfosError):
    """What was found leaves no sense in going on."""


class NotShown(CfosError):
    """It did not come to what the persona is about; the text says why."""


async def _no_audience(_moment: str) -> None:
    """Nobody looks on."""


@frozen
class Stage:
    """
    Where and how a persona plays.

    @ivar reactor: sockets and time.
    @ivar now: gives the time of day, with its zone.
    @ivar address: of the Central System.
    @ivar material: with TLS, who is believed and what is shown; C{None}: anybody, nothing.
    @ivar identity: the charge box identity that is played.
    @ivar password: of Basic authentication, as it goes over the wire; C{None}: none.
    @ivar connector: which of its connectors charges.
    @ivar id_tag: whose card is shown.
    @ivar timeout_s: how long an answer is waited for. [s]
    @ivar patience_s: how long the wallbox stays away, is silent, or waits to be asked. [s]
    @ivar tell: is given remarks for whoever looks on, at once.
    @ivar audience: is told moments of the script, and the play waits for it.
    """

    reactor: Any
    now: Callable[[], datetime]
    address: Address
    material: ClientMaterial | None = None
    identity: str = "FAKE-1"
    password: bytes | None = field(default=None, repr=False)
    connector: int = 1
    id_tag: str = "04A1B2C3D4E5F6"
    timeout_s: float = 10.0
    patience_s: float = 1.0
    tell: Callable[[str], None] = lambda _: None
    audience: Callable[[str], Awaitable[None]] = _no_audience
