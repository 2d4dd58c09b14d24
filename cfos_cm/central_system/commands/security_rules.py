"""
What speaks against another security profile.

"Improved security for OCPP 1.6-J", A05: it is raised over OCPP, and never lowered; and who
could not come back with the new one must not be told to take it.
"""

from __future__ import annotations

from collections.abc import Iterator

from cfos_cm.central_system.commands.announced import SECURITY_PROFILE, number_in
from cfos_cm.central_system.commands.situation import Situation
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.violations import excerpt

__all__ = ["objections_to_security_profile"]


def objections_to_security_profile(value: str, situation: Situation) -> Iterator[str]:
    """
    Why the configuration key SecurityProfile is not to get this value.

    @return: what was found and what is allowed.
    """
    wanted = number_in(value)
    if wanted not in list(SecurityProfile):
        yield f"{SECURITY_PROFILE} would be {excerpt(value)}; it must be 1, 2 or 3"
        return
    shown = situation.shown_profile
    has = situation.announced.get(SECURITY_PROFILE, shown)
    if wanted <= has or wanted < shown:
        most = max(has, shown)
        yield f"{SECURITY_PROFILE} is {most} and would be {wanted}; it is never lowered"
        return
    yield from _missing(SecurityProfile(wanted), situation)


def _missing(wanted: SecurityProfile, situation: Situation) -> Iterator[str]:
    """What the Charge Point would need to come back with that profile, and has not."""
    if wanted is not SecurityProfile.CERTIFICATE and not situation.has_password:
        yield (
            f"{SECURITY_PROFILE} {wanted.value} needs a password, and this Charge Point has "
            "none; change_password gives it one"
        )
    if wanted.is_encrypted and not situation.takes_tls:
        yield (
            f"{SECURITY_PROFILE} {wanted.value} needs TLS; it is off here: tls = detect in "
            "[ocpp server]"
        )
    if wanted is SecurityProfile.CERTIFICATE and not situation.has_certificate:
        yield (
            f"{SECURITY_PROFILE} 3 needs a certificate, and this Charge Point has shown none; "
            "renew_certificate has it ask for one"
        )
