"""What of a C{tap.cfg} may be shown, all but its secrets; and what is meant by that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from attrs import evolve

from cfos_cm.errors import ConfigError, Mistake
from cfos_cm.services.config.editing import AddSection, Change, SetOptions
from cfos_cm.services.config.ini import HIDDEN, IniSection, read_ini, value_span
from cfos_cm.services.config.options import Option, Section, hidden, options_of
from cfos_cm.services.config.sections import NAMED_SECTIONS, SINGLE_SECTIONS

__all__ = [
    "declared",
    "differing_values",
    "is_hidden",
    "shown_options",
    "shown_text",
    "shown_value",
    "unmasked",
]

_NAMED = re.compile(r"[ \t;#]*([A-Za-z][A-Za-z0-9_-]{0,39})[ \t]*")
_LOGIN = re.compile(r"://\S*@")
_MASKED_URL = re.compile(rf"://{re.escape(HIDDEN)}@|\?{re.escape(HIDDEN)}\Z")
_MOST_SHOWN = 80


def declared(heading: str) -> Mapping[str, Option]:
    """The options that a section may have; none, if there is no such kind of section."""
    kind, _, name = heading.partition(" ")
    schema = SINGLE_SECTIONS.get(heading) or (NAMED_SECTIONS.get(kind) if name else None)
    return {} if schema is None else _by_name()[schema]


@cache
def _by_name() -> Mapping[type[Section], Mapping[str, Option]]:
    schemas = (*SINGLE_SECTIONS.values(), *NAMED_SECTIONS.values())
    return {schema: {one.name: one for one in options_of(schema)} for schema in schemas}


@cache
def _secretive() -> Mapping[str, Option]:
    """All options of which something is hidden, wherever they stand."""
    known = [one for options in _by_name().values() for one in options.values()]
    return {one.name: one for one in known if not one.is_open}


def is_hidden(option: Option) -> bool:
    """Whether nothing of its value is ever shown."""
    return option.shown is hidden


def shown_value(heading: str, name: str, value: str | None) -> str:
    """
    An option's text without what is secret in it.

    Of an option that nobody knows nothing is shown: it may be a password that is misspelled.

    @param value: C{None}: it could not be read.
    """
    option = declared(heading).get(name)
    if value is None or option is None:
        return HIDDEN
    return option.shown(value) if value else ""


def shown_options(section: IniSection) -> dict[str, str]:
    """All options that are written in a section, without what is secret."""
    return {
        one.name: shown_value(section.heading, one.name, one.value)
        for one in section.options.values()
    }


def shown_text(text: str) -> str:
    """
    The whole file without what is secret in it, be it commented out.

    What people have written in words is shown as it is, but for logins in URLs.
    """
    headings = {one.line: one for one in read_ini(text, "").sections}
    known: Mapping[str, Option] = {}
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if number in headings:
            known = declared(headings[number].heading)
        is_option = number not in headings and bool(line.strip(" \t\r\ufeff"))
        found.append(_shown_line(line, known) if is_option else line)
    return "\n".join(found)


def _shown_line(line: str, known: Mapping[str, Option]) -> str:
    end = "\r" if line.endswith("\r") else ""
    before, equals, raw = line.removesuffix("\r").partition("=")
    is_comment = before.strip(" \t\ufeff")[:1] in (";", "#")
    name = _NAMED.fullmatch(before)
    option = _secretive().get(name[1]) if name and equals else None
    if option is not None and raw.strip(" \t"):
        # What stands behind a secret as a comment may be the one before it.
        start, stop = value_span(raw)
        value = raw[start:stop]
        line = f"{before}= {option.shown(value) if value else HIDDEN}{end}"
    elif not is_comment and (not name or not equals or name[1] not in known):
        line = f"{before}= {HIDDEN}{end}" if equals and name else f"{HIDDEN}{end}"
    return _LOGIN.sub(f"://{HIDDEN}@", line)


def unmasked(change: Change, text: str, path: str) -> Change:
    """
    A change without the options that come back as they were shown: they stay as they are.

    @param text: the file that it is about.
    @raise ConfigError: if something hidden is asked for that is not there.
    """
    if not isinstance(change, SetOptions | AddSection):
        return change
    sections = {one.heading: one for one in read_ini(text, path).sections}
    section = sections.get(change.heading)
    options, mistakes = {}, []
    for name, value in change.options.items():
        written = None if section is None else section.options.get(name)
        current = "" if written is None else written.value or ""
        option = declared(change.heading).get(name)
        if option is None or option.is_open or not value:
            options[name] = value
        elif not current or value not in (option.shown(current), HIDDEN):
            options[name] = value
            if value == HIDDEN or _MASKED_URL.search(value):
                line = 0 if written is None else written.line
                mistakes.append(Mistake(path, line, change.heading, name, HIDDEN, _IN_FULL))
    if mistakes:
        raise ConfigError(mistakes)
    return evolve(change, options=options)


_IN_FULL = (
    f"must be written in full: {HIDDEN} stands for the secret that was there, or for none"
)


def differing_values(before: str, after: str, renamed: Mapping[str, str]) -> Iterator[str]:
    """
    What differs between two files, old and new, without what is secret: a line each.

    @param renamed: what sections are called now, by what they were called.
    """
    old = {renamed.get(one.heading, one.heading): one for one in read_ini(before, "").sections}
    new = {one.heading: one for one in read_ini(after, "").sections}
    for was, heading in renamed.items():
        yield f"[{was}] is [{heading}]"
    for heading in dict.fromkeys((*old, *new)):
        first, second = old.get(heading), new.get(heading)
        if second is None:
            yield f"[{heading}] removed"
            continue
        if first is None:
            yield f"[{heading}] added"
        yield from _differing(first, second)


def _differing(first: IniSection | None, second: IniSection) -> Iterator[str]:
    old = {} if first is None else first.options
    for name in dict.fromkeys((*old, *second.options)):
        was, is_now = old.get(name), second.options.get(name)
        one = None if was is None else was.value
        other = None if is_now is None else is_now.value
        if one != other:
            words = [
                "default" if value is None else _short(second.heading, name, value)
                for value in (one, other)
            ]
            yield f"[{second.heading}] {name}: {words[0]} -> {words[1]}"


def _short(heading: str, name: str, value: str) -> str:
    text = shown_value(heading, name, value) or "empty"
    plain = "".join(one if one.isprintable() else "?" for one in text)
    return plain if len(plain) <= _MOST_SHOWN else plain[:_MOST_SHOWN] + "…"
