"""Oddities of transactions: Q23 to Q30, Q42 and Q45."""

from __future__ import annotations

import json
from typing import Any

from cfos_cm.simulator.personas.payloads import (
    energy,
    start_transaction,
    status_notification,
    stop_transaction,
    timestamp,
)
from cfos_cm.simulator.personas.persona import ANSWERED, Make, Persona, Reaction
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = ["SIGNED_STOP_DATA", "TRANSACTIONS"]

_INT64_MAX = 2**63 - 1
#: How long a wallbox that waits for a remote start is patient. [s]
_REMOTE_START_S = 2.0


async def _free(wallbox: Wallbox) -> None:
    wallbox.judge("is free", await wallbox.status("Available"))


async def _strange_numbers(wallbox: Wallbox) -> None:
    await wallbox.connect()
    for number in (0, -1, -2_000_000_001, 2**31, _INT64_MAX):
        stop = stop_transaction(number, 2000, wallbox.now())
        await wallbox.judge_call(f"stops a transaction {number}", "StopTransaction", stop)
    values = await wallbox.measure(_INT64_MAX, energy(1500))
    wallbox.judge(f"measures in a transaction {_INT64_MAX}", values)
    number = await wallbox.start()
    await wallbox.stop(number)
    late = await wallbox.measure(number, energy(2000))
    wallbox.judge("keeps the transaction's number after its end", late)
    await _free(wallbox)


async def _old_stop(wallbox: Wallbox) -> None:
    await wallbox.connect()
    stop = stop_transaction(1234, 5000, timestamp(wallbox.ago(days=9)))
    stop["reason"] = "PowerLoss"
    for what in ("stops a transaction of nine days ago", "and says it once more"):
        await wallbox.judge_call(what, "StopTransaction", stop)


async def _late_values(wallbox: Wallbox) -> None:
    await wallbox.connect()
    await wallbox.status("Preparing")
    number = await wallbox.start()
    await wallbox.status("Charging")
    await wallbox.stop(number, 2000)
    outcome = await wallbox.measure(number, energy(2000))
    wallbox.judge("measures once more after the end of its transaction", outcome)
    await wallbox.moment("after the last values")
    await wallbox.status("Finishing")
    await _free(wallbox)


async def _no_stop(wallbox: Wallbox) -> None:
    await wallbox.connect()
    await wallbox.status("Preparing")
    first = await wallbox.start(1000)
    await wallbox.status("Charging")
    await _free(wallbox)
    await wallbox.moment("free without a stop")
    await wallbox.status("Preparing")
    second = await wallbox.start(2000)
    wallbox.claim("gets another transaction for the next car", first != second)
    await wallbox.moment("the next car")
    await wallbox.stop(second, 3000)
    await _free(wallbox)


async def _stops_at_once(wallbox: Wallbox) -> None:
    await wallbox.connect()
    so_far = wallbox.asked_so_far
    wallbox.judge("has a car", await wallbox.status("Preparing"))
    asked = await wallbox.asked(
        "RemoteStartTransaction",
        after=so_far,
        within_s=max(_REMOTE_START_S, wallbox.stage.patience_s),
    )
    was = "is started remotely" if asked is not None else "was not started remotely"
    await wallbox.judge_call(
        f"{was}, and stops a transaction -1 at once",
        "StopTransaction",
        {**stop_transaction(-1, 1000, wallbox.now()), "reason": "Local"},
    )
    wallbox.judge("stays in Finishing", await wallbox.status("Finishing"))
    number = await wallbox.start()
    wallbox.judge("charges all the same", await wallbox.status("Charging"))
    await wallbox.stop(number)
    await _free(wallbox)


async def _broken_tags(wallbox: Wallbox) -> None:
    stage = wallbox.stage
    await wallbox.connect()
    for what, id_tag in (
        ("shows a tag of 25 characters", "04A1B2C3D4E5F604A1B2C3D4E"),
        ("shows a tag with a broken character", "04A1B2\ufffdE5F6"),
        ("shows a tag with a control character", "04A1B2\u0001E5F6"),
        ("shows an empty tag", ""),
    ):
        await wallbox.judge_call(what, "Authorize", {"idTag": id_tag}, ANSWERED)
    at = wallbox.now()
    start = start_transaction(stage.connector, "04A1B2C3D4E5F604A1B2C3D4E", 1000, at)
    what = "starts with a tag of 25 characters"
    outcome = await wallbox.judge_call(what, "StartTransaction", start, ANSWERED)
    number = outcome.payload.get("transactionId")
    if isinstance(number, int):
        await wallbox.stop(number)
    await wallbox.heartbeat()


async def _stop_without_start(wallbox: Wallbox) -> None:
    await wallbox.connect()
    wallbox.judge("charges for free", await wallbox.status("Charging"))
    stop = stop_transaction(0, 2000, wallbox.now())
    await wallbox.judge_call("stops what it has never started", "StopTransaction", stop)
    connector = wallbox.stage.connector
    start = start_transaction(connector, "PlugAndCharge", 2000, wallbox.now())
    outcome = await wallbox.call("StartTransaction", start)
    number = wallbox.started(outcome, anybody=True)
    await wallbox.stop(number, 3000)
    await _free(wallbox)


async def _answers_later(wallbox: Wallbox) -> None:
    """It answers nothing before its own call is answered: who waits for it inside hangs."""
    await wallbox.connect()
    wallbox.link.hold()
    outcome = await wallbox.status("Preparing")
    wallbox.judge("answers nothing until its StatusNotification is answered", outcome)
    wallbox.link.serve()
    number = await wallbox.start()
    wallbox.link.hold()
    wallbox.judge("and so once more while it charges", await wallbox.status("Charging"))
    wallbox.link.serve()
    await wallbox.stop(number)
    await _free(wallbox)


#: An OCMF record as it stands in a StopTransaction: the order of its names, the escaped slash,
#: the blanks and the escapes are signed with it.
_OCMF = (
    r'"OCMF|{\"FV\" : \"1.0\",\"GI\":\"T\u00fcr \\/ 7\",\"RD\":[{\"TM\":'
    r"\"2026-03-01T12:00:00,000+0100 S\",\"RV\":1.500,\"RI\":\"1-b:1.8.0\",\"RU\":\"kWh\"}]}|"
    r'{\"SD\":\"3045\u0030AB\/cd\"}"'
)
_JSON_IN_JSON = (
    r'"{\"signedMeterData\":\"T0NNRg==\",\"encodingMethod\":\"OCMF\",\"publicKey\":\"a\/b\"}"'
)


def _signed(value: str, context: str) -> str:
    return f'{{"value":{value},"format":"SignedData","context":"{context}"}}'


#: The transactionData of its StopTransaction, byte for byte.
SIGNED_STOP_DATA = (
    '[{"timestamp":"2026-03-01T12:00:00Z", "sampledValue":['
    f"{_signed(_OCMF, 'Transaction.End')},{_signed(_JSON_IN_JSON, 'Transaction.Begin')}]}}]"
)


async def _signed_values(wallbox: Wallbox) -> None:
    stage = wallbox.stage
    await wallbox.connect()
    number = await wallbox.start()
    unique_id = wallbox.new_id()
    sampled_value = _signed(_OCMF, "Sample.Periodic")
    text = (
        f'[2,"{unique_id}","MeterValues",{{"connectorId":{stage.connector},"transactionId":'
        f'{number},"meterValue":[{{"timestamp":"{wallbox.now()}","sampledValue":'
        f"[{sampled_value}]}}]}}]"
    )
    wallbox.judge("signs what it measures", await wallbox.say(text.encode(), unique_id))
    unique_id = wallbox.new_id()
    text = (
        f'[2,"{unique_id}","StopTransaction",{{"transactionId":{number},"meterStop":2500,'
        f'"timestamp":"{wallbox.now()}","transactionData":{SIGNED_STOP_DATA}}}]'
    )
    wallbox.judge(
        "signs the whole transaction, with escapes that have to survive",
        await wallbox.say(text.encode(), unique_id),
    )


async def _two_stops(wallbox: Wallbox) -> None:
    stage = wallbox.stage
    await wallbox.connect()
    number = await wallbox.start(1000)
    await wallbox.measure(number, energy(1800))
    stop: dict[str, Any] = {
        **stop_transaction(number, 2500, wallbox.now()),
        "idTag": stage.id_tag,
        "reason": "HardReset",
    }
    first, second = wallbox.new_id(), wallbox.new_id()
    answers = [wallbox.expect_answer(one) for one in (first, second)]
    for one in (first, second):
        wallbox.link.send(json.dumps([2, one, "StopTransaction", stop]).encode())
    wallbox.judge("stops its transaction", await answers[0])
    repeated = await answers[1]
    wallbox.judge("and once more with another message id, without waiting", repeated)
    if repeated.reaction is Reaction.TOLERATED:
        await _free(wallbox)
    idle = status_notification(0, "Available", wallbox.now())
    await wallbox.judge_call("shuts down", "StatusNotification", idle)


TRANSACTIONS = (
    Persona(
        number="Q23",
        title="stops transactions 0, -1 and others that nobody has started",
        boxes="go-e, Etrel Inch, EN+, Vestel and others",
        why="Not answered, it repeats the stop for ever, and nothing behind it gets through.",
        evidence=(
            "https://github.com/steve-community/steve/issues/1569",
            "https://github.com/steve-community/steve/issues/292",
            "https://github.com/goecharger/go-eCharger-API-v2/issues/106",
            "https://github.com/mobilityhouse/ocpp/issues/617",
            "https://github.com/lbbrhzn/ocpp/issues/1000",
            "https://github.com/evcc-io/evcc/issues/14673",
            "https://github.com/lbbrhzn/ocpp/issues/1771",
        ),
        make=Make("Etrel", "INCH"),
        script=_strange_numbers,
    ),
    Persona(
        number="Q24",
        title="stops a transaction of days ago when it connects",
        boxes="Enercab",
        why="It is out of its queue only when it is answered.",
        evidence=("https://github.com/evcc-io/evcc/pull/13990",),
        make=Make("Enercab", "Wallbox"),
        script=_old_stop,
    ),
    Persona(
        number="Q25",
        title="sends its last meter values after the stop",
        boxes="Ocular",
        why="They belong to the transaction, and must not bring it back to life.",
        evidence=("lbbrhzn/ocpp, documentation and source",),
        make=Make("Ocular", "LTE"),
        script=_late_values,
    ),
    Persona(
        number="Q26",
        title="never stops: it says Available, and that is all",
        boxes="not named",
        why="Taken for still running, the transaction blocks the current and the next car.",
        evidence=(
            "https://github.com/evcc-io/evcc/pull/30247",
            "https://github.com/dallmann-consulting/OCPP.Core/issues/55",
            "https://support.has-to-be.com/hc/de/articles/360003792760",
        ),
        make=Make("Vendor", "No Stop"),
        script=_no_stop,
    ),
    Persona(
        number="Q27",
        title="accepts a remote start and stops -1 at once; stays in Finishing",
        boxes="go-e (stop -1); Autel and Ocular (Finishing until the car is gone)",
        why="A new start out of Finishing is a transaction like any other.",
        evidence=("https://github.com/goecharger/go-eCharger-API-v2/issues/106",),
        make=Make("go-e", "go-eCharger V3", "56.2"),
        script=_stops_at_once,
    ),
    Persona(
        number="Q28",
        title="shows tags that are too long or broken",
        boxes="Ocular",
        why="They may be refused; what must not happen is silence, or a crash.",
        evidence=("lbbrhzn/ocpp, documentation",),
        make=Make("Ocular", "LTE"),
        script=_broken_tags,
    ),
    Persona(
        number="Q29",
        title="charges for free: it stops without a start, or starts with a tag of its own",
        boxes="Alfen (PlugAndChargeIdentifier) and others",
        why=(
            "A stop that belongs to nothing is answered; so is a start with a tag nobody knows."
        ),
        evidence=("https://github.com/ConnectorIO/connectorio-addons/pull/199",),
        make=Make("Alfen BV", "NG910"),
        script=_stop_without_start,
    ),
    Persona(
        number="Q30",
        title="answers nothing until its own call is answered",
        boxes="not named",
        why="Who starts it remotely from within its StatusNotification waits for himself.",
        evidence=("https://github.com/evcc-io/evcc/pull/29838",),
        make=Make("Vendor", "One At A Time"),
        script=_answers_later,
    ),
    Persona(
        number="Q42",
        title="signs its meter values, some only in StopTransaction",
        boxes="wallboxes under calibration law (OCMF)",
        why="One byte changed, be it an escape or a blank, and the signature is worth nothing.",
        evidence=(
            "https://github.com/SAFE-eV/OCMF-Open-Charge-Metering-Format/issues/8",
            "https://github.com/solidstudiosh/ocpp-virtual-charge-point/pull/63",
        ),
        make=Make("Vendor", "Signed"),
        script=_signed_values,
    ),
    Persona(
        number="Q45",
        title="stops one transaction twice, with two message ids",
        boxes="not named; at shutdown",
        why="Two answers and one stop: the energy is billed once.",
        evidence=(),
        make=Make("Vendor", "Two Stops"),
        script=_two_stops,
    ),
)
