"""What consoles can ask of a running manager about its gateways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Protocol

from twisted.internet.defer import Deferred

from cfos_cm.charge_point.queued import DeadLetter, Depth
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.charge_point.standing import Standing
from cfos_cm.services.config.values import shown_url
from cfos_cm.services.console_words import printable
from cfos_cm.services.control_socket import Command, CommandRefused
from cfos_cm.services.gateway_security import ConnectionSecurity, shown_security
from cfos_cm.services.said import Said, number_said, text_said
from cfos_cm.site.tag import shortened

__all__ = [
    "MAX_EXCERPT_CHARS",
    "MAX_KEYS",
    "MAX_LETTERS",
    "GatewayOffice",
    "Named",
    "gateway_orders",
]

#: How many dead letters are shown at once.
MAX_LETTERS = 100

#: How many dead letters are named in one command.
MAX_KEYS = 200

#: How much of a message is shown.
MAX_EXCERPT_CHARS = 300

#: What stands for a person.
_TAGS = frozenset({"idTag", "parentIdTag"})

Answer = Mapping[str, object]


class Named(Protocol):
    """A gateway, as far as it is asked for what it was told."""

    @property
    def settings(self) -> GatewaySettings:
        """What it was told."""


class GatewayOffice(Protocol):
    """Where is asked; L{cfos_cm.services.gateways.Gateways} is one."""

    def standings(self) -> Mapping[str, Standing]:
        """How each gateway stands, by its name."""

    def gateway(self, name: str) -> Named:
        """
        A gateway, by its name.

        @raise cfos_cm.errors.CfosError: if there is none.
        """

    def security(self, name: str) -> ConnectionSecurity:
        """
        How the security of a gateway's connection is.

        @raise cfos_cm.errors.CfosError: if there is no such gateway.
        """

    async def trust(self, name: str) -> None:
        """
        Believe the next key that its backend shows.

        @raise cfos_cm.errors.CfosError: if there is no such gateway, or that cannot be kept.
        """

    def dead_letters(
        self, name: str, limit: int, offset: int = 0
    ) -> Deferred[tuple[DeadLetter, ...]]:
        """What its backend does not take, oldest first."""

    def resend(self, name: str, keys: tuple[str, ...] = ()) -> Deferred[int]:
        """Have dead letters sent again; all, where none are named."""

    def orphans(self) -> Deferred[Mapping[str, Depth]]:
        """The queues that no gateway empties, by their keys."""

    def move(self, key: str, name: str) -> Deferred[int]:
        """Have a gateway deliver what such a queue has."""

    def drop(self, key: str) -> Deferred[int]:
        """Forget what such a queue has."""


def gateway_orders(office: GatewayOffice) -> dict[str, Command]:
    """
    The commands, by name.

    C{gateways} answers with all C{gateways}, or with that of C{name} and its C{security};
    C{trust-backend} (name) has the next key of its backend believed; C{dead-letters} (name;
    limit, offset) with C{dead_letters}; C{orphans} with C{orphans}; C{resend} (name, and keys
    or all), C{move-queue} (key, name) and C{drop-queue} (key) with the C{count} of messages.
    """
    return {
        "gateways": partial(_gateways, office),
        "trust-backend": partial(_trust, office),
        "dead-letters": partial(_dead_letters, office),
        "resend": partial(_resend, office),
        "orphans": partial(_orphans, office),
        "move-queue": partial(_move, office),
        "drop-queue": partial(_drop, office),
    }


async def _gateways(office: GatewayOffice, said: Said) -> Answer:
    standings = office.standings()
    if "name" in said:
        name = text_said(said, "name")
        settings = office.gateway(name).settings
        security = shown_security(office.security(name))
        return {"gateways": [{**_shown(settings, standings[name]), "security": security}]}
    return {
        "gateways": [
            _shown(office.gateway(name).settings, standing)
            for name, standing in standings.items()
        ]
    }


async def _trust(office: GatewayOffice, said: Said) -> Answer:
    await office.trust(text_said(said, "name"))
    return {}


async def _dead_letters(office: GatewayOffice, said: Said) -> Answer:
    limit, offset = (
        number_said(said, "limit", 1, MAX_LETTERS, 1),
        number_said(said, "offset", 0, 10**9, 0),
    )
    letters = await office.dead_letters(text_said(said, "name"), limit, offset)
    return {"dead_letters": [_letter(one) for one in letters]}


async def _resend(office: GatewayOffice, said: Said) -> Answer:
    name, keys = text_said(said, "name"), said.get("keys", [])
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise CommandRefused("keys: must be a list of texts")
    if len(keys) > MAX_KEYS:
        raise CommandRefused(f"keys: {len(keys)} of them; at most {MAX_KEYS} at once")
    if bool(keys) is (said.get("all") is True):
        raise CommandRefused("either keys or all: which dead letters?")
    return {"count": await office.resend(name, tuple(keys))}


async def _orphans(office: GatewayOffice, said: Said) -> Answer:
    found = await office.orphans()
    return {"orphans": [{"key": key, **_depth(depth)} for key, depth in found.items()]}


async def _move(office: GatewayOffice, said: Said) -> Answer:
    return {"count": await office.move(text_said(said, "key"), text_said(said, "name"))}


async def _drop(office: GatewayOffice, said: Said) -> Answer:
    return {"count": await office.drop(text_said(said, "key"))}


def _shown(settings: GatewaySettings, standing: Standing) -> dict[str, object]:
    return {
        "name": settings.name,
        "key": settings.key,
        "client_id": settings.client_id,
        "url": shown_url(settings.url),
        "role": settings.role.value,
        "outage": settings.outage.value,
        "connectors": {str(one.number): one.evse for one in settings.connectors},
        "state": printable(standing.state),
        "is_serving": standing.is_serving,
        "since": _time(standing.since),
        "registration": standing.registration and standing.registration.value,
        "last_refusal": printable(standing.last_refusal),
        **_depth(standing.depth),
    }


def _depth(depth: Depth) -> dict[str, object]:
    return {
        "waiting": depth.waiting,
        "size_bytes": depth.size_bytes,
        "oldest_at": _time(depth.oldest_at),
        "dead": depth.dead,
    }


def _letter(letter: DeadLetter) -> dict[str, object]:
    message = letter.message
    return {
        "key": message.key,
        "action": message.action,
        "connector": message.connector,
        "transaction_id": message.transaction_id,
        "attempts": message.attempts,
        "queued_at": _time(message.queued_at),
        "buried_at": _time(letter.buried_at),
        "why": printable(letter.why),
        "payload": _excerpt(message.payload),
    }


def _excerpt(payload: bytes) -> str:
    """The beginning of a message, without what would stand for a person."""
    try:
        told = json.loads(payload, object_hook=_without_tags)
    except (ValueError, RecursionError):
        return ""
    text = printable(json.dumps(told, ensure_ascii=False))
    return text if len(text) <= MAX_EXCERPT_CHARS else text[: MAX_EXCERPT_CHARS - 1] + "…"


def _without_tags(told: dict[str, object]) -> dict[str, object]:
    return {
        name: shortened(value) if name in _TAGS and isinstance(value, str) else value
        for name, value in told.items()
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
