"""The local authorisation list: who may charge."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

__all__ = ["MAX_ID_TAG_CHARS", "Tag", "Verdict", "judge", "same_tag", "shortened"]

#: OCPP 1.6, IdToken: CiString20Type.
MAX_ID_TAG_CHARS = 20


class Verdict(StrEnum):
    """Whether a tag may charge; OCPP 1.6, AuthorizationStatus, without C{ConcurrentTx}."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"


@frozen
class Tag:
    """
    One entry of the local authorisation list.

    @ivar id_tag: what the reader sees; at most 20 characters, compared without regard to case.
    @ivar status: what the owner of the list decided: accepted, blocked or invalid.
    @ivar parent_id_tag: the group that the tag belongs to, if any.
    @ivar expires_at: aware; from then on the tag is expired. C{None}: never.
    """

    id_tag: str
    status: Verdict = Verdict.ACCEPTED
    parent_id_tag: str | None = None
    expires_at: datetime | None = None


def same_tag(one: str, other: str) -> bool:
    """Whether two idTags are the same: OCPP's IdToken is case insensitive."""
    return one.casefold() == other.casefold()


def shortened(id_tag: str) -> str:
    """An idTag that can be recognised and not copied: its last four characters, or half."""
    return "…" + id_tag[-min(4, len(id_tag) // 2) :] if len(id_tag) > 1 else "…"


def judge(tag: Tag | None, list_is_empty: bool, now: datetime) -> Verdict:
    """
    Whether whoever shows a tag may charge.

    @param tag: its entry in the list, or C{None} when it has none.
    @param list_is_empty: no tag is configured at all: then everybody may charge.
    @param now: aware.
    """
    if tag is None:
        return Verdict.ACCEPTED if list_is_empty else Verdict.INVALID
    if tag.status is not Verdict.ACCEPTED:
        return tag.status
    if tag.expires_at is not None and tag.expires_at <= now:
        return Verdict.EXPIRED
    return Verdict.ACCEPTED
