"""
The table of configuration keys: their types, bounds and first values.

A key is announced only with what is true: who can set it finds that it does something.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from attrs import frozen

from cfos_cm.charge_point.made.reading import ALL_MEASURANDS
from cfos_cm.charge_point.policy import Treatment, plain, sole_charge_point, treatment
from cfos_cm.charge_point.settings import ConnectorSettings, GatewaySettings
from cfos_cm.v16.types import Measurand

__all__ = [
    "LONGEST_S",
    "MAX_CHAIN_CHARS",
    "MAX_LIST_CARDS",
    "MAX_LIST_UPDATE",
    "MAX_PERIODS",
    "MAX_PROFILES",
    "MAX_ROOTS",
    "MAX_STACK_LEVEL",
    "Accepts",
    "Key",
    "charge_point_with_keys",
    "is_for_charge_point",
    "is_guarded",
    "keys_of",
]

#: A day: no interval is longer. [s]
LONGEST_S: Final = 86_400

MAX_PROFILES: Final = 500
MAX_PERIODS: Final = 1440
MAX_STACK_LEVEL: Final = 99
MAX_LIST_CARDS: Final = 10_000
#: So many entries of an idTag, a group and an expiry date fit into one message.
MAX_LIST_UPDATE: Final = 500
#: Of each kind.
MAX_ROOTS: Final = 20
#: The longest that OCPP can bring.
MAX_CHAIN_CHARS: Final = 10_000
_MAX_NAME_CHARS: Final = 64
_MAX_WORDS: Final = 21

_SINGLE_PHASES: Final = frozenset(
    f"{Measurand.CURRENT_IMPORT}.{phase}" for phase in ("L1", "L2", "L3")
)

#: Takes the text of a value; returns it as it is kept, C{None} if it cannot be.
Accepts = Callable[[str], str | None]


@frozen
class Key:
    """
    A configuration key.

    @ivar value: when the gateway is new.
    @ivar accepts: what reads a new value; C{None}: none may be set.
    @ivar is_secret: its value is never told, and goes another way.
    @ivar is_commanded: what follows from its value is kept, and not the value.
    """

    name: str
    value: str
    accepts: Accepts | None = None
    is_secret: bool = False
    is_commanded: bool = False


def _whole(low: int, high: int) -> Accepts:
    def accepts(text: str) -> str | None:
        found = text.strip()
        # By its length first: a number of many digits takes its time.
        if re.fullmatch("[0-9]{1,10}", found) is None or not low <= int(found) <= high:
            return None
        return str(int(found))

    return accepts


def _flag(text: str) -> str | None:
    found = text.strip().lower()
    return found if found in ("true", "false") else None


def _name(text: str) -> str | None:
    """What can stand in a certificate as an organisation's name: RFC 5280, A.1."""
    found = text.strip()
    return found if len(found) <= _MAX_NAME_CHARS and found.isprintable() else None


def _only(value: str) -> Accepts:
    return lambda text: value if text.strip().lower() == value else None


def _measurands(text: str) -> str | None:
    allowed = {word.lower(): word for word in (*ALL_MEASURANDS, *_SINGLE_PHASES)}
    return _listed(text, lambda word: allowed.get(word.lower()))


def _rotations(connectors: Collection[int]) -> Accepts:
    def rotation(word: str) -> str | None:
        number, _, order = word.partition(".")
        allowed = number.isascii() and number.isdigit() and len(number) <= 4
        if not allowed or int(number) not in (0, *connectors):
            return None
        return word if order in _ROTATIONS else None

    return lambda text: _listed(text, rotation)


_ROTATIONS: Final = frozenset(
    {"NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR"}
)


def _listed(text: str, meant: Callable[[str], str | None]) -> str | None:
    """A list of words, each once; C{None} if it has too many, or one that means nothing."""
    if not text.strip():
        return ""
    found = [meant(word.strip()) for word in text.split(",")]
    words = [word for word in found if word is not None]
    if len(words) < len(found) or len(words) > _MAX_WORDS:
        return None
    return ",".join(dict.fromkeys(words))


def keys_of(settings: GatewaySettings, max_keys: int) -> tuple[Key, ...]:
    """
    The keys of a gateway.

    @param max_keys: GetConfigurationMaxKeys.
    """
    return (
        *_core(settings, max_keys),
        *_metering(settings),
        *_local_list(),
        *_reservation(settings),
        *_smart_charging(),
        *_security(settings),
    )


def _core(settings: GatewaySettings, max_keys: int) -> tuple[Key, ...]:
    numbers = [one.number for one in settings.connectors]
    rotation = ",".join(f"{number}.NotApplicable" for number in (0, *numbers))
    day = _whole(1, LONGEST_S)
    return (
        Key("AllowOfflineTxForUnknownId", "false", _flag),
        Key("AuthorizationCacheEnabled", "true", _flag),
        Key("AuthorizeRemoteTxRequests", "false", _flag),
        Key("ConnectionTimeOut", "60", _whole(1, 3600)),
        Key("ConnectorPhaseRotation", rotation, _rotations(numbers)),
        Key("ConnectorPhaseRotationMaxLength", str(len(numbers) + 1)),
        Key("GetConfigurationMaxKeys", str(max_keys)),
        Key("HeartbeatInterval", "300", day),
        Key("LocalAuthorizeOffline", "true", _flag),
        Key("LocalPreAuthorize", "false", _flag),
        # Whose card is refused gets nothing more; less than that cannot be promised.
        Key("MaxEnergyOnInvalidId", "0", _only("0")),
        Key("MessageTimeout", "30", _whole(5, 300)),
        Key("MinimumStatusDuration", "0", _whole(0, 3600)),
        Key("NumberOfConnectors", str(len(numbers))),
        Key("ResetRetries", "1", _whole(0, 10)),
        Key("StopTransactionOnEVSideDisconnect", "true", _flag),
        Key("StopTransactionOnInvalidId", "true", _flag),
        Key("SupportedFeatureProfiles", ",".join(_feature_profiles(settings))),
        Key("TransactionMessageAttempts", "3", _whole(1, 100)),
        Key("TransactionMessageRetryInterval", "30", day),
        # What becomes of the lock is up to the device, and it opens it.
        Key("UnlockConnectorOnEVSideDisconnect", "true"),
        Key("WebSocketPingInterval", "30", _whole(0, 3600)),
    )


def _metering(settings: GatewaySettings) -> tuple[Key, ...]:
    """They can be set where readings are made here; else the Charge Points have their own."""
    is_made = any(not one.speaks_ocpp for one in settings.connectors)
    interval = _whole(0, LONGEST_S) if is_made else None
    lists = _measurands if is_made else None
    energy = str(Measurand.ENERGY_ACTIVE_IMPORT_REGISTER)
    most = str(_MAX_WORDS)
    return (
        Key("ClockAlignedDataInterval", "900", interval),
        Key("MeterValueSampleInterval", "60", interval),
        Key("MeterValuesAlignedData", energy, lists),
        Key("MeterValuesAlignedDataMaxLength", most),
        Key("MeterValuesSampledData", energy, lists),
        Key("MeterValuesSampledDataMaxLength", most),
        Key("StopTransactionMaxMeterValues", "500"),
        Key("StopTxnAlignedData", "", lists),
        Key("StopTxnAlignedDataMaxLength", most),
        Key("StopTxnSampledData", "", lists),
        Key("StopTxnSampledDataMaxLength", most),
    )


def _local_list() -> tuple[Key, ...]:
    return (
        Key("LocalAuthListEnabled", "true", _flag),
        Key("LocalAuthListMaxLength", str(MAX_LIST_CARDS)),
        Key("SendLocalListMaxLength", str(MAX_LIST_UPDATE)),
    )


def _reservation(settings: GatewaySettings) -> tuple[Key, ...]:
    is_made = all(not one.speaks_ocpp for one in settings.connectors)
    return (Key("ReserveConnectorZeroSupported", "true" if is_made else "false"),)


def _smart_charging() -> tuple[Key, ...]:
    return (
        Key("ChargeProfileMaxStackLevel", str(MAX_STACK_LEVEL)),
        Key("ChargingScheduleAllowedChargingRateUnit", "Current,Power"),
        Key("ChargingScheduleMaxPeriods", str(MAX_PERIODS)),
        Key("MaxChargingProfilesInstalled", str(MAX_PROFILES)),
    )


def _security(settings: GatewaySettings) -> tuple[Key, ...]:
    profile = settings.profile(settings.password is not None)
    return (
        # A new root need not be signed by the one before.
        Key("AdditionalRootCertificateCheck", "false"),
        Key("AuthorizationKey", "", is_secret=True),
        Key("CertificateSignedMaxChainSize", str(MAX_CHAIN_CHARS)),
        Key("CertificateStoreMaxLength", str(MAX_ROOTS)),
        Key("CpoName", "", _name),
        Key("SecurityProfile", str(profile.value), _whole(0, 3), is_commanded=True),
    )


#: What announces a feature profile: it is not refused.
_FEATURES: Final = (
    ("FirmwareManagement", "UpdateFirmware"),
    ("LocalAuthListManagement", "SendLocalList"),
    ("Reservation", "ReserveNow"),
    ("SmartCharging", "SetChargingProfile"),
    ("RemoteTrigger", "TriggerMessage"),
)


def _feature_profiles(settings: GatewaySettings) -> list[str]:
    found = ["Core"]
    for profile, action in _FEATURES:
        done = {treatment(settings, action, one.speaks_ocpp) for one in settings.connectors}
        # Firmware is for Charge Points: all the gateway can do is to say that it failed.
        needs = {Treatment.FORWARD} if profile == "FirmwareManagement" else set(Treatment)
        if Treatment.REFUSE not in done and done <= needs:
            found.append(profile)
    return found


#: Keys that a Charge Point has for itself, though a gateway knows them too.
_CHARGE_POINT_KEYS: Final = frozenset(
    name.lower()
    for name in (
        "BlinkRepeat",
        "ClockAlignedDataInterval",
        "ConnectionTimeOut",
        "ConnectorPhaseRotation",
        "ConnectorPhaseRotationMaxLength",
        "LightIntensity",
        "MeterValueSampleInterval",
        "MeterValuesAlignedData",
        "MeterValuesAlignedDataMaxLength",
        "MeterValuesSampledData",
        "MeterValuesSampledDataMaxLength",
        "ReserveConnectorZeroSupported",
        "ResetRetries",
        "StopTransactionMaxMeterValues",
        "StopTransactionOnEVSideDisconnect",
        "StopTxnAlignedData",
        "StopTxnAlignedDataMaxLength",
        "StopTxnSampledData",
        "StopTxnSampledDataMaxLength",
        "UnlockConnectorOnEVSideDisconnect",
    )
)

#: Parts of the names of keys that say where a Charge Point connects to, as who, or what is
#: secret about it, and whether it keeps to a limit: a backend that sets them takes it away from
#: this program.
_GUARDED: Final = re.compile(
    "url|uri|host|server|endpoint|backend|backoffice|centralsystem|csms|ocpp|websocket|domain"
    "|dns|gateway|passw|pwd|passphrase|secret|token|credential|authorizationkey|apikey|identity"
    "|chargeboxid|chargepointid|apn|wifi|wlan|ssid|network|proxy|vpn|certificate|cponame"
    "|securityprofile"
    "|current|ampere|maxpower|fallback|failsafe|smartcharging|chargingprofile|chargeprofile"
    "|loadmanagement|loadbalanc|powerlimit|watchdog"
)


def is_guarded(name: str) -> bool:
    """Whether a vendor's key looks like one that takes a Charge Point away from here."""
    return _GUARDED.search(plain(name)) is not None


def charge_point_with_keys(settings: GatewaySettings) -> ConnectorSettings | None:
    """
    A connector of the Charge Point whose own keys the backend may read and set.

    @return: C{None}: there is no such one, or the backend is only told.
    """
    is_only_told = not settings.decides
    return None if is_only_told else sole_charge_point(settings)


def is_for_charge_point(settings: GatewaySettings, name: str, is_known: bool) -> bool:
    """
    Whether a key is that of the one Charge Point behind a gateway.

    @param is_known: the gateway has a key of that name.
    """
    if charge_point_with_keys(settings) is None:
        return False
    if is_known:
        return name.lower() in _CHARGE_POINT_KEYS
    return not is_guarded(name) or "ChangeConfiguration" in settings.allowed
