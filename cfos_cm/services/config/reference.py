"""The reference page of C{tap.cfg}, made from the declarations of its options."""

from __future__ import annotations

from cfos_cm.services.config.options import Option, Section, options_of
from cfos_cm.services.config.sections import NAMED_SECTIONS, SINGLE_SECTIONS

__all__ = ["option_reference"]

_INTRODUCTION = """\
# tap.cfg: every option

One file holds the configuration. `cfos-cm check tap.cfg` reads it and says what is wrong with
it, all mistakes at once; with any mistake nothing is started.

- `[kind]` or `[kind NAME]` begins a section, `option = value` is a line. The order of the
  sections does not matter.
- A line that begins with `;` or `#` is a comment, and so is what follows a `;` after a space.
- A value may stand in double quotes; then all that is between them is the value, a `;` too.
- An option with nothing behind its `=` has its default. "required" means that there is none.
- The file is UTF-8 text of at most 1 MiB and 10 000 lines.
- Relative paths begin at the folder of the file.
- Options marked with * take effect when the program starts again; all others on a reload.

How circuits, meters, priorities and the rest work together is in
[load-management.md](load-management.md), with three sites as examples.

The rows below are made from the program's own declarations.
"""


def option_reference() -> str:
    """The page as Markdown: a table of options for each section."""
    single = [_section(f"[{heading}]", one) for heading, one in SINGLE_SECTIONS.items()]
    named = [_section(f"[{heading} NAME]", one) for heading, one in NAMED_SECTIONS.items()]
    return "\n".join((_INTRODUCTION, *single, *named))


def _section(heading: str, schema: type[Section]) -> str:
    lines = [
        f"## {heading}",
        "",
        " ".join((schema.__doc__ or "").split()),
        "",
        "| option | default | must be | what it is for |",
        "|---|---|---|---|",
        *(_row(option) for option in options_of(schema)),
    ]
    return "\n".join(lines) + "\n"


def _row(option: Option) -> str:
    if option.default is None:
        default = "required"
    else:
        default = f"`{option.default}`" if option.default else "empty"
    star = "*" if option.restart else ""
    cells = (f"`{option.name}`{star}", default, option.kind.allowed, option.doc)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
