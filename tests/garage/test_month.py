"""A month in a car park is shared by rules that keep its limits."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bench.garage.month import MOST_MA, RULES, STATIONS, STEP_S, Network, Session, month, serve

#: Two cars for one: one that has time, and one that has not.
TWO = [Session(0, 0, 24, MOST_MA * STEP_S * 12), Session(1, 0, 12, MOST_MA * STEP_S * 12)]
ONE_CAR_KW = MOST_MA * 208 / 1e6


class MonthTests(SynchronousTestCase):
    """The sessions."""

    def test_no_station_is_used_twice_at_once(self) -> None:
        """Whoever finds none goes away."""
        free_from = [0] * STATIONS
        for one in month(1):
            self.assertGreaterEqual(one.comes, free_from[one.station])
            free_from[one.station] = one.goes

    def test_nobody_needs_what_he_could_not_get_alone(self) -> None:
        """So all can be served where there is enough."""
        sessions = [one for one in month(1) if one.comes < 288]
        for name, rule in RULES.items():
            found = serve(sessions, Network("single", 400), rule)
            self.assertGreater(found.energy, 0.99, name)


class RuleTests(SynchronousTestCase):
    """Who gets what."""

    def test_the_deadline_counts_where_it_is_looked_at(self) -> None:
        """Both are served by those who know when cars go."""
        served = {
            name: serve(TWO, Network("single", ONE_CAR_KW * 1.001), rule).energy
            for name, rule in RULES.items()
        }
        self.assertGreater(served["earliest deadline first"], 0.98)
        self.assertGreater(served["least laxity first"], 0.98)
        self.assertLess(served["round robin"], 0.8)
        self.assertGreater(served["ours, by need and deadline"], served["ours"])

    def test_ours_is_as_fair_as_round_robin(self) -> None:
        """It is the same optimum, reached in one go."""
        sessions = [one for one in month(1) if one.comes < 288]
        for kind in ("single", "star"):
            ours, turns = (
                serve(sessions, Network(kind, 20), RULES[name])
                for name in ("ours", "round robin")
            )
            self.assertLess(abs(ours.energy - turns.energy), 0.01)
            self.assertLess(abs(ours.low_share - turns.low_share), 0.05)

    def test_a_rule_that_gives_too_much_is_noticed(self) -> None:
        """The comparison is worth nothing otherwise."""
        self.assertRaises(
            ValueError,
            serve,
            TWO,
            Network("single", 1),
            lambda network, stays, step: [MOST_MA] * len(stays),
        )
