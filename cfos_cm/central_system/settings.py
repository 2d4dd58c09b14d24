"""Which Charge Points the Central System knows, and how it treats the others."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.site.evse import EvseSettings

__all__ = ["CentralSystemSettings", "ChargePointSettings", "UnknownChargePoints"]


class UnknownChargePoints(StrEnum):
    """What happens to a Charge Point that is not configured."""

    ASK = "ask"
    """It is kept waiting (Pending), and shown to the operator."""
    ACCEPT = "accept"
    """It is served; as none of its connectors is an EVSE of the site, it gets no current."""
    REFUSE = "refuse"
    """Its connection is refused."""


@frozen
class ChargePointSettings:
    """
    One Charge Point that is configured.

    @ivar identity: its charge box identity.
    @ivar evses: the EVSEs of the site that it has, by connector.
    @ivar password: its own; C{None}: the common one holds.
    @ivar quirks: how its deviations are treated.
    @ivar certificate_names: what its certificate may name besides its identity and its serial
        number.
    """

    identity: str
    evses: Mapping[int, EvseSettings]
    password: str | None = field(default=None, repr=False)
    quirks: QuirkPolicy = field(factory=QuirkPolicy)
    certificate_names: tuple[str, ...] = ()


@frozen
class CentralSystemSettings:
    """
    What is configured for the Central System.

    @ivar charge_points: by identity.
    @ivar password: of every Charge Point that has none of its own; C{None}: none is asked for.
    @ivar unknown: what happens to every other Charge Point.
    @ivar heartbeat_interval_s: how often a Charge Point is asked to show that it is there. [s]
    @ivar observe_only: load management is off: no Charge Point is given a limit.
    @ivar call_timeout_s: how long a Charge Point may take to answer. [s]
    @ivar takes_tls: whether a Charge Point can come encrypted.
    """

    charge_points: Mapping[str, ChargePointSettings] = field(factory=dict)
    password: str | None = field(default=None, repr=False)
    unknown: UnknownChargePoints = UnknownChargePoints.ASK
    heartbeat_interval_s: int = 300
    call_timeout_s: float = 30.0
    observe_only: bool = False
    takes_tls: bool = False

    def evse_at(self, identity: str, connector: int) -> EvseSettings | None:
        """The EVSE at a connector, if one is configured there."""
        charge_point = self.charge_points.get(identity)
        return None if charge_point is None else charge_point.evses.get(connector)

    def place_of(self, evse: str) -> tuple[str, int] | None:
        """The Charge Point and the connector that an EVSE is; C{None}: it speaks no OCPP."""
        for identity, charge_point in self.charge_points.items():
            for connector, settings in charge_point.evses.items():
                if settings.name == evse:
                    return identity, connector
        return None

    def policy_for(self, identity: str) -> QuirkPolicy:
        """How the deviations of a Charge Point are treated."""
        charge_point = self.charge_points.get(identity)
        return QuirkPolicy() if charge_point is None else charge_point.quirks

    def password_of(self, identity: str) -> str | None:
        """What a Charge Point has to know; C{None}: nothing."""
        charge_point = self.charge_points.get(identity)
        own = None if charge_point is None else charge_point.password
        return own or self.password

    @property
    def asks_passwords(self) -> bool:
        """Whether any Charge Point has to know something."""
        return self.password is not None or any(
            one.password is not None for one in self.charge_points.values()
        )
