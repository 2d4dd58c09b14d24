"""Scores count what they say they count."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from bench.garage.garage import Garage, Moment, nobody
from bench.garage.scenario import CarsLimited, MainLimited, Scenario
from bench.garage.score import Score, Scorer
from tests.garage.worlds import TINY

CALM = (5_000.0, 5_000.0, 5_000.0)
NO_BOARDS = [0.0, 0.0, 0.0]


def scored(
    mains: dict[int, float],
    scenario: Scenario = TINY,
    limit_ma: int = 63_000,
    boards: dict[int, list[float]] | None = None,
    house_ma: float = 5_000.0,
    risen_ma: float = 0.0,
) -> Score:
    """
    The score of 200 seconds.

    @param mains: what L1 carries in some of them. [mA]
    @param boards: what the board carries in some of them. [mA]
    @param risen_ma: what the house draws more on L1 in the second half. [mA]
    """
    scorer = Scorer(Garage(scenario, 1, 200, lambda garage: nobody))
    for second in range(200):
        main = (mains.get(second, 5_000.0), 5_000.0, 5_000.0)
        house = (house_ma + (risen_ma if second >= 100 else 0.0), 5_000.0, 5_000.0)
        board = (boards or {}).get(second, NO_BOARDS)
        scorer.look(Moment(second, house, main, board, limit_ma))
    return scorer.score()


class SafetyTests(SynchronousTestCase):
    """What is above a limit."""

    def test_counts_ampere_seconds_and_the_longest_time(self) -> None:
        """Two stretches, of which one is longer."""
        found = scored({10: 65_000.0, 11: 64_000.0, 50: 73_000.0})
        self.assertEqual(
            (found.over_as, found.over_s, found.longest_s, found.worst_a), (13.0, 3, 2, 10.0)
        )

    def test_what_the_house_does_alone_is_not_ours(self) -> None:
        """Nobody can take from a house what it draws itself."""
        found = scored({10: 75_000.0}, house_ma=70_000.0)
        self.assertEqual((found.over_as, found.ours_as, found.longest_s), (12.0, 5.0, 1))

    def test_a_house_alone_above_the_fuse_is_no_time_of_ours(self) -> None:
        """There is nothing that a manager could do."""
        found = scored({10: 75_000.0, 11: 75_000.0}, house_ma=75_000.0)
        self.assertEqual((found.ours_as, found.over_s, found.longest_s), (0.0, 2, 0))

    def test_boards_have_limits_too(self) -> None:
        """A fuse is a fuse."""
        board_ma = TINY.wires.board_ma
        found = scored({}, boards={7: [board_ma + 2_000.0, 0.0, 0.0]})
        self.assertEqual(found.boards_as, 2.0)

    def test_the_reaction_is_the_last_second_above_a_limit_that_fell(self) -> None:
        """Being below it for a moment is not enough."""
        limited = evolve(TINY, troubles=(MainLimited(100, 199, 40_000),))
        found = scored({100: 50_000.0, 103: 50_000.0, 180: 50_000.0}, limited, 40_000)
        self.assertEqual(found.reactions_s, (4,))

    def test_what_the_house_rises_by_afterwards_is_no_late_reaction(self) -> None:
        """It is one more thing to react to, and counted as excess."""
        limited = evolve(TINY, troubles=(MainLimited(90, 199, 40_000),))
        mains = {90: 50_000.0, 100: 49_000.0, 101: 52_000.0, 102: 50_000.0}
        found = scored(mains, limited, 40_000, risen_ma=10_000.0)
        self.assertEqual((found.reactions_s, found.over_s), ((12,), 4))

    def test_a_limit_of_all_cars_together_is_one_of_their_power(self) -> None:
        """Summed over the phases."""
        limited = evolve(TINY, troubles=(CarsLimited(100, 199, 4_600),))
        found = scored({}, limited, boards={100: [10_000.0, 10_000.0, 10_000.0]})
        self.assertEqual((found.other_as, found.reactions_s), (10.0, (1,)))

    def test_a_fuse_warms_up_slowly(self) -> None:
        """The square of its current, with a time constant of hours."""
        found = scored(dict.fromkeys(range(200), 126_000.0))
        self.assertTrue(0.1 < found.thermal < 0.13)
