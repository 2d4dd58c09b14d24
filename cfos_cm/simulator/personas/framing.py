"""Oddities of frames and JSON: Q11 to Q18 and Q48."""

from __future__ import annotations

import json

from cfos_cm.quirk import Quirk
from cfos_cm.simulator.personas.asked import (
    Answer,
    Asked,
    Refusal,
    Verbatim,
    usual_answer,
)
from cfos_cm.simulator.personas.charging import SET_PROFILE, odd_answer_is_understood
from cfos_cm.simulator.personas.payloads import (
    energy,
    sampled,
    start_transaction,
    stop_transaction,
)
from cfos_cm.simulator.personas.persona import (
    ANSWERED,
    Make,
    Persona,
    Reaction,
)
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = ["FRAMING"]

_AEFA, _BENY = Make("AEFA", "Wallbox"), Make("ZJ Beny", "BCP-A2N-L")
#: Where a go-e begins to count after each start.
_FIRST_GOE_ID = 531531541
#: How long a frame may stay without an answer that nobody can recognise as a call. [s]
_UNREADABLE_S = 3.0


async def _other_answer_ids(wallbox: Wallbox) -> None:
    def beside(asked: Asked) -> Answer:
        other = f"{str(asked.unique_id)[:-1]}#"
        return Verbatim(json.dumps([3, other, {"status": "Accepted"}]).encode())

    await odd_answer_is_understood(wallbox, "answers with another message id", beside)


async def _answers_with_action(wallbox: Wallbox) -> None:
    def repeating(asked: Asked) -> Answer:
        frame = [3, asked.unique_id, asked.action, {"status": "Accepted"}]
        return Verbatim(json.dumps(frame).encode())

    wallbox.otherwise = _knows_only_profiles
    await odd_answer_is_understood(wallbox, "repeats the action in its answer", repeating)
    stage = wallbox.stage
    authorize = {"idTag": stage.id_tag, "connectorId": 1}
    await wallbox.judge_call("adds connectorId to Authorize", "Authorize", authorize)
    what = "adds a field of its own to Heartbeat"
    await wallbox.judge_call(what, "Heartbeat", {"uptime": 4711})
    what = "answers with a CALLERROR what it does not know"
    await wallbox.may_be_asked("GetConfiguration", what)
    await wallbox.goes_on()


def _knows_only_profiles(asked: Asked) -> Answer:
    return usual_answer(asked) if asked.action == SET_PROFILE else Refusal("NotImplemented")


async def _any_ids(wallbox: Wallbox) -> None:
    stage = wallbox.stage
    await wallbox.connect()
    for unique_id in ("1", "-1", str(_FIRST_GOE_ID), "x" * 36, "a b/ü"):
        what = f"uses the message id {unique_id!r}"
        await wallbox.judge_call(what, "Heartbeat", {}, unique_id=unique_id)
    start = start_transaction(stage.connector, stage.id_tag, 1000, wallbox.now())
    first = await wallbox.call("StartTransaction", start, "7")
    number = wallbox.started(first)
    what = "says the same once more with the same message id"
    repeated = await wallbox.judge_call(
        what, "StartTransaction", start, ANSWERED, unique_id="7"
    )
    if repeated.reaction is Reaction.TOLERATED:
        same = repeated.payload.get("transactionId") == number
        wallbox.claim("gets the same transaction", same)
    await wallbox.stop(number)
    await wallbox.close()
    await wallbox.connect()
    what = "counts from the start again, and says something else with an old id"
    again = await wallbox.judge_call(what, "Heartbeat", {}, unique_id="7")
    is_its_own = "currentTime" in again.payload
    wallbox.claim("gets the answer to what it has said", is_its_own)


async def _numeric_ids(wallbox: Wallbox) -> None:
    await wallbox.knock()
    await wallbox.enter()
    boot = Make("go-e", "go-eCharger V3", "56.2").boot_notification()
    wallbox.registered(await wallbox.call("BootNotification", boot, _FIRST_GOE_ID))
    what = "uses a number as message id, and is answered with the number"
    await wallbox.judge_call(what, "Heartbeat", {}, unique_id=_FIRST_GOE_ID + 1)
    number = await wallbox.start(unique_id=_FIRST_GOE_ID + 2)
    stop = stop_transaction(number, 2000, wallbox.now())
    what = "stops its transaction so, too"
    await wallbox.judge_call(what, "StopTransaction", stop, unique_id=_FIRST_GOE_ID + 3)


#: Who breaks his JSON, and how: a part of a MeterValues.req, and what it is instead.
_BREAKAGES = (
    (
        _AEFA,
        "leaves a value out",
        '{{{connector},"transactionId":,{values}}}',
    ),
    (_BENY, "begins a list with a comma", '{{{connector},"meterValue":[,{reading}]}}'),
    (_BENY, "ends an object with a comma", "{{{connector},{values},}}"),
)


async def _broken_json(wallbox: Wallbox) -> None:
    await _ends_too_soon(wallbox)
    stage = wallbox.stage
    reading = json.dumps({"timestamp": wallbox.now(), "sampledValue": [energy(1234)]})
    for make, what, payload in _BREAKAGES:
        await wallbox.close()
        await wallbox.connect(make)
        unique_id = wallbox.new_id()
        broken = payload.format(
            connector=f'"connectorId":{stage.connector}',
            reading=reading,
            values=f'"meterValue":[{reading}]',
        )
        text = f'[2,"{unique_id}","MeterValues",{broken}]'.encode()
        outcome = await wallbox.say(text, unique_id, _UNREADABLE_S)
        wallbox.judge(what, outcome, ANSWERED)
        await wallbox.goes_on()


async def _ends_too_soon(wallbox: Wallbox) -> None:
    """Grizzl-E: two brackets are missing in its answer."""

    def cut(asked: Asked) -> Answer:
        start = json.dumps([3, asked.unique_id])[:-1]
        return Verbatim(f'{start}, {{"configurationKey":[]'.encode())

    wallbox.answer("GetConfiguration", cut)
    await wallbox.connect(Make("United Chargers", "Grizzl-E Smart", "05.621"))
    what = "answers with JSON that ends too soon"
    if await wallbox.may_be_asked("GetConfiguration", what):
        await wallbox.goes_on()


async def _single_meter_value(wallbox: Wallbox) -> None:
    await wallbox.connect()
    reading = {"timestamp": wallbox.now(), "sampledValue": [energy(4200)]}
    payload = {"connectorId": wallbox.stage.connector, "meterValue": reading}
    what = "sends an object for the list of its meter values"
    await wallbox.judge_call(what, "MeterValues", payload)


async def _other_words(wallbox: Wallbox) -> None:
    await wallbox.connect()
    at = wallbox.now()
    for what, values in (
        ("has a unit of its own: Hz", (sampled("50.0", "Frequency", "Hz"), energy(4200))),
        ("spells Celsius right", (sampled("31.5", "Temperature", "Celsius"),)),
        ("leaves out what has a default", ({"value": "4300"},)),
        ("has a measurand of its own", (sampled("1", "Cable.Wear", "Percent"), energy(4400))),
    ):
        wallbox.judge(what, await wallbox.measure(None, *values, at=at))


async def _ocpp15_values(wallbox: Wallbox) -> None:
    await wallbox.connect()
    reading = {"timestamp": wallbox.now(), "values": [energy(4200)]}
    payload = {"connectorId": wallbox.stage.connector, "values": [reading]}
    what = "writes its meter values as OCPP 1.5 did"
    await wallbox.judge_call(what, "MeterValues", payload)


async def _swaps_errors(wallbox: Wallbox) -> None:
    wallbox.answer("GetLocalListVersion", lambda _: Refusal("NotImplemented"))
    wallbox.answer("ClearCache", lambda _: Refusal("NotSupported"))
    wallbox.answer("SetChargingProfile", lambda _: Refusal("NotSupported"))
    await wallbox.connect()
    unknown = await wallbox.call("FlashLights", {})
    wallbox.claim(
        "says an action that nobody knows, and hears NotImplemented",
        (unknown.reaction, unknown.detail) == (Reaction.REFUSED, "NotImplemented"),
        unknown.detail or unknown.reaction.value,
    )
    wrong_way = await wallbox.call("Reset", {"type": "Soft"})
    wallbox.claim(
        "says an action that only a Central System may, and hears that it is not supported",
        wrong_way.detail in ("NotSupported", "NotImplemented"),
        wrong_way.detail or wrong_way.reaction.value,
    )
    asked = await wallbox.must_be_asked("GetLocalListVersion", only_patiently=True)
    wallbox.claim("answers with the other of the two codes", True, asked.action)
    await wallbox.heartbeat()


FRAMING = (
    Persona(
        number="Q11",
        title="answers with another message id than it was asked with",
        boxes="SN1005… of EN+",
        why=(
            "Taken for no answer, each call runs into its time-out, and charging is never "
            "limited."
        ),
        evidence=("https://github.com/mobilityhouse/ocpp/issues/297",),
        make=Make("EN+", "SN1005"),
        script=_other_answer_ids,
    ),
    Persona(
        number="Q12",
        title="has message ids that are short, no UUIDs, or used before",
        boxes="go-e (counts from 531531541 after each start) and others",
        why=(
            "An id is a text of up to 36 characters; a repeated one must have no second "
            "effect, and after a restart it is another message."
        ),
        evidence=(
            "https://github.com/lbbrhzn/ocpp/issues/1573",
            "https://github.com/citrineos/citrineos/issues/212",
            "https://github.com/EVerest/libocpp/pull/298",
            "https://github.com/goecharger/go-eCharger-API-v2/issues/126",
        ),
        make=Make("Vendor", "Any Ids"),
        script=_any_ids,
    ),
    Persona(
        number="Q13",
        title="has JSON numbers for message ids",
        boxes="go-e",
        why="It finds its answer only by the number; refused, it never gets past its boot.",
        evidence=("https://github.com/goecharger/go-eCharger-API-v2/issues/106",),
        make=Make("go-e", "go-eCharger V3", "56.2"),
        script=_numeric_ids,
    ),
    Persona(
        number="Q14",
        title="sends what is not quite JSON",
        boxes=(
            "ZJ Beny (a comma before the first value), AEFA (a value left out), Grizzl-E 5.x "
            "(an answer without its end)"
        ),
        why="It may be refused or repaired, but a closed connection makes it useless.",
        evidence=(
            "https://github.com/lbbrhzn/ocpp/issues/1078",
            "https://github.com/lbbrhzn/ocpp/issues/2032",
            "https://github.com/lbbrhzn/ocpp/issues/442",
            "https://github.com/lbbrhzn/ocpp/issues/176",
        ),
        make=_BENY,
        script=_broken_json,
    ),
    Persona(
        number="Q15",
        title="sends one meter value instead of a list of them",
        boxes="Huawei",
        why="It is clear what is meant; refused, nothing of its energy is known.",
        evidence=("https://github.com/lbbrhzn/ocpp/issues/1144",),
        make=Make("Huawei", "AC Charger"),
        script=_single_meter_value,
    ),
    Persona(
        number="Q16",
        title="has units and measurands of its own",
        boxes="Charge Amps Halo and others",
        why="One word that is not known must not cost the values beside it.",
        evidence=(
            "https://github.com/lbbrhzn/ocpp/issues/1576",
            "https://github.com/lbbrhzn/ocpp/issues/45",
            "https://github.com/lbbrhzn/ocpp/pull/1764",
        ),
        make=Make("Charge Amps", "HALO"),
        script=_other_words,
    ),
    Persona(
        number="Q17",
        title="writes meter values in the form of OCPP 1.5",
        boxes="not named",
        why="Old firmware under a new version number; its values can be read all the same.",
        evidence=("steve-community/steve, MeterValue15Deserializer",),
        make=Make("Vendor", "Values of 1.5"),
        script=_ocpp15_values,
        needs=frozenset({Quirk.OCPP15_VALUES}),
    ),
    Persona(
        number="Q18",
        title="adds fields, repeats the action in its answers, and knows few actions",
        boxes="go-e and others",
        why="Nothing in it is ambiguous; a schema that is checked to the letter refuses it.",
        evidence=(
            "https://github.com/evcc-io/evcc/issues/14579",
            "https://github.com/goecharger/go-eCharger-API-v2/issues/106",
        ),
        make=Make("go-e", "go-eCharger V3", "56.2"),
        script=_answers_with_action,
    ),
    Persona(
        number="Q48",
        title="swaps NotImplemented and NotSupported",
        boxes="not named: what is built on some library",
        why="Both say that it cannot be done; the right one is still to be sent.",
        evidence=(),
        make=Make("Vendor", "Swapped Codes"),
        script=_swaps_errors,
        asks=("GetLocalListVersion",),
    ),
)
