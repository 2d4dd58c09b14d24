"""The limits that Charge Points announce by their configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cfos_cm.v16.core import GetConfigurationConfirmation

__all__ = [
    "CERTIFICATE_CHAIN_CHARS",
    "CONFIGURATION_KEYS",
    "CONNECTORS",
    "LIST_ENTRIES",
    "LIST_ENTRIES_AT_ONCE",
    "MAX_ANNOUNCERS",
    "SCHEDULE_PERIODS",
    "Announced",
    "number_in",
]

CONFIGURATION_KEYS: Final = "GetConfigurationMaxKeys"
CONNECTORS: Final = "NumberOfConnectors"
LIST_ENTRIES: Final = "LocalAuthListMaxLength"
LIST_ENTRIES_AT_ONCE: Final = "SendLocalListMaxLength"
SCHEDULE_PERIODS: Final = "ChargingScheduleMaxPeriods"
CERTIFICATE_CHAIN_CHARS: Final = "CertificateSignedMaxChainSize"

#: The Charge Points whose limits are remembered; one more, and the oldest is forgotten.
MAX_ANNOUNCERS = 2000

_KEYS: Final = {
    key.casefold(): key
    for key in (
        CONFIGURATION_KEYS,
        CONNECTORS,
        LIST_ENTRIES,
        LIST_ENTRIES_AT_ONCE,
        SCHEDULE_PERIODS,
        CERTIFICATE_CHAIN_CHARS,
    )
}
_NUMBER = re.compile(r"\s*[\"']?([0-9]{1,9})(?:\.0*)?[\"']?\s*")
_NOTHING: Mapping[str, int] = MappingProxyType({})


class Announced:
    """What each Charge Point has said last of its limits, whoever asked it."""

    def __init__(self) -> None:
        self._limits: dict[str, dict[str, int]] = {}

    def note(self, identity: str, confirmation: GetConfigurationConfirmation) -> None:
        """A Charge Point tells its configuration; a limit that is no number is left out."""
        for told in confirmation.configuration_key or ():
            # Some write their keys in lower case.
            key = _KEYS.get(told.key.casefold())
            number = None if told.value is None else number_in(told.value)
            if key is not None and number is not None and number > 0:
                self._of(identity)[key] = number

    def by(self, identity: str) -> Mapping[str, int]:
        """The limits of a Charge Point, by configuration key."""
        return self._limits.get(identity, _NOTHING)

    def _of(self, identity: str) -> dict[str, int]:
        if identity not in self._limits and len(self._limits) >= MAX_ANNOUNCERS:
            del self._limits[next(iter(self._limits))]
        return self._limits.setdefault(identity, {})


def number_in(text: str) -> int | None:
    """The number that a configuration value is; C{None} when it is none."""
    found = _NUMBER.fullmatch(text)
    return None if found is None else int(found[1])
