"""Cases for a Charge Point about all else of the feature profile Core."""

from __future__ import annotations

from tests.compliance.case import Case
from tests.compliance.gateway.backend import Reply
from tests.compliance.gateway.cases import BOTH, WALLBOX, case
from tests.compliance.gateway.states import (
    BOOTED,
    CHARGING,
    ENDS_AND_LEAVES,
    UNAVAILABLE,
    boot,
    change,
    status,
    stop,
)
from tests.compliance.gateway.steps import (
    Comes,
    Does,
    Hears,
    IsAsked,
    PowerFails,
    Quiet,
    Replies,
    Spaced,
    WallboxAnswers,
    asks,
)
from tests.compliance.patterns import ABSENT, Among, OneOf
from tests.compliance.steps import Step, Waits

__all__ = ["CASES"]

_REJECTED = Reply({"status": "Rejected", "interval": 60})
_PENDING = Reply({"status": "Pending", "interval": 60})

_WRITABLE = (
    "AuthorizeRemoteTxRequests",
    "ClockAlignedDataInterval",
    "ConnectionTimeOut",
    "ConnectorPhaseRotation",
    "HeartbeatInterval",
    "LocalAuthListEnabled",
    "LocalAuthorizeOffline",
    "LocalPreAuthorize",
    "MeterValueSampleInterval",
    "MeterValuesAlignedData",
    "MeterValuesSampledData",
    "ResetRetries",
    "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId",
    "StopTxnAlignedData",
    "StopTxnSampledData",
    "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
)
_FIXED = (
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "GetConfigurationMaxKeys",
    "LocalAuthListMaxLength",
    "MaxChargingProfilesInstalled",
    "NumberOfConnectors",
    "SendLocalListMaxLength",
    "SupportedFeatureProfiles",
)
_ALL_KEYS = Among(
    *({"key": key, "readonly": False} for key in _WRITABLE),
    *({"key": key, "readonly": True} for key in _FIXED),
)


def _reads(key: str, value: str, readonly: bool = False) -> Step:
    found = {"key": key, "readonly": readonly, "value": value}
    return asks("GetConfiguration", {"key": [key]},
                {"configurationKey": [found], "unknownKey": ABSENT})  # fmt: skip


def _resets(kind: str) -> Step:
    return asks("Reset", {"type": kind})


def _unlocks(answer: str, connector: int = 1) -> Step:
    return asks("UnlockConnector", {"connectorId": connector}, {"status": answer})


#: The Charge Point starts again, with its connector out of service.
_STILL_UNAVAILABLE = (
    Hears(boot()),
    Hears(status("Available", 0), status("Unavailable")),
    Quiet(),
)
_STARTS_AGAIN = (
    Hears(boot()),
    Hears(status("Available", 0), status(OneOf("Preparing", "Finishing"))),
)

# fmt: off
CASES: tuple[Case, ...] = (
    case("001", "A start that is rejected, then accepted",
         "While it is Rejected there is silence for the interval that was named; once it is "
         "Accepted the states of connector 0 and 1 are told, and Heartbeats come with the "
         "interval that was named",
         (Replies("BootNotification", _REJECTED, Reply({"interval": 30})), Comes()),
         (Hears(boot()), Waits(50), Quiet(()), Waits(15), Hears(boot()),
          Hears(status("Available", 0), status("Available")),
          Waits(95), Spaced("BootNotification", (60,)), Spaced("Heartbeat", (30, 30)))),
    case("002", "A start that is put off",
         "While it is Pending, GetConfiguration and ChangeConfiguration are answered, nothing "
         "is sent but what is asked for, and BootNotification comes again after the interval",
         (Replies("BootNotification", _PENDING), Comes(), Hears(boot())),
         (asks("GetConfiguration", {}, {"configurationKey": _ALL_KEYS}),
          change("MeterValueSampleInterval", "30"), Does("plug_in"), Waits(40), Quiet(()),
          asks("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}),
          Hears(status("Preparing")), Waits(25),
          Hears(boot()), Hears(status("Available", 0), status("Preparing")))),
    case("013", "Hard reset",
         "Accepted, and a BootNotification; what was Unavailable is so afterwards",
         UNAVAILABLE, (_resets("Hard"), Waits(5), *_STILL_UNAVAILABLE)),
    case("014", "Soft reset",
         "Accepted, and a BootNotification; what was Unavailable is so afterwards",
         UNAVAILABLE, (_resets("Soft"), Waits(5), *_STILL_UNAVAILABLE)),
    case("015", "Hard reset during a charge",
         "StopTransaction HardReset, a BootNotification, and how the connector is",
         CHARGING,
         (_resets("Hard"), Hears(stop("HardReset"), status("Finishing")), Waits(5),
          *_STARTS_AGAIN, Quiet())),
    case("016", "Soft reset during a charge",
         "StopTransaction SoftReset, a BootNotification, and how the connector is",
         CHARGING,
         (_resets("Soft"), Hears(stop("SoftReset"), status("Finishing")), Waits(5),
          *_STARTS_AGAIN, Quiet())),
    case("017_1", "The cable is released, nobody charges",
         "UnlockConnector: Unlocked. Only behind a wallbox with OCPP, which has a lock",
         BOOTED,
         (_unlocks("Unlocked"), IsAsked("UnlockConnector", {"connectorId": 1}), Quiet()),
         WALLBOX),
    case("017_2", "The cable is to be released, and is fixed",
         "UnlockConnector: NotSupported",
         BOOTED, (_unlocks("NotSupported"), Quiet())),
    case("018_1", "The cable is released during a charge",
         "Unlocked, StopTransaction UnlockCommand and Finishing, and Available without the "
         "car. Only behind a wallbox with OCPP, which has a lock",
         CHARGING,
         (_unlocks("Unlocked"), Hears(stop("UnlockCommand"), status("Finishing")),
          Does("unplug"), Hears(status("Available"))), WALLBOX),
    case("018_2", "A fixed cable is to be released during a charge",
         "NotSupported, and the transaction goes on",
         CHARGING, (_unlocks("NotSupported"), Waits(10), Quiet(), *ENDS_AND_LEAVES)),
    case("019", "The configuration is read",
         "All keys that there must be, and which of them can be written; single ones by their "
         "names, and no unknownKey",
         BOOTED,
         (asks("GetConfiguration", {}, {"configurationKey": _ALL_KEYS, "unknownKey": ABSENT}),
          asks("GetConfiguration", {"key": [*_WRITABLE, *_FIXED]},
               {"configurationKey": _ALL_KEYS, "unknownKey": ABSENT}))),
    case("021", "The configuration is changed",
         "Accepted, and the new value is read back",
         BOOTED,
         (change("MeterValueSampleInterval", "120"),
          _reads("MeterValueSampleInterval", "120"))),
    case("030", "The cable cannot be released",
         "UnlockFailed. Only behind a wallbox with OCPP, which has a lock",
         (*BOOTED, WallboxAnswers("UnlockConnector", {"status": "UnlockFailed"})),
         (_unlocks("UnlockFailed"), Quiet()), WALLBOX),
    case("031", "The cable of a connector that does not exist",
         "NotSupported",
         BOOTED, (_unlocks("NotSupported", 2), Quiet()), BOTH),
    case("034", "The power fails where a connector is out of service",
         "It is Unavailable afterwards",
         UNAVAILABLE, (PowerFails(), Comes(), *_STILL_UNAVAILABLE)),
    case("040_1", "A key that nobody knows",
         "NotSupported",
         BOOTED, (change("NoSuchKey", "1", "NotSupported"),)),
    case("040_2", "A value that a key cannot have",
         "Rejected, and the value stays",
         BOOTED,
         (change("MeterValueSampleInterval", "-1", "Rejected"),
          _reads("MeterValueSampleInterval", "60"))),
    case("062", "Data of a vendor that nobody knows",
         "UnknownVendorId; a wallbox with OCPP says that itself",
         BOOTED,
         (asks("DataTransfer", {"vendorId": "com.example", "messageId": "M", "data": "D"},
               {"status": OneOf("UnknownVendorId", "UnknownMessageId", "Rejected")}),
          Quiet()), BOTH),
)
# fmt: on
