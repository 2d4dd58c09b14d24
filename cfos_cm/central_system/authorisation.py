"""Whether an idTag may charge."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from cfos_cm.central_system.environment import Environment
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.tag import Tag, Verdict, judge, same_tag
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo

__all__ = ["NOWHERE_TO_CHARGE", "Judgement", "judge_tag", "verdict_of"]


@frozen
class Judgement:
    """
    Whether whoever shows an idTag may charge.

    @ivar tag: the entry in the local authorisation list, if there is one.
    @ivar info: what a backend says of it, if one was asked.
    """

    verdict: Verdict
    tag: Tag | None
    info: IdTagInfo | None = None

    @property
    def parent_id_tag(self) -> str | None:
        """The group that the idTag belongs to, if any."""
        if self.info is not None:
            return self.info.parent_id_tag
        return None if self.tag is None else self.tag.parent_id_tag

    def id_tag_info(self) -> IdTagInfo:
        """The same as a Charge Point is told it."""
        if self.info is not None:
            return self.info
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


def verdict_of(info: IdTagInfo) -> Verdict:
    """
    What an answer means to us.

    OCPP 1.6, AuthorizationStatus: who is C{ConcurrentTx} charges elsewhere, and may not here.
    """
    if info.status is AuthorizationStatus.CONCURRENT_TX:
        return Verdict.INVALID
    return Verdict(info.status.value)


async def judge_tag(
    environment: Environment,
    id_tag: str,
    evses: Iterable[EvseSettings],
    payload: bytes | None = None,
) -> Judgement:
    """
    Whether C{id_tag} may charge: by the backend that bills one of the EVSEs, where there is
    one for it, else by the local authorisation list.

    Who has an entry in that list that forbids it may not, whatever a backend says.

    @param evses: where it is shown; the fixed tag of one of them needs no entry in the list.
    @param payload: the request of a Charge Point, word for word.
    @raise cfos_cm.errors.StorageError: if the list cannot be read.
    """
    places = tuple(evses)
    tag, list_is_empty = await environment.tags.find(id_tag)
    verdict = judge(tag, list_is_empty, environment.now())
    names = [evse.name for evse in places]
    if environment.backends.judges(names, id_tag):
        if tag is not None and verdict is not Verdict.ACCEPTED:
            return Judgement(verdict, tag)
        info = await environment.backends.judge(names, id_tag, payload)
        return Judgement(verdict_of(info), tag, info)
    fixed_tags = [evse.fixed_tag for evse in places if evse.fixed_tag]
    if tag is None and any(same_tag(id_tag, fixed_tag) for fixed_tag in fixed_tags):
        return Judgement(Verdict.ACCEPTED, None)
    return Judgement(verdict, tag)
