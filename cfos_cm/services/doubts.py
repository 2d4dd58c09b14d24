"""EVSEs that may have forgotten what they were told, and how long they are left in doubt."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from twisted.internet.interfaces import IReactorTime

from cfos_cm.site.evse import Evse, Link

__all__ = ["PROOF_S", "Doubts"]

#: How long others are not paused for the sake of an EVSE that has just connected: nearly all
#: confirm in a fraction of that, and not every car that was paused charges again. Fuses bear an
#: overload for longer; IEC 61851-1 gives a car as much time to follow its limit. [s]
PROOF_S = 5.0


class Doubts:
    """Who is in doubt, and until when."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._ends_s: dict[str, float] = {}

    def grown(self, evses: Iterable[Evse]) -> tuple[str, ...]:
        """
        Those who have been in doubt for L{PROOF_S}, and on whom somebody still counts.

        @param evses: all that there are, as they are known now.
        """
        now_s = self._clock.seconds()
        ends_s = {
            evse.name: self._ends_s.get(evse.name, now_s + PROOF_S)
            for evse in evses
            if evse.unsure and evse.link is Link.ONLINE and not evse.disobedient
        }
        self._ends_s = {name: end_s for name, end_s in ends_s.items() if end_s > now_s}
        return tuple(name for name in ends_s if name not in self._ends_s)

    def next_end_s(self) -> float:
        """When the next doubt will have grown, by the clock; infinite if none will."""
        return min(self._ends_s.values(), default=inf)
