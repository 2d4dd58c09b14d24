"""
Which deviations a Charge Point is forgiven: the one place that decides it.

A deviation is tolerated where it was seen: by wallboxes of a vendor, a model or a firmware that
is known for it, told by the BootNotification, or by the operator's word in C{tap.cfg}. Nobody
else is forgiven it. Only what harms nobody is tolerated everywhere.
"""

from __future__ import annotations

import re

from attrs import field, frozen

from cfos_cm.quirk import NO_QUIRKS, Quirk
from cfos_cm.site.evse import DeviceIdentity

__all__ = ["PROFILES", "STANDARD", "QuirkPolicy", "QuirkProfile", "profiles_of"]

#: Of every Charge Point that is not to be treated strictly: told once, and otherwise ignored.
STANDARD: frozenset[Quirk] = frozenset({Quirk.UNKNOWN_FIELDS})


@frozen
class QuirkProfile:
    """
    What is known of some make of wallbox.

    @ivar name: for people.
    @ivar vendor: what its chargePointVendor is like, upper and lower case alike; a regular
        expression that has to be found from the start.
    @ivar model: the same for its chargePointModel.
    @ivar firmware: the same for its firmwareVersion.
    @ivar quirks: what it is forgiven.
    @ivar evidence: where it was seen.
    """

    name: str
    vendor: str
    quirks: frozenset[Quirk]
    evidence: str
    model: str = ""
    firmware: str = ""

    def fits(self, device: DeviceIdentity) -> bool:
        """Whether C{device} is of this make."""
        return (
            _begins(self.vendor, device.vendor)
            and _begins(self.model, device.model)
            and _begins(self.firmware, device.firmware_version or "")
        )


def _begins(pattern: str, text: str) -> bool:
    return re.match(pattern, text.strip(), re.IGNORECASE) is not None


def _of(*quirks: Quirk) -> frozenset[Quirk]:
    return frozenset(quirks)


#: A new one is one row here and one persona of the fake charger.
PROFILES: tuple[QuirkProfile, ...] = (
    QuirkProfile(
        "Grizzl-E",
        r"(united ?chargers|grizzl)",
        _of(Quirk.NO_SUBPROTOCOL, Quirk.BROKEN_JSON, Quirk.LONG_TEXTS),
        "https://github.com/lbbrhzn/ocpp/issues/442",
    ),
    QuirkProfile(
        "go-e",
        r"go-?e\b",
        _of(Quirk.NUMERIC_IDS, Quirk.ANSWERS_WITH_ACTION, Quirk.NO_CLEAR),
        "https://github.com/goecharger/go-eCharger-API-v2/issues/106 and 187",
    ),
    QuirkProfile(
        "ZJ Beny",
        r"(zj ?beny|beny)",
        _of(Quirk.BROKEN_JSON),
        "https://github.com/lbbrhzn/ocpp/issues/1078",
    ),
    QuirkProfile(
        "AEFA",
        r"aefa",
        _of(Quirk.BROKEN_JSON),
        "https://github.com/lbbrhzn/ocpp/issues/2032",
    ),
    QuirkProfile(
        "Huawei",
        r"huawei",
        _of(Quirk.SINGLE_METER_VALUE, Quirk.WATTS),
        "https://github.com/lbbrhzn/ocpp/issues/1144",
    ),
    QuirkProfile(
        "Charge Amps",
        r"charge ?amps",
        _of(Quirk.OTHER_WORDS),
        "https://github.com/lbbrhzn/ocpp/issues/1576",
    ),
    QuirkProfile(
        "EN+",
        r"(en\+|en ?plus)",
        _of(Quirk.OTHER_ANSWER_IDS, Quirk.ACCEPTED_DATA, Quirk.NO_CONNECTOR_0),
        "https://github.com/mobilityhouse/ocpp/issues/297",
    ),
    QuirkProfile(
        "EVBox",
        r"ev-?box",
        _of(Quirk.ACCEPTED_DATA),
        "https://github.com/evcc-io/evcc/pull/10109",
    ),
    QuirkProfile(
        "Alfen",
        r"alfen",
        _of(Quirk.ACCEPTED_DATA),
        "https://github.com/lbbrhzn/ocpp/issues/337",
    ),
    QuirkProfile(
        "Compleo",
        r"compleo",
        _of(Quirk.ACCEPTED_DATA),
        "https://vaylens.atlassian.net/wiki/spaces/CK/pages/790823084",
    ),
    QuirkProfile(
        "Growatt",
        r"growatt",
        _of(Quirk.DATA_AS_OBJECT),
        "https://github.com/mobilityhouse/ocpp/issues/101",
    ),
    QuirkProfile(
        "Ocular",
        r"ocular",
        _of(Quirk.LONG_TEXTS),
        "https://github.com/lbbrhzn/ocpp",
    ),
    QuirkProfile(
        "Schneider Electric",
        r"schneider",
        _of(Quirk.LONG_TEXTS),
        "https://github.com/lbbrhzn/ocpp/issues/1622",
    ),
    QuirkProfile(
        "OpenEVSE",
        r"open ?evse",
        _of(Quirk.KWH_AS_WH),
        "https://github.com/OpenEVSE/openevse_esp32_firmware/issues/703",
    ),
    QuirkProfile(
        "Anker SOLIX",
        r"anker",
        _of(Quirk.NO_CONNECTOR_0),
        "https://github.com/evcc-io/evcc/pull/31123",
    ),
    QuirkProfile(
        "Wallbox",
        r"wall ?box( chargers)?\b",
        _of(Quirk.RELATIVE_PROFILES),
        "https://github.com/evcc-io/evcc/pull/22139",
    ),
    QuirkProfile(
        "Delta",
        r"delta\b",
        _of(Quirk.NO_COMPOSITE, Quirk.NO_CLEAR),
        "https://github.com/steve-community/steve/issues/44 and "
        "https://github.com/JoaoPedroBelo/bmw-wallbox-ha/pull/18",
    ),
    QuirkProfile(
        "Timxon",
        r"timxon",
        _of(Quirk.DEFAULT_PROFILES, Quirk.RELATIVE_PROFILES),
        "https://github.com/lbbrhzn/ocpp/issues/2158",
    ),
)


def profiles_of(device: DeviceIdentity) -> tuple[QuirkProfile, ...]:
    """What is known of the make of C{device}."""
    return tuple(profile for profile in PROFILES if profile.fits(device))


@frozen
class QuirkPolicy:
    """
    How a Charge Point's deviations are treated.

    @ivar auto: what is known of its make is forgiven.
    @ivar strict: nothing is, not even what harms nobody.
    @ivar named: what the operator has named; forgiven from the first byte on.
    """

    auto: bool = True
    strict: bool = False
    named: frozenset[Quirk] = field(default=NO_QUIRKS)

    def tolerated(self, device: DeviceIdentity | None) -> frozenset[Quirk]:
        """
        What is forgiven.

        @param device: what it has said of itself; C{None} if it never has.
        """
        if self.strict:
            return self.named
        tolerated = STANDARD | self.named
        if self.auto and device is not None:
            for profile in profiles_of(device):
                tolerated |= profile.quirks
        return tolerated

    def joined(self, other: QuirkPolicy) -> QuirkPolicy:
        """The policy for a Charge Point that two EVSEs belong to, one with each."""
        return QuirkPolicy(
            self.auto and other.auto, self.strict or other.strict, self.named | other.named
        )
