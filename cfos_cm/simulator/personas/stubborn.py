"""Oddities of charging profiles beyond the numbered list: X5 to X9."""

from __future__ import annotations

from typing import Any

from cfos_cm.quirk import Quirk
from cfos_cm.simulator.personas.asked import (
    Answer,
    Asked,
    charging_profile,
    charging_schedule,
    wanted_keys,
)
from cfos_cm.simulator.personas.charging import (
    SET_PROFILE,
    Fits,
    charge,
    end,
    is_of_transaction,
    limited_charge,
)
from cfos_cm.simulator.personas.persona import Make, Persona
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = ["STUBBORN"]

#: What it is made for, and what flows when it obeys nobody. [A]
_HARDWARE_A = 32.0


def _limit(asked: Asked) -> float:
    """The limit of a profile, in its own unit; infinite if it has none."""
    periods = charging_schedule(asked).get("chargingSchedulePeriod")
    first: Any = periods[0] if isinstance(periods, list) and periods else None
    limit = first.get("limit") if isinstance(first, dict) else None
    return float(limit) if isinstance(limit, int | float) else float("inf")


def _has_purpose(asked: Asked, purpose: str) -> bool:
    return charging_profile(asked).get("chargingProfilePurpose") == purpose


async def _picky(wallbox: Wallbox, what: str, fits: Fits) -> int:
    """
    Charge, accept only profiles that fit, and note whether one comes that lets a car charge.

    @return: the transaction, which still runs.
    @raise NotShown: if there is no profile at all.
    """
    wallbox.answer(
        SET_PROFILE, lambda asked: {"status": "Accepted" if fits(asked) else "NotSupported"}
    )
    await wallbox.connect()
    number = await charge(wallbox)
    await wallbox.must_be_asked(SET_PROFILE)
    asked = await wallbox.asked(SET_PROFILE, lambda one: fits(one) and _limit(one) > 0)
    wallbox.claim(what, asked is not None, "" if asked is not None else "none came")
    await wallbox.moment("limited")
    return number


async def _only_purpose(wallbox: Wallbox, purpose: str) -> None:
    def fits(asked: Asked) -> bool:
        return _has_purpose(asked, purpose)

    what = f"rejects all but a {purpose}, and is limited by one"
    number = await _picky(wallbox, what, fits)
    so_far = wallbox.asked_so_far
    await end(wallbox, number)
    forbidden = await wallbox.asked(
        SET_PROFILE, lambda one: fits(one) and _limit(one) == 0, after=so_far
    )
    wallbox.claim(
        "is forbidden to charge by the same, when its transaction has ended",
        forbidden is not None,
        "" if forbidden is not None else "it would go on with the last limit",
    )


async def _only_default(wallbox: Wallbox) -> None:
    await _only_purpose(wallbox, "TxDefaultProfile")


async def _only_maximum(wallbox: Wallbox) -> None:
    await _only_purpose(wallbox, "ChargePointMaxProfile")


async def _highest_level(wallbox: Wallbox) -> None:
    name = "ChargeProfileMaxStackLevel"

    def configuration(asked: Asked) -> Answer:
        wanted = wanted_keys(asked) or [name]
        return {
            "configurationKey": [{"key": name, "readonly": True, "value": "3"}]
            if name in wanted
            else [],
            "unknownKey": [one for one in wanted if one != name],
        }

    wallbox.answer("GetConfiguration", configuration)
    what = "rejects all but its highest stack level, which it announces, and is limited there"
    number = await _picky(
        wallbox, what, lambda asked: charging_profile(asked).get("stackLevel") == 3
    )
    await end(wallbox, number)


async def _obeys_nobody(wallbox: Wallbox) -> None:
    wallbox.answer("GetCompositeSchedule", _all_it_has)
    number = await limited_charge(wallbox)
    first = await wallbox.must_be_asked("GetCompositeSchedule")
    calls = list(wallbox.link.asked)
    so_far = 1 + next(index for index, one in enumerate(calls) if one is first)
    again = await wallbox.asked(SET_PROFILE, is_of_transaction, after=so_far)
    wallbox.claim(
        "accepts its limit, says that it gives more, and is told again",
        again is not None,
        "" if again is not None else "nobody minds",
    )
    await wallbox.pause(0.3)
    await wallbox.moment("seen through")
    await end(wallbox, number)


def _all_it_has(asked: Asked) -> Answer:
    return {
        "status": "Accepted",
        "connectorId": asked.payload.get("connectorId"),
        "chargingSchedule": {
            "duration": asked.payload.get("duration"),
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": _HARDWARE_A}],
        },
    }


async def _in_flash(wallbox: Wallbox) -> None:
    number = await limited_charge(wallbox)
    asked = await wallbox.must_be_asked(SET_PROFILE, is_of_transaction)
    lasts = "duration" not in charging_schedule(asked)
    wallbox.claim(
        "gets a limit that has no end, so that it is not told the same again and again",
        lasts,
        "" if lasts else str(charging_schedule(asked)["duration"]),
    )
    await end(wallbox, number)


STUBBORN = (
    Persona(
        number="X5",
        title="takes no TxProfile",
        boxes="Timxon",
        why=(
            "It can only be limited by its TxDefaultProfile, which has to forbid charging "
            "again when the transaction has ended."
        ),
        evidence=("https://github.com/lbbrhzn/ocpp/issues/2158",),
        make=Make("Timxon", "A0"),
        script=_only_default,
    ),
    Persona(
        number="X6",
        title="takes nothing but a ChargePointMaxProfile",
        boxes="not named",
        why="Where it is the only EVSE of its Charge Point, that limits it as well.",
        evidence=("https://github.com/lbbrhzn/ocpp/issues/221",),
        make=Make("Vendor", "Maximum Only"),
        script=_only_maximum,
    ),
    Persona(
        number="X7",
        title="accepts every limit, obeys none, and says so",
        boxes="Wallbox Pulsar Pro, and others after an update",
        why="Its GetCompositeSchedule tells what it gives; who believes the rest loses a fuse.",
        evidence=(
            "https://github.com/evcc-io/evcc/issues/31597",
            "https://github.com/lbbrhzn/ocpp/issues/2148",
        ),
        make=Make("Vendor", "Obeys Nobody"),
        script=_obeys_nobody,
    ),
    Persona(
        number="X8",
        title="writes every profile to its flash memory",
        boxes="not named",
        why="Told the same limit every few minutes, it is worn out in some years.",
        evidence=(),
        make=Make("Vendor", "Flash"),
        script=_in_flash,
        needs=frozenset({Quirk.NO_LEASE}),
    ),
    Persona(
        number="X9",
        title="takes profiles at its highest stack level only",
        boxes="not named",
        why="Level 0, which every wallbox should have, is rejected.",
        evidence=("https://github.com/lbbrhzn/ocpp/pull/73",),
        make=Make("Vendor", "Highest Level"),
        script=_highest_level,
    ),
)
