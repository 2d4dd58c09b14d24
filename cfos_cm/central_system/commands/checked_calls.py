"""The calls of an operator: what the rules allow goes out, and its confirmation comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.announced import Announced
from cfos_cm.central_system.commands.objections import objection
from cfos_cm.central_system.commands.pace import CallPace
from cfos_cm.central_system.commands.secret_keys import without_password
from cfos_cm.central_system.commands.situation import Situation
from cfos_cm.errors import DeviceRefusal, LocalProtocolError, NotSent
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.actions import action_of, encode
from cfos_cm.v16.core import (
    GetConfigurationConfirmation,
    RegistrationStatus,
    ResetRequest,
)
from cfos_cm.v16.security import CertificateSignedConfirmation, CertificateSignedStatus
from cfos_cm.v16.smart_charging import (
    ClearChargingProfileRequest,
    SetChargingProfileRequest,
)
from cfos_cm.v16.types import Message
from cfos_cm.wire.error_codes import cannot_do

__all__ = ["MAX_REQUEST_BYTES", "CheckedCalls", "cannot"]

#: As long as a message of a Charge Point may be to us; far more than one can take. [bytes]
MAX_REQUEST_BYTES = 256 * 1024

Confirmation = TypeVar("Confirmation", bound=Message)


class CheckedCalls:
    """
    Sends requests to Charge Points, if nothing speaks against it.

    @ivar central_system: whose Charge Points they are.
    @ivar announced: what they have told of their configuration.
    """

    def __init__(
        self,
        central_system: CentralSystem,
        reservations_elsewhere: Callable[[str], frozenset[int]],
    ) -> None:
        """
        @param reservations_elsewhere: the ids of reservations at all Charge Points but one.
        """
        self.central_system = central_system
        self.announced = Announced()
        self._reservations_elsewhere = reservations_elsewhere
        self._pace = CallPace(central_system.roster.environment.clock)

    def situation(self, identity: str) -> Situation:
        """What the rules look at, for a Charge Point as it is now."""
        system = self.central_system
        running = system.roster.running
        return Situation(
            now=system.roster.environment.now(),
            registration=self._registration(identity),
            running={place[1]: one for place, one in running.items() if place[0] == identity},
            reserved_elsewhere=self._reservations_elsewhere(identity),
            quirks=system.quirks_of(identity),
            announced=self.announced.by(identity),
            managed=not system.settings.observe_only,
            shown_profile=self._shown_profile(identity),
            has_password=system.passwords.asks(identity),
            has_certificate=self._has_certificate(identity),
            takes_tls=system.settings.takes_tls,
        )

    def check(self, identity: str, request: Message) -> None:
        """
        See whether a request may be sent.

        @raise LocalProtocolError: if the rules say that it may not, with what they say; if it
            cannot be written, or is too long.
        @raise NotSent: if the Charge Point is not connected.
        """
        reason = objection(request, self.situation(identity))
        if reason is not None:
            raise LocalProtocolError(f"{_title(identity, request)}: {reason}")
        length = len(encode(request))
        if length > MAX_REQUEST_BYTES:
            raise LocalProtocolError(
                f"{_title(identity, request)} has {length} bytes; at most {MAX_REQUEST_BYTES}"
            )
        self.check_reachable(identity)

    def check_reachable(self, identity: str) -> None:
        """
        See whether anything may be sent to a Charge Point.

        @raise LocalProtocolError: if it has been rejected.
        @raise NotSent: if it is not connected.
        """
        registration = self._registration(identity)
        if registration is None:
            raise NotSent(f"{identity} is not connected")
        if registration is RegistrationStatus.REJECTED:
            raise LocalProtocolError(f"{identity} has been rejected; nothing is sent to it")

    async def ask(
        self,
        identity: str,
        request: Message,
        confirmation: type[Confirmation],
        *,
        hurry: bool = False,
    ) -> Confirmation:
        """
        Ask a Charge Point, by the rules.

        @param confirmation: the class of what it answers.
        @param hurry: do not wait for the pause since the same was asked last.
        @raise LocalProtocolError: if the request is not one to be sent now.
        @raise NotSent: if the Charge Point is not connected.
        @raise DeviceError: see L{send}.
        """
        self.check(identity, request)
        wait_s = 0.0 if hurry else self._pace.wait_s(identity, request)
        if wait_s > 0:
            raise LocalProtocolError(
                f"{_title(identity, request)}: the same was asked a moment ago; "
                f"ask again in {wait_s:.1f} s"
            )
        return await self.send(identity, request, confirmation)

    async def send(
        self, identity: str, request: Message, confirmation: type[Confirmation]
    ) -> Confirmation:
        """
        Ask a Charge Point, whatever the rules say.

        @raise DeviceError: if it is not connected, does not answer in time or answers with
            something that is no confirmation: nobody knows then whether it has done it.
        @raise cfos_cm.errors.DeviceRefusal: if it answers with a CALLERROR.
        """
        self._pace.asked(identity, request)
        # From the moment that it is sent nobody knows what is in force, whatever is answered;
        # until load management has set its own again, which waits behind it.
        self._tell_meddled(identity, request)
        answer = await self.central_system.call(identity, request)
        if isinstance(answer, GetConfigurationConfirmation):
            self.announced.note(identity, answer)
            answer = without_password(answer)
        if isinstance(answer, CertificateSignedConfirmation):
            taken = answer.status is CertificateSignedStatus.ACCEPTED
            self.central_system.roster.acquaintance(identity).has_certificate |= taken
        if not isinstance(answer, confirmation):
            raise TypeError(f"{type(answer).__name__} instead of {confirmation.__name__}")
        return answer

    def _registration(self, identity: str) -> RegistrationStatus | None:
        session = self.central_system.session(identity)
        if session is None:
            return None
        accepted = session.charge_point.is_accepted
        return RegistrationStatus.ACCEPTED if accepted else RegistrationStatus.PENDING

    def _shown_profile(self, identity: str) -> SecurityProfile:
        session = self.central_system.session(identity)
        now = SecurityProfile.NONE if session is None else session.charge_point.profile
        return max(now, self.central_system.standings.of(identity))

    def _has_certificate(self, identity: str) -> bool:
        shown = self._shown_profile(identity) is SecurityProfile.CERTIFICATE
        return shown or self.central_system.roster.acquaintance(identity).has_certificate

    def _tell_meddled(self, identity: str, request: Message) -> None:
        """Load management sets again what somebody else may have changed."""
        match request:
            case SetChargingProfileRequest() | ClearChargingProfileRequest():
                self.central_system.meddled(identity, request.connector_id)
            case ResetRequest():
                self.central_system.meddled(identity)


def cannot(refusal: DeviceRefusal) -> bool:
    """Whether a Charge Point has said that it never does this; else it will not do it now."""
    return refusal.code is not None and cannot_do(refusal.code)


def _title(identity: str, request: Message) -> str:
    return f"{action_of(request).name}.req for {identity}"
