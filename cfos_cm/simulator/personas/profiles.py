"""Oddities of charging profiles: Q31 to Q36 and Q43."""

from __future__ import annotations

from cfos_cm.simulator.personas.asked import (
    Answer,
    Asked,
    Reply,
    charging_profile,
    charging_schedule,
    wanted_keys,
)
from cfos_cm.simulator.personas.charging import (
    SET_PROFILE,
    Fits,
    charge,
    end,
    is_limited_otherwise,
    is_of_transaction,
    limited_charge,
)
from cfos_cm.simulator.personas.payloads import energy, sampled
from cfos_cm.simulator.personas.persona import Make, Persona
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = ["PROFILES"]

_ACCEPTED = {"status": "Accepted"}
_REJECTED = {"status": "Rejected"}


def _only(fits: Fits) -> Reply:
    """Accept profiles that fit, and reject all others."""
    return lambda asked: _ACCEPTED if fits(asked) else _REJECTED


async def _ends_limited(
    wallbox: Wallbox,
    number: int,
    what: str,
    otherwise: str = "it charges without a limit",
    fits: Fits = is_of_transaction,
    after: int = 0,
) -> None:
    """
    Note whether a limit comes, and end the transaction.

    @param otherwise: what is found if none does.
    @param after: how many calls are not looked at.
    """
    asked = await wallbox.asked(SET_PROFILE, fits, after=after)
    wallbox.claim(what, asked is not None, "" if asked is not None else otherwise)
    await wallbox.moment("limited")
    await end(wallbox, number)


async def _picky(wallbox: Wallbox, what: str, fits: Fits) -> None:
    """Charge, and accept only profiles that fit: sooner or later one has to come."""
    await is_limited_otherwise(wallbox)
    wallbox.answer(SET_PROFILE, _only(fits))
    await wallbox.connect()
    number = await charge(wallbox)

    def both(asked: Asked) -> bool:
        return fits(asked) and is_of_transaction(asked)

    await _ends_limited(wallbox, number, what, "none came", both)


async def _lowest_level(wallbox: Wallbox) -> None:
    await _picky(
        wallbox,
        "rejects stack levels above 0, and gets a limit at level 0",
        lambda asked: charging_profile(asked).get("stackLevel") == 0,
    )


async def _forgets_profiles(wallbox: Wallbox) -> None:
    wallbox.answer("ClearChargingProfile", lambda _: {"status": "Unknown"})
    number = await limited_charge(wallbox)
    await wallbox.drop()
    await wallbox.reconnect()
    what = "loses its limit with the connection, and is told it again"
    await _ends_limited(wallbox, number, what)


async def _forgets_on_resume(wallbox: Wallbox) -> None:
    number = await limited_charge(wallbox)
    wallbox.judge("pauses", await wallbox.status("SuspendedEVSE"))
    # What is still under way for the charge that has just begun is not what is looked for.
    await wallbox.pause(0.3)
    so_far = wallbox.asked_so_far
    wallbox.judge("goes on", await wallbox.status("Charging"))
    what = "ignores its limit when it goes on, and is told it again"
    await _ends_limited(wallbox, number, what, after=so_far)


async def _relative_only(wallbox: Wallbox) -> None:
    await _picky(
        wallbox,
        "rejects profiles of the kind Absolute, and gets a Relative one",
        lambda asked: charging_profile(asked).get("chargingProfileKind") == "Relative",
    )


async def _watts_only(wallbox: Wallbox) -> None:
    await _picky(
        wallbox,
        "rejects profiles in amperes, and gets one in watts",
        lambda asked: charging_schedule(asked).get("chargingRateUnit") == "W",
    )


async def _announces_power(wallbox: Wallbox) -> None:
    key = "ChargingScheduleAllowedChargingRateUnit"

    def configuration(asked: Asked) -> Answer:
        wanted = wanted_keys(asked) or [key]
        return {
            "configurationKey": [{"key": key, "readonly": True, "value": "Power"}]
            if key in wanted
            else [],
            "unknownKey": [one for one in wanted if one != key],
        }

    wallbox.answer("GetConfiguration", configuration)
    await _watts_only(wallbox)


async def _own_cap(wallbox: Wallbox) -> None:
    wallbox.answer("GetCompositeSchedule", lambda _: _ACCEPTED)
    await wallbox.connect()
    number = await charge(wallbox)
    outcome = await wallbox.measure(
        number,
        sampled("16.0", "Current.Offered", "A"),
        *(sampled("9.5", "Current.Import", "A", phase=phase) for phase in ("L1", "L2", "L3")),
        energy(1500),
    )
    wallbox.judge("offers 16 A while its car takes 9.5 A", outcome)
    await wallbox.moment("capped")
    await end(wallbox, number)


PROFILES = (
    Persona(
        number="Q31",
        title="knows only stack level 0",
        boxes="ABB, Wallbox (firmware 5), Grizzl-E, Delta, BMW",
        why="It rejects what is above, even the level that it announces as its highest.",
        evidence=(
            "https://github.com/evcc-io/evcc/pull/15801",
            "https://github.com/evcc-io/evcc/pull/33908",
            "https://github.com/lbbrhzn/ocpp/issues/1737",
            "https://github.com/lbbrhzn/ocpp/issues/877",
        ),
        make=Make("ABB", "Terra AC"),
        script=_lowest_level,
    ),
    Persona(
        number="Q32",
        title="loses its profiles with the connection",
        boxes="go-e 56.2; Wallbox Pulsar and Delta cannot clear theirs",
        why="Not told again, it charges with full current as soon as it is back.",
        evidence=(
            "https://github.com/goecharger/go-eCharger-API-v2/issues/217",
            "https://github.com/evcc-io/evcc/issues/31597",
            "https://github.com/JoaoPedroBelo/bmw-wallbox-ha/pull/18",
            "https://github.com/JoaoPedroBelo/bmw-wallbox-ha/pull/25",
        ),
        make=Make("go-e", "go-eCharger V3", "56.2"),
        script=_forgets_profiles,
    ),
    Persona(
        number="Q33",
        title="accepts a profile and ignores it after a pause",
        boxes="Delta, go-e, Grizzl-E 03.09, Wallbox Pulsar 6.4",
        why="What was accepted is not what flows: told again on each resumption, it obeys.",
        evidence=(
            "https://github.com/JoaoPedroBelo/bmw-wallbox-ha/pull/20",
            "https://github.com/goecharger/go-eCharger-API-v2/issues/155",
            "https://github.com/evcc-io/evcc/issues/15490",
        ),
        make=Make("Delta", "AC MAX"),
        script=_forgets_on_resume,
    ),
    Persona(
        number="Q34",
        title="wants profiles of the kind Relative",
        boxes="Wallbox",
        why="Absolute ones are rejected, or have no effect.",
        evidence=("https://github.com/evcc-io/evcc/pull/22139",),
        make=Make("Wallbox Chargers", "Pulsar Plus"),
        script=_relative_only,
    ),
    Persona(
        number="Q35",
        title="takes charging profiles in watts only",
        boxes="Huawei; others take only amperes",
        why="Every limit in the other unit is rejected, and nothing is limited.",
        evidence=(
            "https://github.com/lbbrhzn/ocpp/pull/2084",
            "https://www.bender.de/docs/charge-controller/5.32/OCPP/ocpp-smart-charging",
        ),
        make=Make("Huawei", "AC Charger"),
        script=_watts_only,
    ),
    Persona(
        number="Q36",
        title="offers more than its car takes",
        boxes="Legrand and others",
        why="What is offered is not what flows: who takes one for the other gives away a fuse.",
        evidence=(
            "https://github.com/lbbrhzn/ocpp/issues/1248",
            "https://github.com/evcc-io/evcc/pull/16002",
        ),
        make=Make("Legrand", "Green'up"),
        script=_own_cap,
    ),
    Persona(
        number="Q43",
        title="announces Power, and rejects amperes",
        boxes="not named",
        why="Its key ChargingScheduleAllowedChargingRateUnit says so; it has to be heeded.",
        evidence=(),
        make=Make("Vendor", "Power Only"),
        script=_announces_power,
    ),
)
