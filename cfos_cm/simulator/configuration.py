"""The configuration keys of a virtual wallbox. OCPP 1.6, "Standard Configuration Key Names"."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import ceil

from attrs import frozen

from cfos_cm.simulator.profiles import MAX_PERIODS, MAX_PROFILES, MAX_STACK_LEVEL
from cfos_cm.v16.core import ConfigurationStatus, KeyValue

__all__ = ["MAX_KEYS", "Configuration"]

#: How many keys one GetConfiguration may name.
MAX_KEYS = 50

_DAY_S = 86_400
#: Wh of the register, W in all, A on each phase, and what was offered.
_SAMPLED = (
    "Energy.Active.Import.Register,Power.Active.Import,"
    "Current.Import.L1,Current.Import.L2,Current.Import.L3,Current.Offered"
)


@frozen
class _Key:
    """
    A configuration key.

    @ivar value: when the wallbox is new.
    @ivar accepts: whether a new value may be set; C{None}: none may.
    @ivar is_secret: whether its value is never told.
    """

    name: str
    value: str
    accepts: Callable[[str], bool] | None = None
    is_secret: bool = False


def _whole(low: int, high: int) -> Callable[[str], bool]:
    return lambda text: (
        re.fullmatch("[0-9]{1,9}", text) is not None and low <= int(text) <= high
    )


def _is_flag(text: str) -> bool:
    return text.lower() in ("true", "false")


def _is_authorization_key(text: str) -> bool:
    # "Improved security for OCPP 1.6-J": 16 to 20 bytes, in hexadecimal.
    return re.fullmatch("(?:[0-9A-Fa-f]{2}){16,20}", text) is not None


def _rows(connector: int, meter_interval_s: float) -> tuple[_Key, ...]:
    return (
        _Key("AllowOfflineTxForUnknownId", "false", _is_flag),
        _Key("AuthorizationCacheEnabled", "true"),
        _Key("AuthorizationKey", "", _is_authorization_key, is_secret=True),
        _Key("AuthorizeRemoteTxRequests", "false"),
        _Key("ChargeProfileMaxStackLevel", str(MAX_STACK_LEVEL)),
        _Key("ChargingScheduleAllowedChargingRateUnit", "Current,Power"),
        _Key("ChargingScheduleMaxPeriods", str(MAX_PERIODS)),
        _Key("ClockAlignedDataInterval", "0", _whole(0, 0)),
        _Key("ConnectionTimeOut", "60", _whole(1, _DAY_S)),
        _Key("ConnectorPhaseRotation", f"0.RST,{connector}.RST"),
        _Key("GetConfigurationMaxKeys", str(MAX_KEYS)),
        _Key("HeartbeatInterval", "300", _whole(1, _DAY_S)),
        _Key("LocalAuthorizeOffline", "true", _is_flag),
        _Key("LocalPreAuthorize", "false"),
        _Key("MaxChargingProfilesInstalled", str(MAX_PROFILES)),
        _Key("MeterValueSampleInterval", f"{meter_interval_s:g}", _whole(0, _DAY_S)),
        _Key("MeterValuesAlignedData", ""),
        _Key("MeterValuesSampledData", _SAMPLED),
        _Key("NumberOfConnectors", str(connector)),
        _Key("ResetRetries", "0"),
        _Key("StopTransactionOnEVSideDisconnect", "true"),
        _Key("StopTransactionOnInvalidId", "true", _is_flag),
        _Key("StopTxnAlignedData", ""),
        _Key("StopTxnSampledData", ""),
        _Key("SupportedFeatureProfiles", "Core,SmartCharging,RemoteTrigger"),
        _Key("TransactionMessageAttempts", "3", _whole(1, 100)),
        _Key("TransactionMessageRetryInterval", "30", _whole(1, _DAY_S)),
        _Key("UnlockConnectorOnEVSideDisconnect", "true"),
        _Key("WebSocketPingInterval", "30"),
    )


class Configuration:
    """The keys with their values. Upper and lower case of a key's name do not matter."""

    def __init__(self, connector: int, meter_interval_s: float) -> None:
        """
        @param connector: the highest number of a connector.
        @param meter_interval_s: between two MeterValues, until somebody changes it. [s]
        """
        rows = _rows(connector, meter_interval_s)
        self._keys = {key.name.lower(): key for key in rows}
        self._values = {key.name: key.value for key in rows}

    def is_set(self, name: str) -> bool:
        """Whether the flag C{name} is true."""
        return self._values[name].lower() == "true"

    def number(self, name: str) -> float:
        """The number that C{name} is."""
        return float(self._values[name])

    def authorization_key(self) -> bytes | None:
        """The password that a Central System has set; C{None}: none has."""
        return bytes.fromhex(self._values["AuthorizationKey"]) or None

    def put_heartbeat_interval(self, interval_s: int) -> None:
        """Take the interval that a BootNotification was answered with. [s]"""
        self._values["HeartbeatInterval"] = str(max(1, min(interval_s, _DAY_S)))

    def read(self, names: tuple[str, ...]) -> tuple[tuple[KeyValue, ...], tuple[str, ...]]:
        """
        What GetConfiguration is answered with.

        @param names: empty: all.
        @return: the keys that there are, and the names that are none.
        """
        known = [self._keys.get(name.lower()) for name in names]
        unknown = tuple(name for name, key in zip(names, known, strict=True) if key is None)
        wanted = [key for key in known if key is not None] if names else self._keys.values()
        return tuple(self._shown(key) for key in wanted), unknown

    def change(self, name: str, value: str) -> ConfigurationStatus:
        """Set a key, if it is there and takes that value."""
        key = self._keys.get(name.lower())
        if key is None:
            return ConfigurationStatus.NOT_SUPPORTED
        if key.accepts is None or not key.accepts(value):
            return ConfigurationStatus.REJECTED
        self._values[key.name] = value
        return ConfigurationStatus.ACCEPTED

    def _shown(self, key: _Key) -> KeyValue:
        value = self._values[key.name]
        if key.name == "MeterValueSampleInterval":
            # The type of this key is an integer, though the wallbox can do better.
            value = str(ceil(float(value)))
        return KeyValue(
            key=key.name,
            readonly=key.accepts is None,
            value=None if key.is_secret else value,
        )
