"""Who may have a Charge Point asked what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cfos_cm.central_system.commands.announced import SECURITY_PROFILE
from cfos_cm.central_system.commands.requests import SENDABLE
from cfos_cm.central_system.commands.secret_keys import is_secret
from cfos_cm.v16.core import ChangeConfigurationRequest, ResetRequest, ResetType
from cfos_cm.v16.security import ExtendedMessageTrigger, ExtendedTriggerMessageRequest
from cfos_cm.v16.types import Message
from cfos_cm.web.role import Role

__all__ = ["least_role", "may_change", "role_for"]

#: What changes a device for good, or has its inner life sent somewhere; all others need less.
_ADMINS = frozenset(
    {
        "CertificateSigned",
        "DeleteCertificate",
        "GetDiagnostics",
        "GetLog",
        "InstallCertificate",
        "SignedUpdateFirmware",
        "UpdateFirmware",
    }
)


def may_change(key: str) -> Role:
    """Who may set a configuration key."""
    is_security = key.strip().casefold() == SECURITY_PROFILE.casefold()
    return Role.ADMIN if is_security or is_secret(key) else Role.OPERATOR


def _of_change(request: ChangeConfigurationRequest) -> Role:
    return may_change(request.key)


def _of_reset(request: ResetRequest) -> Role:
    return Role.ADMIN if request.type is ResetType.HARD else Role.OPERATOR


def _of_trigger(request: ExtendedTriggerMessageRequest) -> Role:
    renews = ExtendedMessageTrigger.SIGN_CHARGE_POINT_CERTIFICATE
    return Role.ADMIN if request.requested_message is renews else Role.OPERATOR


#: Where it hangs on what is said in the request.
_BY_REQUEST: Mapping[type[Message], Callable[[Any], Role]] = {
    ChangeConfigurationRequest: _of_change,
    ExtendedTriggerMessageRequest: _of_trigger,
    ResetRequest: _of_reset,
}


def least_role(action: str) -> Role:
    """The least that whoever sends an action has to have; some requests of it take more."""
    return Role.ADMIN if action in _ADMINS else Role.OPERATOR


def role_for(action: str, request: Message) -> Role:
    """
    What whoever sends a request has to have.

    @param action: its name, one of L{SENDABLE}.
    """
    assert action in SENDABLE, action
    by_request = _BY_REQUEST.get(type(request))
    return least_role(action) if by_request is None else by_request(request)
