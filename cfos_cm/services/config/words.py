"""The words that stand for a choice in C{tap.cfg}."""

from __future__ import annotations

from enum import StrEnum

from cfos_cm.net.tls_mode import TlsMode as Tls

__all__ = [
    "Authorisation",
    "ImbalanceOf",
    "LoadManagement",
    "OnDisable",
    "SimulatorType",
    "Tls",
]


class LoadManagement(StrEnum):
    """Whether this program sets currents."""

    ON = "on"
    OBSERVE = "observe"


class OnDisable(StrEnum):
    """What an EVSE is left with when it is disabled."""

    BLOCK = "block"
    MINIMUM = "minimum"
    CANCEL_LIMITS = "cancel_limits"


class ImbalanceOf(StrEnum):
    """Whose currents must not differ too much between phases."""

    EVSES = "evses"
    ALL = "all"


class Authorisation(StrEnum):
    """Who is asked whether somebody may charge."""

    MANAGER = "manager"
    DEVICE = "device"


class SimulatorType(StrEnum):
    """What a simulator plays."""

    CHARGE_POINT = "charge_point"
    POWER_BRAIN = "power_brain"
    METER = "meter"
    BACKEND = "backend"
