"""The local authorisation list over HTTP. What is changed takes effect at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Literal

import msgspec

from cfos_cm.services.tag_words import LIST_IS_EMPTY, LIST_IS_EMPTY_NOW, TAG_IS_FIRST
from cfos_cm.services.web.found import require
from cfos_cm.site.tag import MAX_ID_TAG_CHARS, Tag, Verdict, judge, same_tag, shortened
from cfos_cm.storage.tags import TagList
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["ListedTag", "TagAnswer", "TagBody", "Tags", "TagsQuery", "tag_routes"]

_ROUTE = partial(Route, tag="tags")

IdTag = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_TAG_CHARS)]


class TagsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Which tags.

    C{search}: those with this text in them, or in their group. C{offset}: so many are passed
    over. C{limit}: how many at most.
    """

    search: Annotated[str, msgspec.Meta(max_length=MAX_ID_TAG_CHARS)] = ""
    offset: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=5000)] = 1000


class TagBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What holds for a tag.

    C{parent_id_tag}: the group that it belongs to. C{expires_at}: with its zone; from then on
    it may not charge.
    """

    status: Literal["Accepted", "Blocked", "Invalid"] = "Accepted"
    parent_id_tag: IdTag | None = None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class ListedTag(msgspec.Struct, frozen=True, kw_only=True):
    """
    A tag of the list. Who may only look at the site sees nothing but the ends of idTags.

    C{status}: what was set. C{verdict}: what a wallbox is told now, which may be Expired.
    """

    id_tag: str
    status: str
    verdict: str
    parent_id_tag: str | None
    expires_at: datetime | None


class Tags(msgspec.Struct, frozen=True, kw_only=True):
    """
    Tags in the order of the list.

    C{count}: how many fit what was asked for. C{next}: the C{offset} of more of them; null:
    there are no more. C{text}: what holds for all, such as that the list is empty.
    """

    tags: tuple[ListedTag, ...]
    count: int
    next: int | None
    text: str


class TagAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A tag as it holds now. C{text}: what that means for all others."""

    tag: ListedTag
    text: str


def tag_routes(tags: TagList, now: Callable[[], datetime]) -> tuple[Route, ...]:
    """
    C{GET /tags}, C{PUT /tags/{id_tag}} and C{DELETE /tags/{id_tag}}.

    @param now: the time of day; aware.
    """

    async def all_of_them(asked: Asked) -> Answer:
        query, everything = asked.query, await tags.all()
        if query.search:
            # Who may not see a tag must not find it out letter by letter either.
            require(Role.OPERATOR, asked.caller, "to search for a tag")
        found = [one for one in everything if _fits(one, query.search.casefold())]
        end = query.offset + query.limit
        in_full = asked.caller.role >= Role.OPERATOR
        return Json(
            Tags(
                tags=tuple(_shown(one, now(), in_full) for one in found[query.offset : end]),
                count=len(found),
                next=end if end < len(found) else None,
                text="" if everything else LIST_IS_EMPTY,
            )
        )

    async def put(asked: Asked) -> Answer:
        tag = _tag(asked.path["id_tag"], asked.body)
        before, was_empty = await tags.find(tag.id_tag)
        await tags.put(tag)
        answer = TagAnswer(
            tag=_shown(tag, now(), in_full=True), text=TAG_IS_FIRST if was_empty else ""
        )
        return Json(answer, note=f"{_words(before)} -> {_words(tag)}")

    async def remove(asked: Asked) -> Answer:
        id_tag = asked.path["id_tag"]
        before, _ = await tags.find(id_tag)
        if not await tags.remove(id_tag):
            raise Problem(404, f"{id_tag[:MAX_ID_TAG_CHARS]!a} is not in the list")
        _, is_empty = await tags.find(id_tag)
        note = f"{_words(before)} -> {_words(None)}"
        return Json(Removed(text=LIST_IS_EMPTY_NOW if is_empty else ""), note=note)

    return (
        _ROUTE(
            method="GET",
            path=f"{API}/tags",
            role=Role.VIEWER,
            handle=all_of_them,
            summary="The list of who may charge.",
            query=TagsQuery,
            answer=Tags,
        ),
        _ROUTE(
            method="PUT",
            path=f"{API}/tags/{{id_tag}}",
            role=Role.OPERATOR,
            handle=put,
            summary="Add a tag to the list, or change what holds for it.",
            body=TagBody,
            answer=TagAnswer,
        ),
        _ROUTE(
            method="DELETE",
            path=f"{API}/tags/{{id_tag}}",
            role=Role.OPERATOR,
            handle=remove,
            summary="Take a tag off the list.",
            answer=Removed,
        ),
    )


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """C{text}: what it means for all others that something is gone."""

    text: str


def _fits(tag: Tag, folded: str) -> bool:
    return folded in tag.id_tag.casefold() or folded in (tag.parent_id_tag or "").casefold()


def _tag(id_tag: str, body: TagBody) -> Tag:
    """@raise Problem: if there can be no such tag."""
    if not 1 <= len(id_tag) <= MAX_ID_TAG_CHARS or not id_tag.isprintable():
        raise Problem(
            422,
            f"{id_tag[:MAX_ID_TAG_CHARS]!a} is not a tag: must be 1 to {MAX_ID_TAG_CHARS} "
            "printable characters",
        )
    group = body.parent_id_tag
    if group is not None and (not group.isprintable() or same_tag(group, id_tag)):
        raise Problem(
            422, "parent_id_tag: must be 1 to 20 printable characters, and not the tag itself"
        )
    try:
        expires_at = None if body.expires_at is None else body.expires_at.astimezone(UTC)
    except OverflowError as error:
        raise Problem(422, "expires_at: is outside of the calendar") from error
    return Tag(id_tag, Verdict(body.status), group, expires_at)


def _shown(tag: Tag, now: datetime, in_full: bool) -> ListedTag:
    group = tag.parent_id_tag
    return ListedTag(
        id_tag=tag.id_tag if in_full else shortened(tag.id_tag),
        status=tag.status.value,
        verdict=judge(tag, False, now).value,
        parent_id_tag=group if in_full or group is None else shortened(group),
        expires_at=tag.expires_at,
    )


def _words(tag: Tag | None) -> str:
    """For the audit log."""
    if tag is None:
        return "not in the list"
    group = "" if tag.parent_id_tag is None else f", of {shortened(tag.parent_id_tag)}"
    until = "" if tag.expires_at is None else f", until {tag.expires_at.isoformat()}"
    return f"{tag.status.value}{group}{until}"
