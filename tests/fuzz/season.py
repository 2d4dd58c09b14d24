"""Some hundred inputs in one world, with all else that happens in it."""

from __future__ import annotations

import gc
import json
import re
import time
from collections.abc import Callable
from random import Random
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, LogLevel, formatEvent
from twisted.python.failure import Failure

from cfos_cm import strict_json
from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.settings import (
    CentralSystemSettings,
    ChargePointSettings,
    UnknownChargePoints,
)
from cfos_cm.errors import DeviceError, RemoteProtocolError, StorageError
from cfos_cm.quirk import EVERY_QUIRK, Quirk
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.v16.timestamps import parse_timestamp
from cfos_cm.v16.types import Message

from ..central_system.world import BAY_1, BAY_2, World
from .life import Life, confirmation_of, orders
from .line import Line
from .mutation import Mutator
from .oracle import Question, flaw_in_event

__all__ = ["Season"]

_ANSWER_ID = re.compile(rb'"id-[0-9]+"')
#: The longest that a Charge Point may take to answer is between them. [s]
_WAITS_S = (0.1, 5.0, 31.0, 400.0)
_EVERYBODY = ("CP-1", "CP-2", "stranger")


class Season:
    """
    A Central System, a few Charge Points that say anything, a disk that may be full.

    All of it follows from one number, and can be had again.

    @ivar inputs: how many were said that were not right.
    @ivar slowest_s: the most work that one of them was; with the usual clock the time of the
        processor. [s]
    @ivar slowest: that input.
    @ivar violations: an input, and which promise was not kept then.
    @ivar confirmed: how many calls were answered with a CALLRESULT.
    @ivar refused: how many with a CALLERROR.
    @ivar hang_ups: for which reasons connections were closed.
    """

    def __init__(
        self,
        number: int,
        settings: CentralSystemSettings | None = None,
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        """
        @param settings: the same all the time, for those who are in them; C{None}: some, which
            change, for whoever comes.
        @param clock: what the work on an input is measured with.
        """
        self.inputs = 0
        self.slowest_s = 0.0
        self.slowest = b""
        self.violations: list[tuple[bytes, str]] = []
        self.confirmed = 0
        self.refused = 0
        self.hang_ups: list[str] = []
        self._random = Random(number)
        self._mutator = Mutator(number)
        self._fixed = settings
        self._clock = clock
        self._world = World(self._settings())
        # In some seasons one talks alone, is mad, or waits for a slow disk.
        self._names = (
            self._random.choice((_EVERYBODY, _EVERYBODY, ("CP-1",), ("stranger",)))
            if settings is None
            else tuple(settings.charge_points)
        )
        self._madness = self._random.choice((0.1, 0.5, 0.5, 0.9))
        self._repairs = self._random.choice((1.0, 1.0, 0.1))
        self._lives = {name: Life(self._random) for name in self._names}
        self._input = b""
        # Anything else ends a connection, and nothing is learned of what would come then.
        self._only_utf8 = self._random.random() < 0.7
        # What was acknowledged: the transaction's id for each start in the same words.
        self._starts: dict[tuple[str, str], int] = {}
        self._open_orders = 0
        self._number = 0
        self._last_call: bytes | None = None
        if self._random.random() < 0.5:
            self._world.tags.put(Tag("04AABB", self._random.choice(tuple(Verdict))))
        self._lines = {name: self._dial(name) for name in self._names}

    def live(self, inputs: int) -> None:
        """Go through so many inputs, and whatever comes between them; then to the end."""
        steps, weights = zip(*_STEPS, strict=True)
        while self.inputs < inputs:
            step = self._random.choices(steps, weights)[0]
            step(self, self._lines[self._random.choice(self._names)])
            self._redial()
        self.end()

    def say(self, text: bytes) -> float:
        """
        Have the first of them say this input, and a Heartbeat behind it.

        @return: how much work it was, as the clock tells.
        """
        line = self._lines[self._names[0]]
        took = self._try(line, text)
        self._redial()
        return took

    def noticed(self, event: LogEvent) -> None:
        """Something was logged; whatever must never be is a violation."""
        text = formatEvent(event)
        if event.get("log_failure") is not None or event["log_level"] is LogLevel.critical:
            self._complain(f"in the log: {text} {event.get('log_failure')}")
        elif event["log_level"] is LogLevel.error and not _tells_of_the_disk(event):
            self._complain(f"in the log: {text}")
        elif not text.isprintable():
            self._complain(f"in the log: {text!r}")

    # What is done.

    def _say_anything(self, line: Line) -> None:
        if self._random.random() < self._madness:
            text = self._mutator.frame()
        else:
            text = self._mutator.bent(*line.life.call())
        if text.startswith(b"[3") and line.orders and self._random.random() < 0.7:
            # To a call that was made; seldom to the last one, and seldom rightly.
            asked = self._random.choice(line.orders[-3:])[0]
            text = _ANSWER_ID.sub(json.dumps(asked).encode(), text, count=1)
        if self._only_utf8:
            text = text.decode("utf-8", "replace").encode()
        self._try(line, text)

    def _say_much(self, line: Line) -> None:
        """Nearly as much as there may be in a message, with something wrong in all of it."""
        action, payload = line.life.call()
        swollen = self._random.choice(_SWELLINGS)(payload, self._random)
        text = json.dumps([2, self._new_id(), action, swollen], separators=(",", ":"))
        self._try(line, text.encode())

    def _try(self, line: Line, text: bytes) -> float:
        self._input = text
        self.inputs += 1
        took = line.say(text)
        if took > self.slowest_s:
            self.slowest_s, self.slowest = took, text
        self._beat(line)
        return took

    def _say_right(self, line: Line) -> None:
        action, payload = line.life.call()
        text = json.dumps([2, self._new_id(), action, payload]).encode()
        refused = line.refused
        self._input = self._last_call = text
        line.say(text)
        if line.refused > refused and line.is_served and not self._disk_had_trouble:
            self._complain("a call that is right was refused")

    def _say_again(self, line: Line) -> None:
        """With the same message id, as after a lost answer, or with a new one."""
        if self._last_call is not None:
            frame = json.loads(self._last_call)
            frame[1] = self._random.choice((frame[1], self._new_id()))
            self._input = json.dumps(frame).encode()
            line.say(self._input)

    def _ask(self, line: Line) -> None:
        self._open_orders += 1
        request = self._random.choice(orders())
        self._input = repr(request).encode()
        answer: Deferred[Message] = self._world.system.call(line.identity, request)
        answer.addCallbacks(self._was_confirmed, self._was_not_confirmed)

    def _answer(self, line: Line) -> None:
        if not line.orders:
            return
        unique_id, action = self._random.choice(line.orders[-2:])
        kinds: tuple[list[Any], ...] = (
            [3, unique_id, confirmation_of(action)],
            [3, unique_id, confirmation_of(action)],
            [4, unique_id, "NotSupported", "no", {}],
            [3, self._new_id(), confirmation_of(action)],
        )
        self._input = json.dumps(self._random.choice(kinds)).encode()
        for _ in range(self._random.choice((1, 1, 2))):
            line.say(self._input)

    def _break_disk(self, line: Line) -> None:
        self._input = b"(disk)"
        self._world.disk.broken = self._random.random() < 0.5
        self._world.disk.held |= self._random.random() < 0.5

    def _repair_disk(self, line: Line) -> None:
        if self._random.random() >= self._repairs:
            return
        self._input = b"(disk)"
        self._world.disk.broken = False
        self._world.disk.let_go()
        for one in self._lines.values():
            if one.hung_up is None:
                one.expect_nothing_owed()

    def _dial_again(self, line: Line) -> None:
        self._input = b"(connection)"
        if self._random.random() < 0.5:
            line.lose()
        else:
            line.replaced = True
        self._lines[line.identity] = self._dial(line.identity)
        if line.replaced:
            if line.hung_up is None:
                self._complain("a connection that was replaced was not closed")
            line.lose()
        self._keep_figures(line)

    def _wait(self, line: Line) -> None:
        self._input = b"(time)"
        self._world.clock.advance(self._random.choice(_WAITS_S))

    def _configure(self, line: Line) -> None:
        self._input = b"(settings)"
        self._world.system.configure(self._settings())

    # What must hold.

    def _beat(self, line: Line) -> None:
        """A Heartbeat is answered, unless something before it waits for the disk."""
        if line.hung_up is not None or self._world.disk.held:
            return
        confirmed = line.confirmed
        line.say(json.dumps([2, self._new_id(), "Heartbeat", {}]).encode())
        if line.is_served and line.confirmed == confirmed:
            self._complain("the Heartbeat behind it was not confirmed")

    def _was_answered(self, line: Line, question: Question, payload: dict[str, Any]) -> None:
        if question.action != "StartTransaction":
            return
        number = payload["transactionId"]
        row = self._world.ledger.rows.get(number)
        if row is None or row.start.charge_point != line.identity:
            self._complain(f"transaction {number} was acknowledged and is not in the ledger")
        line.life.transactions.append(number)
        has_clock = Quirk.NO_CLOCK not in self._world.system.quirks_of(line.identity)
        if question.payload is not None and has_clock and _has_time(question.payload):
            words = line.identity, json.dumps(question.payload, sort_keys=True)
            if self._starts.setdefault(words, number) != number:
                self._complain(f"the same start is {self._starts[words]} and {number}")

    def _was_confirmed(self, confirmation: Message) -> None:
        self._open_orders -= 1

    def _was_not_confirmed(self, failure: Failure) -> None:
        self._open_orders -= 1
        if not isinstance(failure.value, DeviceError):
            self._complain(f"an order failed with {failure.value!r}")

    def end(self) -> None:
        """Hang up, and look at what is left."""
        self._world.disk.broken = False
        self._world.disk.let_go()
        for line in self._lines.values():
            self._input = b"(end)"
            if line.hung_up is None:
                line.expect_nothing_owed()
            line.lose()
            self._keep_figures(line)
        if self._open_orders:
            self._complain(f"{self._open_orders} orders were never answered")
        if self._world.clock.getDelayedCalls():
            self._complain("timers are left")
        self._look_at_ledger()
        for event in self._world.events:
            flaw = flaw_in_event(event)
            if flaw is not None:
                self._complain(f"the site was told {event}: {flaw}")
        # A Deferred that has failed says so when it goes.
        gc.collect()

    def _look_at_ledger(self) -> None:
        ledger = self._world.ledger
        rows = ledger.rows.values()
        texts = [row.start.request_text for row in rows]
        texts += [row.stop.request_text for row in rows if row.stop is not None]
        texts += [stop.request_text for stop in ledger.stray_stops]
        texts += [text for *_, text in ledger.meter_values]
        for text in texts:
            try:
                strict_json.check(text.encode())
            except ValueError as error:
                self._complain(f"{text!r} was kept: {error}")
        starts = {
            (one.charge_point, one.connector, one.id_tag, one.started_at, one.meter_start_wh)
            for one in (row.start for row in rows)
        }
        if len(starts) != len(rows):
            self._complain("a start is in the ledger twice")

    # The rest.

    @property
    def _disk_had_trouble(self) -> bool:
        # What waited for it when it broke has gone wrong as well.
        return self._world.disk.broken or self._world.disk.held

    def _complain(self, what: str) -> None:
        self.violations.append((self._input, what))

    def _settings(self) -> CentralSystemSettings:
        if self._fixed is not None:
            return self._fixed
        first, second = (self._policy() for _ in range(2))
        known = {
            "CP-1": ChargePointSettings("CP-1", {1: BAY_1, 2: BAY_2}, quirks=first),
            "CP-2": ChargePointSettings(
                "CP-2", {1: EvseSettings("bay-3", "garage")}, quirks=second
            ),
        }
        if self._random.random() < 0.2:
            known["stranger"] = ChargePointSettings(
                "stranger", {1: EvseSettings("bay-4", "garage")}
            )
        unknown = self._random.choice((UnknownChargePoints.ASK, UnknownChargePoints.ACCEPT))
        return CentralSystemSettings(known, unknown=unknown)

    def _policy(self) -> QuirkPolicy:
        some = frozenset(quirk for quirk in Quirk if self._random.random() < 0.5)
        named = self._random.choice((frozenset(), frozenset(), some, EVERY_QUIRK))
        policy = self._random.choice(
            (QuirkPolicy(), QuirkPolicy(strict=True), QuirkPolicy(auto=False))
        )
        return evolve(policy, named=named)

    def _dial(self, name: str) -> Line:
        return Line(
            self._world,
            name,
            self._lives[name],
            self._complain,
            self._was_answered,
            self._clock,
        )

    def _redial(self) -> None:
        """Whoever was hung up on comes again."""
        for name, line in self._lines.items():
            if line.hung_up is not None:
                line.lose()
                self._keep_figures(line)
                self._lines[name] = self._dial(name)

    def _keep_figures(self, line: Line) -> None:
        self.confirmed += line.confirmed
        self.refused += line.refused
        if line.hung_up is not None:
            self.hang_ups.append(line.hung_up[1])

    def _new_id(self) -> str:
        self._number += 1
        return f"right-{self._number}"


_STEPS: tuple[tuple[Callable[[Season, Line], None], float], ...] = (
    (Season._say_anything, 70),
    (Season._say_much, 0.05),
    (Season._say_right, 12),
    (Season._say_again, 2),
    (Season._ask, 5),
    (Season._answer, 4),
    (Season._break_disk, 1.5),
    (Season._repair_disk, 3),
    (Season._dial_again, 0.5),
    (Season._wait, 1),
    (Season._configure, 0.5),
)


def _more_names(payload: dict[str, Any], random: Random) -> dict[str, Any]:
    return payload | {f"name-{number}": 1 for number in range(15_000)}


def _more_values(payload: dict[str, Any], random: Random) -> dict[str, Any]:
    """A hundred kinds of sampled values, each many times; of what has none, all names."""
    readings = payload.get("meterValue") or payload.get("transactionData")
    if readings is None:
        return _more_names(payload, random)
    sampled = readings[0]["sampledValue"]
    strange = [
        random.choice(sampled)
        | {
            random.choice(_NAMES_OF_A_VALUE): random.choice(
                (None, 1, 1.5, True, "x", "kWh", [])
            )
        }
        for _ in range(100)
    ]
    readings[0]["sampledValue"] = strange * 28
    return payload


def _more_readings(payload: dict[str, Any], random: Random) -> dict[str, Any]:
    for name in ("meterValue", "transactionData"):
        if name in payload:
            payload[name] *= 900
    return payload


_NAMES_OF_A_VALUE = ("value", "unit", "phase", "measurand", "format", "context", "unknown")
_SWELLINGS = (_more_names, _more_values, _more_readings)


def _has_time(start: dict[str, Any]) -> bool:
    """Whether it can be told when it was; else it is taken as now, each time."""
    try:
        parse_timestamp(start["timestamp"])
    except (KeyError, AttributeError, TypeError, RemoteProtocolError):
        return False
    return True


def _tells_of_the_disk(event: LogEvent) -> bool:
    return isinstance(event.get("error"), StorageError)
