"""What has to be remembered from one round to the next to understand a Power Brain."""

from __future__ import annotations

from attrs import evolve, frozen

from cfos_cm.drivers.power_brain.reading import PilotState

__all__ = ["BOOT_S", "OFFERED_S", "STALE_TAP_S", "EnergyMemory", "TapMemory", "Waking"]

#: A meter that has said 0 for so long has counted nothing yet, and is not just starting. [s]
BOOT_S = 60.0
#: A card that was shown while nobody has looked for so long is not shown now. [s]
STALE_TAP_S = 60.0
#: A car that was offered a current for so long, and does not take it, sleeps. [s]
OFFERED_S = 30.0


@frozen
class EnergyMemory:
    """
    What a meter has counted.

    After its start a box reads 0 for a while, whatever its meter has counted.

    @ivar energy_wh: what it says; C{None}: it is not known. [Wh]
    """

    energy_wh: int | None = None
    _last_wh: int | None = None
    _zero_since_s: float | None = None

    def after(self, register_wh: int | None, now_s: float) -> EnergyMemory:
        """
        What is known a moment later.

        @param register_wh: what stands there; C{None}: it was not read. [Wh]
        """
        if register_wh is None:
            return EnergyMemory(None, self._last_wh)
        if register_wh:
            return EnergyMemory(register_wh, register_wh)
        if self._last_wh:
            # It has counted before: it does not say now how much.
            return EnergyMemory(None, self._last_wh)
        if self._last_wh == 0:
            return self
        since_s = now_s if self._zero_since_s is None else self._zero_since_s
        if now_s - since_s >= BOOT_S:
            return EnergyMemory(0, 0)
        return EnergyMemory(None, None, since_s)


@frozen
class TapMemory:
    """
    Which card was seen last.

    The register holds a card until another one is shown, and beside it there is a counter.

    @ivar tag: the one that was shown just now; C{None}: none was.
    """

    tag: str | None = None
    _taps: int | None = None
    _restarts: int | None = None
    _seen_s: float = 0.0

    def after(
        self, taps: int, tag: str | None, restarts: int | None, now_s: float
    ) -> TapMemory:
        """
        What is known a moment later.

        @param taps: what the counter holds.
        @param tag: what the register holds.
        @param restarts: how often the box has started, where it says so.
        """
        is_fresh = restarts == self._restarts and now_s - self._seen_s <= STALE_TAP_S
        if self._taps is None or not is_fresh:
            return TapMemory(None, taps, restarts, now_s)
        if taps == self._taps or tag is None:
            # The counter may be a moment ahead of the card.
            return TapMemory(None, self._taps, restarts, now_s)
        return TapMemory(tag, taps, restarts, now_s)


@frozen
class Waking:
    """
    Whether a car sleeps that was paused by us, and does not take what it is offered again.

    @ivar offered_since_s: since when it has been offered a current after the pause; C{None}:
        it is not. [s]
    """

    _was_paused: bool = False
    offered_since_s: float | None = None

    def after(
        self, pilot: PilotState | None, is_paused: bool, is_offered: bool, now_s: float
    ) -> Waking:
        """
        What is known a moment later.

        @param pilot: C{None}: it says nothing now.
        @param is_paused: it was told by us not to charge.
        @param is_offered: it was told by us to charge, and offers its car a current.
        """
        if pilot is None:
            return self
        if not pilot.is_plugged:
            return Waking()
        if is_paused:
            return Waking(was_paused=True)
        if pilot is not PilotState.B:
            return Waking()
        if not (self._was_paused and is_offered):
            return evolve(self, offered_since_s=None)
        return self if self.offered_since_s is not None else Waking(True, now_s)

    def is_due(self, pilot: PilotState | None, now_s: float) -> bool:
        """Whether it is to be woken now; once for each pause, see L{done}."""
        since_s = self.offered_since_s
        # Never while the control pilot is interrupted, whoever does that.
        return pilot is PilotState.B and since_s is not None and now_s - since_s >= OFFERED_S

    def done(self) -> Waking:
        """It was woken, or at least that was tried."""
        return Waking()
