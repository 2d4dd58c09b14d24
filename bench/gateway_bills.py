"""
The backend of L{bench.gateway_drain}: it was away, and gets all that has waited.

    python -m bench.gateway_bills --port 29520 --messages 100000

It is over when the last message is here. Each is checked: its place in the order, its message
id, its reading, its transaction by this backend's own number. What was measured is one line of
JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from bench import accounting
from bench.crowd import WrongAnswer
from bench.gateway_backend import FIRST_TRANSACTION, Backend, Client

__all__ = ["PER_TRANSACTION", "TAG"]

#: A start, eight readings, and a stop.
PER_TRANSACTION = 10
TAG = "BENCH"

#: How long nothing may come. [s]
_PATIENCE_S = 60.0

_BILLED = ("StartTransaction", "MeterValues", "StopTransaction")

#: After the last message: whether one comes that is too much. [s]
_AFTERWARDS_S = 2.0


class Bills:
    """
    What the backend was told.

    @ivar messages: how many have come.
    @ivar at: when each thousandth has come, as C{perf_counter} says. [s]
    """

    def __init__(self) -> None:
        self.messages = 0
        self.at: list[float] = []
        self.last = 0.0
        self._ids: set[str] = set()

    def told(self, _: Client, message_id: str, action: str, payload: Any, at: float) -> None:
        """
        A call has come.

        @raise WrongAnswer: when it is not the one that is due.
        """
        if action not in _BILLED:
            return
        if message_id in self._ids:
            raise WrongAnswer(f"{message_id} has come twice")
        found, due = _understood(action, payload), _due(self.messages)
        if found != due:
            raise WrongAnswer(f"{due} was due; it is {found}")
        self._ids.add(message_id)
        if self.messages % 1000 == 0:
            self.at.append(at)
        self.messages += 1
        self.last = at

    def result(self) -> dict[str, float]:
        """
        What was measured.

        @return: C{rate}: from the first message to the last; C{slowest}: of the slowest
            thousand. [1/s]
        """
        moments = [*self.at, self.last]
        seconds = [after - before for before, after in zip(self.at, self.at[1:], strict=False)]
        return {
            "messages": self.messages,
            "seconds": moments[-1] - moments[0],
            "rate": self.messages / (moments[-1] - moments[0]),
            "slowest": 1000 / max(seconds) if seconds else 0.0,
        }


def _due(place: int) -> tuple[str, object, int]:
    transaction, nth = divmod(place, PER_TRANSACTION)
    if nth == 0:
        return "StartTransaction", TAG, place
    action = "StopTransaction" if nth == PER_TRANSACTION - 1 else "MeterValues"
    return action, FIRST_TRANSACTION + transaction, place


def _understood(action: str, payload: Any) -> tuple[str, object, int]:
    if action == "StartTransaction":
        return action, payload["idTag"], payload["meterStart"]
    if action == "StopTransaction":
        return action, payload["transactionId"], payload["meterStop"]
    value = payload["meterValue"][0]["sampledValue"][0]["value"]
    return action, payload["transactionId"], int(value)


def _serve(backend: Backend, bills: Bills, messages: int) -> None:
    """Until the last one is here, and a little longer."""
    last = time.perf_counter()
    while True:
        # It does not sleep while something may come: who sleeps has to be woken up.
        for fd, _ in backend.poll.poll(0):
            backend.serve(fd)
            last = time.perf_counter()
        silent_s = time.perf_counter() - last
        if bills.messages >= messages and silent_s > _AFTERWARDS_S:
            return
        if silent_s > _PATIENCE_S:
            raise WrongAnswer(f"{bills.messages} messages have come, and no more")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway_bills")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    options = parser.parse_args()
    os.sched_setaffinity(0, {accounting.cores()[1]})
    bills = Bills()
    try:
        _serve(Backend(bills.told, options.port), bills, options.messages)
    except WrongAnswer as error:
        sys.exit(f"backend: {error}")
    print(json.dumps(bills.result()))


if __name__ == "__main__":
    main()
