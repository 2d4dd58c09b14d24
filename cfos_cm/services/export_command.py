"""C{cfos-cm export}: what a site has written down, as files for other programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

import msgspec

from cfos_cm.services.comma_separated import Cell, csv_lines
from cfos_cm.services.config import Config, read_config
from cfos_cm.services.console_database import Write
from cfos_cm.services.console_verbs import Verbs, Work, add_config, add_verb
from cfos_cm.services.gateway_settings import gateway_settings
from cfos_cm.services.output_file import CONSOLE, Put, output_name, writing_to
from cfos_cm.services.web.statement import (
    month_of,
    statement,
    statement_rows,
    this_month,
)
from cfos_cm.services.web.transaction_view import (
    TRANSACTION_HEAD,
    transaction_cells,
    transaction_record,
)
from cfos_cm.site.tag import Tag
from cfos_cm.storage.queue_pages import QueueEntry, read_entries
from cfos_cm.storage.read_only import ReadOnlyDatabase, looked_at
from cfos_cm.storage.tags import read_tags
from cfos_cm.storage.transaction_search import FoundTransaction, Sought, find_page

__all__ = ["add_export_commands"]

_PAGE_ROWS = 500

_TAG_HEAD: tuple[Cell, ...] = ("id_tag", "status", "parent_id_tag", "expires_at_utc")
_QUEUE_HEAD: tuple[Cell, ...] = (
    "queue",
    "gateway",
    "key",
    "action",
    "connector",
    "transaction_id",
    "attempts",
    "queued_at_utc",
    "buried_at_utc",
    "why_dead",
    "payload",
)


def add_export_commands(commands: Verbs[argparse.ArgumentParser]) -> None:
    """Add C{export} with its own commands to the command line."""
    export = commands.add_parser(
        "export",
        help="transactions, statements, tags and queues as CSV or JSON",
        description="Write down what the site has noted, for other programs. It only reads, "
        "and works whether the manager runs or not. No password or key is in it; idTags are "
        "in full, so that a file can be read by its owner alone.",
    )
    verbs = export.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = _add(verbs, "transactions", "every transaction, newest first", _transactions)
    listed.add_argument("--from", dest="begin", metavar="TIME", type=_time, help=_TIME_HELP)
    listed.add_argument("--to", dest="end", metavar="TIME", type=_time, help="started before")
    listed.add_argument("--evse", metavar="NAME", help="only those at one EVSE")
    listed.add_argument("--id-tag", metavar="TAG", help="only those of one tag")
    monthly = _add(verbs, "statement", "what each tag has charged in a month", _statement)
    monthly.add_argument("--month", metavar="MONTH", help="such as 2026-11; this one without")
    monthly.add_argument("--id-tag", metavar="TAG", help="only that of one tag")
    _add(verbs, "tags", "the local authorisation list", _tags)
    _add(verbs, "gateway-queues", "every message that a backend is owed", _queues)


_TIME_HELP = "started then or later: ISO 8601, such as 2026-11-01 or 2026-11-01T12:00+01:00"


def _add(
    verbs: Verbs[argparse.ArgumentParser], name: str, text: str, run: Work
) -> argparse.ArgumentParser:
    parser = add_config(add_verb(verbs, name, text, run))
    parser.add_argument("--format", choices=("csv", "json"), default="csv")
    parser.add_argument(
        "--output",
        "-o",
        metavar="FILE",
        type=output_name,
        default=CONSOLE,
        help="where to; the console without it",
    )
    return parser


def _transactions(options: argparse.Namespace, write: Write) -> int:
    sought = Sought(
        from_at=options.begin, to_at=options.end, evse=options.evse, id_tag=options.id_tag
    )

    def work(config: Config, database: ReadOnlyDatabase, put: Put) -> int:
        records = (transaction_record(one, in_full=True) for one in _found(database, sought))
        if options.format == "json":
            return _put_list(put, "transactions", records)
        return _put_table(put, TRANSACTION_HEAD, map(transaction_cells, records))

    return _export(options, write, work)


def _statement(options: argparse.Namespace, write: Write) -> int:
    month = month_of(options.month or this_month(datetime.now(UTC)))
    sought = Sought(from_at=month.begin, to_at=month.end, id_tag=options.id_tag)

    def work(config: Config, database: ReadOnlyDatabase, put: Put) -> int:
        made = statement(month, _found(database, sought))
        if options.format == "json":
            put(msgspec.json.encode(made) + b"\n")
        else:
            put(csv_lines(statement_rows(made)))
        return made.count

    return _export(options, write, work)


def _tags(options: argparse.Namespace, write: Write) -> int:
    def work(config: Config, database: ReadOnlyDatabase, put: Put) -> int:
        tags = database.run(read_tags)
        if options.format == "json":
            return _put_list(put, "tags", map(_shown_tag, tags))
        return _put_table(put, _TAG_HEAD, (_shown_tag(tag).values() for tag in tags))

    return _export(options, write, work)


def _queues(options: argparse.Namespace, write: Write) -> int:
    def work(config: Config, database: ReadOnlyDatabase, put: Put) -> int:
        names = {one.key: one.name for one in gateway_settings(config)}
        entries = (_shown_entry(names, one) for one in _entries(database))
        if options.format == "json":
            return _put_list(put, "messages", entries)
        return _put_table(put, _QUEUE_HEAD, (one.values() for one in entries))

    return _export(options, write, work)


def _export(
    options: argparse.Namespace,
    write: Write,
    work: Callable[[Config, ReadOnlyDatabase, Put], int],
) -> int:
    config = read_config(options.config)
    with looked_at(config.database_url) as database, writing_to(options.output) as put:
        count = work(config, database, put)
    if options.output != CONSOLE:
        write(f"{options.output}: {count} entries")
    return 0


def _found(database: ReadOnlyDatabase, sought: Sought) -> Iterator[FoundTransaction]:
    before: int | None = None
    while True:
        asking = partial(find_page, sought=sought, limit=_PAGE_ROWS, before=before)
        page = database.run(asking)
        yield from page.transactions
        if page.next is None:
            return
        before = page.next


def _entries(database: ReadOnlyDatabase) -> Iterator[QueueEntry]:
    after = 0
    while found := database.run(partial(read_entries, after=after)):
        yield from found
        after = found[-1].number


def _put_table(put: Put, head: Iterable[Cell], rows: Iterable[Iterable[Cell]]) -> int:
    put(csv_lines([head]))
    count = 0
    for row in rows:
        put(csv_lines([row]))
        count += 1
    return count


def _put_list(put: Put, name: str, values: Iterable[object]) -> int:
    """An object with a list in it, a line for each value."""
    put(f'{{"{name}":['.encode())
    count = 0
    for value in values:
        put((b",\n" if count else b"\n") + msgspec.json.encode(value))
        count += 1
    put(b"\n]}\n")
    return count


def _shown_tag(tag: Tag) -> dict[str, Cell]:
    return {
        "id_tag": tag.id_tag,
        "status": tag.status.value,
        "parent_id_tag": tag.parent_id_tag,
        "expires_at": tag.expires_at,
    }


def _shown_entry(names: Mapping[str, str], entry: QueueEntry) -> dict[str, Cell]:
    message = entry.message
    return {
        "queue": message.gateway,
        "gateway": names.get(message.gateway),
        "key": message.key,
        "action": message.action,
        "connector": message.connector,
        "transaction_id": message.transaction_id,
        "attempts": message.attempts,
        "queued_at": message.queued_at,
        "buried_at": entry.buried_at,
        "why_dead": entry.why_dead,
        # What was damaged on the disk need be no text any more.
        "payload": message.payload.decode(errors="replace"),
    }


def _time(text: str) -> datetime:
    try:
        # Without a zone it is a time of this computer.
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time such as 2026-11-01 or 2026-11-01T12:00+01:00"
        ) from error
