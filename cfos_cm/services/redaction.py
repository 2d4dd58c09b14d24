"""
Taking secrets out of what people are shown: log lines and messages.

It is the last of several walls: nobody writes a secret on purpose. What a peer says is not ours
to choose, though, and has passwords in it at times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from cfos_cm.central_system.commands.secret_keys import is_secret

__all__ = ["HIDDEN", "MAX_UNREADABLE_CHARS", "without_secrets", "without_secrets_in_frame"]

#: What stands in the place of a secret.
HIDDEN = "***"

#: How much is shown of a message that is no JSON.
MAX_UNREADABLE_CHARS = 500

_WORDS = (
    r"passw(?:or)?d|passphrase|secret|token|credential|psk|private_?key|authorization_?key"
    r"|api_?key"
)
_NAME = rf"[\w.-]{{0,40}}(?:{_WORDS})[\w.-]{{0,40}}"
_PEM = re.compile(
    r"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL
)
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
    (re.compile(rf"\b({_NAME}\s*=\s*)\"[^\"]*\"", re.I), rf"\1{HIDDEN}"),
    (re.compile(rf"\b({_NAME}\s*=\s*)'[^']*'", re.I), rf"\1{HIDDEN}"),
    (re.compile(rf"\b({_NAME}=)[^\s\"',;&)\]}}]+", re.I), rf"\1{HIDDEN}"),
    (
        re.compile(
            rf"([\"']{_NAME}[\"']\s*:\s*)(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')", re.I
        ),
        rf'\1"{HIDDEN}"',
    ),
)
#: A text without any of these has nothing to hide, and most have none.
_SUSPICIOUS = re.compile(
    rf"authorization|cookie|basic |bearer |://|private key|{_WORDS}", re.IGNORECASE
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
        told = json.loads(text)
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
            return _clean_object(told)
        case _:
            return told


def _clean_object(told: Mapping[str, object]) -> dict[str, object]:
    # ChangeConfiguration, and the entries of what GetConfiguration is answered with.
    key = told.get("key")
    hides = isinstance(key, str) and is_secret(key)
    return {
        name: HIDDEN
        if (value and is_secret(name) and isinstance(value, str))
        or (hides and name == "value" and value)
        else _clean(value)
        for name, value in told.items()
    }


_VALUE = re.compile(r"(\"value\"\s*:\s*)\"[^\"]*\"?")


def _without_values(text: str) -> str:
    """What may be the value of a key with a secret in it; nobody can tell in broken JSON."""
    return _VALUE.sub(rf'\1"{HIDDEN}"', text) if is_secret(text) else text
