"""What a virtual wallbox obeys besides its Central System, and what is told to that."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.simulator.measurements import Flow
from cfos_cm.v16.core import ChargePointErrorCode

__all__ = ["NO_LOCAL_CONTROL", "UNLIMITED", "Ceiling", "LocalControl"]


@frozen
class Ceiling:
    """
    What is allowed at the wallbox itself; the smaller of this and of the profiles counts.

    @ivar limit: C{None}: nothing is limited here.
    @ivar error: why it does not work, for a StatusNotification.
    """

    limit: Limit | None = None
    error: ChargePointErrorCode = ChargePointErrorCode.NO_ERROR


UNLIMITED = Ceiling()


@frozen(kw_only=True)
class LocalControl:
    """
    The part of a wallbox that is not OCPP's. It is told what happens, after it has.

    @ivar ceiling: what is allowed now.
    @ivar flows: another current flows.
    @ivar plugged: a car was plugged in, or has left.
    @ivar card_read: a card was shown, whatever comes of it.
    @ivar started: the wallbox has started again.
    @ivar served: the Central System can be asked from now on.
    """

    ceiling: Callable[[], Ceiling] = lambda: UNLIMITED
    flows: Callable[[Flow], None] = lambda _: None
    plugged: Callable[[bool], None] = lambda _: None
    card_read: Callable[[str], None] = lambda _: None
    started: Callable[[], None] = lambda: None
    served: Callable[[], None] = lambda: None


#: A wallbox that is OCPP's alone.
NO_LOCAL_CONTROL = LocalControl()
