"""
What goes on at a connector, from a car's arrival to its departure.

OCPP 1.6, "Status Notification": Available, Preparing, Charging, Finishing. What the current
adds to that, the two Suspended ones, and whether the connector is for use at all, its owner
knows.
"""

from __future__ import annotations

import typing
from collections.abc import Callable

from attrs import frozen
from automat import TypeMachineBuilder

from cfos_cm.limits.schedules.profile import Profile
from cfos_cm.v16.core import ChargePointStatus, Reason

__all__ = ["Connector", "Effects", "Invitation", "connector"]


@frozen
class Invitation:
    """
    What a transaction begins with.

    @ivar id_tag: who pays.
    @ivar profile: the TxProfile that came with it.
    """

    id_tag: str
    profile: Profile | None = None


class Connector(typing.Protocol):
    """What happens at a connector, and what can be asked of it."""

    def plug_in(self) -> None:
        """A car's cable is plugged in."""

    def unplug(self) -> None:
        """The cable is pulled; no transaction may run any more."""

    def show_card(self) -> bool:
        """A card is shown. Whether it makes sense to have it judged now."""

    def permit(self, invitation: Invitation) -> None:
        """The card was judged good."""

    def turn_away(self) -> None:
        """The card was judged bad."""

    def invite(self, invitation: Invitation) -> bool:
        """A transaction is to begin, from afar. Whether it has, or will with a car."""

    def give_up(self) -> None:
        """No car has come to the invitation."""

    def end(self, reason: Reason) -> None:
        """The transaction ends, if there is one."""

    def restart(self) -> None:
        """The wallbox has started again; no transaction may run any more."""

    def status(self) -> ChargePointStatus:
        """What a StatusNotification says, apart from a suspended current."""


@frozen
class Effects:
    """
    What a connector makes the wallbox do. None of it may ask the connector.

    @ivar begin: begin a transaction.
    @ivar end: end it.
    """

    begin: Callable[[Invitation], None]
    end: Callable[[Reason], None]


def _keep(_connector: Connector, _effects: Effects, invitation: Invitation) -> Invitation:
    return invitation


_builder = TypeMachineBuilder(Connector, Effects)

_vacant = _builder.state("vacant")
_invited = _builder.state("invited", _keep)
_plugged = _builder.state("plugged")
_judging = _builder.state("judging")
_charging = _builder.state("charging")
_finished = _builder.state("finished")

# Automat's classes of states are private, so that no type can be said.
_STATUS: dict[typing.Any, ChargePointStatus] = {
    _vacant: ChargePointStatus.AVAILABLE,
    _invited: ChargePointStatus.PREPARING,
    _plugged: ChargePointStatus.PREPARING,
    _judging: ChargePointStatus.PREPARING,
    _charging: ChargePointStatus.CHARGING,
    _finished: ChargePointStatus.FINISHING,
}
_EMPTY: tuple[typing.Any, ...] = (_vacant, _invited)
_OCCUPIED: tuple[typing.Any, ...] = (_plugged, _judging, _finished)
_TAKEN: tuple[typing.Any, ...] = (_invited, _charging)


@_invited.upon(Connector.plug_in).to(_charging)
def _arrived(_connector: Connector, effects: Effects, invitation: Invitation) -> None:
    effects.begin(invitation)


@_judging.upon(Connector.permit).to(_charging)
def _permitted(_connector: Connector, effects: Effects, invitation: Invitation) -> None:
    effects.begin(invitation)


def _begin_now(_connector: Connector, effects: Effects, invitation: Invitation) -> bool:
    effects.begin(invitation)
    return True


@_charging.upon(Connector.end).to(_finished)
def _ended(_connector: Connector, effects: Effects, reason: Reason) -> None:
    effects.end(reason)


_vacant.upon(Connector.plug_in).to(_plugged).returns(None)
_vacant.upon(Connector.invite).to(_invited).returns(True)
_invited.upon(Connector.give_up).to(_vacant).returns(None)
_plugged.upon(Connector.show_card).to(_judging).returns(True)
_judging.upon(Connector.turn_away).to(_plugged).returns(None)
for _state in _OCCUPIED:
    _state.upon(Connector.invite).to(_charging)(_begin_now)
    _state.upon(Connector.unplug).to(_vacant).returns(None)
    _state.upon(Connector.restart).to(_plugged).returns(None)
for _state in _EMPTY:
    _state.upon(Connector.unplug).loop().returns(None)
    _state.upon(Connector.restart).to(_vacant).returns(None)

for _state, _status in _STATUS.items():
    _state.upon(Connector.status).loop().returns(_status)
    # What comes too late, or twice, changes nothing.
    if _state is not _judging:
        _state.upon(Connector.permit).loop().returns(None)
        _state.upon(Connector.turn_away).loop().returns(None)
    if _state is not _invited:
        _state.upon(Connector.give_up).loop().returns(None)
    if _state is not _charging:
        _state.upon(Connector.end).loop().returns(None)
    if _state is not _plugged:
        _state.upon(Connector.show_card).loop().returns(False)
for _state in _TAKEN:
    _state.upon(Connector.invite).loop().returns(False)

_machine = _builder.build()


def connector(effects: Effects) -> Connector:
    """A connector where nothing is plugged in."""
    return _machine(effects)
