"""Texts that have broken programs: more than 500 of them."""

from __future__ import annotations

import unicodedata

__all__ = ["NASTY_STRINGS"]

_INJECTIONS = (
    "'; DROP TABLE transactions; --", "' OR '1'='1", '" OR ""="', "1; SELECT pg_sleep(10)",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</textarea><svg onload=x>",
    "javascript:alert(1)", "{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "%s%s%s%n", "%x%x%x",
    "{0}", "{identity}", "{error!r}", "$(reboot)", "`reboot`", "; reboot", "| reboot", "&& a",
    "../../etc/passwd", "..\\..\\boot.ini", "/dev/null", "C:\\CON", "file:///etc/passwd",
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "=cmd|' /C calc'!A0", "\t=1+1", "\r=1+1",
    "x\n2026-01-01 ERROR fake", "x\r\nSet-Cookie: a=b", "\x1b[2J", "\x1b]0;title\x07",
    "--", "/*", "*/", "<!--", "-->", "<![CDATA[", "]]>", "<?xml?>", "&amp;", "&#0;", "&lt;",
    "__proto__", "constructor", "__class__", "__init__", "toString", "undefined", "null",
    "NULL", "None", "nil", "NaN", "Infinity", "-Infinity", "true", "false", "True", "False",
    "0", "-0", "1", "-1", "1.0", "1e3", "1E400", "0x10", "010", "0b1", "1_000", "١٢٣", "１２３",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1/0", "1,5", ".5",
    "2026-02-30T00:00:00Z", "1000000", "0000-00-00T00:00:00Z", "9999-12-31T23:59:60Z",
    '{"a":1}', "[1,2", '"', "'", "\\", '\\"', "\\\\", "\\u0041", "\\ud800", '":', '\\":', ":",
    ',"', '","idTag":"x', '"}', "]", "}", ",", ":\"", "\\/", "a\\", " ", "  ", "\t", "\n", "\r",
    " a", "a ", "a\tb", "a\nb", "", "a" * 19, "a" * 20, "a" * 21, "a" * 255, "a" * 256,
    "a" * 70_000, "é" * 20, "é" * 21, "\N{SLICE OF PIZZA}" * 20, "\N{SLICE OF PIZZA}" * 21,
    "ﬃ", "ß", "ẞ", "ı", "İ", "ǅ", "Å", "Å", "e\u0301", "\u0301", "q̴̢̛", "Ｗｈ", "kWh", "㎾",
    "\N{ZERO WIDTH SPACE}", "a\u200bb", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066x\u2069",
    "\ufeff", "\ufeffa", "\u2028", "\u2029", "\u0085", "\u00a0", "\u00ad", "\u180e", "\u3000",
    "\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\ue000", "\U000f0000",
    "\U0001f468\u200d\U0001f469",
    "\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f1e9\U0001f1ea", "👍🏽", "Ω≈ç√",
    "田中さん",
    "Ёлка", "שלום", "مرحبا", "ไทย", "हिन्दी", "\u0e4e" * 8, "Z̮̞̠͙͔ͅ", "⠇⠁", "ʇxǝʇ", "﷽", "𓂺",
)  # fmt: skip


def _nasty_strings() -> tuple[str, ...]:
    """All of them, each once."""
    found = list(_INJECTIONS)
    # A NUL is refused everywhere; the other control characters are texts like any other.
    found += [f"a{chr(number)}b" for number in (*range(1, 0x20), *range(0x7F, 0xA0))]
    formats = [chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) == "Cf"]
    found += [f"a{char}b" for char in formats]
    found += [chr(number) for number in range(0xFDD0, 0xFDF0)]
    found += [f"{first}{second}" for first in "\"\\:,{}[]/'" for second in "\"\\:,{}[]/'"]
    return tuple(dict.fromkeys(found))


NASTY_STRINGS = _nasty_strings()
