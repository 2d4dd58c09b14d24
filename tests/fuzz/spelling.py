"""The same JSON value in one of the many texts that it can have, and in some that it cannot."""

from __future__ import annotations

import json
from random import Random
from typing import Any

__all__ = ["Speller"]


class Speller:
    """
    Writes JSON as some unusual writer might.

    @ivar doubled: how many names were written a second time.
    """

    def __init__(self, random: Random, blanks: float, escapes: float, doubles: float) -> None:
        """
        @param blanks: how likely white space is at each place where it may be.
        @param escapes: how likely a character is written as an escape.
        @param doubles: how likely a name is written twice, which makes the text wrong.
        """
        self._random = random
        self._blanks = blanks
        self._escapes = escapes
        self._doubles = doubles
        self.doubled = 0

    def write(self, value: Any) -> str:
        """A text for C{value}."""
        blank = self._blank
        if isinstance(value, dict):
            members = [self._member(name, inner) for name, inner in self._items(value)]
            return f"{blank()}{{{','.join(members) or blank()}}}{blank()}"
        if isinstance(value, list):
            return f"{blank()}[{','.join(map(self.write, value)) or blank()}]{blank()}"
        if isinstance(value, str):
            return blank() + self._string(value) + blank()
        return blank() + json.dumps(value) + blank()

    def _items(self, value: dict[str, Any]) -> list[tuple[str, Any]]:
        items = list(value.items())
        self._random.shuffle(items)
        for item in list(items):
            if self._random.random() < self._doubles:
                self.doubled += 1
                other = self._random.choice([item[1], item[1], None, "", 0, [], {}])
                items.insert(self._random.randint(0, len(items)), (item[0], other))
        return items

    def _member(self, name: str, value: Any) -> str:
        return f"{self._blank()}{self._string(name)}{self._blank()}:{self.write(value)}"

    def _blank(self) -> str:
        if self._random.random() >= self._blanks:
            return ""
        return self._random.choice([" ", "\n", "\t", "\r\n", "  "])

    def _string(self, text: str) -> str:
        return f'"{"".join(map(self._char, text))}"'

    def _char(self, char: str) -> str:
        if self._random.random() >= self._escapes:
            return json.dumps(char, ensure_ascii=False)[1:-1]
        if char == "/" and self._random.random() < 0.5:
            return "\\/"
        units = char.encode("utf-16-be")
        pairs = [units[start : start + 2].hex() for start in range(0, len(units), 2)]
        upper = self._random.random() < 0.5
        return "".join(f"\\u{pair.upper() if upper else pair}" for pair in pairs)
