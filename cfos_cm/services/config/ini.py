"""
The reader of C{tap.cfg}: sections, options, comments, and the line of each.

C{[kind name]} begins a section; C{option = value} is a line; C{;} or C{#} at the start of a
line makes it a comment, and so does C{;} after white space behind a value. A value in double
quotes is literal. Nothing is interpolated, and no value goes on in the next line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from unicodedata import category

from attrs import define, field, frozen

from cfos_cm.errors import Mistake

__all__ = [
    "HIDDEN",
    "MAX_BYTES",
    "MAX_LINES",
    "IniFile",
    "IniOption",
    "IniSection",
    "heading_span",
    "is_refused",
    "quoted",
    "read_ini",
    "value_span",
]

#: A file beyond this is not a configuration that somebody wrote: a hundred EVSEs with every
#: option fill less than 100 KiB.
MAX_BYTES = 1024 * 1024
MAX_LINES = 10_000

#: What stands in an error text in place of what may be a secret.
HIDDEN = "***"

#: How much of a file's text an error repeats.
_SHOWN_CHARACTERS = 80

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_COMMENT = re.compile(r"[ \t];")
_NOTHING_MORE = re.compile(r"[ \t]+;|\Z")
_ENDS_EARLY = re.compile(r'"[ \t]+;')
_UNCLOSED = 'must be closed by a double quote: "…"; only a comment may follow'


@frozen
class IniOption:
    """
    One C{option = value}.

    @ivar line: where it is, counted from 1.
    @ivar value: without quotes and comments; C{None} when it could not be read, which has been
        reported.
    """

    line: int
    name: str
    value: str | None = field(repr=False)


@define
class IniSection:
    """
    One section.

    @ivar heading: what stands in the brackets, with single spaces.
    @ivar repeated: a section of this heading came before.
    """

    line: int
    heading: str
    repeated: bool = False
    options: dict[str, IniOption] = field(factory=dict)


@frozen
class IniFile:
    """All sections of a file in their order, and what was wrong with its form."""

    sections: tuple[IniSection, ...]
    mistakes: tuple[Mistake, ...]


def read_ini(text: str, path: str, open_options: Collection[str] = ()) -> IniFile:
    """
    Read all that can be read. Raises nothing: what is wrong is in the answer.

    @param path: the file's name, for the mistakes.
    @param open_options: the options whose values a mistake may repeat; any other may be a
        secret.
    """
    reader = _Reader(path, open_options)
    if len(text) > MAX_BYTES:
        reader.wrong(0, f"is larger than {MAX_BYTES} bytes")
    elif text.count("\n") + (not text.endswith("\n")) > MAX_LINES:
        reader.wrong(0, f"has more than {MAX_LINES} lines")
    else:
        for number, line in _lines(text):
            reader.line(number, line)
    return IniFile(
        tuple(reader.sections.values()) + tuple(reader.others), tuple(reader.mistakes)
    )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # Not splitlines(): it also splits at characters that no editor counts as a line's end.
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        yield number, line.removesuffix("\r")


@define
class _Reader:
    """What has been read so far. A line that is of no use is reported, and reading goes on."""

    path: str
    open_options: Collection[str]
    sections: dict[str, IniSection] = field(factory=dict)
    others: list[IniSection] = field(factory=list)
    mistakes: list[Mistake] = field(factory=list)
    current: IniSection | None = None
    #: The last heading could not be read: what follows belongs to no section that is known.
    adrift: bool = False

    def wrong(self, line: int, allowed: str, option: str = "", found: str = "") -> None:
        section = self.current.heading if self.current is not None else ""
        self.mistakes.append(Mistake(self.path, line, section, option, found, allowed))

    def line(self, number: int, line: str) -> None:
        clean = (
            "".join(c for c in line if not is_refused(c)) if not line.isprintable() else line
        )
        spoiled = clean != line
        stripped = clean.strip(" \t")
        if spoiled:
            self._refuse_character(number, line, clean)
        if not stripped or stripped[0] in ";#":
            return
        if stripped[0] == "[":
            self._heading(number, stripped)
            return
        name, equals, value = clean.partition("=")
        name = name.strip(" \t")
        if equals and _NAME.fullmatch(name):
            self._option(number, name, value, spoiled)
        elif not spoiled:
            self._neither(number, stripped)

    def _refuse_character(self, number: int, line: str, clean: str) -> None:
        name, equals, _ = clean.partition("=")
        option = name.strip(" \t") if equals else ""
        character = next(c for c in line if is_refused(c))
        allowed = "must not contain control characters other than tabs and line ends"
        self.wrong(number, allowed, option if _NAME.fullmatch(option) else "", character)

    def _neither(self, number: int, stripped: str) -> None:
        word = re.split(r"[\s:]", stripped, maxsplit=1)[0]
        found = _shown(stripped) if word in self.open_options else HIDDEN
        self.wrong(
            number, "is neither a [section] nor option = value nor a ; comment", "", found
        )

    def _heading(self, number: int, stripped: str) -> None:
        text = _without_comment(stripped)
        self.current, self.adrift = None, True
        if len(text) < 3 or text[-1] != "]" or not text[1:-1].strip():
            self.wrong(number, "must be a section: [kind] or [kind name]", "", _shown(stripped))
            return
        heading = _shown(" ".join(text[1:-1].split()))
        first = self.sections.get(heading)
        self.current, self.adrift = IniSection(number, heading, first is not None), False
        if first is None:
            self.sections[heading] = self.current
        else:
            self.others.append(self.current)
            self.wrong(number, f"is there already, in line {first.line}", "", heading)

    def _option(self, number: int, name: str, raw: str, spoiled: bool) -> None:
        value, closed = _value(raw)
        found = _shown(value) if name in self.open_options else HIDDEN
        if not closed:
            self.wrong(number, _UNCLOSED, name, found)
        if self.adrift:
            return
        if self.current is None:
            self.wrong(number, "must stand below a [section]", name, found)
        elif name in self.current.options:
            first = self.current.options[name].line
            self.wrong(number, f"is there already, in line {first}", name, found)
        else:
            readable = closed and not spoiled
            self.current.options[name] = IniOption(number, name, value if readable else None)


def is_refused(character: str) -> bool:
    """
    Whether no line may have it: a control character, a lone surrogate or a separator of lines.
    """
    return character != "\t" and category(character) in ("Cc", "Cs", "Zl", "Zp")


def _shown(text: str) -> str:
    """C{text} as an error repeats it: bounded, and with nothing that a terminal would obey."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return "".join(c if c.isprintable() else "?" for c in cut)


def _without_comment(text: str) -> str:
    return _COMMENT.split(text, maxsplit=1)[0].strip(" \t")


def _value(raw: str) -> tuple[str, bool]:
    """The value in what follows the C{=}, and whether its quotes, if any, are closed."""
    text = raw.strip(" \t")
    if not text.startswith('"'):
        return _without_comment(raw), True
    end = text.find('"', 1)
    while end > 0:
        if _NOTHING_MORE.match(text, end + 1):
            return text[1:end], True
        end = text.find('"', end + 1)
    return text, False


def value_span(raw: str) -> tuple[int, int]:
    """
    Where in what follows the C{=} of an option the value begins and ends, with its quotes.

    @param raw: all of that, with its comment; of a line that has no mistake.
    """
    text = raw.strip(" \t")
    start = len(raw) - len(raw.lstrip(" \t"))
    if text.startswith('"'):
        value, _ = _value(raw)
        return start, start + len(value) + 2
    bare = _COMMENT.split(raw, maxsplit=1)[0]
    return min(start, len(bare)), max(min(start, len(bare)), len(bare.rstrip(" \t")))


def heading_span(line: str) -> tuple[int, int]:
    """Where in the line of a heading its brackets begin and end."""
    start = line.index("[")
    return start, start + len(_without_comment(line[start:]))


def quoted(value: str, always: bool = False) -> str:
    """
    A value as it has to be written so that it is read as it is.

    @param always: put it in quotes also where it needs none, if that can be.
    @raise ValueError: if it cannot be written, in words that complete "must ...".
    """
    if any(is_refused(one) for one in value):
        raise ValueError("must not contain control characters other than tabs, or line ends")
    is_plain = value == value.strip(" \t") and not _COMMENT.search(value)
    needs_quotes = not is_plain or value.startswith(('"', ";"))
    if _ENDS_EARLY.search(value):
        raise ValueError('must not contain a " with a space and a ; behind it')
    return f'"{value}"' if value and (needs_quotes or always) else value
