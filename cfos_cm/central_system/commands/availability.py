"""Taking connectors out of use and back; OCPP 1.6, "Change Availability"."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from cfos_cm.central_system.commands.announced import CONNECTORS
from cfos_cm.central_system.commands.checked_calls import CheckedCalls, cannot
from cfos_cm.central_system.commands.configuration import get_configuration
from cfos_cm.errors import DeviceRefusal
from cfos_cm.quirk import Quirk
from cfos_cm.v16.core import (
    AvailabilityStatus,
    AvailabilityType,
    ChangeAvailabilityConfirmation,
    ChangeAvailabilityRequest,
)

__all__ = ["MAX_CONNECTORS_ASKED", "AvailabilityChange", "change_availability"]

#: Nobody has more, whatever NumberOfConnectors says.
MAX_CONNECTORS_ASKED = 64

#: Of the answers of several connectors, the first of these says what has become of them all.
_WORST_FIRST = (
    AvailabilityStatus.REJECTED,
    AvailabilityStatus.SCHEDULED,
    AvailabilityStatus.ACCEPTED,
)


@frozen
class AvailabilityChange:
    """
    What became of a ChangeAvailability.

    @ivar by_connector: what was answered for each connector that was asked: the one, or all
        those that stand for connector 0 where a Charge Point does not bear it.
    """

    by_connector: Mapping[int, AvailabilityStatus]

    @property
    def status(self) -> AvailabilityStatus:
        """Rejected if any was; else scheduled, for the end of a transaction, if any was."""
        found = set(self.by_connector.values())
        return next(status for status in _WORST_FIRST if status in found)


async def change_availability(
    calls: CheckedCalls, identity: str, connector: int, operative: bool
) -> AvailabilityChange:
    """
    Take a connector out of use, or back.

    @param connector: 0: the Charge Point with all its connectors.
    @raise cfos_cm.errors.LocalProtocolError: if there can be no such connector.
    @raise cfos_cm.errors.DeviceError: if it does not answer, or refuses.
    """
    kind = AvailabilityType.OPERATIVE if operative else AvailabilityType.INOPERATIVE
    connectors: tuple[int, ...] = (connector,)
    if connector == 0 and Quirk.NO_CONNECTOR_0 in calls.situation(identity).quirks:
        connectors = await _connectors(calls, identity)
    answers = {}
    for one in connectors:
        request = ChangeAvailabilityRequest(connector_id=one, type=kind)
        answer = await calls.ask(identity, request, ChangeAvailabilityConfirmation)
        answers[one] = answer.status
    return AvailabilityChange(answers)


async def _connectors(calls: CheckedCalls, identity: str) -> tuple[int, ...]:
    """The connectors of a Charge Point: those that it announces, else those configured."""
    charge_point = calls.central_system.settings.charge_points.get(identity)
    configured = () if charge_point is None else tuple(charge_point.evses)
    try:
        announced = (await get_configuration(calls, identity, (CONNECTORS,))).number(CONNECTORS)
    except DeviceRefusal as refusal:
        if not cannot(refusal):
            raise
        announced = None
    most = max((announced or 1, *configured))
    return tuple(range(1, min(most, MAX_CONNECTORS_ASKED) + 1))
