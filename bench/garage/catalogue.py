"""
The scenarios.

S0 is a day with all of it; each of the others has one thing to be hard about. What is expected
is said here as well, and only of the control loop.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from bench.garage.scenario import (
    Band,
    Burst,
    Cars,
    CarsLimited,
    Delays,
    EvsesLimited,
    House,
    LinksLost,
    MainLimited,
    MeterFault,
    MeterWrong,
    Restart,
    Scenario,
    Sun,
    Wires,
    Wiring,
)
from cfos_cm.site.evse import ChargingMode

__all__ = ["DAY", "SCENARIOS", "named"]

_CALM = House(wander_ma=0, steps_ma=())
_USUAL = Band()
_ALL_AT_ONCE = Cars(burst=Burst(0, 60, 100))

DAY = Scenario(
    "S0",
    "a day with all of it: house, three lower limits, lost links, a silent meter",
    troubles=(
        LinksLost(2500, 2800, 0, 10),
        MainLimited(5000, 6800, 180_000),
        MeterWrong(7500, 7620),
        MainLimited(9000, 9900, 150_000),
        LinksLost(11000, 11600, 20, 40),
        MainLimited(15000, 16000, 165_000),
    ),
)


def _latency(seconds: int) -> Scenario:
    return Scenario(
        f"S3-{seconds}",
        f"meters that are heard {seconds} s late",
        hours=2,
        delays=Delays(meter_s=seconds, reading_s=seconds),
    )


def _lost(
    name: str, title: str, bays: int, failsafe_ma: int, expected: Band = _USUAL
) -> Scenario:
    return Scenario(
        f"S6-{name}",
        f"{title} cannot be reached for ten minutes",
        hours=1.5,
        troubles=(LinksLost(1800, 2400, 0, bays),),
        failsafe_ma=failsafe_ma,
        expected=expected,
    )


def _meter(fault: MeterFault, title: str) -> Scenario:
    return Scenario(
        f"S7-{fault.value}",
        f"the house's meter {title} for ten minutes",
        hours=1.5,
        troubles=(MeterWrong(1800, 2400, fault),),
        # Nothing is known of the house for a ninth of the time.
        expected=Band(energy=0.85),
    )


def _large(bays: int) -> Scenario:
    return Scenario(
        f"S16-{bays}",
        f"{bays} EVSEs",
        hours=0.25,
        wires=Wires(main_ma=2500 * bays, boards=bays // 10, failsafe_load_ma=1300 * bays),
        cars=Cars(count=bays, burst=Burst(0, 60, bays)),
    )


SCENARIOS: tuple[Scenario, ...] = (
    DAY,
    evolve(
        DAY,
        name="S0-10s",
        title="the same day, EVSEs that say every 10 s what they draw",
        delays=Delays(reading_every_s=10),
    ),
    evolve(
        DAY,
        name="S0-60s",
        title="the same day, EVSEs that say every 60 s what they draw",
        delays=Delays(reading_every_s=60),
    ),
    evolve(
        DAY,
        name="S0-wires",
        title="the same day, all EVSEs with three phases, whatever their car uses of them",
        wires=Wires(wiring=Wiring.THREE_PHASES),
    ),
    Scenario(
        "S1",
        "a house that draws the same all the time, a full garage",
        hours=2,
        cars=_ALL_AT_ONCE,
        house=_CALM,
        expected=Band(over_as=100),
    ),
    Scenario(
        "S2",
        "a house with large steps, one in half a minute",
        hours=2,
        house=House(steps_ma=(16_000, 25_000, 32_000), step_every_s=30, step_lasts_s=60),
        expected=Band(over_as=4000),
    ),
    *(_latency(seconds) for seconds in (1, 2, 3, 5)),
    Scenario(
        "S4",
        "fifty cars plug in within two minutes",
        hours=1.5,
        cars=Cars(burst=Burst(1800, 120, 50)),
    ),
    Scenario(
        "S5",
        "cars that take much less than they could, and full ones",
        hours=2,
        cars=Cars(
            strong=1.0,
            three_phase_ma=(10_000, 8_000, 13_000),
            single_phase_ma=(10_000, 16_000),
            need_kwh=(1.5, 6.0),
        ),
    ),
    _lost("1", "one EVSE", 1, 6_000),
    _lost("10", "ten EVSEs", 10, 6_000),
    _lost("all", "all EVSEs", 100, 0, Band(energy=0.75)),
    _meter(MeterFault.SILENT, "says nothing"),
    _meter(MeterFault.FROZEN, "always says the same"),
    _meter(MeterFault.REVERSED, "has its sign turned"),
    Scenario(
        "S8",
        "a backend limits twenty EVSEs, then forbids ten of them to charge, then neither",
        hours=1.5,
        troubles=(EvsesLimited(1800, 3600, 0, 20, 8_000), EvsesLimited(2400, 3000, 20, 30, 0)),
    ),
    Scenario(
        "S9",
        "the grid operator limits all cars together to 60 kW, § 14a EnWG",
        hours=1.5,
        troubles=(CarsLimited(1800, 3600, 60_000),),
    ),
    Scenario(
        "S10",
        "the manager is away for ten seconds, and for three minutes",
        hours=1.5,
        troubles=(Restart(1800, 1810), Restart(3600, 3780)),
        # Nobody decides then: what the house switches on is above the fuse until the wallboxes
        # have heard nothing for a minute and fall back.
        expected=Band(longest_s=75.0),
    ),
    Scenario(
        "S11",
        "every fifth EVSE is wired to other phases than configured",
        hours=2,
        wires=Wires(wrong_every=5),
    ),
    Scenario(
        "S12",
        "mostly cars with one phase, no more than 20 A of imbalance",
        hours=2,
        wires=Wires(max_imbalance_ma=20_000),
        cars=Cars(three_phase=0.2),
    ),
    Scenario(
        "S13",
        "charging by surplus, with clouds",
        hours=4,
        cars=Cars(mode=ChargingMode.SURPLUS, can_switch_phases=True),
        house=House(base_ma=(5_000, 10_000), step_every_s=300),
        sun=Sun(),
        expected=Band(energy=0.0),
    ),
    Scenario(
        "S14",
        "three priorities, and two classes of boards that carry less",
        hours=2,
        wires=Wires(board_ma=40_000, priorities=(1, 1, 2, 1, 3), board_priorities=(1, 2)),
    ),
    evolve(DAY, name="S15", title="the same again, order for order", hours=10_000 / 3600),
    _large(500),
    _large(1000),
)


def named(names: Iterable[str]) -> list[Scenario]:
    """
    The scenarios of these names; a name that none has is that of a group. All for no name.

    @raise KeyError: if there is neither a scenario nor a group of a name.
    """
    found: list[Scenario] = []
    for name in names:
        alike = [one for one in SCENARIOS if one.name == name]
        alike = alike or [one for one in SCENARIOS if one.group == name]
        if not alike:
            raise KeyError(name)
        found += alike
    return found or list(SCENARIOS)
