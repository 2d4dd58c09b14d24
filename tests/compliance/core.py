"""Cases of the feature profile Core, and of the WebSocket below it."""

from __future__ import annotations

from tests.compliance.case import Case, Profile
from tests.compliance.patterns import ABSENT, Moment, OneOf
from tests.compliance.sites import BLOCKED, EXPIRED, INVALID, VALID
from tests.compliance.states import (
    AUTHORIZED,
    BOOT,
    BOOTED,
    CHARGING,
    COMES_BACK,
    HEARTBEAT,
    ITS_NUMBER,
    OCCUPIED,
    RESTARTS,
    authorizes,
    ends,
    starts,
    status,
)
from tests.compliance.steps import Dials, Drops, Finds, HasNotHeard, Orders, Says, Waits

__all__ = ["CASES"]

_CORE = Profile.CORE

_CHARGES_AND_LEAVES = (
    status("Charging"),
    ends("Local", idTag=VALID),
    status("Finishing"),
    status("Available"),
)

_ONE_TRANSACTION = Finds(
    transactions=[
        {
            "transaction_id": ITS_NUMBER,
            "charge_point": "CP-1",
            "connector": 1,
            "id_tag": VALID,
            "meter_start_wh": 1000,
            "state": "stopped",
            "meter_stop_wh": 3500,
        }
    ],
    review=[],
)

_REMOTE_START = Orders("RemoteStartTransaction", {"connectorId": 1, "idTag": VALID})

_ALL_KEYS = {
    "configurationKey": [
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
        {"key": "NumberOfConnectors", "readonly": True, "value": "2"},
    ]
}
_ONE_KEY = {
    "configurationKey": [
        {
            "key": "SupportedFeatureProfiles",
            "readonly": True,
            "value": "Core,FirmwareManagement,LocalAuthListManagement,Reservation",
        }
    ]
}
_INTERVAL = {"key": "MeterValueSampleInterval", "value": "60"}


def _refused_card(case_id: str, id_tag: str, verdict: str) -> Case:
    return Case(
        case_id, _CORE,
        f"A card that is {verdict.lower()}",
        f"Authorize is answered with {verdict}, and nothing is started",
        start=OCCUPIED,
        steps=(
            authorizes(id_tag, verdict),
            status("Available"),
            Finds(transactions=[]),
        ),
    )  # fmt: skip


def _unlock(case_id: str, title: str, result: str, connector: int = 1) -> Case:
    return Case(
        case_id, _CORE, title,
        f"UnlockConnector can be sent, and the operator sees {result}",
        start=BOOTED,
        steps=(
            Orders("UnlockConnector", {"connectorId": connector}, {"status": result}),
            HEARTBEAT,
        ),
    )  # fmt: skip


def _reset(case_id: str, kind: str) -> Case:
    return Case(
        case_id, _CORE,
        f"{kind} reset",
        f"Reset {kind} can be sent; the restart that follows is accepted and answered",
        start=BOOTED,
        steps=(Orders("Reset", {"type": kind}), *RESTARTS, HEARTBEAT),
    )  # fmt: skip


def _change(case_id: str, title: str, result: str, key: str, value: str) -> Case:
    return Case(
        case_id, _CORE, title,
        f"ChangeConfiguration can be sent, and the operator sees {result}",
        start=BOOTED,
        steps=(
            Orders("ChangeConfiguration", {"key": key, "value": value}, {"status": result}),
            HEARTBEAT,
        ),
    )  # fmt: skip


# fmt: off
CASES: tuple[Case, ...] = (
    Case("TC_001_CSMS", _CORE,
         "A Charge Point starts",
         "BootNotification is accepted with the time and an interval; the states of all "
         "connectors and Heartbeat are answered",
         start=(Dials(),),
         steps=(BOOT, *BOOTED[2:], HEARTBEAT,
                Finds(devices={"CP-1": {"vendor": "Example", "model": "Wallbox"}}))),
    Case("TC_003_CSMS", _CORE,
         "A charge: plugged in, then a card",
         "The card is accepted, the transaction gets a number, every state is answered, and "
         "the transaction is kept once",
         start=OCCUPIED,
         steps=(authorizes(), starts(), *_CHARGES_AND_LEAVES, _ONE_TRANSACTION)),
    Case("TC_004_1_CSMS", _CORE,
         "A charge: a card, then plugged in",
         "The same as the other way round",
         start=AUTHORIZED,
         steps=(status("Preparing"), starts(), *_CHARGES_AND_LEAVES, _ONE_TRANSACTION)),
    Case("TC_004_2_CSMS", _CORE,
         "A card, and nobody plugs in",
         "The card is accepted; that the connector is free again is answered, and nothing is "
         "started",
         start=AUTHORIZED,
         steps=(status("Preparing"), Waits(60), status("Available"), Finds(transactions=[]))),
    Case("TC_005_1_CSMS", _CORE,
         "The cable is pulled out of the car",
         "The end with the reason EVDisconnected is answered and kept; a tag in it is accepted",
         start=CHARGING,
         steps=(status("SuspendedEV"), ends("EVDisconnected", idTag=VALID), status("Finishing"),
                status("Available"), _ONE_TRANSACTION,
                Finds(transactions=[{"stop_reason": "EVDisconnected"}]))),
    Case("TC_007_CSMS", _CORE,
         "A start with a card that the Charge Point knows already",
         "A transaction that was not preceded by Authorize is accepted, also when the states "
         "are told before its start and its end",
         start=OCCUPIED,
         steps=(status("Charging"), starts(), status("Finishing"), ends("Local"),
                status("Available"), _ONE_TRANSACTION)),
    Case("TC_061_CSMS", _CORE,
         "The memory of known cards is emptied",
         "ClearCache can be sent, and its result is seen",
         start=BOOTED,
         steps=(Orders("ClearCache"), Orders("ClearCache", answer={"status": "Rejected"}))),
    Case("TC_010_CSMS", _CORE,
         "Started from afar, already plugged in",
         "RemoteStartTransaction is sent with the tag and the connector; the charge that "
         "follows is accepted",
         start=OCCUPIED,
         steps=(_REMOTE_START, authorizes(), starts(), *_CHARGES_AND_LEAVES, _ONE_TRANSACTION)),
    Case("TC_011_1_CSMS", _CORE,
         "Started from afar, plugged in afterwards",
         "The same as the other way round",
         start=BOOTED,
         steps=(_REMOTE_START, authorizes(), status("Preparing"), starts(),
                *_CHARGES_AND_LEAVES, _ONE_TRANSACTION)),
    Case("TC_011_2_CSMS", _CORE,
         "Started from afar, and nobody plugs in",
         "RemoteStartTransaction is sent; that the connector is free again is answered, and "
         "nothing is started",
         start=BOOTED,
         steps=(_REMOTE_START, authorizes(), status("Preparing"), Waits(60),
                status("Available"), Finds(transactions=[]))),
    Case("TC_012_CSMS", _CORE,
         "Stopped from afar",
         "RemoteStopTransaction is sent with the number of the transaction; its end is "
         "answered and kept with the reason Remote",
         start=CHARGING,
         steps=(Orders("RemoteStopTransaction", {"transactionId": ITS_NUMBER}),
                ends("Remote"), status("Finishing"), status("Available"), _ONE_TRANSACTION,
                Finds(transactions=[{"stop_reason": "Remote"}]))),
    _reset("TC_013_CSMS", "Hard"),
    _reset("TC_014_CSMS", "Soft"),
    _unlock("TC_017_1_CSMS", "The cable is released, nobody charges", "Unlocked"),
    _unlock("TC_017_2_CSMS", "The cable is to be released, and is fixed", "NotSupported"),
    Case("TC_018_1_CSMS", _CORE,
         "The cable is released during a charge",
         "UnlockConnector can be sent; the end with the reason UnlockCommand is answered and "
         "kept",
         start=CHARGING,
         steps=(Orders("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}),
                ends("UnlockCommand"), status("Finishing"), status("Available"),
                _ONE_TRANSACTION,
                Finds(transactions=[{"stop_reason": "UnlockCommand"}]))),
    Case("TC_019_1_CSMS", _CORE,
         "The whole configuration is read",
         "GetConfiguration without a list of keys can be sent, and all keys are seen",
         start=BOOTED,
         steps=(Orders("GetConfiguration", {}, _ALL_KEYS, hears={"key": ABSENT}),)),
    Case("TC_019_2_CSMS", _CORE,
         "One key of the configuration is read",
         "GetConfiguration for SupportedFeatureProfiles can be sent, and the key is seen",
         start=BOOTED,
         steps=(Orders("GetConfiguration", {"key": ["SupportedFeatureProfiles"]}, _ONE_KEY),)),
    _change("TC_021_CSMS", "The configuration is changed", "Accepted", **_INTERVAL),
    _refused_card("TC_023_1_CSMS", INVALID, "Invalid"),
    _refused_card("TC_023_2_CSMS", EXPIRED, "Expired"),
    _refused_card("TC_023_3_CSMS", BLOCKED, "Blocked"),
    Case("TC_024_CSMS", _CORE,
         "The plug cannot be locked",
         "A connector that is faulted with ConnectorLockFailure is answered, and nothing is "
         "started",
         start=(*OCCUPIED, authorizes()),
         steps=(status("Faulted", error="ConnectorLockFailure"), HEARTBEAT,
                Finds(transactions=[]))),
    Case("TC_026_CSMS", _CORE,
         "A start from afar is rejected",
         "The operator sees Rejected, and the Charge Point is served on",
         start=CHARGING,
         steps=(Orders("RemoteStartTransaction", {"connectorId": 1, "idTag": VALID},
                       {"status": "Rejected"}), HEARTBEAT, ends("Local"), _ONE_TRANSACTION)),
    Case("TC_028_CSMS", _CORE,
         "A stop from afar is rejected",
         "The operator sees Rejected, and the transaction goes on",
         start=CHARGING,
         steps=(Orders("RemoteStopTransaction", {"transactionId": ITS_NUMBER},
                       {"status": "Rejected"}), HEARTBEAT,
                Finds(transactions=[{"state": "open"}]), ends("Local"), _ONE_TRANSACTION)),
    _unlock("TC_030_CSMS", "The cable cannot be released", "UnlockFailed"),
    _unlock("TC_031_CSMS", "The cable of a connector that does not exist", "NotSupported", 3),
    Case("TC_032_1_CSMS", _CORE,
         "The power comes back during a charge",
         "The restart is accepted, and the end with the reason PowerLoss, told after it, is "
         "answered and kept",
         start=CHARGING,
         steps=(Drops(), Dials(), BOOT, ends("PowerLoss", at=Moment(-30)), *BOOTED[2:],
                _ONE_TRANSACTION, Finds(transactions=[{"stop_reason": "PowerLoss"}]))),
    Case("TC_037_1_CSMS", _CORE,
         "Started offline with a good card",
         "The start is accepted when it is told later, and kept with the time that it tells",
         start=BOOTED,
         steps=(*COMES_BACK, starts(at=Moment(-3600)), status("Charging"),
                Finds(transactions=[{"started_at": Moment(-3600), "state": "open"}]))),
    Case("TC_037_3_CSMS", _CORE,
         "Started offline with a bad card",
         "The start gets a number and the verdict Invalid; the end with the reason "
         "DeAuthorized is answered and kept",
         start=BOOTED,
         steps=(*COMES_BACK, starts(INVALID, "Invalid", at=Moment(-3600)),
                ends("DeAuthorized"), status("Finishing"), status("Available"),
                Finds(transactions=[{"id_tag": INVALID, "verdict": "Invalid",
                                     "state": "stopped", "stop_reason": "DeAuthorized"}]))),
    Case("TC_039_CSMS", _CORE,
         "A whole charge offline",
         "Start and end are answered when they are told later, and kept with the times that "
         "they tell",
         start=BOOTED,
         steps=(*COMES_BACK, starts(at=Moment(-7200)), ends("Local", at=Moment(-3600)),
                _ONE_TRANSACTION,
                Finds(transactions=[{"started_at": Moment(-7200),
                                     "stopped_at": Moment(-3600)}]))),
    _change("TC_040_1_CSMS", "A key that the Charge Point does not know", "NotSupported",
            "NoSuchKey", "60"),
    _change("TC_040_2_CSMS", "A value that the Charge Point does not take", "Rejected",
            "MeterValueSampleInterval", "-1"),
    Case("TC_064_CSMS", _CORE,
         "Data of a vendor that nobody knows",
         "DataTransfer is answered with UnknownVendorId, UnknownMessageId or Rejected",
         start=BOOTED,
         steps=(Says("DataTransfer",
                     {"vendorId": "org.example.nobody", "messageId": "x", "data": "y"},
                     {"status": OneOf("UnknownVendorId", "UnknownMessageId", "Rejected")}),
                HasNotHeard("DataTransfer"))),
    Case("TC_088_CSMS", Profile.TRANSPORT,
         "Agreeing on a subprotocol",
         "Who offers only ocpp0.1 is refused; who offers ocpp0.1 and ocpp1.6 gets ocpp1.6",
         start=(),
         steps=(Dials(offers=("ocpp0.1",), refused=(400,)),
                Dials(offers=("ocpp0.1", "ocpp1.6")), BOOT)),
)
