"""How the security of a gateway's connection is shown on a console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from cfos_cm.certificates.expiry import expiry_words
from cfos_cm.services.console_words import local_time

__all__ = ["security_rows"]

_PROFILES: Final = {
    0: "0: nobody proves anything",
    1: "1: a password, not encrypted",
    2: "2: encrypted, with a password",
    3: "3: encrypted, with a certificate of ours",
}


def security_rows(security: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """
    The lines about it: a name, and what there is to say.

    @param security: as L{shown_security<cfos_cm.services.gateway_security.shown_security>} has
        made it.
    """
    tried = "" if security["is_proven"] else "; commanded by the backend, not reached yet"
    yield "profile", f"{_PROFILES[security['profile']]}{tried}"
    connected = security["connected"]
    if connected is not None and connected != security["profile"]:
        yield "is now", _PROFILES[connected]
    if security["has_given_key"]:
        yield "password", "given by the backend, in the place of that of the settings"
    if security["warning"]:
        yield "warning", security["warning"]
    server = security["server"]
    if server is not None:
        yield "backend key", f"SHA-256 {server['pin']}"
        yield "", f"first seen {local_time(server['seen_at'])}, in the certificate of"
        yield "", f"{server['subject']}, SHA-256 {server['fingerprint']}"
    for one in security["certificates"]:
        yield "certificate", f"{one['what']}: {one['subject']}"
        yield "", f"{_ends(one['not_after'])}; SHA-256 {one['fingerprint']}"


def _ends(not_after: str) -> str:
    return expiry_words(datetime.fromisoformat(not_after), datetime.now(UTC))
