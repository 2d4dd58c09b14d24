"""EVSEs that did not obey, and are left alone for a while."""

from __future__ import annotations

from collections.abc import Container
from math import inf

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from cfos_cm.site.setpoint import Setpoint

__all__ = ["FIRST_RETRY_S", "LAST_RETRY_S", "Respite", "Respites"]

#: How long an EVSE that did not obey is left alone before it is told again; doubled each time.
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 300.0
#: After so many failures the wait grows no more; the power itself has to stay a small number.
_LAST_DOUBLING = 6


@frozen
class Respite:
    """
    How long an EVSE is not ordered anything, because the last orders failed.

    @ivar until_s: by the clock. [s]
    @ivar failures: how many orders have failed, one after the other.
    @ivar current_ma: what the last one of them ordered. [mA per phase]
    """

    until_s: float
    failures: int
    current_ma: int

    def holds(self, setpoint: Setpoint, now_s: float) -> bool:
        """Whether C{setpoint} has to wait; less than what failed does not."""
        return now_s < self.until_s and setpoint.current_ma >= self.current_ma


class Respites:
    """Who is left alone now, and how often he has failed."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._respites: dict[str, Respite] = {}

    def holds(self, evse: str, setpoint: Setpoint) -> bool:
        """Whether an EVSE is left alone for now, rather than being ordered C{setpoint}."""
        respite = self._respites.get(evse)
        return respite is not None and respite.holds(setpoint, self._clock.seconds())

    def failed(self, evse: str, setpoint: Setpoint) -> None:
        """Leave an EVSE alone that did not take C{setpoint}; longer than the last time."""
        before = self._respites.get(evse)
        failures = 1 if before is None else before.failures + 1
        wait_s = min(FIRST_RETRY_S * 2 ** min(failures - 1, _LAST_DOUBLING), LAST_RETRY_S)
        until_s = self._clock.seconds() + wait_s
        self._respites[evse] = Respite(until_s, failures, setpoint.current_ma)

    def forgive(self, evse: str) -> bool:
        """Forget that an EVSE has failed. Whether it had."""
        return self._respites.pop(evse, None) is not None

    def keep(self, evses: Container[str]) -> None:
        """Forget all EVSEs but these."""
        self._respites = {
            name: respite for name, respite in self._respites.items() if name in evses
        }

    def next_end_s(self) -> float:
        """When the next one of them may be told again, by the clock; infinite if nobody is."""
        now_s = self._clock.seconds()
        ends_s = (respite.until_s for respite in self._respites.values())
        return min((end_s for end_s in ends_s if end_s > now_s), default=inf)
