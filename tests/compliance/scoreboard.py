"""All cases, and the tables of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.compliance import (
    core,
    firmware,
    local_list,
    negative,
    reservation,
    security,
    smart_charging,
    triggers,
)
from tests.compliance.case import Awaited, Case, Entry, Profile
from tests.compliance.run import PASSED

__all__ = [
    "DOCUMENT",
    "ENTRIES",
    "document",
    "documented_rows",
    "played",
    "printed",
    "state",
    "summary",
]

#: Every case, by profile.
ENTRIES: tuple[Entry, ...] = (
    *core.CASES,
    *local_list.CASES,
    *firmware.CASES,
    *reservation.CASES,
    *triggers.CASES,
    *smart_charging.CASES,
    *security.CASES,
    *negative.CASES,
)

#: The page that carries the table.
DOCUMENT = Path(__file__).parents[2] / "docs" / "compliance.md"

_BEGIN = "<!-- The rows below are made by `make compliance ARGS=--write-docs`. -->"

#: What stands in the column of encrypted connections until there are any.
_TLS_COLUMN = "with certificates"


def played() -> tuple[Case, ...]:
    """The cases that can be played now."""
    return tuple(entry for entry in ENTRIES if isinstance(entry, Case))


def state(entry: Entry) -> str:
    """In what state a case is, in words."""
    if isinstance(entry, Case):
        return "played"
    return {
        Awaited.TLS: "not yet: TLS",
        Awaited.GATEWAY: "not yet: gateway",
    }[entry.awaits]


def documented_rows() -> Iterator[str]:
    """How many cases there are in each state, and a table for each profile."""
    yield from (f"{line}.\n" for line in summary({}))
    for profile in Profile:
        entries = [entry for entry in ENTRIES if entry.profile is profile]
        yield f"### {profile.value}"
        yield ""
        yield "| id | what happens | what the Central System has to do | state |"
        yield "|---|---|---|---|"
        for entry in entries:
            yield f"| {entry.case_id} | {entry.title} | {entry.criterion} | {state(entry)} |"
        yield ""


def document(page: str) -> str:
    """C{page} with the tables that belong to it."""
    head, found, _ = page.partition(_BEGIN)
    if not found:
        raise ValueError(f"the page has no line {_BEGIN}")
    return head + found + "\n\n" + "\n".join(documented_rows()).rstrip() + "\n"


def printed(results: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """
    The table for a terminal.

    @param results: by column and by case id; what is not in it was not played.
    """
    columns = [*results, "TLS"]
    yield _line("id", "title", columns)
    for entry in ENTRIES:
        if isinstance(entry, Case):
            cells = [results[column].get(entry.case_id, "-") for column in results]
            cells.append(_TLS_COLUMN)
        else:
            cells = [state(entry)] * len(results) + [_tls_cell(entry.awaits)]
        yield _line(entry.case_id, entry.title, cells)


def summary(results: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """How many there are of each state; see L{printed}."""
    for column, of_case in results.items():
        passed = sum(1 for result in of_case.values() if result == PASSED)
        yield f"{column}: {passed} of {len(of_case)} played cases passed"
    states = Counter(state(entry) for entry in ENTRIES)
    yield ", ".join(f"{number} {name}" for name, number in states.items())


def _tls_cell(awaits: Awaited) -> str:
    return _TLS_COLUMN if awaits is Awaited.TLS else "not yet: gateway"


def _line(case_id: str, title: str, cells: Iterable[str]) -> str:
    shown = title if len(title) <= 50 else f"{title[:49]}…"
    return f"{case_id:<14} {shown:<50} " + " ".join(f"{cell:<17}" for cell in cells).rstrip()
