"""What has to be true of the gateways in a C{tap.cfg}."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from cfos_cm.charge_point.settings import GatewayRole
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.backend_target import secrets_of
from cfos_cm.net.backend_url import backend_key, backend_url
from cfos_cm.services.config.configuration import Config
from cfos_cm.services.config.gateway_section import GatewaySection
from cfos_cm.services.config.options import Findings, options_of

__all__ = ["GATEWAY_CHECKS", "identities", "numbers"]

#: What belongs to an EVSE; all else belongs to the identity at the backend.
_OF_THE_EVSE = frozenset({"evse", "connector"})
#: Said by the key, or checked by itself.
_OF_THE_KEY = frozenset({"url", "client_id"})


def identities(config: Config) -> dict[str, list[GatewaySection]]:
    """
    The sections by backend and client id, in the order of the file. Those that cannot be
    dialled are left out.
    """
    found: dict[str, list[GatewaySection]] = {}
    for one in config.gateways:
        if one.sound("url", "client_id"):
            try:
                key = backend_key(one.url, one.client_id)
            except LocalProtocolError:
                continue
            found.setdefault(key, []).append(one)
    return found


def numbers(sections: list[GatewaySection]) -> list[int]:
    """The connector of each section of one identity: its own, or the lowest that is left."""
    taken = {one.connector for one in sections}
    left = (number for number in range(1, len(sections) * 2 + 1) if number not in taken)
    return [next(left) if one.connector is None else one.connector for one in sections]


def gateways_can_dial(config: Config, found: Findings) -> None:
    """A URL and a client id make a URL that can be dialled."""
    for one in config.gateways:
        if one.sound("url", "client_id"):
            try:
                backend_url(one.url, one.client_id)
            except LocalProtocolError:
                found.about(one, "url", "must be a URL that the client id can be put behind")


def one_authority_each(config: Config, found: Findings) -> None:
    """At most one backend decides who may charge at an EVSE."""
    first: dict[str, GatewaySection] = {}
    for one in config.gateways:
        if one.sound("evse", "role") and one.role is GatewayRole.AUTHORITY:
            other = first.setdefault(one.evse, one)
            if other is not one:
                option = "role" if "role" in one.origin.lines else "evse"
                allowed = f"has an authority already, {_place(other)}: must be role = report"
                found.about(one, option, allowed, f"EVSE {one.evse}")


def identities_agree(config: Config, found: Findings) -> None:
    """Sections with the same client id at the same backend say the same about it."""
    for sections in identities(config).values():
        first = sections[0]
        for other in sections[1:]:
            for option, why in _differences(first, other):
                allowed = (
                    f"must be that of {_place(first)}: it is the same client id there{why}"
                )
                line = option if option in other.origin.lines else "client_id"
                text = "" if line == option else f"no {option}"
                found.about(other, line, allowed, text)


def _differences(first: GatewaySection, other: GatewaySection) -> Iterator[tuple[str, str]]:
    if urlsplit(first.url).query != urlsplit(other.url).query:
        yield "url", ", and only the query differs"
    for option in options_of(GatewaySection):
        if option.name in _OF_THE_EVSE | _OF_THE_KEY:
            continue
        if not (first.sound(option.name) and other.sound(option.name)):
            continue
        if getattr(first, option.attribute) != getattr(other, option.attribute):
            yield option.name, ""


def connectors_differ(config: Config, found: Findings) -> None:
    """Under one client id each EVSE is there once, and each number is one EVSE's."""
    for sections in identities(config).values():
        evses: dict[str, GatewaySection] = {}
        taken: dict[int, GatewaySection] = {}
        for one in sections:
            if one.sound("evse"):
                other = evses.setdefault(one.evse, one)
                if other is not one:
                    allowed = f"is there already under this client id, {_place(other)}"
                    found.about(one, "evse", allowed)
            if one.connector is not None and one.sound("connector"):
                other = taken.setdefault(one.connector, one)
                if other is not one:
                    allowed = f"is taken under this client id by {_place(other)}"
                    found.about(one, "connector", allowed)


def passwords_can_be_sent(config: Config, found: Findings) -> None:
    """A password is of the form that it is said to have, and its user can be told with it."""
    for one in config.gateways:
        if one.password is None or not one.sound("client_id", "password", "password_form"):
            continue
        if ":" in one.client_id:
            allowed = (
                "must not have a colon where there is a password: HTTP ends the user there"
            )
            found.about(one, "client_id", allowed)
            continue
        try:
            secrets_of(one.client_id, one.password, one.password_form)
        except LocalProtocolError:
            allowed = "must be pairs of hexadecimal digits, because password_form is hex"
            found.about(one, "password", allowed)


def certificates_need_tls(config: Config, found: Findings) -> None:
    """Certificates are of use with TLS only."""
    for one in config.gateways:
        if not one.sound("url") or not one.url.lower().startswith("ws:"):
            continue
        for option in ("ca_certificates", "certificate"):
            if getattr(one, option) and one.sound(option):
                found.about(
                    one, option, "needs TLS: url must begin with wss://, or this be empty"
                )


def consent_is_clear(config: Config, found: Findings) -> None:
    """No command is allowed and refused."""
    for one in config.gateways:
        both = [name for name in one.allow if name in one.refuse]
        if both and one.sound("allow", "refuse"):
            found.about(one, "allow", f"must not have {both[0]}, which is in refuse too")


def _place(section: GatewaySection) -> str:
    return f"[{section.origin.heading}], line {section.origin.line}"


GATEWAY_CHECKS = (
    gateways_can_dial,
    one_authority_each,
    identities_agree,
    connectors_differ,
    passwords_can_be_sent,
    certificates_need_tls,
    consent_is_clear,
)
