"""What the control loop asks of a device."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from cfos_cm.site.setpoint import Setpoint

__all__ = ["IEvse"]


class IEvse(Interface):
    """
    An EVSE that can be ordered to obey a setpoint.

    It need not be near: an order may take its time, and its end is always told. The control
    loop gives an EVSE one order at a time.
    """

    name = Attribute("The EVSE's name in the site.")
    renewal_due_s = Attribute(
        "When it has to be told once more what it was told, or it falls back by itself; by the "
        "reactor's clock, infinite where it never does. [s]"
    )

    def apply(
        setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[bool | None]:
        """
        Obey C{setpoint} from now on.

        @param transaction_id: the transaction that runs, if one does.
        @param from_scratch: the device may have forgotten all that it was ever told.
        @return: fires when the device has confirmed it, and says whether it has confirmed too
            that it gives no current outside a transaction; C{None} where it was not told that
            with this order, which it always is from scratch and outside a transaction. Fails
            with L{cfos_cm.errors.DeviceRefusal} if it said no, and with
            L{cfos_cm.errors.DeviceError} if it is not known whether it obeys.
        """

    def release() -> Deferred[None]:
        """
        Obey no limit any more: all that were ever set are cleared, so that the device can be
        used without this program.

        @return: fires when the device has confirmed it. Fails as L{apply} does.
        """
