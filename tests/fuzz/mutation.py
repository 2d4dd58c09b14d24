"""Frames that are nearly right, and bytes that are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from cfos_cm.v16.actions import ACTIONS

from ..nasty_strings import NASTY_STRINGS
from ..v16.schemas import MESSAGES, SchemaCase, full_example, least_example
from .spelling import Speller

__all__ = ["Mutator"]

_LITERALS: Final[tuple[bytes, ...]] = (
    b"null", b"true", b"false", b"NaN", b"-Infinity", b"0", b"-0", b"1.0", b"1.5", b"1e999",
    b"9" * 19, b"9" * 20, b"9" * 21, b"9" * 400, b"-1", b'""', b'"1"', b'"\\u0000"',
    b'"\\ud800"',
    b'"\\ud83d\\ude00"', b'"\\u003a"', b"{}", b"[]", b"[[]]", b'{"a":1,"a":2}', b"[" * 40, b"{",
    b"}", b"[", b"]", b",", b",,", b":", b'"', b"\\", b"\\u", b"\xff", b"\xed\xa0\x80", b"\0",
    b"\xef\xbb\xbf", b" ", b"\n", b'"values":[', b'"value":', b'"idTag":"x",', b'"timestamp":,',
)  # fmt: skip

_STRANGERS: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 1.0, 1.5, 1e300, 2**31, 2**63 - 1, 2**63, -(2**63), "", "1",
    "1.5", "true", " 7 ", "Accepted", "Hz", "x" * 600, [], [None], [[]], {}, {"values": []},
    {"unknown": 1},
)  # fmt: skip


def _seeds() -> list[tuple[SchemaCase, Any]]:
    """Each message in its longest and in its shortest form."""
    return [
        (case, example(case.schema))
        for case in MESSAGES.values()
        for example in (full_example, least_example)
    ]


class Mutator:
    """
    Makes the same endless row of inputs for the same seed.

    Most of them follow the grammar: a message of some action with its values, names and shape
    changed at a few places, in an unusual spelling. The others had their bytes changed too.

    @ivar action: the action that the last input was made from.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._seeds = _seeds()
        self._actions = (*ACTIONS, "Reboot", "reset", "", "x" * 70)
        self.action = ""

    def frame(self) -> bytes:
        """The next input."""
        random = self._random
        case, payload = random.choice(self._seeds)
        self.action = case.action.name
        payload = json.loads(json.dumps(payload))
        for _ in range(random.choice((0, 0, 1, 1, 2, 5))):
            changed = self._changed(payload)
            if isinstance(changed, dict) or random.random() < 0.1:
                payload = changed
        return self._written(self._enveloped(self.action if case.is_request else "", payload))

    def bent(self, action: str, payload: Any) -> bytes:
        """
        An input that is made from one message.

        @param action: of a request; empty for a confirmation.
        """
        payload = json.loads(json.dumps(payload))
        for _ in range(self._random.choice((1, 1, 2))):
            changed = self._changed(payload)
            payload = changed if isinstance(changed, dict) else payload
        return self._written(self._enveloped(action, payload))

    def _written(self, frame: list[Any]) -> bytes:
        text = self._spelled(frame)
        for _ in range(self._random.choice((0, 0, 0, 0, 0, 1, 2, 8))):
            text = self._damaged(text)
        return text

    def _enveloped(self, action: str, payload: Any) -> list[Any]:
        random = self._random
        unique_id: Any = f"id-{random.randrange(1000)}"
        if random.random() < 0.05:
            unique_id = random.choice((17, -1, 2**64, 1.5, None, "", "x" * 40, "é", "a\n", []))
        if action and random.random() < 0.05:
            action = random.choice(self._actions)
        frame = [2, unique_id, action, payload] if action else [3, unique_id, payload]
        match random.randrange(60):
            case 0:
                frame[0] = random.choice((3, 4, 5, -2, 2.0, "2", None))
            case 1:
                frame.insert(2, random.choice(("Reset", "", 1, {})))
            case 2:
                frame.pop()
            case 3:
                return [4, unique_id, "GenericError", "text", payload][: random.randint(2, 5)]
        return frame

    def _changed(self, value: Any) -> Any:
        """The value with something changed in it, at any depth."""
        random = self._random
        if isinstance(value, dict) and value and random.random() < 0.85:
            name = random.choice(list(value))
            change = random.randrange(8)
            if change == 0:
                value[random.choice(("values", "value", "x", name.upper(), "é"))] = value.pop(
                    name
                )
            elif change == 1:
                value[random.choice(("unknown", "connectorId", "data", ""))] = self._stranger()
            elif change == 2:
                del value[name]
            else:
                value[name] = self._changed(value[name])
            return value
        if isinstance(value, list) and value and random.random() < 0.85:
            index = random.randrange(len(value))
            if random.random() < 0.2:
                return random.choice((value[index], value * 30, [*value, None], []))
            value[index] = self._changed(value[index])
            return value
        return self._stranger()

    def _stranger(self) -> Any:
        random = self._random
        if random.random() < 0.3:
            return random.choice(NASTY_STRINGS)[:2_000]
        return json.loads(json.dumps(random.choice(_STRANGERS)))

    def _spelled(self, frame: list[Any]) -> bytes:
        random = self._random
        if random.random() < 0.4:
            text = json.dumps(frame, separators=(",", ":"))
        else:
            doubles = 0.1 if random.random() < 0.2 else 0.0
            text = Speller(random, *random.choice(_STYLES), doubles).write(frame)
        return text.encode("utf-8", "surrogatepass")

    def _damaged(self, text: bytes) -> bytes:
        start = self._random.randint(0, len(text))
        return self._random.choice(_DAMAGES)(text, start, self._random)


_STYLES: Final = ((0.0, 0.0), (0.2, 0.0), (0.0, 0.1), (0.1, 0.1))


def _insert(text: bytes, start: int, random: Random) -> bytes:
    return text[:start] + random.choice(_LITERALS) + text[start:]


def _cut(text: bytes, start: int, random: Random) -> bytes:
    return text[:start] + text[start + random.choice((1, 1, 2, 10, 100)) :]


def _flip(text: bytes, start: int, random: Random) -> bytes:
    return text[:start] + random.randbytes(1) + text[start + 1 :]


def _repeat(text: bytes, start: int, random: Random) -> bytes:
    length = random.choice((1, 1, 2, 10, 100))
    return (
        text[:start] + text[start : start + length] * random.choice((2, 2, 50)) + text[start:]
    )


def _truncate(text: bytes, start: int, random: Random) -> bytes:
    return text[:start]


def _swap(text: bytes, start: int, random: Random) -> bytes:
    length = random.choice((1, 4, 20))
    first, second = text[start : start + length], text[start + length : start + 2 * length]
    return text[:start] + second + first + text[start + 2 * length :]


_DAMAGES: Final[tuple[Callable[[bytes, int, Random], bytes], ...]] = (
    _insert,
    _insert,
    _cut,
    _flip,
    _repeat,
    _swap,
    _truncate,
)
