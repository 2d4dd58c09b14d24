"""
What can happen in a case for a Charge Point, beside L{tests.compliance.steps}.

What the backend hears is looked at in its order: everything but readings and heartbeats has to
be expected by a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from attrs import field, frozen

from cfos_cm.v16.timestamps import parse_timestamp
from tests.compliance.bench import CaseFailed
from tests.compliance.gateway.backend import FREE, NAME, Entrance, Reply, is_free
from tests.compliance.gateway.bench import GatewayBench
from tests.compliance.gateway.sites import BAY
from tests.compliance.line import Heard
from tests.compliance.patterns import Pattern, objection
from tests.compliance.stage import Stage
from tests.compliance.steps import Refused, Says

__all__ = [
    "NOT_DONE",
    "Call",
    "Comes",
    "ConnectionFails",
    "Dialled",
    "Does",
    "Entrances",
    "Forgets",
    "Hears",
    "IsAsked",
    "Knows",
    "PowerFails",
    "Quiet",
    "Replies",
    "Spaced",
    "Stamped",
    "WallboxAnswers",
    "WallboxSays",
    "asks",
]


def asks(action: str, payload: Pattern = None, answer: Any = None, **more: Any) -> Says:
    """The backend sends a CALL; the answer must be that, or C{Accepted}."""
    payload = {} if payload is None else payload
    answer = {"status": "Accepted"} if answer is None else answer
    return Says(action, payload, answer, by=NAME, **more)


def _bench(stage: Stage) -> GatewayBench:
    assert isinstance(stage.bench, GatewayBench), "a case for the other role"
    return stage.bench


@frozen
class Call:
    """
    A CALL that the backend must hear.

    @ivar keep: which fields are kept, by the names they are kept under.
    """

    action: str
    payload: Pattern = field(factory=dict)
    keep: Mapping[str, str] = field(factory=dict)

    def objection(self, heard: Heard, stage: Stage) -> str | None:
        """Why what was heard is another one; C{None}: it is this one."""
        if heard.action != self.action:
            return f"it is no {self.action}"
        return objection(self.payload, heard.payload, stage.memory)


@frozen(init=False)
class Hears:
    """
    The backend hears some CALLs next, in whatever order, and nothing else between them.

    @ivar maybe: what may be between them, and need not.
    """

    calls: tuple[Call, ...]
    maybe: tuple[Call, ...]

    def __init__(self, *calls: Call, maybe: tuple[Call, ...] = ()) -> None:
        self.__attrs_init__(calls, maybe)

    async def does(self, stage: Stage) -> None:
        """Wait for all of them, and compare them."""
        bench, left = _bench(stage), list(self.calls)
        while left:
            awaited = " and ".join(f"{one.action} {one.payload}" for one in left)
            heard = await bench.within(bench.backend.next(), awaited)
            self._take(heard, left, stage)

    def _take(self, heard: Heard, left: list[Call], stage: Stage) -> None:
        objections = []
        for call in (*left, *self.maybe):
            why = call.objection(heard, stage)
            if why is None:
                if call in left:
                    left.remove(call)
                stage.keep(call.keep, heard.payload)
                return
            objections.append(why)
        if not is_free(heard):
            why = "; ".join(objections)
            raise CaseFailed(f"heard {heard.action} {heard.payload}: {why}")


@frozen
class Quiet:
    """The backend has heard nothing but what steps have looked at, and what is always free."""

    but_for: tuple[str, ...] = FREE

    async def does(self, stage: Stage) -> None:
        """Look at what has come."""
        bench = _bench(stage)
        if bench.backend.line is not None and bench.backend.line.is_open:
            await bench.within(bench.backend.line.round_trip(), "a pong")
        unlooked = bench.backend.waiting(self.but_for)
        if unlooked:
            raise CaseFailed(f"heard {unlooked}, which was not to be expected")


@frozen
class Forgets:
    """What the backend has heard until now is of no interest."""

    async def does(self, stage: Stage) -> None:
        """Forget it."""
        await _bench(stage).pass_time(0)
        _bench(stage).backend.ignore()


@frozen
class Comes:
    """The gateway connects to the backend."""

    async def does(self, stage: Stage) -> None:
        """Wait for it."""
        bench = _bench(stage)
        bench.let_through()
        line = await bench.within(bench.backend.next_line(), "a connection")
        stage.lines[NAME] = line
        stage.all_lines.append(line)


@frozen
class ConnectionFails:
    """
    The connection to the backend is lost.

    @ivar entrance: how the backend answers from now on who wants to come back; C{None}: it
        lets him in.
    """

    entrance: Entrance | None = None

    async def does(self, stage: Stage) -> None:
        """Lose it."""
        bench = _bench(stage)
        bench.backend.shut(self.entrance)
        line = stage.lines.get(NAME)
        if line is not None and line.is_open:
            # What was answered before has arrived.
            await bench.within(line.round_trip(), "a pong")
            await bench.within(line.drop(), "the end of the connection")


@frozen(init=False)
class Entrances:
    """The next handshakes are answered so; with none: everybody is let in again."""

    entrances: tuple[Entrance, ...]

    def __init__(self, *entrances: Entrance) -> None:
        self.__attrs_init__(entrances)

    async def does(self, stage: Stage) -> None:
        """Have them answered so."""
        backend = _bench(stage).backend
        if self.entrances:
            backend.receive(*self.entrances)
        else:
            backend.shut(None)


@frozen(init=False)
class Replies:
    """The next CALLs of an action are answered so, and not as usual."""

    action: str
    replies: tuple[Reply, ...]

    def __init__(self, action: str, *replies: Reply) -> None:
        self.__attrs_init__(action, replies)

    async def does(self, stage: Stage) -> None:
        """Have them answered so."""
        _bench(stage).backend.reply(self.action, *self.replies)


@frozen(init=False)
class Does:
    """
    Something happens to the EVSE: C{plug_in}, C{unplug}, C{show} with a card and so on; see
    L{tests.compliance.gateway.bench.Device}.
    """

    what: str
    values: tuple[str, ...]
    at: str

    def __init__(self, what: str, *values: str, at: str = BAY) -> None:
        self.__attrs_init__(what, values, at)

    async def does(self, stage: Stage) -> None:
        """Let it happen, and all that it leads to in a moment."""
        bench = _bench(stage)
        getattr(bench.device(self.at), self.what)(*self.values)
        await bench.pass_time(2)


@frozen
class PowerFails:
    """
    The program and all around it loses its power, and gets it back.

    @ivar off_s: so long it is dark. [s]
    """

    off_s: float = 10

    async def does(self, stage: Stage) -> None:
        """Switch it off and on."""
        await _bench(stage).restart(self.off_s)


@frozen
class WallboxSays:
    """The wallbox with OCPP says something of its own accord."""

    action: str
    payload: Pattern

    async def does(self, stage: Stage) -> None:
        """Say it."""
        bench = _bench(stage)
        payload = stage.filled(self.action, self.payload, may_be_wrong=False)
        wallbox: Any = bench.device(BAY)
        wallbox.say(self.action, payload)
        await bench.pass_time(1)


@frozen
class WallboxAnswers:
    """The wallbox with OCPP answers an action so from now on."""

    action: str
    payload: Pattern

    async def does(self, stage: Stage) -> None:
        """Have it do so."""
        wallbox: Any = _bench(stage).device(BAY)
        wallbox.replies[self.action] = self.payload


@frozen
class IsAsked:
    """The wallbox with OCPP was asked something."""

    action: str
    payload: Pattern = field(factory=dict)

    async def does(self, stage: Stage) -> None:
        """Look at all that it was asked."""
        bench = _bench(stage)
        await bench.pass_time(0)
        wallbox: Any = bench.device(BAY)
        found = [one.payload for one in wallbox.asked if one.action == self.action]
        if not any(objection(self.payload, one, stage.memory) is None for one in found):
            raise CaseFailed(f"the wallbox was asked {self.action} {found}")


@frozen
class Dialled:
    """
    How the gateway has called in the latest handshakes.

    @ivar path: of the last one.
    @ivar authorization: of the last one.
    @ivar attempts: the most that there may have been, over all.
    @ivar at_least: the fewest.
    """

    path: str | None = None
    authorization: str | None = None
    attempts: int | None = None
    at_least: int = 1

    async def does(self, stage: Stage) -> None:
        """Compare them."""
        requests = _bench(stage).backend.requests
        if len(requests) < self.at_least:
            raise CaseFailed(f"{len(requests)} attempts, and not {self.at_least} or more")
        if self.attempts is not None and len(requests) > self.attempts:
            raise CaseFailed(f"{len(requests)} attempts, and not {self.attempts} or fewer")
        last = requests[-1]
        for wanted, found in (
            (self.path, last.path),
            (self.authorization, last.authorization),
        ):
            if wanted is not None and wanted != found:
                raise CaseFailed(f"called with {found!r} and not with {wanted!r}")


@frozen
class Spaced:
    """
    The last CALLs of an action came so far from each other.

    @ivar gaps_s: from each to the next; as many as are named. [s]
    @ivar within_s: so much earlier or later is right, too. [s]
    """

    action: str
    gaps_s: tuple[float, ...]
    within_s: float = 5.0

    async def does(self, stage: Stage) -> None:
        """Compare them."""
        backend = _bench(stage).backend
        pairs = zip(backend.heard, backend.times, strict=True)
        times = [at for heard, at in pairs if heard.action == self.action]
        found = [(b - a).total_seconds() for a, b in pairwise(times)]
        if _wrong_gaps(found[-len(self.gaps_s) :], self.gaps_s, self.within_s):
            raise CaseFailed(f"{self.action} came with gaps of {found} s, not {self.gaps_s}")


@frozen
class Stamped:
    """
    The times that the last CALLs of an action tell are so far from each other.

    @ivar gaps_s: from each to the next; as many as are named. [s]
    """

    action: str
    gaps_s: tuple[float, ...]
    within_s: float = 5.0

    async def does(self, stage: Stage) -> None:
        """Compare them."""
        heard = [one for one in _bench(stage).backend.heard if one.action == self.action]
        times = [parse_timestamp(one.payload["meterValue"][0]["timestamp"]) for one in heard]
        found = [(b - a).total_seconds() for a, b in pairwise(times)]
        if _wrong_gaps(found[-len(self.gaps_s) :], self.gaps_s, self.within_s):
            raise CaseFailed(f"{self.action} tells of gaps of {found} s, not {self.gaps_s}")


@frozen
class Knows:
    """
    What the program knows; see L{tests.compliance.gateway.bench.Known}.

    @ivar state: a part of the words.
    @ivar limits_ma: of those EVSEs that are named. [mA]
    """

    state: str = ""
    waiting: Pattern = None
    dead: Pattern = None
    limits_ma: Mapping[str, int] = field(factory=dict)

    async def does(self, stage: Stage) -> None:
        """Ask for it, and compare what is named."""
        bench = _bench(stage)
        known = await bench.within(bench.known(), "what is known")
        if self.state not in known.state:
            raise CaseFailed(f"it stands: {known.state}")
        for name in ("waiting", "dead"):
            wanted = getattr(self, name)
            if wanted is not None:
                stage.check(wanted, getattr(known, name), f"how many are {name}")
        stage.check(dict(self.limits_ma), dict(known.limits_ma), "the limits")


def _wrong_gaps(found: list[float], wanted: tuple[float, ...], within_s: float) -> bool:
    return len(found) < len(wanted) or any(
        abs(one - other) > within_s for one, other in zip(found, wanted, strict=True)
    )


#: The answer is a CALLERROR that says that it cannot be done.
NOT_DONE = Refused("NotSupported", "NotImplemented", "SecurityError")
