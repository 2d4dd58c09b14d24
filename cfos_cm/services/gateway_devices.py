"""What backends can do to the EVSEs of the site, whatever those speak."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.errors import DeviceError
from cfos_cm.services.local_transactions import LocalTransactions
from cfos_cm.v16.core import (
    Reason,
    RemoteStartStopStatus,
    RemoteStopTransactionConfirmation,
    RemoteStopTransactionRequest,
    ResetType,
    UnlockStatus,
)
from cfos_cm.v16.types import Message

__all__ = ["GatewayDevices"]


class GatewayDevices:
    """
    The EVSEs, as gateways act on them.

    See L{cfos_cm.charge_point.environment.Devices}.
    """

    def __init__(self, central_system: CentralSystem, local: LocalTransactions) -> None:
        self._central_system = central_system
        self._local = local

    def relay(
        self, connector: ConnectorSettings, action: str, payload: bytes
    ) -> Deferred[bytes]:
        """Ask a Charge Point, word for word."""
        return self._central_system.relay(connector.charge_point, action, payload)

    def invite(self, connector: ConnectorSettings, id_tag: str, timeout_s: float) -> bool:
        """Let somebody charge who was not seen."""
        return self._local.invite(connector.evse, id_tag, timeout_s)

    def end(
        self, connector: ConnectorSettings, transaction_id: int, reason: Reason
    ) -> Deferred[bool]:
        """End a transaction."""
        if not connector.speaks_ocpp:
            return self._local.end(connector.evse, transaction_id, reason)
        request = RemoteStopTransactionRequest(transaction_id=transaction_id)
        asked = self._central_system.call(connector.charge_point, request)
        return asked.addCallbacks(_is_stopping, _does_not_answer)

    def unlock(self, connector: ConnectorSettings) -> Deferred[UnlockStatus]:
        """No device without OCPP can do that: their cables are fixed, or open by themselves."""
        return succeed(UnlockStatus.NOT_SUPPORTED)

    def restart(self, connector: ConnectorSettings, kind: ResetType) -> Deferred[bool]:
        """End what runs; the device itself is left alone, for it needs no new start."""
        reason = Reason.HARD_RESET if kind is ResetType.HARD else Reason.SOFT_RESET
        return self._local.end_any(connector.evse, reason)


def _is_stopping(confirmation: Message) -> bool:
    assert isinstance(confirmation, RemoteStopTransactionConfirmation)
    return confirmation.status is RemoteStartStopStatus.ACCEPTED


def _does_not_answer(failure: Failure) -> bool:
    if not isinstance(failure.value, DeviceError):
        failure.raiseException()
    return False
