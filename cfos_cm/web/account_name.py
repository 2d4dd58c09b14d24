"""What accounts and tokens are called."""

from __future__ import annotations

import unicodedata

from cfos_cm.errors import CfosError

__all__ = ["MAX_NAME_CHARS", "BadName", "account_name"]

MAX_NAME_CHARS = 64

_BESIDE_LETTERS = frozenset("._-+@")


class BadName(CfosError):
    """A text that nobody can be called by; the error's text says what is allowed."""


def account_name(text: str) -> str:
    """
    The one form of a name that is kept: in NFC, without case, and without spaces around it.

    @raise BadName: if nobody can be called so.
    """
    name = unicodedata.normalize("NFC", text.strip().casefold())
    is_good = all(char.isalnum() or char in _BESIDE_LETTERS for char in name)
    if not is_good or not 0 < len(name) <= MAX_NAME_CHARS or set(name) <= {"."}:
        raise BadName(
            f"a name has 1 to {MAX_NAME_CHARS} letters and digits, and may have "
            f"{' '.join(sorted(_BESIDE_LETTERS))} between them"
        )
    return name
