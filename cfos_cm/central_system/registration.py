"""
Whether a Charge Point is served: the registration that BootNotification is about.

A Charge Point that is configured was let in before it connected, so it is served at once, also
when it comes back without a BootNotification, as it does after a mere loss of the connection.
One that waits for the operator's word may say BootNotification and nothing else (OCPP 1.6,
"Boot Notification", and its errata: anything else is a SecurityError).
"""

from __future__ import annotations

import typing

from automat import TypeMachineBuilder

__all__ = ["Registration", "registered", "waiting"]


class Registration(typing.Protocol):
    """What happens to a registration, and what can be asked of it."""

    def admit(self) -> None:
        """The Charge Point is configured now."""

    def dismiss(self) -> None:
        """The Charge Point is not configured any more."""

    def is_accepted(self) -> bool:
        """Whether more than BootNotification is served."""


class _Core:
    """A registration has no data besides its state."""


_builder = TypeMachineBuilder(Registration, _Core)
_pending = _builder.state("pending")
_accepted = _builder.state("accepted")

_pending.upon(Registration.admit).to(_accepted).returns(None)
_pending.upon(Registration.dismiss).loop().returns(None)
_pending.upon(Registration.is_accepted).loop().returns(False)
_accepted.upon(Registration.admit).loop().returns(None)
_accepted.upon(Registration.dismiss).to(_pending).returns(None)
_accepted.upon(Registration.is_accepted).loop().returns(True)

_machine = _builder.build()


def waiting() -> Registration:
    """The registration of a Charge Point that nobody has let in yet."""
    return _machine(_Core())


def registered() -> Registration:
    """The registration of a Charge Point that is configured."""
    registration = _machine(_Core())
    registration.admit()
    return registration
