"""Who may connect: the identity in the URL, and what proves it."""

from __future__ import annotations

from enum import Enum, auto

from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints

__all__ = ["Admission", "admission", "configured_identity"]


class Admission(Enum):
    """What becomes of a Charge Point that wants to connect."""

    ADMITTED = auto()
    UNAUTHORISED = auto()
    """Wrong password, or none; or a certificate that is somebody else's."""
    NEEDS_TLS = auto()
    """It came encrypted before, and does not now."""
    NEEDS_CERTIFICATE = auto()
    """It has shown a certificate before, and does not now."""
    UNKNOWN = auto()
    """It is not configured, and others are refused."""
    REFUSED = auto()
    """It is not configured, and an operator has refused it."""
    TOO_MANY = auto()
    """There are too many already that are not configured."""
    SHUT_OUT = auto()
    """Its backend cannot be reached, and it is to notice that."""


def configured_identity(settings: CentralSystemSettings, text: str) -> str:
    """
    The Charge Point that a URL means.

    Some wallboxes change the case of what was typed into them.

    @return: C{text} itself where it is configured or nothing like it is; else the only
        configured identity that differs in nothing but upper and lower case.
    """
    if text in settings.charge_points:
        return text
    folded = text.casefold()
    alike = [one for one in settings.charge_points if one.casefold() == folded]
    return alike[0] if len(alike) == 1 else text


def admission(
    settings: CentralSystemSettings,
    identity: str,
    proven: bool,
    room_for_it: bool,
    owes: bool = False,
    falls_short: Admission | None = None,
    refused: bool = False,
) -> Admission:
    """
    Whether a Charge Point may connect.

    @param proven: it has shown what it has to know.
    @param falls_short: what it lacks of the security that it came with before.
    @param room_for_it: there may be one more that is not configured.
    @param owes: it has begun, while it was configured, what it has not ended yet.
    @param refused: an operator has said no to it.
    """
    if not proven:
        return Admission.UNAUTHORISED
    if falls_short is not None:
        return falls_short
    if identity in settings.charge_points:
        return Admission.ADMITTED
    if refused and not owes:
        return Admission.REFUSED
    if settings.unknown is UnknownChargePoints.REFUSE and not owes:
        return Admission.UNKNOWN
    return Admission.ADMITTED if room_for_it else Admission.TOO_MANY
