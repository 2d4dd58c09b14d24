"""
Reading C{tap.cfg}: all of it, or an error with every mistake in it.

The options are declared in L{cfos_cm.services.config.sections}.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from attrs import evolve

from cfos_cm.errors import ConfigError, Mistake
from cfos_cm.regular_file import read_regular_file
from cfos_cm.services.config.certificate_checks import certificates_can_be_used
from cfos_cm.services.config.checks import CHECKS, files_are_there
from cfos_cm.services.config.configuration import Config
from cfos_cm.services.config.ini import MAX_BYTES, IniSection, read_ini
from cfos_cm.services.config.options import (
    Findings,
    Origin,
    Section,
    did_you_mean,
    options_of,
    read_section,
)
from cfos_cm.services.config.sections import NAMED_SECTIONS, SINGLE_SECTIONS
from cfos_cm.services.config.values import NAME

__all__ = ["parse_config", "read_config", "read_content"]

#: The fields of L{Config} that the sections of each heading go to.
_SINGLE_FIELDS = {"manager": "manager", "web": "web", "ocpp server": "ocpp_server"}
_NAMED_FIELDS = {
    "circuit": "circuits",
    "meter": "meters",
    "evse": "evses",
    "gateway": "gateways",
    "simulator": "simulators",
}


def read_config(path: str) -> Config:
    """
    Read the configuration of a file. Relative paths in it begin at the file's folder.

    @raise ConfigError: if the file cannot be read, is not UTF-8, has any mistake in it, or
        names a file that is not there.
    """
    try:
        content = read_regular_file(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "this is not the name of a file"
        raise ConfigError([Mistake(path, 0, "", "", "", f"cannot be read: {why}")]) from error
    return read_content(content, path)


def read_content(content: bytes, path: str) -> Config:
    """
    What L{read_config} would give, or raise, if this was what is in the file.

    @raise ConfigError: as L{read_config} does.
    """
    if len(content) > MAX_BYTES:
        allowed = f"is larger than {MAX_BYTES} bytes"
        raise ConfigError([Mistake(path, 0, "", "", "", allowed)])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        allowed = "must be UTF-8 text: another encoding, or not a text at all"
        found = f"byte 0x{content[error.start]:02X}"
        # Not "from error": it carries the whole file, passwords too, into every traceback.
        raise ConfigError([Mistake(path, line, "", "", found, allowed)]) from None
    if not text.strip("\ufeff \t\r\n"):
        # As a file is for a moment while an editor writes it: not a site without anything.
        raise ConfigError([Mistake(path, 0, "", "", "", "is empty")])
    folder = os.path.dirname(os.path.abspath(path))
    return _read(text, path, folder, _is_readable_file)


def parse_config(text: str, path: str) -> Config:
    """
    Read the configuration in a text; no file is looked at.

    @param path: the file's name, for the mistakes; relative paths begin at its folder.
    @raise ConfigError: with every mistake in the text.
    """
    return _read(text, path, os.path.dirname(path), None)


def _is_readable_file(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK)


def _read(text: str, path: str, folder: str, is_file: Callable[[str], bool] | None) -> Config:
    ini = read_ini(text, path, _OPEN_OPTIONS)
    found = Findings(path, list(ini.mistakes))
    config = _with_default_circuit(_assemble(ini.sections, folder, found))
    for check in CHECKS:
        check(config, found)
    if is_file is not None:
        files_are_there(config, found, is_file)
        certificates_can_be_used(config, found, is_file)
    if found.mistakes:
        raise ConfigError(sorted(found.mistakes, key=lambda mistake: mistake.line))
    return config


def _assemble(sections: tuple[IniSection, ...], folder: str, found: Findings) -> Config:
    """The configuration as far as it could be read."""
    single: dict[str, Any] = {
        _SINGLE_FIELDS[heading]: schema(origin=Origin(heading))
        for heading, schema in SINGLE_SECTIONS.items()
    }
    named: dict[str, list[Section]] = {name: [] for name in _NAMED_FIELDS.values()}
    for source in sections:
        kind, _, name = source.heading.partition(" ")
        if source.heading in SINGLE_SECTIONS:
            section = read_section(SINGLE_SECTIONS[source.heading], "", source, found)
            if not source.repeated:
                single[_SINGLE_FIELDS[source.heading]] = section
        elif kind in NAMED_SECTIONS:
            _check_name(kind, name, source, found)
            section = read_section(NAMED_SECTIONS[kind], name, source, found)
            if not source.repeated:
                named[_NAMED_FIELDS[kind]].append(section)
        else:
            _report_unknown(kind, source, found)
    lists: dict[str, Any] = {name: tuple(members) for name, members in named.items()}
    return Config(found.path, folder, **single, **lists)


def _check_name(kind: str, name: str, source: IniSection, found: Findings) -> None:
    try:
        NAME.read(name)
    except ValueError:
        allowed = f"must be [{kind} NAME], NAME being {NAME.allowed}"
        found.mistakes.append(
            Mistake(found.path, source.line, source.heading, "", name, allowed)
        )


def _report_unknown(kind: str, source: IniSection, found: Findings) -> None:
    # A repeated section was reported for that; its kind was reported the first time.
    if source.repeated:
        return
    headings = [*SINGLE_SECTIONS, *NAMED_SECTIONS]
    near = did_you_mean(source.heading, list(SINGLE_SECTIONS)) or did_you_mean(kind, headings)
    shown = ", ".join(f"[{one}]" for one in SINGLE_SECTIONS)
    more = ", ".join(f"[{one} NAME]" for one in NAMED_SECTIONS)
    allowed = f"must be a section that there is{near}: {shown}, {more}"
    found.mistakes.append(
        Mistake(found.path, source.line, source.heading, "", source.heading, allowed)
    )


def _with_default_circuit(config: Config) -> Config:
    """An EVSE that names no circuit is fed by the only one, if there is only one."""
    if len(config.circuits) != 1:
        return config
    only = config.circuits[0].name
    return evolve(
        config,
        evses=tuple(
            evolve(one, circuit=only) if not one.circuit and one.sound("circuit") else one
            for one in config.evses
        ),
    )


def _open_options() -> frozenset[str]:
    """The options whose text may be repeated in a mistake, wherever they stand."""
    schemas = (*SINGLE_SECTIONS.values(), *NAMED_SECTIONS.values())
    options = [option for schema in schemas for option in options_of(schema)]
    closed = {option.name for option in options if not option.is_open}
    return frozenset(option.name for option in options) - closed


_OPEN_OPTIONS = _open_options()
