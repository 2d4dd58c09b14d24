"""Whether an idTag may charge."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from cfos_cm.central_system.environment import Environment
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.tag import Tag, Verdict, judge, same_tag
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo

__all__ = ["NOWHERE_TO_CHARGE", "Judgement", "judge_tag"]


@frozen
class Judgement:
    """
    Whether whoever shows an idTag may charge.

    @ivar tag: the entry in the local authorisation list, if there is one.
    """

    verdict: Verdict
    tag: Tag | None

    def id_tag_info(self) -> IdTagInfo:
        """The same as a Charge Point is told it."""
        tag = self.tag
        return IdTagInfo(
            status=AuthorizationStatus(self.verdict.value),
            parent_id_tag=None if tag is None else tag.parent_id_tag,
            expiry_date=(
                None
                if tag is None or tag.expires_at is None
                else format_timestamp(tag.expires_at)
            ),
        )


#: What every tag gets where there is no EVSE of the site: nobody would count what is drawn.
NOWHERE_TO_CHARGE = Judgement(Verdict.INVALID, None)


async def judge_tag(
    environment: Environment, id_tag: str, evses: Iterable[EvseSettings]
) -> Judgement:
    """
    Look C{id_tag} up in the local authorisation list.

    @param evses: where it is shown; the fixed tag of one of them needs no entry in the list.
    @raise cfos_cm.errors.StorageError: if the list cannot be read.
    """
    tag, list_is_empty = await environment.tags.find(id_tag)
    fixed_tags = [evse.fixed_tag for evse in evses if evse.fixed_tag]
    if tag is None and any(same_tag(id_tag, fixed_tag) for fixed_tag in fixed_tags):
        return Judgement(Verdict.ACCEPTED, None)
    return Judgement(judge(tag, list_is_empty, environment.now()), tag)
