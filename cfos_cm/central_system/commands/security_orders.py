"""What an operator orders about security: a higher profile, another certificate."""

from __future__ import annotations

from cfos_cm.central_system.commands.announced import SECURITY_PROFILE
from cfos_cm.central_system.commands.checked_calls import CheckedCalls
from cfos_cm.central_system.commands.configuration import change_configuration
from cfos_cm.errors import LocalProtocolError
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.core import ConfigurationStatus
from cfos_cm.v16.remote_trigger import TriggerMessageStatus
from cfos_cm.v16.security import (
    ExtendedMessageTrigger,
    ExtendedTriggerMessageConfirmation,
    ExtendedTriggerMessageRequest,
)

__all__ = ["SecurityOrders"]


class SecurityOrders:
    """
    Orders about security.

    Each fails with L{cfos_cm.errors.LocalProtocolError} when it may not be given, with
    L{cfos_cm.errors.DeviceRefusal} when the Charge Point answers with a CALLERROR, and with
    L{cfos_cm.errors.DeviceError} when it is not connected or does not answer in time.
    """

    def __init__(self, calls: CheckedCalls) -> None:
        self._calls = calls

    async def raise_profile(
        self, identity: str, profile: SecurityProfile
    ) -> ConfigurationStatus:
        """
        Have a Charge Point connect more safely from now on.

        It needs what the new profile takes: a password for 1 and 2, TLS here for 2 and 3, a
        certificate for 3. The profile that it had counts until it logs in with the new one:
        when that fails, it comes back as before.
        """
        return await change_configuration(
            self._calls, identity, SECURITY_PROFILE, str(profile.value)
        )

    async def renew_certificate(self, identity: str) -> TriggerMessageStatus:
        """
        Have a Charge Point ask for a certificate, by SignCertificate; it is signed here.

        @raise LocalProtocolError: if it would not be.
        """
        self._check_would_be_signed(identity)
        request = ExtendedTriggerMessageRequest(
            requested_message=ExtendedMessageTrigger.SIGN_CHARGE_POINT_CERTIFICATE
        )
        answer = await self._calls.ask(identity, request, ExtendedTriggerMessageConfirmation)
        return answer.status

    def _check_would_be_signed(self, identity: str) -> None:
        system = self._calls.central_system
        self._calls.check_reachable(identity)
        signer = system.roster.environment.signer
        if signer is None or not signer.is_ready:
            raise LocalProtocolError(
                f"nobody here would sign a certificate for {identity}: there is no authority; "
                "cfos-cm certs init-ca makes one"
            )
        session = system.session(identity)
        if session is not None and not session.charge_point.is_proven:
            raise LocalProtocolError(
                f"a certificate for {identity} would not be signed: it has proved with neither "
                "a password nor a certificate who it is"
            )
