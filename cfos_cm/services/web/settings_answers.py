"""What is said over HTTP about the settings: the answers, the bodies, and how they are made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Literal

import msgspec

from cfos_cm.errors import ConfigError, Mistake
from cfos_cm.services.config.editing import (
    AddSection,
    Change,
    RemoveSection,
    RenameSection,
    SetOptions,
)
from cfos_cm.services.config.ini import IniSection, read_ini
from cfos_cm.services.config.options import Option, Section, options_of
from cfos_cm.services.config.sections import NAMED_SECTIONS, SINGLE_SECTIONS
from cfos_cm.services.config.shown import is_hidden, shown_options
from cfos_cm.services.config.values import BOOLEAN
from cfos_cm.services.web.settings_file import Changed, Kept
from cfos_cm.web.answer import Json

__all__ = [
    "BackupShown",
    "BackupsShown",
    "EvseOptions",
    "KindShown",
    "SectionChange",
    "SettingsBody",
    "SettingsChanged",
    "SettingsShown",
    "ShownOption",
    "ShownSection",
    "changed_answer",
    "changes_of",
    "settings_shown",
    "texts_of",
]

#: A value as it stands in tap.cfg, or a number or a truth for it; null: its default.
Value = Annotated[str, msgspec.Meta(max_length=60_000)] | int | float | bool | None
Options = Annotated[
    dict[Annotated[str, msgspec.Meta(max_length=40)], Value], msgspec.Meta(max_length=100)
]


OptionType = Literal[
    "text",
    "choice",
    "boolean",
    "number",
    "secret",
    "reference",
    "file",
    "files",
    "multichoice",
]


class ShownOption(msgspec.Struct, kw_only=True):
    """
    What an option of tap.cfg takes.

    C{default} is null where there is none: then it is C{required}. C{choices}: of a choice, all
    that are known; of a multichoice, the words that stand there with spaces between. C{unit} is
    that of the numbers: A, s, W, kWh. C{restart}: a change takes effect at the next start.
    """

    name: str
    doc: str
    default: str | None
    required: bool
    allowed: str
    type: OptionType
    choices: list[str]
    refers_to: str
    restart: bool
    unit: str


class KindShown(msgspec.Struct, kw_only=True):
    """A kind of section, and the options that it may have."""

    kind: str
    named: bool
    doc: str
    options: list[ShownOption]


class ShownSection(msgspec.Struct, kw_only=True):
    """A section of tap.cfg with the options that are written in it; secrets are C{***}."""

    heading: str
    kind: str
    name: str
    line: int
    options: dict[str, str]


class SettingsShown(msgspec.Struct, kw_only=True):
    """All of tap.cfg, and what may stand in it."""

    etag: str
    path: str
    sections: list[ShownSection]
    kinds: list[KindShown]
    warnings: list[str]


class SectionChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """
    A change of one section: its options; or it is made, removed, or called something else.

    An option that is null is taken back to its default, one that is C{***} stays as it is.
    """

    heading: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    options: Options = {}
    create: bool = False
    remove: bool = False
    rename: Annotated[str, msgspec.Meta(max_length=80)] | None = None

    def __repr__(self) -> str:
        """There may be passwords in it."""
        return f"SectionChange({self.heading!r})"


class SettingsBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Changes that are made together, one after the other, or not at all."""

    changes: Annotated[list[SectionChange], msgspec.Meta(min_length=1, max_length=200)]


class EvseOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Options of one EVSE; null takes one back to its default."""

    options: Options

    def __repr__(self) -> str:
        """There may be passwords in it."""
        return "EvseOptions(***)"


class SettingsChanged(msgspec.Struct, kw_only=True):
    """
    What a change has done: the options that say something else, what takes effect at the next
    start only, and what is hardly meant.
    """

    etag: str
    changed: list[str]
    needs_restart: list[str]
    warnings: list[str]


class BackupShown(msgspec.Struct, kw_only=True):
    """A tap.cfg of before."""

    id: str
    at: datetime
    size_bytes: int


class BackupsShown(msgspec.Struct, kw_only=True):
    """Those that are kept, the newest first."""

    backups: list[BackupShown]


def settings_shown(kept: Kept) -> SettingsShown:
    """All of a file without its secrets, and all that could stand in it."""
    return SettingsShown(
        etag=kept.etag,
        path=kept.path,
        sections=[_section(one) for one in read_ini(kept.text, kept.path).sections],
        kinds=list(_kinds()),
        warnings=list(kept.warnings),
    )


def _section(section: IniSection) -> ShownSection:
    is_single = section.heading in SINGLE_SECTIONS
    kind, _, name = section.heading.partition(" ")
    return ShownSection(
        heading=section.heading,
        kind=section.heading if is_single else kind,
        name="" if is_single else name,
        line=section.line,
        options=shown_options(section),
    )


@cache
def _kinds() -> tuple[KindShown, ...]:
    single = [_kind(heading, one, False) for heading, one in SINGLE_SECTIONS.items()]
    named = [_kind(kind, one, True) for kind, one in NAMED_SECTIONS.items()]
    return (*single, *named)


def _kind(kind: str, schema: type[Section], named: bool) -> KindShown:
    return KindShown(
        kind=kind,
        named=named,
        doc=" ".join((schema.__doc__ or "").split()),
        options=[_option(one) for one in options_of(schema)],
    )


def _option(option: Option) -> ShownOption:
    return ShownOption(
        name=option.name,
        doc=option.doc,
        default=option.default,
        required=option.default is None,
        allowed=option.kind.allowed,
        type=_type(option),
        choices=[str(one) for one in option.kind.words or option.kind.choices],
        refers_to=option.kind.refers_to,
        restart=option.restart,
        unit=option.kind.unit,
    )


def _type(option: Option) -> OptionType:
    kind = option.kind
    if is_hidden(option):
        return "secret"
    if kind.refers_to:
        return "reference"
    if kind.is_file:
        return "files" if option.default == "" and kind.read("") == () else "file"
    if kind.words:
        return "multichoice"
    if kind.choices:
        return "boolean" if kind.choices == BOOLEAN.choices else "choice"
    return "number" if kind.is_number else "text"


def texts_of(options: Mapping[str, Value]) -> dict[str, str | None]:
    """The values as they stand in the file."""
    return {name: _text_of(value) for name, value in options.items()}


def _text_of(value: Value) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    # 10.0 is 10; what is too large or too small for plain digits is refused as it stands.
    return str(int(value)) if value == int(value) else repr(value)


def changes_of(body: SettingsBody) -> list[Change]:
    """
    What is to be changed.

    @raise ConfigError: for a change that says more than one thing.
    """
    return [_change_of(one) for one in body.changes]


def _change_of(one: SectionChange) -> Change:
    if one.create + one.remove + (one.rename is not None) > 1:
        raise _unclear(one, "can be made, removed or renamed, one at a time")
    if one.options and (one.remove or one.rename is not None):
        raise _unclear(one, "can have options in a change of its own only")
    if one.remove:
        return RemoveSection(one.heading)
    if one.rename is not None:
        return RenameSection(one.heading, one.rename)
    options = texts_of(one.options)
    return AddSection(one.heading, options) if one.create else SetOptions(one.heading, options)


def _unclear(one: SectionChange, allowed: str) -> ConfigError:
    return ConfigError([Mistake("tap.cfg", 0, one.heading, "", "", allowed)])


def changed_answer(done: Changed, note: str = "") -> Json:
    """The answer about a change; C{note} comes before what it says itself."""
    value = SettingsChanged(
        etag=done.etag,
        changed=list(done.changed),
        needs_restart=list(done.needs_restart),
        warnings=list(done.warnings),
    )
    words = "; ".join(one for one in (note, done.note) if one)
    return Json(value=value, etag=done.etag, note=words)
