"""The security of gateways' connections: where its events are kept, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from attrs import frozen
from twisted.internet.defer import Deferred

from cfos_cm.certificates.names import fingerprint, subject_words
from cfos_cm.charge_point.environment import SecurityRecord
from cfos_cm.charge_point.security_standing import KeptCertificate, SecurityStanding
from cfos_cm.net.backend_client import BackendState
from cfos_cm.services.console_words import printable
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.storage.checks import MAX_NAME_CHARS
from cfos_cm.storage.security_events import SecurityEvent, SecurityEvents
from cfos_cm.v16.timestamps import format_timestamp

__all__ = ["ConnectionSecurity", "KeptSecurityLog", "shown_security"]


class KeptSecurityLog:
    """
    This is L{cfos_cm.charge_point.environment.SecurityLog}, in the database.

    The events of a gateway are beside those of Charge Points, under its key.
    """

    def __init__(
        self, events: SecurityEvents, gateway: str, now: Callable[[], datetime]
    ) -> None:
        """
        @param gateway: its key.
        @param now: the time of day; aware, UTC.
        """
        self._events = events
        self._name = gateway if len(gateway) <= MAX_NAME_CHARS else _hashed(gateway)
        self._now = now

    def add(self, kind: str, tech_info: str | None) -> Deferred[None]:
        """Note one, now."""
        now = self._now()
        return self._events.add(self._name, kind, format_timestamp(now), tech_info, now)

    def all(self) -> Deferred[tuple[SecurityRecord, ...]]:
        """What is kept, oldest first."""
        return self._events.of(self._name).addCallback(_records)


def _hashed(gateway: str) -> str:
    return f"gateway {sha256(gateway.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _records(events: tuple[SecurityEvent, ...]) -> tuple[SecurityRecord, ...]:
    return tuple(SecurityRecord(one.kind, one.received_at, one.tech_info) for one in events)


@frozen
class ConnectionSecurity:
    """
    How the security of a gateway's connection is.

    @ivar standing: what it has been given, and has come to.
    @ivar connected: what the connection amounts to; C{None}: there is none.
    @ivar warning: what is less safe than it should be; empty: nothing.
    """

    standing: SecurityStanding
    connected: SecurityProfile | None = None
    warning: str = ""

    @classmethod
    def of(cls, standing: SecurityStanding, state: BackendState) -> ConnectionSecurity:
        """That of a connection in this state."""
        return cls(standing, state.profile, state.warning)


def shown_security(security: ConnectionSecurity) -> dict[str, object]:
    """The same, as an answer of the control socket; no secret is in it."""
    standing, server = security.standing, security.standing.server
    known = server and {
        "pin": server.pin,
        "fingerprint": server.fingerprint,
        "subject": printable(server.subject),
        "seen_at": server.seen_at,
    }
    return {
        "profile": standing.profile.value,
        "is_proven": standing.is_proven,
        "connected": None if security.connected is None else security.connected.value,
        "warning": security.warning,
        "has_given_key": standing.has_given_key,
        "server": known,
        "certificates": [_shown(one) for one in standing.certificates],
    }


def _shown(kept: KeptCertificate) -> dict[str, object]:
    certificate = kept.certificate
    return {
        "what": kept.what,
        "subject": subject_words(certificate.subject),
        "fingerprint": fingerprint(certificate),
        "not_after": certificate.not_valid_after_utc.isoformat(),
    }
