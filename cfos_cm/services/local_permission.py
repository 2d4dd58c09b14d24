"""Who may begin and end a charge at an EVSE without a Charge Point."""

from __future__ import annotations

from cfos_cm.central_system.authorisation import Judgement, judge_tag
from cfos_cm.central_system.environment import Environment
from cfos_cm.services.local_places import Place, Stage
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.tag import Verdict, same_tag

__all__ = ["has_room", "is_in_use", "is_open", "may_end"]

_OUT_OF_ORDER = (Occupancy.FAULTED, Occupancy.UNAVAILABLE)


def is_open(settings: EvseSettings) -> bool:
    """Whether its device asks who may charge; where a backend has to allow it, that does."""
    return settings.open_to_all and not settings.needs_backend


def is_in_use(settings: EvseSettings) -> bool:
    """Whether a car can get anything there."""
    return settings.enabled or settings.disabled_current_ma > 0


def has_room(place: Place, evse: Evse, id_tag: str, now_s: float) -> bool:
    """Whether the owner of C{id_tag} may be invited to an EVSE now."""
    if evse.link is not Link.ONLINE or evse.occupancy in _OUT_OF_ORDER:
        return False
    if not is_in_use(evse.settings) or place.stage in (Stage.BEGINNING, Stage.RUNNING):
        return False
    card = place.accepted
    return card is None or not card.counts(now_s) or same_tag(card.id_tag, id_tag)


async def may_end(
    environment: Environment, place: Place, settings: EvseSettings, judged: Judgement
) -> bool:
    """
    Whether a card of somebody else may end what runs: OCPP 1.6, "Stop Transaction", if it is
    one of the same group.

    @param judged: what is thought of that card.
    @raise cfos_cm.errors.StorageError: if the local authorisation list cannot be read.
    """
    group, running = judged.parent_id_tag, place.transaction
    if group is None or judged.verdict is not Verdict.ACCEPTED or running is None:
        return False
    owners = place.parent_id_tag
    if owners is None:
        owner = await judge_tag(environment, running.id_tag, (settings,))
        owners = owner.parent_id_tag
    return owners is not None and same_tag(group, owners)
