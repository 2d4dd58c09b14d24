"""Orders on their way to the devices."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from math import inf

from attrs import frozen
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.errors import DeviceError
from cfos_cm.site.evse import Evse
from cfos_cm.site.setpoint import Setpoint

__all__ = ["Dispatch", "Order", "Outcome"]

#: Of an order: what the device has confirmed, see L{IEvse.apply}, or what went wrong.
Outcome = bool | Failure | None

_log = Logger(namespace="cfos_cm.services")


@frozen(eq=False)
class Order:
    """
    An order to one EVSE; one is never the same as another.

    @ivar transaction_id: the transaction that it is about; C{None}: what holds without one.
    """

    evse: str
    setpoint: Setpoint
    transaction_id: int | None


class Dispatch:
    """
    Hands orders to the devices, one at a time to each.

    @ivar devices: who carries setpoints out, by the EVSE's name.
    """

    def __init__(self, ended: Callable[[Order, Outcome], None]) -> None:
        """
        @param ended: is told of the end of each order. It is not told of orders that were
            forgotten.
        """
        self.devices: Mapping[str, IEvse] = {}
        self._ended = ended
        self._under_way: dict[str, Order] = {}

    def is_ready(self, evse: str) -> bool:
        """Whether an EVSE can be given an order: it has a device, and no other order."""
        return evse in self.devices and not self.is_busy(evse)

    def is_busy(self, evse: str) -> bool:
        """Whether an EVSE is being told an order, also one that does not count any more."""
        return evse in self._under_way

    def give(self, evse: Evse, setpoint: Setpoint) -> None:
        """
        Order an EVSE that is ready to obey C{setpoint}.

        @param evse: as it is known before it is given the order.
        """
        order = Order(evse.name, setpoint, evse.active_transaction_id)
        self._under_way[evse.name] = order
        applying = maybeDeferred(
            self.devices[evse.name].apply, setpoint, order.transaction_id, evse.stale
        )
        applying.addCallbacks(
            lambda forbids_by_default: self._end(order, forbids_by_default),
            lambda failure: self._failed(order, failure),
        )
        applying.addErrback(
            lambda failure: _log.failure("order to {evse}", failure, evse=evse.name)
        )

    def renewals_s(self) -> dict[str, float]:
        """
        When those have to be told once more what they were told that have no order to answer.

        @return: by EVSE, and by the clock; who never has to be is left out.
        """
        return {
            name: due_s
            for name, device in self.devices.items()
            if (due_s := device.renewal_due_s) < inf and self.is_ready(name)
        }

    def keep(self, evses: Container[str]) -> None:
        """Forget the orders of all EVSEs but these: their devices are none of ours any more."""
        self._under_way = {
            name: order for name, order in self._under_way.items() if name in evses
        }

    def _failed(self, order: Order, failure: Failure) -> None:
        if not failure.check(DeviceError):
            _log.failure("the driver of {evse} failed", failure, evse=order.evse)
        self._end(order, failure)

    def _end(self, order: Order, outcome: Outcome) -> None:
        # The EVSE may be gone, or have become another device with an order of its own.
        if self._under_way.get(order.evse) is order:
            del self._under_way[order.evse]
            self._ended(order, outcome)
