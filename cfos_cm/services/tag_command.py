"""C{cfos-cm tag}: the local authorisation list, from the console."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from cfos_cm.services.console_database import Write, with_database
from cfos_cm.services.tag_words import LIST_IS_EMPTY, LIST_IS_EMPTY_NOW, TAG_IS_FIRST
from cfos_cm.site.tag import MAX_ID_TAG_CHARS, Tag, Verdict, judge
from cfos_cm.storage.database import Database
from cfos_cm.storage.tags import TagList

__all__ = ["add_tag_commands"]

_STATUSES = {
    "accepted": Verdict.ACCEPTED,
    "blocked": Verdict.BLOCKED,
    "invalid": Verdict.INVALID,
}


def add_tag_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add C{tag list}, C{tag set} and C{tag remove} to the command line."""
    tag = commands.add_parser(
        "tag",
        help="who may charge: the local authorisation list",
        description="The local authorisation list. As long as it is empty everybody may "
        "charge. It takes effect at once, also while the site runs.",
    )
    verbs = tag.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = verbs.add_parser("list", help="show every tag")
    listing.set_defaults(run=_list)
    setting = verbs.add_parser("set", help="add a tag, or change what holds for it")
    setting.add_argument("id_tag", metavar="TAG", type=_id_tag)
    setting.add_argument("--status", choices=_STATUSES, default="accepted")
    setting.add_argument("--parent", metavar="TAG", type=_id_tag, help="the group it is of")
    setting.add_argument(
        "--expires", metavar="TIME", type=_time, help="ISO 8601, such as 2030-12-31T23:59"
    )
    setting.set_defaults(run=_set)
    removing = verbs.add_parser("remove", help="take a tag off the list")
    removing.add_argument("id_tag", metavar="TAG", type=_id_tag)
    removing.set_defaults(run=_remove)
    for verb in (listing, setting, removing):
        verb.add_argument("--config", "-c", metavar="FILE", default="tap.cfg")


def _list(options: argparse.Namespace, write: Write) -> int:
    async def work(database: Database) -> int:
        tags = await TagList(database).all()
        for tag in tags:
            write(_line(tag))
        if not tags:
            write(LIST_IS_EMPTY)
        return 0

    return with_database(options.config, work, write)


def _set(options: argparse.Namespace, write: Write) -> int:
    tag = Tag(options.id_tag, _STATUSES[options.status], options.parent, options.expires)

    async def work(database: Database) -> int:
        tags = TagList(database)
        _, was_empty = await tags.find(tag.id_tag)
        await tags.put(tag)
        write(_line(tag))
        if was_empty:
            write(TAG_IS_FIRST)
        return 0

    return with_database(options.config, work, write)


def _remove(options: argparse.Namespace, write: Write) -> int:
    async def work(database: Database) -> int:
        tags = TagList(database)
        removed = await tags.remove(options.id_tag)
        write(f"{options.id_tag}: {'removed' if removed else 'is not in the list'}")
        _, is_empty = await tags.find(options.id_tag)
        if removed and is_empty:
            write(LIST_IS_EMPTY_NOW)
        return 0 if removed else 1

    return with_database(options.config, work, write)


def _line(tag: Tag) -> str:
    parent = f", of {tag.parent_id_tag}" if tag.parent_id_tag else ""
    expires = f", until {tag.expires_at.isoformat()}" if tag.expires_at else ""
    verdict = judge(tag, False, datetime.now(UTC))
    return f"{tag.id_tag}: {verdict.value.lower()}{parent}{expires}"


def _id_tag(text: str) -> str:
    if not 0 < len(text) <= MAX_ID_TAG_CHARS or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a tag: 1 to {MAX_ID_TAG_CHARS} printable characters"
        )
    return text


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time such as 2030-12-31T23:59 or 2030-12-31T23:59+01:00"
        ) from error
