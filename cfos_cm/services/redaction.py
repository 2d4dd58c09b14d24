"""
Taking secrets out of what people are shown: log lines and messages.

It is the last of several walls: nobody writes a secret on purpose. What a peer says is not ours
to choose, though, and has passwords in it at times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from cfos_cm.central_system.commands.secret_keys import CONFIDENTIAL_WORDS, is_secret
from cfos_cm.services.config.ini import HIDDEN

__all__ = [
    "HIDDEN",
    "MAX_UNREADABLE_CHARS",
    "without_secrets",
    "without_secrets_in_frame",
    "without_secrets_in_payload",
]

#: How much is shown of a message that is no JSON.
MAX_UNREADABLE_CHARS = 500

_NAMED = rf"(?:{CONFIDENTIAL_WORDS})"
#: What stands behind one of these words in a name. It is not tried again with less of it: else
#: somebody could write texts that take seconds.
_REST = r"[\w.-]{0,40}+"
#: In JSON that is a text in JSON, each quotation mark has backslashes before it.
_QUOTE = r"\\{0,7}+[\"']"
_PEM = re.compile(
    r"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL
)
#: A text in quotation marks, up to its end or that of all.
_QUOTED = r"b?(\\{0,7}[\"']).*?(?:(?<!\\)\2|\Z)"
_REPLACED = (
    # RFC 9110, "Authorization": a scheme, and what proves who asks.
    (
        re.compile(r"((?:Proxy-)?Authorization[\"']?\s*[:=]\s*[\"']?)[^\r\n\"',}\]]+", re.I),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(r"((?:Set-)?Cookie[\"']?\s*[:=]\s*[\"']?)[^\r\n\"'}\]]+", re.I),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{8,}"), rf"\1 {HIDDEN}"),
    # The user of a URL, and his password, which may have an @ in it.
    (re.compile(r"\b([a-z][a-z0-9+.-]{0,30}://)[^\s/?#\"'<>]+@", re.I), rf"\1{HIDDEN}@"),
    # name="value", name=value, and "name": "value".
    (
        re.compile(rf"({_NAMED}{_REST}\s*=\s*){_QUOTED}", re.I | re.DOTALL),
        rf"\1{HIDDEN}",
    ),
    (re.compile(rf"({_NAMED}{_REST}=)[^\s\"',;&)\]}}]+", re.I), rf"\1{HIDDEN}"),
    (
        re.compile(rf"({_NAMED}{_REST}{_QUOTE}\s*:\s*){_QUOTED}", re.I | re.DOTALL),
        rf"\1\2{HIDDEN}\2",
    ),
    # What ChangeConfiguration and GetConfiguration say, as JSON or as Python shows it.
    (
        re.compile(
            rf"({_NAMED}{_REST}{_QUOTE}\s*,\s*"
            rf"(?:(?:{_QUOTE})?readonly(?:{_QUOTE})?\s*[:=]\s*\w{{1,5}}\s*,\s*)?"
            rf"(?:{_QUOTE})?value(?:{_QUOTE})?\s*[:=]\s*){_QUOTED}",
            re.I | re.DOTALL,
        ),
        rf"\1\2{HIDDEN}\2",
    ),
)
#: A text without any of these has nothing to hide, and most have none.
_SUSPICIOUS = re.compile(
    rf"authorization|cookie|basic |bearer |://|private key|{CONFIDENTIAL_WORDS}", re.IGNORECASE
)


def without_secrets(text: str) -> str:
    """
    C{text} with what looks like a secret hidden: headers that prove who asks, cookies, the
    user and password of a URL, values whose names say what they are, and private keys.
    """
    if not _SUSPICIOUS.search(text):
        return text
    text = _PEM.sub(rf"-----BEGIN \1----- {HIDDEN}", text)
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    return text


def without_secrets_in_frame(text: bytes) -> str:
    """
    A message of OCPP-J as it may be shown; to the letter, if there is nothing to hide in it.

    One that cannot be read is cut off after L{MAX_UNREADABLE_CHARS}.
    """
    try:
        told = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        shown = text.decode("utf-8", "replace")
        return _without_values(without_secrets(shown))[:MAX_UNREADABLE_CHARS]
    clean = _clean(told)
    if clean == told:
        return text.decode("utf-8", "replace")
    return json.dumps(clean, ensure_ascii=False, separators=(",", ":"))


def _clean(told: object) -> object:
    match told:
        case str():
            return without_secrets(told)
        case list():
            return [_clean(one) for one in told]
        case dict():
            return without_secrets_in_payload(told)
        case _:
            return told


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # What the first one of that name said would be shown to the letter.
        raise ValueError("a name is there twice")
    return found


def without_secrets_in_payload(told: Mapping[str, object]) -> dict[str, object]:
    """The payload of a message as it may be shown; see L{without_secrets_in_frame}."""
    # ChangeConfiguration, and the entries of what GetConfiguration is answered with.
    key = told.get("key")
    hides = isinstance(key, str) and is_secret(key)
    return {
        name: HIDDEN
        if _says_something(value) and (is_secret(name) or (hides and name == "value"))
        else _clean(value)
        for name, value in told.items()
    }


def _says_something(value: object) -> bool:
    return value is not None and not isinstance(value, bool) and value not in ("", [], {})


_VALUE = re.compile(
    r"([\"']value[\"']\s*:\s*)(?:\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[^\s,}\]]+)",
    re.DOTALL,
)


def _without_values(text: str) -> str:
    """What may be the value of a key with a secret in it; nobody can tell in broken JSON."""
    # The key may be written with escapes.
    may_hide = is_secret(text) or "\\u" in text
    return _VALUE.sub(rf'\1"{HIDDEN}"', text) if may_hide else text
