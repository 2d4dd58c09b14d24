"""
Whether a Charge Point may speak. OCPP 1.6, "Boot Notification".

After a start it says BootNotification and nothing else until that is accepted; refused, it is
silent for as long as it was told. A mere loss of the connection changes nothing about it.
"""

from __future__ import annotations

import typing
from collections.abc import Callable

from attrs import frozen
from automat import TypeMachineBuilder

__all__ = ["Effects", "Registration", "registration"]


class Registration(typing.Protocol):
    """What happens to a registration, and what can be asked of it."""

    def connected(self) -> None:
        """There is a connection."""

    def lost(self) -> None:
        """The connection is gone."""

    def accepted(self) -> None:
        """BootNotification was accepted."""

    def refused(self) -> None:
        """BootNotification was answered with Pending or Rejected, or not at all."""

    def waited(self) -> None:
        """The time until the next attempt is over, or the Central System asks for it now."""

    def restarted(self) -> None:
        """The Charge Point has started again; its connection goes down."""

    def may_speak(self) -> bool:
        """Whether more than BootNotification may be sent, now."""

    def is_accepted(self) -> bool:
        """Whether it is accepted, be there a connection or not."""


@frozen
class Effects:
    """
    What a registration makes the Charge Point do. None of it may ask the registration.

    @ivar boot: send BootNotification.
    @ivar serve: there is a connection and all may be sent: say how things stand, and go on.
    @ivar pause: nothing may be sent any more.
    """

    boot: Callable[[], None]
    serve: Callable[[], None]
    pause: Callable[[], None]


_builder = TypeMachineBuilder(Registration, Effects)

_off = _builder.state("off")
_booting = _builder.state("booting")
_waiting = _builder.state("waiting")
_waiting_off = _builder.state("waiting without a connection")
_accepted = _builder.state("accepted")
_accepted_off = _builder.state("accepted without a connection")


def _boot(_machine: Registration, effects: Effects) -> None:
    effects.boot()


def _serve(_machine: Registration, effects: Effects) -> None:
    effects.serve()


def _pause(_machine: Registration, effects: Effects) -> None:
    effects.pause()


_off.upon(Registration.connected).to(_booting)(_boot)
_booting.upon(Registration.accepted).to(_accepted)(_serve)
_booting.upon(Registration.refused).to(_waiting).returns(None)
_booting.upon(Registration.lost).to(_off).returns(None)
_waiting.upon(Registration.waited).to(_booting)(_boot)
_waiting.upon(Registration.lost).to(_waiting_off).returns(None)
_waiting_off.upon(Registration.connected).to(_waiting).returns(None)
_waiting_off.upon(Registration.waited).to(_off).returns(None)
_accepted.upon(Registration.lost).to(_accepted_off)(_pause)
_accepted_off.upon(Registration.connected).to(_accepted)(_serve)

_EVERY = (_off, _booting, _waiting, _waiting_off, _accepted, _accepted_off)
_CONNECTED = (_booting, _waiting, _accepted)

for _state in _EVERY:
    _state.upon(Registration.restarted).to(_off)(_pause)
    _state.upon(Registration.may_speak).loop().returns(_state is _accepted)
    _state.upon(Registration.is_accepted).loop().returns(_state in (_accepted, _accepted_off))
    # An answer that comes when the question is not open any more, and a timer that rings when
    # there is nothing to wait for, change nothing.
    if _state is not _booting:
        _state.upon(Registration.accepted).loop().returns(None)
        _state.upon(Registration.refused).loop().returns(None)
    if _state not in (_waiting, _waiting_off):
        _state.upon(Registration.waited).loop().returns(None)
    if _state in _CONNECTED:
        _state.upon(Registration.connected).loop().returns(None)
    else:
        _state.upon(Registration.lost).loop().returns(None)

_machine = _builder.build()


def registration(effects: Effects) -> Registration:
    """The registration of a Charge Point that has just started."""
    return _machine(effects)
