"""The subject in the role of the Central System, whichever bench it runs on."""

from __future__ import annotations

from itertools import count
from typing import Any

from twisted.internet.defer import Deferred, succeed

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.operator import Archives, Chance, Operator
from cfos_cm.site.security_profile import SecurityProfile
from tests.central_system.operators import MemoryReservations, MemorySentLists
from tests.central_system.world import World

__all__ = ["change_password", "counted", "memory_operator", "order", "raise_profile"]


def memory_operator(world: World) -> Operator:
    """An operator of a Central System in memory."""
    numbers = count(501)
    return Operator(
        world.system,
        Archives(
            lambda: succeed(()),
            MemorySentLists(world.disk),
            MemoryReservations(world.disk),
            world.system.passwords,
        ),
        Chance(lambda: next(numbers), bytes),
    )


def order(operator: Operator, identity: str, action: str, payload: Any) -> Deferred[Any]:
    """Have a Central System send something; fires with the payload of the confirmation."""
    # A tester does not wait as an operator has to who might overwhelm a wallbox.
    return operator.call(identity, action, payload, hurry=True)


def change_password(operator: Operator, identity: str, key: str) -> Deferred[Any]:
    """Have a Central System give a Charge Point another password."""
    return Deferred.fromCoroutine(operator.change_password(identity, key))


def raise_profile(operator: Operator, identity: str, profile: int) -> Deferred[Any]:
    """Have a Central System raise the security profile of a Charge Point."""
    raising = operator.raise_profile(identity, SecurityProfile(profile))
    return Deferred.fromCoroutine(raising)


def counted(system: CentralSystem) -> dict[str, int]:
    """What a Central System has counted, by the name of the counter."""
    return {str(what): number for what, number in system.counters.all().items()}
