"""Gateways and what they owe, in words: as consoles and pages are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from cfos_cm.charge_point.queued import DeadLetter, Depth, QueuedMessage
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.charge_point.standing import Standing
from cfos_cm.services.config.values import shown_url
from cfos_cm.services.console_words import printable
from cfos_cm.services.gateway_security import ConnectionSecurity
from cfos_cm.site.tag import shortened

__all__ = [
    "MAX_EXCERPT_CHARS",
    "MAX_KEYS",
    "MAX_LETTERS",
    "GatewayOffice",
    "Named",
    "excerpt",
    "shown_depth",
    "shown_gateway",
    "shown_letter",
    "shown_message",
]

#: How many messages are shown at once.
MAX_LETTERS = 100

#: How many dead letters are named in one command.
MAX_KEYS = 200

#: How much of a message is shown.
MAX_EXCERPT_CHARS = 300

#: What stands for a person.
_TAGS = frozenset({"idTag", "parentIdTag"})


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


def shown_gateway(settings: GatewaySettings, standing: Standing) -> dict[str, Any]:
    """A gateway, as JSON can say it; no secret is in it."""
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
        **shown_depth(standing.depth),
    }


def shown_depth(depth: Depth) -> dict[str, Any]:
    """How much a queue holds."""
    return {
        "waiting": depth.waiting,
        "size_bytes": depth.size_bytes,
        "oldest_at": _time(depth.oldest_at),
        "dead": depth.dead,
    }


def shown_message(message: QueuedMessage) -> dict[str, Any]:
    """A message that waits, without what would stand for a person."""
    return {
        "key": message.key,
        "action": message.action,
        "connector": message.connector,
        "transaction_id": message.transaction_id,
        "attempts": message.attempts,
        "queued_at": _time(message.queued_at),
        "payload": excerpt(message.payload),
    }


def shown_letter(letter: DeadLetter) -> dict[str, Any]:
    """A message that was given up, as L{shown_message}, and why."""
    return {
        **shown_message(letter.message),
        "buried_at": _time(letter.buried_at),
        "why": printable(letter.why),
    }


def excerpt(payload: bytes) -> str:
    """
    The beginning of a message, without what would stand for a person.

    @param payload: its JSON text; of what is none nothing is shown.
    """
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
