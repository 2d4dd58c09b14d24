"""A small garage, in which everything happens soon."""

from __future__ import annotations

from bench.garage.scenario import Burst, Cars, House, Scenario, Wires

__all__ = ["SMALL", "TINY"]

#: Twelve bays on two boards, full at once, with half of what they could draw.
SMALL = Scenario(
    "small",
    "a small garage",
    hours=0.2,
    wires=Wires(main_ma=100_000, boards=2, reserve_ma=5_000, failsafe_load_ma=60_000),
    cars=Cars(count=12, burst=Burst(0, 20, 12)),
    house=House(base_ma=(10_000, 20_000), wander_ma=100, steps_ma=(6_000, 10_000)),
)

#: Three bays.
TINY = Scenario(
    "tiny",
    "three bays",
    hours=0.05,
    wires=Wires(main_ma=63_000, boards=1, reserve_ma=2_000, failsafe_load_ma=30_000),
    cars=Cars(count=3, burst=Burst(5, 1, 3), three_phase=1.0, strong=0.0),
    house=House(base_ma=(5_000, 5_000), wander_ma=0, steps_ma=()),
)
