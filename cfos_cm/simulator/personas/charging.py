"""Charging, also under a limit: what several personas do around their oddity."""

from __future__ import annotations

from collections.abc import Callable

from cfos_cm.simulator.personas.asked import Asked, Reply, charging_profile
from cfos_cm.simulator.personas.persona import Outcome, Reaction
from cfos_cm.simulator.personas.stage import NotShown
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = [
    "SET_PROFILE",
    "Fits",
    "charge",
    "end",
    "is_asked_again",
    "is_limited_otherwise",
    "is_of_transaction",
    "limited_charge",
    "odd_answer_is_understood",
]

SET_PROFILE = "SetChargingProfile"

Fits = Callable[[Asked], bool]


def is_of_transaction(asked: Asked) -> bool:
    """Whether a profile limits the transaction that runs."""
    return charging_profile(asked).get("chargingProfilePurpose") == "TxProfile"


async def charge(wallbox: Wallbox) -> int:
    """Have a car, start a transaction, charge; its id."""
    await wallbox.status("Preparing")
    number = await wallbox.start()
    wallbox.judge("charges", await wallbox.status("Charging"))
    return number


async def end(wallbox: Wallbox, number: int, meter_stop_wh: int = 2000) -> None:
    """Stop, and have no car any more."""
    await wallbox.stop(number, meter_stop_wh)
    await wallbox.status("Available")


async def limited_charge(wallbox: Wallbox) -> int:
    """
    Connect, and charge until a limit comes for the transaction; its id.

    @raise NotShown: if none comes.
    """
    await wallbox.connect()
    number = await charge(wallbox)
    await wallbox.must_be_asked(SET_PROFILE, is_of_transaction)
    return number


async def is_limited_otherwise(wallbox: Wallbox) -> None:
    """
    Charge once as a wallbox does that takes every limit.

    @raise NotShown: if it gets none for its transaction: who is not allowed to charge, or of
        whom nobody wants anything, shows nothing by being picky.
    """
    await end(wallbox, await limited_charge(wallbox))
    await wallbox.close()


async def is_asked_again(wallbox: Wallbox) -> bool:
    """
    Whether a further limit comes when charging begins, after the first of a connection.

    A Central System has one call in flight: if it still waits for the answer to the first, the
    next does not come.

    @raise NotShown: if there is not even a first.
    """
    await wallbox.connect()
    await wallbox.must_be_asked(SET_PROFILE)
    so_far = wallbox.asked_so_far
    await wallbox.status("Preparing")
    number = await wallbox.start()
    again = await wallbox.asked(SET_PROFILE, after=so_far)
    await wallbox.moment("answered")
    await end(wallbox, number)
    return again is not None


async def odd_answer_is_understood(wallbox: Wallbox, what: str, reply: Reply) -> None:
    """
    Answer limits in an odd way, and judge whether that is understood.

    @raise NotShown: if an answer as it should be is not followed by another limit either.
    """
    if not await is_asked_again(wallbox):
        raise NotShown(
            f"only one {SET_PROFILE} comes, also when it is answered as it should be: "
            "it is not seen whether another answer is understood"
        )
    await wallbox.close()
    wallbox.answer(SET_PROFILE, reply)
    outcome = (
        Outcome(Reaction.TOLERATED, "the next call comes")
        if await is_asked_again(wallbox)
        else Outcome(Reaction.HUNG, "no further call comes")
    )
    wallbox.judge(what, outcome)
