"""
Changing the text of a C{tap.cfg}, and nothing in it but what was asked for.

Comments, empty lines, the order and the form of every line that is not concerned stay as they
are. An option that stands there as a comment, C{;max_current = 16}, is set in the line behind
that; else it comes behind the last option of its section. A new section comes behind the last
one of its kind, or behind its own heading where that is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from cfos_cm.errors import ConfigError, Mistake
from cfos_cm.services.config.ini import (
    HIDDEN,
    IniSection,
    heading_span,
    quoted,
    read_ini,
    value_span,
)
from cfos_cm.services.config.options import Section, options_of
from cfos_cm.services.config.sections import NAMED_SECTIONS, SINGLE_SECTIONS

__all__ = ["AddSection", "Change", "RemoveSection", "RenameSection", "SetOptions", "edited"]

Options = Mapping[str, str | None]

_MARK = "\ufeff"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_HEADING = re.compile(r"[a-z]{1,40}( [A-Za-z0-9._-]{1,40})?")
_COMMENTED_HEADING = re.compile(r"[ \t]*[;#][;# \t]*\[([^\]]*)\][ \t]*(?:[;#].*)?")
_COMMENTED_OPTION = re.compile(r"([ \t]*)[;#][;# \t]*([A-Za-z][A-Za-z0-9_-]{0,39})[ \t]*=.*")
_KINDS = [*(one.partition(" ")[0] for one in SINGLE_SECTIONS), *NAMED_SECTIONS]


@frozen
class SetOptions:
    """
    Set options of a section that is there; C{None}: take one out of the file.

    A section of which there is one only is added if it is not there.
    """

    heading: str
    options: Options = field(repr=False)


@frozen
class AddSection:
    """Add a section with options."""

    heading: str
    options: Options = field(factory=dict, repr=False)


@frozen
class RemoveSection:
    """
    Remove a section with all that is in it.

    Where its heading stands above it as a comment, the comments in it stay.
    """

    heading: str


@frozen
class RenameSection:
    """
    Give a section another NAME, also where others refer to it.

    @ivar to: its new heading, of the same kind.
    """

    heading: str
    to: str


Change = SetOptions | AddSection | RemoveSection | RenameSection


def edited(text: str, path: str, changes: Sequence[Change]) -> str:
    """
    The text with changes, made one after the other.

    What the values mean is not looked at.

    @param text: one that can be read; its values may be wrong.
    @param path: the file's name, for the mistakes.
    @raise ConfigError: if the text cannot be read, or something cannot be done or written; no
        value is in the mistakes.
    """
    lines = _Lines(path, text)
    lines.read()
    for change in changes:
        _make(lines, change)
    if lines.mistakes:
        raise ConfigError(lines.mistakes)
    return lines.text


def _make(lines: _Lines, change: Change) -> None:
    editor = _Editor(lines, lines.read(), change.heading)
    match change:
        case SetOptions():
            editor.set_all(change.options)
        case AddSection():
            editor.add(change.options)
        case RemoveSection():
            editor.remove()
        case RenameSection():
            editor.rename(change.to)


@define
class _Lines:
    """
    The text as lines without their line feeds; a carriage return at their ends is in them.

    @ivar path: for the mistakes.
    @ivar mistakes: what could not be done.
    """

    path: str
    _original: str
    mistakes: list[Mistake] = field(factory=list)
    mark: str = ""
    lines: list[str] = field(factory=list)
    #: The last line has no end; one that was added to it to be like the others goes again.
    is_open: bool = False
    is_filled: bool = False

    def __attrs_post_init__(self) -> None:
        text = self._original
        if text.startswith(_MARK):
            self.mark, text = _MARK, text[1:]
        self.lines = text.split("\n")
        self.is_open = bool(self.lines[-1])
        if not self.is_open:
            self.lines.pop()
        elif self.lines[0].endswith("\r") and not self.lines[-1].endswith("\r"):
            self.lines[-1] += "\r"
            self.is_filled = True

    @property
    def text(self) -> str:
        """As it stands in the file."""
        joined = "\n".join(self.lines)
        if not self.is_open:
            return self.mark + joined + ("\n" if self.lines else "")
        return self.mark + (joined.removesuffix("\r") if self.is_filled else joined)

    def read(self) -> dict[str, IniSection]:
        """
        The sections, by heading.

        @raise ConfigError: if the text is not of the form.
        """
        ini = read_ini(self.text, self.path)
        if ini.mistakes:
            raise ConfigError(ini.mistakes)
        return {one.heading: one for one in ini.sections}

    def content(self, index: int) -> str:
        """A line without its end."""
        return self.lines[index].removesuffix("\r")

    def put(self, index: int, content: str) -> None:
        """Have another text in a line, with the same end."""
        end = "\r" if self.lines[index].endswith("\r") else ""
        self.lines[index] = content + end

    def insert(self, index: int, *contents: str) -> None:
        """New lines before one, with the end of the one above."""
        beside = self.lines[max(index - 1, 0)] if self.lines else ""
        end = "\r" if beside.endswith("\r") else ""
        self.lines[index:index] = [content + end for content in contents]

    def remove(self, start: int, end: int) -> None:
        """Take lines out; C{end} is behind the last of them."""
        del self.lines[start:end]

    def is_blank(self, index: int) -> bool:
        """Whether there is nothing in a line; so it is before the first and behind the last."""
        return not 0 <= index < len(self.lines) or not self.content(index).strip(" \t")

    def wrong(self, line: int, heading: str, option: str, allowed: str) -> None:
        """Note what cannot be done; values are not repeated."""
        found = HIDDEN if option else ""
        self.mistakes.append(Mistake(self.path, line, heading, option, found, allowed))


@define
class _Editor:
    """Makes one change to one section."""

    lines: _Lines
    sections: dict[str, IniSection]
    heading: str

    def set_all(self, options: Options) -> None:
        if self.heading not in self.sections and self.heading not in SINGLE_SECTIONS:
            self._wrong("there is no such section")
            return
        if self.heading not in self.sections:
            if any(value is not None for value in options.values()):
                self.add(options)
            return
        for name, value in options.items():
            # Each moves the lines below it.
            self.sections = self.lines.read()
            self._set(name, value)

    def add(self, options: Options) -> None:
        if not _HEADING.fullmatch(self.heading):
            self._wrong("is no heading: [kind] or [kind NAME]")
        elif self.heading in self.sections:
            self._wrong(f"is there already, in line {self.sections[self.heading].line}")
        else:
            self._add_heading()
            self.sections = self.lines.read()
            self.set_all({name: value for name, value in options.items() if value is not None})

    def remove(self) -> None:
        section = self.sections.get(self.heading)
        if section is None:
            self._wrong("there is no such section")
            return
        start = section.line - 1
        if start and _commented_heading(self.lines.content(start - 1)) == self.heading:
            for line in sorted([section.line, *_option_lines(section)], reverse=True):
                self.lines.remove(line - 1, line)
            return
        end = self._end_of(section)
        if self.lines.is_blank(start - 1) and self.lines.is_blank(end):
            start, end = (start - 1, end) if start else (start, min(end + 1, self._count))
        self.lines.remove(start, end)

    def rename(self, to: str) -> None:
        section = self.sections.get(self.heading)
        kind, _, name = self.heading.partition(" ")
        if section is None:
            self._wrong("there is no such section")
        elif not _HEADING.fullmatch(to) or not name or not to.startswith(f"{kind} "):
            self._wrong(f"can be renamed to [{kind} NAME] only")
        elif to != self.heading and to in self.sections:
            self._wrong(f"must not be renamed: there is a [{to}] already")
        else:
            line = self.lines.content(section.line - 1)
            start, end = heading_span(line)
            self.lines.put(section.line - 1, f"{line[:start]}[{to}]{line[end:]}")
            self._refer(kind, name, to.partition(" ")[2])

    @property
    def _count(self) -> int:
        return len(self.lines.lines)

    def _wrong(self, allowed: str, option: str = "") -> None:
        section = self.sections.get(self.heading)
        line = 0 if section is None else section.line
        heading = self.heading if _HEADING.fullmatch(self.heading) else ""
        self.lines.wrong(line, heading, option, allowed)

    def _set(self, name: str, value: str | None) -> None:
        section = self.sections[self.heading]
        written = section.options.get(name)
        if not _NAME.fullmatch(name):
            self._wrong("has an option with a name that none can have")
        elif value is not None:
            try:
                self._write(section, name, value)
            except ValueError as error:
                self._wrong(str(error), name)
        elif written is not None:
            self.lines.remove(written.line - 1, written.line)

    def _write(self, section: IniSection, name: str, value: str) -> None:
        """@raise ValueError: if the value cannot be written."""
        written = section.options.get(name)
        if written is not None:
            line = self.lines.content(written.line - 1)
            if written.value != value:
                self.lines.put(written.line - 1, _with_value(line, value))
            return
        index, indent = self._place_of(section, name)
        self.lines.insert(index, f"{indent}{name} = {quoted(value)}".rstrip(" "))

    def _place_of(self, section: IniSection, name: str) -> tuple[int, str]:
        """The index of the line where an option is to come, and what it begins with."""
        for index in self._own_comments(section):
            found = _COMMENTED_OPTION.fullmatch(self.lines.content(index))
            if found is not None and found[2] == name:
                return index + 1, found[1]
        last = max(_option_lines(section), default=0)
        if not last:
            return section.line, ""
        line = self.lines.content(last - 1)
        return last, line[: len(line) - len(line.lstrip(" \t"))]

    def _own_comments(self, section: IniSection) -> list[int]:
        """Lines from its heading to the next one, and be that a comment."""
        found = []
        for index in range(section.line, self._limit(section)):
            if _commented_heading(self.lines.content(index)) is not None:
                break
            found.append(index)
        return found

    def _limit(self, section: IniSection) -> int:
        """Behind the last line before the next heading."""
        below = [one.line - 1 for one in self.sections.values() if one.line > section.line]
        return min(below, default=self._count)

    def _end_of(self, section: IniSection) -> int:
        """
        Behind the last line that is about this section.

        That is its last option, one that is a comment counts; and the comments directly
        behind it, unless there is a heading directly behind those.
        """
        commented = [
            index + 1
            for index in self._own_comments(section)
            if _COMMENTED_OPTION.fullmatch(self.lines.content(index))
        ]
        last = max(section.line, *_option_lines(section), *commented, 0)
        end = last
        while end < self._limit(section) and not self.lines.is_blank(end):
            if _commented_heading(self.lines.content(end)) is not None:
                return last
            end += 1
        return end if self.lines.is_blank(end) else last

    def _add_heading(self) -> None:
        for index in range(self._count):
            is_here = _commented_heading(self.lines.content(index)) == self.heading
            if is_here and not self._has_options_below(index):
                self.lines.insert(index + 1, f"[{self.heading}]")
                return
        above = self._section_above()
        index = self._count if above is None else self._end_of(above)
        gap = () if self.lines.is_blank(index - 1) or not self.lines.is_blank(index) else ("",)
        self.lines.insert(index, *gap, f"[{self.heading}]")

    def _has_options_below(self, index: int) -> bool:
        """Whether options come before the next heading: they belong to the one above."""
        headings = [one.line - 1 for one in self.sections.values()]
        limit = min((line for line in headings if line > index), default=self._count)
        options = [line - 1 for one in self.sections.values() for line in _option_lines(one)]
        return any(index < line < limit for line in options)

    def _section_above(self) -> IniSection | None:
        """The last one of its kind, or of the kinds that come before it."""
        kind = _kind_of(self.heading)
        order = _KINDS.index(kind) if kind in _KINDS else len(_KINDS)
        for before in reversed(_KINDS[: order + 1]):
            found = [one for one in self.sections.values() if _kind_of(one.heading) == before]
            if found:
                return max(found, key=lambda one: one.line)
        return None

    def _refer(self, kind: str, name: str, to: str) -> None:
        """Have all who name a section name it by its new name."""
        for section in self.sections.values():
            for option in _references(section.heading, kind):
                written = section.options.get(option)
                if written is not None and written.value == name:
                    line = self.lines.content(written.line - 1)
                    self.lines.put(written.line - 1, _with_value(line, to))


def _kind_of(heading: str) -> str:
    return heading.partition(" ")[0]


def _references(heading: str, kind: str) -> list[str]:
    """The options of a section that name one of a kind."""
    schema: type[Section] | None = SINGLE_SECTIONS.get(heading)
    schema = schema or NAMED_SECTIONS.get(_kind_of(heading))
    found = () if schema is None else options_of(schema)
    return [one.name for one in found if one.kind.refers_to == kind]


def _option_lines(section: IniSection) -> list[int]:
    return [one.line for one in section.options.values()]


def _commented_heading(line: str) -> str | None:
    """The heading in a comment, with single spaces; C{None}: it is none."""
    found = _COMMENTED_HEADING.fullmatch(line)
    return None if found is None else " ".join(found[1].split())


def _with_value(line: str, value: str) -> str:
    """
    The line of an option with another value; in quotes if it was.

    @raise ValueError: if the value cannot be written.
    """
    name, _, raw = line.partition("=")
    start, end = value_span(raw)
    gap = raw[:start]
    if value and start == end and not gap and name.endswith((" ", "\t")):
        gap = " "
    new = f"{name}={gap}{quoted(value, raw[start:end].startswith(chr(34)))}{raw[end:]}"
    return new if value else new.rstrip(" \t")
