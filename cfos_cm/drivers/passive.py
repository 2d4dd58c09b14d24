"""Devices that come by themselves."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

__all__ = ["Passive"]


class Passive:
    """The part of an L{IDevice<cfos_cm.drivers.interfaces.IDevice>} that need not be run."""

    __slots__ = ()

    def start(self) -> None:
        """It is in touch whenever it wants to be."""

    def stop(self) -> Deferred[None]:
        """Nothing is left of it."""
        return succeed(None)
