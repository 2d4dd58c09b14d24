"""The code that the first one to open the page has to know."""

from __future__ import annotations

import hmac
import re
import secrets

__all__ = ["is_setup_code", "new_setup_code", "setup_code_in"]

#: Letters and digits of which none looks like another one: 5 bits each.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

_GROUPS, _GROUP_CHARS = 4, 4

_FORM = re.compile(rf"[{_LETTERS}]{{{_GROUP_CHARS}}}(-[{_LETTERS}]{{{_GROUP_CHARS}}}){{3}}")


def new_setup_code() -> str:
    """A random code of 80 bits, such as C{H7KM-2QRS-XZ4B-9WTN}."""
    return "-".join(
        "".join(secrets.choice(_LETTERS) for _ in range(_GROUP_CHARS)) for _ in range(_GROUPS)
    )


def setup_code_in(text: str) -> str | None:
    """The code that a text is; C{None}: it is none."""
    found = text.strip()
    return found if _FORM.fullmatch(found) else None


def is_setup_code(text: str, code: str) -> bool:
    """
    Whether somebody has typed a code: in any case, with or without what stands between its
    groups. How long this takes tells nothing of the code.
    """
    return hmac.compare_digest(_plain(text), _plain(code))


def _plain(text: str) -> bytes:
    kept = (char for char in text[:200].upper() if char not in "- \t\r\n")
    return "".join(kept).encode(errors="replace")
