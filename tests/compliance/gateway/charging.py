"""Cases for a Charge Point about charging itself, of the feature profile Core."""

from __future__ import annotations

from tests.compliance.case import Case
from tests.compliance.gateway.cases import BOTH, WALLBOX, case
from tests.compliance.gateway.states import (
    AUTHORIZED,
    AWAY,
    BOOTED,
    CHARGING,
    ENDS_AND_LEAVES,
    PLUGGED,
    RETURNS,
    STARTS,
    authorize,
    change,
    remote_start,
    remote_stop,
    start,
    status,
    stop,
)
from tests.compliance.gateway.steps import (
    Call,
    ConnectionFails,
    Does,
    Hears,
    Knows,
    PowerFails,
    Quiet,
    Spaced,
    Stamped,
    asks,
)
from tests.compliance.patterns import POSITIVE, About, Among, OnGrid
from tests.compliance.sites import BLOCKED, EXPIRED, INVALID, OTHER_OF_GROUP, VALID
from tests.compliance.steps import Waits

__all__ = ["CASES"]

_LEAVES = (Does("unplug"), Hears(status("Available")))
_PULLED_OUT = (
    Does("unplug"),
    Hears(stop("EVDisconnected"), status("Finishing")),
    Hears(status("Available")),
)
_STOPPED_REMOTELY = Hears(stop("Remote"), status("Finishing"))

#: Whoever is in the list may charge while the backend is away.
_ON_THE_LIST = asks(
    "SendLocalList",
    {
        "listVersion": 1,
        "updateType": "Full",
        "localAuthorizationList": [{"idTag": VALID, "idTagInfo": {"status": "Accepted"}}],
    },
)
_ANYBODY = change("AllowOfflineTxForUnknownId", "true")
_OFFLINE = ConnectionFails(AWAY)
_NO_GRID = change("ClockAlignedDataInterval", "0")
_EACH_MINUTE = change("MeterValueSampleInterval", "60")
_TWO_VALUES = "Energy.Active.Import.Register,Power.Active.Import"


def _readings(context: str, **more: object) -> Call:
    energy, power = _TWO_VALUES.split(",")
    sampled = Among(
        {"measurand": energy, "context": context, "unit": "Wh"},
        {"measurand": power, "context": context, "unit": "W"},
    )
    return Call(
        "MeterValues",
        {"connectorId": 1, "meterValue": [{"sampledValue": sampled, **more}]},
    )


_READING = Call("MeterValues", {"connectorId": 1, "transactionId": POSITIVE})

# fmt: off
CASES: tuple[Case, ...] = (
    case("003", "A charge: plugged in, then a card",
         "Preparing, Authorize, StartTransaction and Charging are said in this order; the end "
         "names the tag and is followed by Finishing and Available",
         CHARGING, ENDS_AND_LEAVES, BOTH),
    case("004_1", "A charge: a card, then plugged in",
         "Authorize and Preparing come before the car, StartTransaction and Charging with it",
         AUTHORIZED, (Does("plug_in"), STARTS, *ENDS_AND_LEAVES), BOTH),
    case("004_2", "A card, and nobody plugs in",
         "After ConnectionTimeOut the connector is Available again; a car that comes then "
         "does not charge",
         AUTHORIZED,
         (Waits(65), Hears(status("Available")),
          Does("plug_in"), Hears(status("Preparing")), Waits(70), Quiet())),
    case("068", "The same card ends the charge",
         "A card of somebody else changes nothing; the first one ends the transaction and is "
         "named in StopTransaction",
         CHARGING,
         (Does("show", INVALID), Hears(authorize(INVALID)), Quiet(), *ENDS_AND_LEAVES)),
    case("069", "A card of the same group ends the charge",
         "It is asked about; StopTransaction names it, and Finishing follows",
         CHARGING,
         (Does("show", OTHER_OF_GROUP), Hears(authorize(OTHER_OF_GROUP)),
          Hears(stop("Local", idTag=OTHER_OF_GROUP), status("Finishing")), *_LEAVES)),
    case("005_1", "The cable is pulled out of the car",
         "StopTransaction EVDisconnected and Finishing, then Available",
         CHARGING, _PULLED_OUT, BOTH),
    case("005_2", "The cable is pulled out of the car and stays locked in the wallbox",
         "As before; UnlockConnector lets it go afterwards. Only behind a wallbox with OCPP, "
         "whose key and lock these are",
         (*BOOTED, change("UnlockConnectorOnEVSideDisconnect", "false"),
          Does("plug_in"), Hears(status("Preparing")),
          Does("show", VALID), Hears(authorize()), STARTS),
         (*_PULLED_OUT,
          asks("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}), Quiet()),
         WALLBOX),
    case("005_3", "The cable is pulled out of the car, and the charge goes on",
         "With StopTransactionOnEVSideDisconnect false: SuspendedEV with the reason, Charging "
         "when the car is back, and an end by RemoteStopTransaction alone",
         (*BOOTED, change("StopTransactionOnEVSideDisconnect", "false"),
          Does("plug_in"), Hears(status("Preparing")),
          Does("show", VALID), Hears(authorize()), STARTS),
         (Does("unplug"), Hears(status("SuspendedEV", info="EV side disconnected")),
          Waits(30), Does("plug_in"),
          Hears(status("Charging"), maybe=(status("SuspendedEV"),)),
          remote_stop(), _STOPPED_REMOTELY, *_LEAVES)),
    case("007", "A start with a card that is known already",
         "With LocalPreAuthorize it is in the memory of known cards: StartTransaction comes "
         "without Authorize",
         (*BOOTED, change("LocalPreAuthorize", "true"),
          Does("plug_in"), Hears(status("Preparing")),
          Does("show", VALID), Hears(authorize()), STARTS, *ENDS_AND_LEAVES, Waits(120)),
         (Does("plug_in"), Hears(status("Preparing")), Does("show", VALID), STARTS)),
    case("061", "The memory of known cards is emptied",
         "ClearCache is Accepted; the next start is asked about again",
         (*BOOTED, change("LocalPreAuthorize", "true"),
          Does("plug_in"), Hears(status("Preparing")),
          Does("show", VALID), Hears(authorize()), STARTS, *ENDS_AND_LEAVES),
         (asks("ClearCache"), Does("plug_in"), Hears(status("Preparing")),
          Does("show", VALID), Hears(authorize()), STARTS)),
    case("010", "Started from afar, already plugged in",
         "RemoteStartTransaction is Accepted; StartTransaction and Charging follow",
         PLUGGED, (remote_start(), STARTS, *ENDS_AND_LEAVES), BOTH),
    case("011_1", "Started from afar, plugged in afterwards",
         "RemoteStartTransaction is Accepted and Preparing follows; with the car come "
         "StartTransaction and Charging",
         BOOTED,
         (remote_start(), Hears(status("Preparing")), Does("plug_in"), STARTS), BOTH),
    case("011_2", "Started from afar, and nobody plugs in",
         "After ConnectionTimeOut the connector is Available again, and nothing was started",
         BOOTED,
         (remote_start(), Hears(status("Preparing")), Waits(65), Hears(status("Available")),
          Does("plug_in"), Hears(status("Preparing")), Waits(70), Quiet())),
    case("012", "Stopped from afar",
         "RemoteStopTransaction with the backend's number is Accepted; StopTransaction Remote "
         "and Finishing, and Available without the car",
         CHARGING, (remote_stop(), _STOPPED_REMOTELY, *_LEAVES), BOTH),
    case("070", "Readings at intervals",
         "MeterValues come with the spacing and the measurands that the keys say, of the "
         "transaction and with the context Sample.Periodic",
         (*BOOTED, _NO_GRID, _EACH_MINUTE, change("MeterValuesSampledData", _TWO_VALUES),
          Does("plug_in"), Hears(status("Preparing")),
          Does("show", VALID), Hears(authorize()), STARTS),
         (Waits(200), Hears(_readings("Sample.Periodic")), Hears(_readings("Sample.Periodic")),
          Hears(_READING), Spaced("MeterValues", (60, 60)), Stamped("MeterValues", (60, 60)))),
    case("071", "Readings by the clock",
         "MeterValues have times on the grid that ClockAlignedDataInterval says, the "
         "configured measurands and the context Sample.Clock",
         (*BOOTED, change("MeterValueSampleInterval", "0"),
          change("MeterValuesAlignedData", _TWO_VALUES),
          change("ClockAlignedDataInterval", "60"),
          Does("plug_in"), Hears(status("Preparing")),
          Does("show", VALID), Hears(authorize()), STARTS),
         (Waits(150), Hears(_readings("Sample.Clock", timestamp=OnGrid(60))),
          Hears(_readings("Sample.Clock", timestamp=OnGrid(60))),
          Stamped("MeterValues", (60,)))),
    case("023", "Cards that are invalid, blocked and expired",
         "Nothing is started, and Available follows when the car is gone",
         PLUGGED,
         (Does("show", INVALID), Hears(authorize(INVALID)), Quiet(),
          Does("show", BLOCKED), Hears(authorize(BLOCKED)), Quiet(),
          Does("show", EXPIRED), Hears(authorize(EXPIRED)), Quiet(), *_LEAVES), BOTH),
    case("024", "The plug cannot be locked",
         "Faulted with ConnectorLockFailure is said, and nothing is started. Only behind a "
         "wallbox with OCPP: no other device tells of its lock",
         (*PLUGGED, Does("fail", "ConnectorLockFailure")),
         (Hears(status("Faulted", error="ConnectorLockFailure")), Waits(10), Quiet()),
         WALLBOX),
    case("026", "A start from afar where somebody charges",
         "Rejected, and the transaction goes on",
         CHARGING, (remote_start(OTHER_OF_GROUP, "Rejected"), Waits(10), Quiet()), BOTH),
    case("027", "A start from afar at connector 0",
         "Rejected",
         BOOTED,
         (asks("RemoteStartTransaction", {"connectorId": 0, "idTag": VALID},
               {"status": "Rejected"}), Quiet()), BOTH),
    case("028", "A stop from afar of an unknown transaction",
         "Rejected, and the transaction that runs goes on",
         CHARGING, (remote_stop(999, "Rejected"), Waits(10), Quiet()), BOTH),
    case("032_1", "The power fails; a battery lasts for some words",
         "StopTransaction PowerLoss is passed on before the wallbox is gone. Only behind a "
         "wallbox with OCPP: the gateway itself has no battery",
         CHARGING,
         (Does("stop", "PowerLoss"), Hears(stop("PowerLoss")), Does("lose_power"), Quiet()),
         WALLBOX),
    case("032_2", "The power fails during a charge",
         "After the restart the transaction goes on where the car is still there; nothing is "
         "said of it but how it stands, and its end has the backend's number",
         CHARGING,
         (PowerFails(), *BOOTED[:2],
          Hears(status("Available", 0), status("Charging")), Quiet(), *ENDS_AND_LEAVES)),
    case("036", "The connection is lost during a charge",
         "Without another BootNotification, the readings that were missed are told in their "
         "order, with their spacing, before newer ones",
         (*BOOTED, _NO_GRID, _EACH_MINUTE,
          Does("plug_in"), Hears(status("Preparing")),
          Does("show", VALID), Hears(authorize()), STARTS),
         (Waits(70), _OFFLINE, Waits(200), *RETURNS, Waits(70), Quiet(),
          Stamped("MeterValues", (60, 60, 60, 60)), Knows(waiting=0, dead=0))),
    case("037_1", "Started offline with a good card",
         "StartTransaction is told later, with the time when it was; then Charging",
         (*BOOTED, _ON_THE_LIST, _OFFLINE, Does("plug_in"), Does("show", VALID)),
         (Waits(120), *RETURNS, Hears(start(timestamp=About(5)),
                                      status("Charging")), Quiet())),
    case("037_2", "Started offline with a bad card, and not ended",
         "With StopTransactionOnInvalidId false the car gets nothing more: SuspendedEVSE, and "
         "no StopTransaction",
         (*BOOTED, _ANYBODY, change("StopTransactionOnInvalidId", "false"),
          _OFFLINE, Does("plug_in"), Does("show", INVALID)),
         (Waits(60), *RETURNS, Hears(start(INVALID), status("Charging")),
          Hears(status("SuspendedEVSE")), Waits(30), Quiet(), Knows(limits_ma={"bay": 0}))),
    case("037_3", "Started offline with a bad card, and ended",
         "When the backend refuses the card: StopTransaction DeAuthorized and Finishing",
         (*BOOTED, _ANYBODY, _OFFLINE, Does("plug_in"), Does("show", INVALID)),
         (Waits(60), *RETURNS, Hears(start(INVALID), status("Charging")),
          Hears(stop("DeAuthorized"), status("Finishing"),
                maybe=(status("SuspendedEVSE"),)), *_LEAVES)),
    case("038", "Ended offline",
         "StopTransaction is told later, with the time when it was",
         (*CHARGING, _OFFLINE, Does("show", VALID)),
         (Waits(120), *RETURNS,
          Hears(stop("Local", idTag=VALID, timestamp=About(5)), status("Finishing")), Quiet()),
         BOTH),
    case("039", "A whole charge offline",
         "First StartTransaction, then StopTransaction with the number just given",
         (*BOOTED, _ON_THE_LIST, _OFFLINE, Does("plug_in"), Does("show", VALID),
          Waits(60), Does("unplug")),
         (Waits(60), *RETURNS, Hears(start(), maybe=(status("Available"),)),
          Hears(stop("EVDisconnected", transactionId=501)), Quiet())),
    case("041", "A fault",
         "Faulted is said; neither card nor backend start anything until it is over",
         (*BOOTED, Does("fail", "GroundFailure"),
          Hears(status("Faulted", 0, "GroundFailure"), status("Faulted", 1, "GroundFailure"))),
         (remote_start(answer="Rejected"), Waits(10), Quiet(),
          Does("recover"), Hears(status("Available", 0), status("Available")))),
)
# fmt: on
