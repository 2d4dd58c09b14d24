"""All cases, and the tables of them."""

from __future__ import annotations

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
from tests.compliance.case import Behind, Case, Profile, Subject
from tests.compliance.gateway import (
    charging,
    commands,
    limits,
    lists,
    upkeep,
)
from tests.compliance.gateway import negative as gateway_negative
from tests.compliance.gateway import reservation as gateway_reservation
from tests.compliance.gateway import security as gateway_security
from tests.compliance.run import PASSED

__all__ = [
    "BOX_MEMORY",
    "BOX_SOCKET",
    "BOX_TLS",
    "DOCUMENT",
    "ENTRIES",
    "MEMORY",
    "SOCKET",
    "TLS",
    "WALLBOX_MEMORY",
    "document",
    "documented_rows",
    "played",
    "printed",
    "summary",
]

#: What cases are played on, as columns of the table.
MEMORY, SOCKET, TLS = "plain/memory", "plain/socket", "tls/socket"
BOX_MEMORY, BOX_SOCKET, WALLBOX_MEMORY = "box/memory", "box/socket", "wallbox/memory"
BOX_TLS = "box/tls"

_COLUMNS: Mapping[Subject, tuple[str, ...]] = {
    Subject.CENTRAL_SYSTEM: (MEMORY, SOCKET, TLS),
    Subject.CHARGE_POINT: (BOX_MEMORY, BOX_SOCKET, BOX_TLS, WALLBOX_MEMORY),
}

#: Every case, by role and profile.
ENTRIES: tuple[Case, ...] = (
    *core.CASES,
    *local_list.CASES,
    *firmware.CASES,
    *reservation.CASES,
    *triggers.CASES,
    *smart_charging.CASES,
    *security.CASES,
    *negative.CASES,
    *charging.CASES,
    *commands.CASES,
    *lists.CASES,
    *upkeep.CASES,
    *gateway_reservation.CASES,
    *limits.CASES,
    *gateway_security.CASES,
    *gateway_negative.CASES,
)

#: The page that carries the table.
DOCUMENT = Path(__file__).parents[2] / "docs" / "compliance.md"

_BEGIN = "<!-- The rows below are made by `make compliance ARGS=--write-docs`. -->"

_WHO: Mapping[Subject, str] = {
    Subject.CENTRAL_SYSTEM: "Central System",
    Subject.CHARGE_POINT: "gateway",
}


def played(
    subject: Subject = Subject.CENTRAL_SYSTEM,
    behind: Behind | None = None,
    is_encrypted: bool = False,
) -> tuple[Case, ...]:
    """
    The cases that are played on something.

    @param behind: with what stands behind the gateway, where the Charge Point is tried.
    @param is_encrypted: whether there is TLS; where there is, all can be played.
    """
    return tuple(
        entry
        for entry in ENTRIES
        if entry.subject is subject
        and (behind is None or behind in entry.behind)
        and (is_encrypted or not entry.needs_tls)
    )


def _played_on(entry: Case) -> str:
    return "TLS" if entry.needs_tls else "all"


def documented_rows() -> Iterator[str]:
    """How many cases there are, and a table for each role and profile."""
    for subject, who in _WHO.items():
        yield f"### {subject.value}"
        yield ""
        yield f"{_numbers(subject)}."
        yield ""
        for profile in Profile:
            entries = [
                one for one in ENTRIES if one.profile is profile and one.subject is subject
            ]
            if entries:
                yield from _documented(subject, profile, who, entries)


def _documented(
    subject: Subject, profile: Profile, who: str, entries: Iterable[Case]
) -> Iterator[str]:
    has_behind = subject is Subject.CHARGE_POINT
    yield f"#### {subject.value}: {profile.value}"
    yield ""
    behind_head, behind_line = (" behind it |", "---|") if has_behind else ("", "")
    yield f"| id | what happens | what the {who} has to do |{behind_head} columns |"
    yield f"|---|---|---|{behind_line}---|"
    for entry in entries:
        cells = [entry.case_id, entry.title, entry.criterion]
        if has_behind:
            cells.append(", ".join(entry.behind))
        yield "| " + " | ".join((*cells, _played_on(entry))) + " |"
    yield ""


def document(page: str) -> str:
    """C{page} with the tables that belong to it."""
    head, found, _ = page.partition(_BEGIN)
    if not found:
        raise ValueError(f"the page has no line {_BEGIN}")
    return head + found + "\n\n" + "\n".join(documented_rows()).rstrip() + "\n"


def printed(results: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """
    The tables for a terminal, one for each role.

    @param results: by column and by case id; what is not in it was not played.
    """
    for subject, known in _COLUMNS.items():
        columns = [column for column in known if column in results]
        yield _line("id", f"as a {subject.value}", columns)
        for entry in ENTRIES:
            if entry.subject is subject:
                cells = [results[column].get(entry.case_id, "-") for column in columns]
                yield _line(entry.case_id, entry.title, cells)


def summary(results: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """How many there are, and how many have passed; see L{printed}."""
    for column, of_case in results.items():
        passed = sum(1 for result in of_case.values() if result == PASSED)
        yield f"{column}: {passed} of {len(of_case)} played cases passed"
    for subject in Subject:
        yield f"{subject.value}: {_numbers(subject)}"


def _numbers(subject: Subject) -> str:
    entries = [entry for entry in ENTRIES if entry.subject is subject]
    only_tls = sum(1 for entry in entries if entry.needs_tls)
    return f"{len(entries)} cases, {only_tls} of them on TLS only"


def _line(case_id: str, title: str, cells: Iterable[str]) -> str:
    shown = title if len(title) <= 50 else f"{title[:49]}…"
    return f"{case_id:<14} {shown:<50} " + " ".join(f"{cell:<17}" for cell in cells).rstrip()
