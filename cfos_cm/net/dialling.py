"""
When a Charge Point dials its Central System, waits and hangs up.

A machine with named states; what it makes happen, its owner carries out. It dials again after
every end of a connection until it is stopped, and each failure in a row makes the wait longer.
"""

from __future__ import annotations

import typing
from collections.abc import Callable

from attrs import frozen
from automat import TypeMachineBuilder

__all__ = ["FIRST_WAIT_S", "MAX_WAIT_S", "Connection", "Effects", "connection", "wait_s"]

FIRST_WAIT_S = 1.0
MAX_WAIT_S = 60.0

#: Those many that lost the same server do not come back all at once. [share]
_JITTER = 0.25
#: More doublings than this change nothing.
_MAX_DOUBLINGS = 16


def wait_s(
    failures: int,
    fraction: float,
    first_wait_s: float = FIRST_WAIT_S,
    max_wait_s: float = MAX_WAIT_S,
) -> float:
    """
    How long to wait before dialling again. [s]

    @param failures: how many attempts have failed in a row.
    @param fraction: a random number from 0 to 1.
    @return: twice as much for each failure, up to a quarter less by chance; at most
        C{max_wait_s}.
    """
    doublings = max(0, min(failures - 1, _MAX_DOUBLINGS))
    longest_s = min(max_wait_s, first_wait_s * (1 << doublings))
    return longest_s * (1 - _JITTER * fraction)


class Connection(typing.Protocol):
    """What happens to a connection."""

    def start(self) -> None:
        """It is wanted."""

    def stop(self) -> None:
        """It is not wanted any more."""

    def opened(self) -> None:
        """The WebSocket is open."""

    def lost(self) -> None:
        """It is down, or did not come about."""

    def waited(self) -> None:
        """It is time to dial again."""

    def redial(self) -> None:
        """What there is of it is of no use any more: another one is dialled at once."""


@frozen
class Effects:
    """
    What a connection makes its owner do. Each of it may end in any of the inputs.

    @ivar dial: connect; ends in C{opened} or C{lost}.
    @ivar serve: messages can be sent.
    @ivar leave: messages cannot be sent any more.
    @ivar wait: ends in C{waited}.
    @ivar hang_up: end what there is of a connection; ends in C{lost}.
    @ivar stop_waiting: there will be no C{waited}.
    @ivar stopped: nothing is left.
    """

    dial: Callable[[], None]
    serve: Callable[[], None]
    leave: Callable[[], None]
    wait: Callable[[], None]
    hang_up: Callable[[], None]
    stop_waiting: Callable[[], None]
    stopped: Callable[[], None]


_builder = TypeMachineBuilder(Connection, Effects)

_idle = _builder.state("idle")
_dialling = _builder.state("dialling")
_open = _builder.state("open")
_waiting = _builder.state("waiting")
_stopping = _builder.state("stopping")
_restarting = _builder.state("restarting")
_redialling = _builder.state("redialling")


@_idle.upon(Connection.start).to(_dialling)
@_waiting.upon(Connection.waited).to(_dialling)
def _dial(_connection: Connection, effects: Effects) -> None:
    effects.dial()


@_dialling.upon(Connection.opened).to(_open)
def _serve(_connection: Connection, effects: Effects) -> None:
    effects.serve()


@_dialling.upon(Connection.lost).to(_waiting)
def _wait(_connection: Connection, effects: Effects) -> None:
    effects.wait()


@_open.upon(Connection.lost).to(_waiting)
def _leave(_connection: Connection, effects: Effects) -> None:
    effects.leave()
    effects.wait()


@_dialling.upon(Connection.stop).to(_stopping)
def _give_up(_connection: Connection, effects: Effects) -> None:
    effects.hang_up()


@_open.upon(Connection.stop).to(_stopping)
def _hang_up(_connection: Connection, effects: Effects) -> None:
    effects.leave()
    effects.hang_up()


@_waiting.upon(Connection.stop).to(_idle)
def _stop_waiting(_connection: Connection, effects: Effects) -> None:
    effects.stop_waiting()
    effects.stopped()


@_idle.upon(Connection.stop).loop()
@_stopping.upon(Connection.lost).to(_idle)
def _stopped(_connection: Connection, effects: Effects) -> None:
    effects.stopped()


@_restarting.upon(Connection.lost).to(_dialling)
def _dial_again(_connection: Connection, effects: Effects) -> None:
    effects.stopped()
    effects.dial()


@_dialling.upon(Connection.redial).to(_redialling)
def _give_up_once(_connection: Connection, effects: Effects) -> None:
    effects.hang_up()


@_open.upon(Connection.redial).to(_redialling)
def _hang_up_once(_connection: Connection, effects: Effects) -> None:
    effects.leave()
    effects.hang_up()


@_waiting.upon(Connection.redial).to(_dialling)
def _wait_no_more(_connection: Connection, effects: Effects) -> None:
    effects.stop_waiting()
    effects.dial()


@_redialling.upon(Connection.lost).to(_dialling)
def _redial(_connection: Connection, effects: Effects) -> None:
    effects.dial()


_redialling.upon(Connection.stop).to(_stopping).returns(None)
for _state in (_redialling, _stopping, _restarting, _idle):
    _state.upon(Connection.redial).loop().returns(None)

_stopping.upon(Connection.start).to(_restarting).returns(None)
_restarting.upon(Connection.stop).to(_stopping).returns(None)
# It opens while it is being hung up.
_stopping.upon(Connection.opened).loop().returns(None)
_restarting.upon(Connection.opened).loop().returns(None)
_redialling.upon(Connection.opened).loop().returns(None)

_machine = _builder.build()


def connection(effects: Effects) -> Connection:
    """A connection that nobody wants yet."""
    return _machine(effects)
