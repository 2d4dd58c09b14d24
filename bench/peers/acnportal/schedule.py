"""
acnportal's schedulers, in an environment of their own: one line of JSON in, one out.

First come the stations and the limits, then as often as wanted the name of an algorithm and how
often it is to be run. The answer is the CPU time of one run and the currents.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
from acnportal.acnsim.interface import InfrastructureInfo, Interface, SessionInfo
from acnportal.algorithms import (
    RoundRobin,
    SortedSchedulingAlgo,
    earliest_deadline_first,
    first_come_first_served,
    least_laxity_first,
)

_ALGORITHMS = {
    "RoundRobin": RoundRobin(first_come_first_served),
    "EDF": SortedSchedulingAlgo(earliest_deadline_first),
    "LLF": SortedSchedulingAlgo(least_laxity_first),
}

_VOLTAGE_V = 230


class _Site(Interface):  # type: ignore[misc]
    """All that an algorithm asks of a site, ready before it is asked."""

    period = 5
    current_time = 0

    def __init__(self, site: dict[str, Any]) -> None:
        super().__init__(None)
        self._stations = site["stations"]
        names = [one["name"] for one in self._stations]
        matrix = np.zeros((len(site["limits_a"]), len(names)))
        for column, one in enumerate(self._stations):
            matrix[one["rows"], column] = 1.0
        most = np.array([one["currents_a"][-1] for one in self._stations])
        self._most = dict(zip(names, most, strict=True))
        # With the same angle everywhere currents add up as they do on one phase.
        self._infrastructure = InfrastructureInfo(
            matrix,
            np.array(site["limits_a"]),
            np.zeros(len(names)),
            np.full(len(names), _VOLTAGE_V),
            [str(number) for number in range(len(matrix))],
            names,
            most,
            np.array([one["currents_a"][1] for one in self._stations]),
            [np.array(one["currents_a"]) for one in self._stations],
            np.zeros(len(names), dtype=bool),
        )

    def sessions(self) -> list[SessionInfo]:
        """A car at each station."""
        return [
            SessionInfo(
                one["name"], one["name"], one["energy_kwh"], 0.0, 0, one["departure"],
                max_rates=one["currents_a"][-1],
            )
            for one in self._stations
        ]  # fmt: skip

    def infrastructure_info(self) -> InfrastructureInfo:
        return self._infrastructure

    def evse_voltage(self, station_id: str) -> float:
        return _VOLTAGE_V

    def max_pilot_signal(self, station_id: str) -> float:
        return float(self._most[station_id])


def _run(site: _Site, name: str, calls: int) -> dict[str, Any]:
    algorithm = _ALGORITHMS[name]
    algorithm.register_interface(site)
    questions = [site.sessions() for _ in range(calls)]
    begin = time.process_time()
    for sessions in questions:
        schedule = algorithm.schedule(sessions)
    taken_ms = (time.process_time() - begin) / calls * 1e3
    currents = {station: float(rates[0]) for station, rates in schedule.items()}
    return {"ms": taken_ms, "currents_a": currents}


def main() -> None:
    site: _Site
    for line in sys.stdin:
        order = json.loads(line)
        if "stations" in order:
            site = _Site(order)
            answer: dict[str, Any] = {}
        else:
            answer = _run(site, order["algorithm"], order["calls"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
