"""What is configured for one gateway: a backend, and the EVSEs that it sees."""

from __future__ import annotations

from enum import StrEnum

from attrs import field, frozen

from cfos_cm.electrical import ALL_PHASES
from cfos_cm.site.security_profile import SecurityProfile

__all__ = ["ConnectorSettings", "GatewayRole", "GatewaySettings", "Outage"]


class GatewayRole(StrEnum):
    """Whether a backend decides who may charge, or is only told."""

    AUTHORITY = "authority"
    REPORT = "report"


class Outage(StrEnum):
    """What happens at an EVSE while its backend cannot be reached."""

    SHIELD = "shield"
    """It is answered here, and notices nothing."""
    STRICT = "strict"
    """It stops, and its own connection is closed."""


@frozen
class ConnectorSettings:
    """
    An EVSE, as a connector of what the backend sees.

    @ivar number: its number at the backend, from 1 on.
    @ivar evse: its name in the site.
    @ivar charge_point: whose it is in the ledger: a ChargeBox ID, or the place that an EVSE
        without a Charge Point has there.
    @ivar connector: its number there.
    @ivar speaks_ocpp: its messages are relayed; those of another one are made here.
    @ivar max_current_ma: its rating. [mA per phase]
    @ivar phases: on how many it can charge.
    """

    number: int
    evse: str
    charge_point: str
    connector: int = 1
    speaks_ocpp: bool = False
    max_current_ma: int = 16_000
    phases: int = len(ALL_PHASES)


@frozen
class GatewaySettings:
    """
    One identity at one backend.

    @ivar key: names its queue and all else that is kept of it, for as long as it is the same
        backend and the same identity there.
    @ivar name: for people: the section's name, or those of several with a plus between them.
    @ivar url: the backend's, without the identity.
    @ivar client_id: the identity.
    @ivar role: whether the backend decides, or is only told.
    @ivar outage: what happens while it is away.
    @ivar tags: which idTags it is asked about and told of; C{*} stands for anything.
    @ivar connectors: in the order of their numbers; at least one.
    @ivar allowed: what it may command that needs consent, by the names of the actions.
    @ivar refused: what it may not command, by the names of the actions.
    @ivar queue_limit: above so many messages periodic readings are thinned out.
    @ivar has_authorities: it is said whose certificates are believed.
    @ivar has_certificate: there is a certificate to show to the backend.
    """

    key: str
    name: str
    # Some have a key in it.
    url: str = field(repr=False)
    client_id: str
    connectors: tuple[ConnectorSettings, ...]
    role: GatewayRole = GatewayRole.AUTHORITY
    outage: Outage = Outage.SHIELD
    tags: tuple[str, ...] = ("*",)
    allowed: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    queue_limit: int = 1_000_000
    password: str | None = field(default=None, repr=False)
    has_authorities: bool = False
    has_certificate: bool = False

    @property
    def is_secure(self) -> bool:
        """Whether the backend is called by TLS, as configured."""
        return self.url.lower().startswith("wss:")

    def profile(self, has_password: bool) -> SecurityProfile:
        """
        The security profile, as configured.

        @param has_password: there is one, or the backend has given one since.
        """
        if self.is_secure and self.has_certificate:
            return SecurityProfile.CERTIFICATE
        if not has_password:
            return SecurityProfile.NONE
        return SecurityProfile.TLS if self.is_secure else SecurityProfile.PASSWORD

    @property
    def decides(self) -> bool:
        """Whether the backend says who may charge, and may command."""
        return self.role is GatewayRole.AUTHORITY

    def is_for(self, id_tag: str) -> bool:
        """Whether the backend is asked about an idTag, and told of it."""
        folded = id_tag.casefold()
        return any(_fits(pattern.casefold(), folded) for pattern in self.tags)

    def connector(self, number: int) -> ConnectorSettings | None:
        """The EVSE with a number; C{None}: there is none."""
        for one in self.connectors:
            if one.number == number:
                return one
        return None

    def connector_of(self, evse: str) -> ConnectorSettings | None:
        """The connector that an EVSE is; C{None}: it is none of them."""
        for one in self.connectors:
            if one.evse == evse:
                return one
        return None


def _fits(pattern: str, text: str) -> bool:
    """Whether a text is as a pattern has it, in which C{*} stands for anything."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    *middle, last = others
    if not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end
