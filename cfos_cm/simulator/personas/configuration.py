"""Oddities of configuration, commands, units and data: Q37 to Q41."""

from __future__ import annotations

from cfos_cm.simulator.personas.asked import Answer, Asked
from cfos_cm.simulator.personas.charging import end
from cfos_cm.simulator.personas.payloads import energy, sampled
from cfos_cm.simulator.personas.persona import Make, Outcome, Persona, Reaction
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = ["CONFIGURATION"]

#: So often a wallbox is made to start again before it is called a loop.
_MANY_STARTS = 3
_MEASURANDS = "MeterValuesSampledData"


async def _shows_when_asked(wallbox: Wallbox, action: str, what: str, field: str) -> None:
    """
    Have an operator send something, and go on.

    @param what: how it is answered.
    @param field: of what is asked, the one that is told.
    """
    asked = await wallbox.must_be_asked(action, only_patiently=True)
    wallbox.claim(what, True, str(asked.payload.get(field)))
    await wallbox.goes_on()


async def _restarts_when_configured(wallbox: Wallbox) -> None:
    def change(asked: Asked) -> Answer:
        key, value = str(asked.payload.get("key")), str(asked.payload.get("value"))
        if key == _MEASURANDS and value.count(",") > 1:
            wallbox.link.socket.drop()
            return None
        answers = {_MEASURANDS: "RebootRequired", "NumberOfConnectors": "Rejected"}
        return {"status": answers.get(key, "NotSupported")}

    wallbox.answer("ChangeConfiguration", change)
    starts = 0
    while starts < _MANY_STARTS:
        await wallbox.connect()
        starts += 1
        ended = await wallbox.link.expect(lambda: None, 1.0)
        if ended.reaction is Reaction.HUNG:
            break
    wallbox.claim(
        f"restarts whenever {_MEASURANDS} is set to all there are: no loop",
        starts < _MANY_STARTS,
        f"{starts} starts",
    )
    what = "refuses a change of its configuration"
    await _shows_when_asked(wallbox, "ChangeConfiguration", what, "key")


async def _picky_triggers(wallbox: Wallbox) -> None:
    def trigger(asked: Asked) -> Answer:
        wanted = asked.payload.get("requestedMessage")
        if wanted == "MeterValues":
            return {"status": "Rejected"}
        return {"status": "Accepted" if "connectorId" in asked.payload else "NotImplemented"}

    def configuration(_: Asked) -> Answer:
        value = "Core SmartCharging,,RemoteTrigger,\u00ff"
        return {
            "configurationKey": [
                {"key": "supportedfeatureprofiles", "readonly": True, "value": value}
            ]
        }

    wallbox.answer("TriggerMessage", trigger)
    wallbox.answer("GetConfiguration", configuration)
    await wallbox.connect()
    what = "sends nothing that it is triggered to"
    await _shows_when_asked(wallbox, "TriggerMessage", what, "requestedMessage")


async def _no_connector_0(wallbox: Wallbox) -> None:
    def availability(asked: Asked) -> Answer:
        whole = asked.payload.get("connectorId") == 0
        return {"status": "Rejected" if whole else "Scheduled"}

    wallbox.answer("ChangeAvailability", availability)
    await wallbox.connect()
    what = "refuses it for connector 0, schedules it for others"
    await _shows_when_asked(wallbox, "ChangeAvailability", what, "connectorId")


async def _units(wallbox: Wallbox) -> None:
    await wallbox.connect()
    await wallbox.status("Preparing")
    number = await wallbox.start()
    for what, values in (
        ("counts in kWh and calls it Wh", [energy(1234) | {"value": "12.345"}]),
        ("has power in kW", [sampled("3.7", "Power.Active.Import", "kW")]),
        ("has power in Wh", [sampled("3700", "Power.Active.Import", "Wh")]),
        (
            "has its register for each phase",
            [
                sampled(wh, "Energy.Active.Import.Register", "Wh", phase=phase)
                for phase, wh in (("L1", "4.115"), ("L2", "4.115"), ("L3", "4.115"))
            ],
        ),
        ("pads its values with blanks", [sampled("  16.0 ", "Current.Import", "A")]),
        ("has an empty value", [sampled("", "Current.Import", "A")]),
        ("has a value that is no number", [sampled("n/a", "Voltage", "V")]),
    ):
        wallbox.judge(what, await wallbox.measure(number, *values))
    await wallbox.moment("measured")
    await end(wallbox, number, 13)


async def _insists_on_data(wallbox: Wallbox) -> None:
    await wallbox.connect()
    for vendor, message in (("EV-BOX", "evbStatusNotification"), ("EN+", "gatewayInfo")):
        outcome = await wallbox.call(
            "DataTransfer", {"vendorId": vendor, "messageId": message, "data": "1"}
        )
        status = str(outcome.payload.get("status"))
        if outcome.reaction is Reaction.TOLERATED and status != "Accepted":
            outcome = Outcome(Reaction.REFUSED, f"status {status}: it repeats it for ever")
        wallbox.judge(f"insists on {message}", outcome)
    at = wallbox.now()
    for action, payload in (
        ("DiagnosticsStatusNotification", {"status": "Idle"}),
        ("FirmwareStatusNotification", {"status": "Installed"}),
        ("LogStatusNotification", {"status": "Idle"}),
        ("SecurityEventNotification", {"type": "StartupOfTheDevice", "timestamp": at}),
    ):
        await wallbox.judge_call(f"says {action}", action, payload)


CONFIGURATION = (
    Persona(
        number="Q37",
        title="restarts, or refuses, when it is configured",
        boxes="ABB (restarts), EVBox, Mennekes and others",
        why="Who configures each wallbox at its start makes it start for ever.",
        evidence=(
            "https://github.com/lbbrhzn/ocpp/issues/1275",
            "https://github.com/lbbrhzn/ocpp/issues/221",
            "https://github.com/evcc-io/evcc/pull/16186",
            "https://github.com/evcc-io/evcc/pull/16255",
        ),
        make=Make("ABB", "Terra AC"),
        script=_restarts_when_configured,
        asks=("ChangeConfiguration",),
    ),
    Persona(
        number="Q38",
        title="rejects triggers, or only takes them with a connector",
        boxes="go-e, ABL and others",
        why=(
            "The operator has to hear what it said, and nothing may wait for what will "
            "not come."
        ),
        evidence=(
            "https://github.com/goecharger/go-eCharger-API-v2/issues/134",
            "https://github.com/evcc-io/evcc/issues/7423",
            "https://github.com/evcc-io/evcc/pull/16327",
            "https://github.com/lbbrhzn/ocpp/issues/1573",
            "https://github.com/evcc-io/evcc/pull/15550",
        ),
        make=Make("ABL", "eMH3"),
        script=_picky_triggers,
        asks=("TriggerMessage",),
    ),
    Persona(
        number="Q39",
        title="refuses ChangeAvailability for connector 0",
        boxes="EN+ (disconnects) and others",
        why="What it says has to reach the operator; Scheduled is an answer, too.",
        evidence=(
            "https://github.com/lbbrhzn/ocpp/pull/1736",
            "https://github.com/evcc-io/evcc/pull/30217",
            "https://github.com/evcc-io/evcc/pull/30137",
            "https://github.com/evcc-io/evcc/pull/23713",
        ),
        make=Make("EN+", "Caro"),
        script=_no_connector_0,
        asks=("ChangeAvailability",),
    ),
    Persona(
        number="Q40",
        title="has wrong units, blanks and empty values",
        boxes="OpenEVSE (kWh as Wh), Mennekes and others",
        why="Read literally, a charge is a thousandth of what it was.",
        evidence=(
            "https://github.com/OpenEVSE/openevse_esp32_firmware/issues/703",
            "https://github.com/evcc-io/evcc/issues/19420",
            "https://github.com/lbbrhzn/ocpp/issues/1617",
            "https://github.com/evcc-io/evcc/pull/19405",
            "https://github.com/lbbrhzn/ocpp/pull/1773",
            "https://github.com/lbbrhzn/ocpp/pull/1336",
            "https://github.com/evcc-io/evcc/pull/30655",
            "https://github.com/evcc-io/evcc/pull/23464",
        ),
        make=Make("OpenEVSE", "ESP32 WiFi"),
        script=_units,
    ),
    Persona(
        number="Q41",
        title="insists that its DataTransfer is accepted",
        boxes="EV-BOX, EN+, Alfen, Compleo",
        why="Told that its vendor is unknown, it repeats the message for ever.",
        evidence=(
            "https://github.com/evcc-io/evcc/pull/10109",
            "https://github.com/evcc-io/evcc/issues/14673",
            "https://vaylens.atlassian.net/wiki/spaces/CK/pages/790823084/"
            "System+documentation+Integrated+Payment+Terminal",
            "https://github.com/evcc-io/evcc/pull/29507",
            "https://github.com/evcc-io/evcc/pull/23199",
        ),
        make=Make("EV-BOX", "G4"),
        script=_insists_on_data,
    ),
)
