"""What Charge Points announce by their configuration, and our orders have to keep to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from cfos_cm.v16.core import GetConfigurationConfirmation

__all__ = [
    "CERTIFICATE_CHAIN_CHARS",
    "CONFIGURATION_KEYS",
    "CONNECTORS",
    "CONNECTOR_0_RESERVABLE",
    "LIST_ENTRIES",
    "LIST_ENTRIES_AT_ONCE",
    "MAX_ANNOUNCERS",
    "SCHEDULE_PERIODS",
    "SECURITY_PROFILE",
    "Announced",
    "number_in",
]

CONFIGURATION_KEYS: Final = "GetConfigurationMaxKeys"
CONNECTORS: Final = "NumberOfConnectors"
CONNECTOR_0_RESERVABLE: Final = "ReserveConnectorZeroSupported"
LIST_ENTRIES: Final = "LocalAuthListMaxLength"
LIST_ENTRIES_AT_ONCE: Final = "SendLocalListMaxLength"
SCHEDULE_PERIODS: Final = "ChargingScheduleMaxPeriods"
SECURITY_PROFILE: Final = "SecurityProfile"
CERTIFICATE_CHAIN_CHARS: Final = "CertificateSignedMaxChainSize"

#: The Charge Points whose words are remembered; one more, and the oldest is forgotten.
MAX_ANNOUNCERS = 2000

_NUMBER = re.compile(r"\s*[\"']?([0-9]{1,9})(?:\.0*)?[\"']?\s*")
_TRUTH = re.compile(r"\s*[\"']?(?:(true|1)|false|0)[\"']?\s*", re.IGNORECASE)
_NOTHING: Mapping[str, int] = MappingProxyType({})


class Announced:
    """What each Charge Point has said last of itself, whoever asked it."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, int]] = {}

    def note(self, identity: str, confirmation: GetConfigurationConfirmation) -> None:
        """A Charge Point tells its configuration; a value that makes no sense is left out."""
        for told in confirmation.configuration_key or ():
            # Some write their keys in lower case.
            known = _KEYS.get(told.key.casefold())
            if known is None or told.value is None:
                continue
            key, read = known
            value = read(told.value)
            if value is not None:
                self._of(identity)[key] = value

    def by(self, identity: str) -> Mapping[str, int]:
        """What a Charge Point has told, by configuration key; true is 1, and false is 0."""
        return self._told.get(identity, _NOTHING)

    def _of(self, identity: str) -> dict[str, int]:
        if identity not in self._told and len(self._told) >= MAX_ANNOUNCERS:
            del self._told[next(iter(self._told))]
        return self._told.setdefault(identity, {})


def number_in(text: str) -> int | None:
    """The number that a configuration value is; C{None} when it is none."""
    found = _NUMBER.fullmatch(text)
    return None if found is None else int(found[1])


def _limit_in(text: str) -> int | None:
    # None would be left of what has a limit of 0.
    return number_in(text) or None


def _truth_in(text: str) -> int | None:
    found = _TRUTH.fullmatch(text)
    return None if found is None else int(found[1] is not None)


#: How the value of each key is read that is remembered, by its name in lower case.
_KEYS: Final[Mapping[str, tuple[str, Callable[[str], int | None]]]] = {
    key.casefold(): (key, read)
    for key, read in (
        (CONFIGURATION_KEYS, _limit_in),
        (CONNECTORS, _limit_in),
        (LIST_ENTRIES, _limit_in),
        (LIST_ENTRIES_AT_ONCE, _limit_in),
        (SCHEDULE_PERIODS, _limit_in),
        (CERTIFICATE_CHAIN_CHARS, _limit_in),
        (CONNECTOR_0_RESERVABLE, _truth_in),
        (SECURITY_PROFILE, number_in),
    )
}
