"""What is not JSON, and what is JSON to some readers and something else to others."""

from __future__ import annotations

from cfos_cm.strict_json import MAX_DEPTH

__all__ = ["AMBIGUOUS", "LONG", "NOT_JSON", "NOT_UTF_8", "nested"]


def nested(levels: int) -> bytes:
    """An object around so many arrays that it has C{levels} levels."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


#: How long a text is that would take minutes, if the time grew with the square of its length.
LONG = 200_000

#: What no JSON reader should take, in the place of a value.
NOT_JSON = {
    "nan": b"NaN",
    "infinity": b"Infinity",
    "minus infinity": b"-Infinity",
    "octal": b"0123",
    "plus": b"+1",
    "hexadecimal": b"0x1F",
    "point at the start": b".5",
    "point at the end": b"5.",
    "no exponent": b"1e",
    "lone high surrogate": b'"\\ud800"',
    "lone high surrogate before text": b'"\\ud800 and so on"',
    "lone high surrogate before letters": b'"\\ud800abcdefgh"',
    "lone low surrogate": b'"\\udc00 and so on"',
    "two high surrogates": b'"\\ud800\\ud800"',
    "surrogates the wrong way round": b'"\\udc00\\ud800"',
    "surrogate in a name": b'{"\\ud800 and so on":1}',
    "NUL": b'"\x00"',
    "control character": b'"a\nb"',
    "comma at the end": b"[1,]",
    "comma at the start": b"[,1]",
    "comma at the end of an object": b'{"a":1,}',
    "two commas": b"[1,,2]",
    "no value": b'{"a":}',
    "comment": b"/* */ 1",
    "single quotes": b"'a'",
    "unknown escape": b'"\\x41"',
    "half an escape": b'"\\u12"',
    "no name": b"{1:2}",
    "name without quotes": b"{a:2}",
    "literal in capitals": b"True",
    "string without end": b'"abc',
    "object without end": b'{"a":1',
    "wrong bracket": b"[1}",
    "two values": b"1 2",
    "nothing": b"",
    "form feed": b"\x0c1",
    "10 000 brackets": b"[" * 10_000,
    "escaped quotes without end": b"[" * 40 + b'"' + b'\\"' * (LONG // 2),
}

#: What is JSON by its grammar, and not the same to every reader.
AMBIGUOUS = {
    "beyond a float": b"1e400",
    "beyond a float, negative": b"-1E400",
    "21 digits": b"1" * 21,
    "5000 digits": b"9" * 5000,
    "doubled name": b'{"a":1,"a":1}',
    "doubled name, spelled differently": b'{"a":1,"\\u0061":2}',
    "doubled name, deep": b'[[{"x":{"y":[{"b":1,"c":2,"b":3}]}}]]',
    "NUL, escaped": b'"\\u0000"',
    "NUL, escaped, in a name": b'{"\\u0000":1}',
    "NUL, escaped, behind backslashes": b'"\\\\\\u0000"',
    "deep": b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
    "deep in two kinds": b'[{"a":' * 20 + b"1" + b"}]" * 20,
    "deep behind an escaped quote": b'["\\"",' + nested(MAX_DEPTH) + b"]",
}

#: What is not UTF-8, in the place of a value.
NOT_UTF_8 = {
    "invalid UTF-8": b'"\xff"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "half a character": b'"\xe2\x82"',
    "encoded surrogate": b'"\xed\xa0\x80"',
    "invalid UTF-8 in a name": b'{"\xff":1}',
}
