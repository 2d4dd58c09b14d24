"""What meters have said since somebody looked last."""

from __future__ import annotations

from collections.abc import Collection

from cfos_cm.site.events import EvseMeasured

__all__ = ["NewestReadings"]


class NewestReadings:
    """
    Of each EVSE and each quantity the newest value, until it is taken.

    Meters speak whenever they like, and nobody looks at every word of theirs: what was said
    twice between two looks is told once. It holds one event for each EVSE at most.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[str, EvseMeasured] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, reading: EvseMeasured) -> None:
        """A meter has spoken."""
        before = self._waiting.get(reading.evse)
        self._waiting[reading.evse] = reading if before is None else _both(before, reading)

    def take(self) -> Collection[EvseMeasured]:
        """All that is waiting; it is not here any more."""
        taken, self._waiting = self._waiting, {}
        return taken.values()


def _both(earlier: EvseMeasured, later: EvseMeasured) -> EvseMeasured:
    """What is known after both."""
    currents, energy_wh, power_w = later.currents, later.energy_wh, later.power_w
    if currents is not None and energy_wh is not None and power_w is not None:
        return later
    return EvseMeasured(
        later.evse,
        earlier.currents if currents is None else currents,
        earlier.energy_wh if energy_wh is None else energy_wh,
        earlier.power_w if power_w is None else power_w,
        earlier.is_partial if currents is None else later.is_partial,
    )
