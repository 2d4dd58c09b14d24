"""What is remembered from one round to the next."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.power_brain.memories import EnergyMemory, TapMemory, Waking
from cfos_cm.drivers.power_brain.reading import PilotState


class EnergyTests(SynchronousTestCase):
    """A register that holds 0 while the box starts."""

    def known(self, readings: Iterable[tuple[float, int | None]]) -> list[int | None]:
        """What is known after each reading, at its time."""
        memory, found = EnergyMemory(), []
        for now_s, register_wh in readings:
            memory = memory.after(register_wh, now_s)
            found.append(memory.energy_wh)
        return found

    def test_just_started(self) -> None:
        """0 is not known at first, and what comes then is."""
        self.assertEqual([None, None, 500], self.known([(0, 0), (1, 0), (2, 500)]))

    def test_new_meter(self) -> None:
        """One that has said 0 for a minute has counted nothing yet."""
        found = self.known([(10, 0), (69, 0), (70, 0), (71, 0), (72, 3)])
        self.assertEqual([None, None, 0, 0, 3], found)

    def test_falls_to_nothing(self) -> None:
        """One that has counted is not believed that it has not, however long it says so."""
        self.assertEqual(
            [500, None, None, 501], self.known([(0, 500), (1, 0), (99, 0), (100, 501)])
        )

    def test_not_read(self) -> None:
        """What is not read is not known, and the minute begins anew."""
        found = self.known([(0, 0), (30, None), (60, 0), (119, 0), (120, 0)])
        self.assertEqual([None, None, None, None, 0], found)
        self.assertEqual([500, None, None], self.known([(0, 500), (1, None), (2, 0)]))


class TapTests(SynchronousTestCase):
    """Cards, and the counter beside them."""

    def shown(self, rounds: Iterable[tuple[float, int, str | None, int | None]]) -> list[str]:
        """The cards that were shown: time, counter, card and restarts of each round."""
        memory, found = TapMemory(), []
        for now_s, taps, tag, restarts in rounds:
            memory = memory.after(taps, tag, restarts, now_s)
            if memory.tag is not None:
                found.append(memory.tag)
        return found

    def test_once(self) -> None:
        """A card that stays in the register was shown once."""
        self.assertEqual(["B"], self.shown([(0, 5, "A", 1), (1, 6, "B", 1), (2, 6, "B", 1)]))

    def test_same_again(self) -> None:
        """The counter says that the same was shown again."""
        self.assertEqual(["A"], self.shown([(0, 5, "A", 1), (1, 6, "A", 1)]))

    def test_several(self) -> None:
        """Of several between two rounds there is one left."""
        self.assertEqual(["C"], self.shown([(0, 5, "A", 1), (1, 8, "C", 1)]))

    def test_wraps(self) -> None:
        """The counter begins again after 65535."""
        self.assertEqual(["A"], self.shown([(0, 65_535, "A", 1), (1, 0, "A", 1)]))

    def test_start(self) -> None:
        """What was shown before anybody looked is not shown now."""
        self.assertEqual([], self.shown([(0, 5, "A", 1), (1, 5, "A", 1)]))

    def test_restart(self) -> None:
        """A box that has started again counts from another beginning."""
        self.assertEqual([], self.shown([(0, 5, "A", 1), (1, 0, None, 2), (2, 0, None, 2)]))
        self.assertEqual(["A"], self.shown([(0, 5, None, 1), (1, 1, None, 2), (2, 2, "A", 2)]))

    def test_short_loss(self) -> None:
        """A card that was shown while the connection was made anew counts."""
        self.assertEqual(["B"], self.shown([(0, 5, "A", 1), (60, 6, "B", 1)]))

    def test_long_loss(self) -> None:
        """Whoever has shown it a while ago may not be there any more."""
        self.assertEqual([], self.shown([(0, 5, "A", 1), (61, 6, "B", 1), (62, 6, "B", 1)]))

    def test_counter_first(self) -> None:
        """A counter that is ahead of its card waits for it."""
        found = self.shown([(0, 5, None, 1), (1, 6, None, 1), (2, 6, "A", 1), (3, 6, "A", 1)])
        self.assertEqual(["A"], found)

    def test_no_restarts(self) -> None:
        """A box that does not say how often it has started is believed."""
        self.assertEqual(["B"], self.shown([(0, 5, "A", None), (1, 6, "B", None)]))


class WakingTests(SynchronousTestCase):
    """Cars that sleep after a pause."""

    def due(self, rounds: Iterable[tuple[float, str, str]]) -> list[float]:
        """When it is woken: time, state and what it is told in each round."""
        memory, found = Waking(), []
        for now_s, pilot, told in rounds:
            state = None if pilot == "-" else PilotState[pilot]
            memory = memory.after(state, told == "pause", told == "offer", now_s)
            if memory.is_due(state, now_s):
                found.append(now_s)
                memory = memory.done()
        return found

    def test_sleeps(self) -> None:
        """It is woken once, half a minute after it is offered a current again."""
        rounds = [(0.0, "C", "pause"), (1.0, "B", "pause")]
        rounds += [(10.0 + wait, "B", "offer") for wait in range(100)]
        self.assertEqual([40], self.due(rounds))

    def test_takes_it(self) -> None:
        """Not one that has begun to charge, also when it is full soon after."""
        rounds = [(0.0, "B", "pause"), (1.0, "B", "offer"), (2.0, "C", "offer")]
        self.assertEqual([], self.due([*rounds, (3.0, "B", "offer"), (99.0, "B", "offer")]))

    def test_not_paused(self) -> None:
        """Not one that was never told to pause: it may be full."""
        self.assertEqual([], self.due([(0.0, "B", "offer"), (99.0, "B", "offer")]))

    def test_others(self) -> None:
        """Not one that somebody else pauses; the time begins when it is offered something."""
        rounds = [
            (0.0, "B", "pause"),
            (1.0, "B", "offer"),
            (20.0, "B", ""),
            (40.0, "B", "offer"),
        ]
        self.assertEqual([], self.due([*rounds, (69.0, "B", "offer")]))
        self.assertEqual([70], self.due([*rounds, (70.0, "B", "offer")]))

    def test_leaves(self) -> None:
        """Not the next car."""
        rounds = [(0.0, "B", "pause"), (1.0, "A", "offer"), (2.0, "B", "offer")]
        self.assertEqual([], self.due([*rounds, (99.0, "B", "offer")]))

    def test_leaves_in_the_pause(self) -> None:
        """Nor one that comes when the pause is over."""
        rounds = [(0.0, "B", "pause"), (1.0, "A", "pause"), (2.0, "B", "offer")]
        self.assertEqual([], self.due([*rounds, (99.0, "B", "offer")]))

    def test_each_pause(self) -> None:
        """Once more after the next pause."""
        one = [(0.0, "B", "pause"), (1.0, "B", "offer"), (31.0, "B", "offer")]
        again = [(now_s + 100, pilot, told) for now_s, pilot, told in one]
        self.assertEqual([31, 131], self.due([*one, *again]))

    def test_interrupted(self) -> None:
        """A frozen state changes nothing that is known, and no car is woken meanwhile."""
        rounds = [(0.0, "B", "pause"), (1.0, "B", "offer")]
        rounds += [(9.0, "-", "offer"), (32.0, "-", "offer"), (33.0, "B", "offer")]
        self.assertEqual([33], self.due(rounds))
