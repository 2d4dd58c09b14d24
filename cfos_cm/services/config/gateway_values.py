"""The kinds of values that only a gateway has in C{tap.cfg}."""

from __future__ import annotations

from cfos_cm.net.backend_url import MAX_CLIENT_ID_CHARS
from cfos_cm.net.proxy_url import PROXY_WORDS, read_proxy
from cfos_cm.services.config.values import Kind, NoChoice, words_of
from cfos_cm.v16.actions import ACTIONS, Role

__all__ = ["ACTION_NAMES", "CLIENT_ID", "PROXY_URL"]

_COMMANDS = tuple(
    sorted(one.name for one in ACTIONS.values() if Role.CENTRAL_SYSTEM in one.sent_by)
)
#: The specification's own writing matters; anything else is a mistake with a suggestion.
_KNOWN = frozenset(_COMMANDS)


def _read_client_id(written: str) -> str:
    is_text = 1 <= len(written) <= MAX_CLIENT_ID_CHARS and written.isprintable()
    if not is_text or written in (".", ".."):
        raise ValueError(CLIENT_ID.allowed)
    return written


def _read_proxy_url(written: str) -> str:
    read_proxy(written)
    return written


def _read_actions(written: str) -> tuple[str, ...]:
    words = words_of(written)
    for word in words:
        if word not in _KNOWN:
            raise NoChoice(word)
    return tuple(dict.fromkeys(words))


#: What the backend's operator calls us. A semicolon behind a space needs double quotes around
#: all of it, and so do spaces at its ends.
CLIENT_ID = Kind(
    f"1 to {MAX_CLIENT_ID_CHARS} printable characters, and neither . nor ..", _read_client_id
)
PROXY_URL = Kind(PROXY_WORDS, _read_proxy_url)
ACTION_NAMES: Kind[tuple[str, ...]] = Kind(
    "names of actions, with spaces or commas between: " + ", ".join(_COMMANDS) + "; or empty",
    _read_actions,
    _COMMANDS,
    words=_COMMANDS,
)
