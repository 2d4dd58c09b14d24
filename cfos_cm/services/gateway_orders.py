"""What consoles can ask of a running manager about its gateways."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from cfos_cm.services.control_socket import Command, CommandRefused
from cfos_cm.services.gateway_security import shown_security
from cfos_cm.services.gateway_words import (
    MAX_KEYS,
    MAX_LETTERS,
    GatewayOffice,
    shown_depth,
    shown_gateway,
    shown_letter,
)
from cfos_cm.services.said import Said, number_said, text_said

__all__ = ["gateway_orders"]

Answer = Mapping[str, object]


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
        return {
            "gateways": [{**shown_gateway(settings, standings[name]), "security": security}]
        }
    return {
        "gateways": [
            shown_gateway(office.gateway(name).settings, standing)
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
    return {"dead_letters": [shown_letter(one) for one in letters]}


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
    return {"orphans": [{"key": key, **shown_depth(depth)} for key, depth in found.items()]}


async def _move(office: GatewayOffice, said: Said) -> Answer:
    return {"count": await office.move(text_said(said, "key"), text_said(said, "name"))}


async def _drop(office: GatewayOffice, said: Said) -> Answer:
    return {"count": await office.drop(text_said(said, "key"))}
