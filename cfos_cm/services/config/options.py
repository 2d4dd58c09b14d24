"""
How an option of C{tap.cfg} is declared, and how a section is read by its declarations.

A section is a frozen class, an option is one field of it: the field's declaration is all that
there is to say about the option, and reading, checking and the reference page follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from attrs import Attribute, define, field, fields, frozen

from cfos_cm.errors import Mistake
from cfos_cm.services.config.ini import HIDDEN, IniOption, IniSection
from cfos_cm.services.config.values import Kind, NoChoice

__all__ = [
    "Findings",
    "Option",
    "Origin",
    "Section",
    "did_you_mean",
    "hidden",
    "option",
    "options_of",
    "read_section",
]

T = TypeVar("T")
S = TypeVar("S", bound="Section")

#: Comparing names costs time with each one; a site has no more names that look alike.
_COMPARED_NAMES = 200
_SHOWN_CHARACTERS = 80


def _as_written(written: str) -> str:
    return written


def hidden(written: str) -> str:
    """What an error shows of a secret: nothing."""
    return HIDDEN


@frozen
class Option:
    """
    The declaration of an option.

    @ivar name: as it stands in the file.
    @ivar attribute: the field that takes its value.
    @ivar kind: what it takes.
    @ivar doc: what it is for.
    @ivar default: as it would stand in the file; C{None}: the option has to be there.
    @ivar restart: a change takes effect when the program starts again, not on a reload.
    @ivar shown: what an error shows of the text that was found.
    """

    name: str
    attribute: str
    kind: Kind[Any]
    doc: str
    default: str | None
    restart: bool
    shown: Callable[[str], str]

    @property
    def is_open(self) -> bool:
        """Whether all of its text may be shown."""
        return self.shown is _as_written


@frozen
class Origin:
    """
    Where a section was written.

    @ivar heading: what stands in the brackets.
    @ivar line: the heading's line; 0 when the section is not in the file.
    @ivar lines: the line of each option that is there.
    @ivar found: the text of each option that is there, as an error may show it.
    @ivar unsound: the options that have no value, because of a mistake that was reported.
    """

    heading: str
    line: int = 0
    lines: Mapping[str, int] = field(factory=dict)
    found: Mapping[str, str] = field(factory=dict)
    unsound: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Section:
    """
    What all sections have in common.

    @ivar name: the NAME of a C{[kind NAME]}; empty where there is one of the kind.
    @ivar origin: where it was written. Two sections that say the same are equal wherever they
        stand.
    """

    name: str = ""
    origin: Origin = field(default=Origin(""), eq=False, repr=False)

    def sound(self, *names: str) -> bool:
        """Whether each of these options has the value that was meant."""
        return self.origin.unsound.isdisjoint(names)


def option(
    kind: Kind[T],
    doc: str,
    *,
    default: str | None = None,
    name: str | None = None,
    restart: bool = False,
    shown: Callable[[str], str] = _as_written,
) -> T:
    """
    Declare an option as a field of a L{Section}.

    @param default: as it would stand in the file; C{None}: the option has to be there.
    @param name: its name in the file, where it is not the field's.
    @raise ValueError: if the default is no value of that kind.
    """
    metadata = {
        "kind": kind,
        "doc": doc,
        "default": default,
        "name": name,
        "restart": restart,
        "shown": shown,
    }
    is_open = shown is _as_written
    declared: Any
    if default is None:
        declared = field(metadata=metadata, repr=is_open)
    else:
        declared = field(default=kind.read(default), metadata=metadata, repr=is_open)
    value: T = declared
    return value


def options_of(section: type[Section]) -> tuple[Option, ...]:
    """The options that a section may have, in the order of their declarations."""
    return tuple(_option(one) for one in fields(section) if "kind" in one.metadata)


def _option(attribute: Attribute[Any]) -> Option:
    declared = dict(attribute.metadata)
    name = declared.pop("name") or attribute.name
    return Option(name=name, attribute=attribute.name, **declared)


@define
class Findings:
    """
    The mistakes that were found in a file.

    @ivar path: the file, as it was named by the user.
    """

    path: str
    mistakes: list[Mistake] = field(factory=list)

    def about(self, section: Section, option: str, allowed: str, found: str = "") -> None:
        """
        Note a mistake about a section that was read.

        @param option: the option that it is about; empty: the section itself.
        @param found: what was found, where it is not the option's text.
        """
        self.mistakes.append(_mistake(self.path, section.origin, option, allowed, found))


def _mistake(path: str, origin: Origin, option: str, allowed: str, found: str = "") -> Mistake:
    """A mistake, or a warning, with the line of C{option}; the section's where it has none."""
    line = origin.lines.get(option, origin.line)
    text = found or origin.found.get(option, "")
    return Mistake(path, line, origin.heading, option, text, allowed)


def did_you_mean(word: str, names: Collection[str]) -> str:
    """C{ (did you mean 'max_current'?)} with the nearest name; empty when none is near."""
    lower = {name.lower(): name for name in list(names)[:_COMPARED_NAMES]}
    near = get_close_matches(word[:_SHOWN_CHARACTERS].lower(), lower, n=1)
    return f" (did you mean {lower[near[0]]!r}?)" if near else ""


def read_section(schema: type[S], name: str, source: IniSection, findings: Findings) -> S:
    """
    Read a section by its declarations, and note what is wrong with it.

    An option with a mistake has its default in the answer, or C{None} where there is none, and
    is L{unsound<Origin>}: the answer serves to look for more mistakes, not to run by.
    """
    known = {one.name: one for one in options_of(schema)}
    origin = _origin(known.values(), source)
    for written in source.options.values():
        if written.name not in known:
            near = did_you_mean(written.name, known)
            allowed = f"is not an option of this section{near}; it has: {', '.join(known)}"
            findings.mistakes.append(
                Mistake(findings.path, written.line, origin.heading, written.name, "", allowed)
            )
    values: dict[str, Any] = {}
    unsound = []
    for one in known.values():
        try:
            values[one.attribute] = _value(one, source, origin, findings)
        except ValueError:
            unsound.append(one.name)
            values[one.attribute] = None if one.default is None else one.kind.read(one.default)
    whole = Origin(origin.heading, origin.line, origin.lines, origin.found, frozenset(unsound))
    return schema(name=name, origin=whole, **values)


def _origin(known: Iterable[Option], source: IniSection) -> Origin:
    there = {one.name: source.options[one.name] for one in known if one.name in source.options}
    shown = {one.name: one.shown for one in known}
    return Origin(
        source.heading,
        source.line,
        {name: written.line for name, written in there.items()},
        {name: _found(shown[name], written) for name, written in there.items()},
    )


def _found(shown: Callable[[str], str], written: IniOption) -> str:
    text = shown(written.value) if written.value else ""
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _value(one: Option, source: IniSection, origin: Origin, findings: Findings) -> object:
    """
    The value of an option, or its default when nothing is written behind the C{=}.

    @raise ValueError: if it has none, which has been noted.
    """
    written = source.options.get(one.name)
    if written is None and source.repeated:
        return None if one.default is None else one.kind.read(one.default)
    if written is not None and written.value is None:
        raise ValueError(one.name)
    text = written.value if written is not None and written.value else one.default
    if text is None:
        allowed = f"is missing; must be {one.kind.allowed}"
        findings.mistakes.append(_mistake(findings.path, origin, one.name, allowed))
        raise ValueError(one.name)
    try:
        return one.kind.read(text)
    except ValueError as error:
        word = error.word if isinstance(error, NoChoice) else text
        near = did_you_mean(word, one.kind.choices)
        allowed = f"must be {one.kind.allowed}{near}"
        findings.mistakes.append(_mistake(findings.path, origin, one.name, allowed))
        raise
