"""Cases for a Charge Point, as their modules write them."""

from __future__ import annotations

from tests.compliance.case import Behind, Case, Profile, Subject
from tests.compliance.gateway.sites import ONE_BOX
from tests.compliance.sites import Site
from tests.compliance.steps import Step

__all__ = ["BOTH", "BOX", "WALLBOX", "case", "negative"]

BOTH = (Behind.BOX, Behind.WALLBOX)
BOX = (Behind.BOX,)
WALLBOX = (Behind.WALLBOX,)


def case(
    number: str,
    title: str,
    criterion: str,
    start: tuple[Step, ...],
    steps: tuple[Step, ...],
    behind: tuple[Behind, ...] = BOX,
    profile: Profile = Profile.CORE,
    site: Site = ONE_BOX,
    needs_tls: bool = False,
) -> Case:
    """A case that is played with whatever stands behind the gateway."""
    return Case(
        f"TC_{number}_CS",
        profile,
        title,
        criterion,
        start=start,
        steps=steps,
        site=site,
        subject=Subject.CHARGE_POINT,
        behind=behind,
        needs_tls=needs_tls,
    )


def negative(
    case_id: str,
    title: str,
    criterion: str,
    start: tuple[Step, ...],
    steps: tuple[Step, ...],
    behind: tuple[Behind, ...] = BOX,
) -> Case:
    """A case in which the backend does what it should not."""
    return Case(
        case_id,
        Profile.NEGATIVE,
        title,
        criterion,
        start=start,
        steps=steps,
        site=ONE_BOX,
        subject=Subject.CHARGE_POINT,
        behind=behind,
    )
