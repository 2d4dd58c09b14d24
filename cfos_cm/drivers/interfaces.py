"""
What the program asks of a device, and of whoever makes one.

A driver of another package is found by C{twisted.plugin}: a module in C{twisted/plugins} has an
object that provides L{IEvseMaker} or L{IMeterMaker}, and C{twisted.plugin.IPlugin}.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.drivers.modbus.buses import Buses
from cfos_cm.electrical import ALL_PHASES, Phase
from cfos_cm.site.events import SiteEvent
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.meter import MeterSettings
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.state import SiteState
from cfos_cm.wire.registers import Order

__all__ = [
    "DriverEnvironment",
    "EvseDevice",
    "IDevice",
    "IEvse",
    "IEvseMaker",
    "IMeter",
    "IMeterMaker",
    "MeterDevice",
]


@frozen
class DriverEnvironment:
    """
    The world around a driver.

    @ivar reactor: the one that runs the program; also its clock.
    @ivar now: the time of day; aware.
    @ivar report: takes what happens at the device.
    @ivar buses: the ways to Modbus devices.
    @ivar state: what is known of the site.
    @ivar central_system: where Charge Points are connected.
    @ivar observe_only: nothing is set at any device, nothing at all is written to it.
    """

    reactor: Any
    now: Callable[[], datetime]
    report: Callable[[SiteEvent], None]
    buses: Buses
    state: Callable[[], SiteState]
    central_system: CentralSystem
    observe_only: bool = False


@frozen(kw_only=True)
class EvseDevice:
    """
    What C{tap.cfg} says about the device of an EVSE.

    @ivar settings: what the site knows of it.
    @ivar address: as it is written.
    @ivar connector: its number at a device with several.
    @ivar unit: its Modbus unit id.
    @ivar window: how many Modbus requests it bears at once.
    @ivar lease_s: how long a limit holds that is not renewed; 0: for ever. [s]
    @ivar failsafe_after_s: how long it hears nothing before it falls back by itself. [s]
    @ivar wakes: a car that sleeps is woken.
    @ivar parameters: what only its driver understands.
    """

    settings: EvseSettings
    address: str
    connector: int = 1
    unit: int = 1
    window: int = 1
    lease_s: int = 0
    failsafe_after_s: int = 180
    wakes: bool = True
    parameters: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The EVSE's name in the site."""
        return self.settings.name


@frozen(kw_only=True)
class MeterDevice:
    """
    What C{tap.cfg} says about a meter.

    @ivar settings: what the site knows of it.
    @ivar address: as it is written; C{None}: it needs none.
    @ivar unit: its Modbus unit id.
    @ivar window: how many Modbus requests it bears at once.
    @ivar phases: the supply's phases in the order in which its terminals are wired.
    @ivar definition: which registers it has: the name of a known one, or a file.
    @ivar registers: the same, written into C{tap.cfg} itself; with C{word_order} and
        C{byte_order}, and C{function}, 3 or 4.
    @ivar parameters: what only its driver understands.
    @ivar folder: where a relative path begins.
    """

    settings: MeterSettings
    address: str | None = None
    unit: int = 1
    window: int = 1
    phases: tuple[Phase, ...] = ALL_PHASES
    definition: str = ""
    registers: str = ""
    word_order: Order = Order.BIG
    byte_order: Order = Order.BIG
    function: int = 3
    parameters: str = field(default="", repr=False)
    folder: str = ""

    @property
    def name(self) -> str:
        """Its name in the site."""
        return self.settings.name


class IDevice(Interface):
    """Something that the program is in touch with."""

    name = Attribute("Its name in the site.")

    def start() -> None:
        """Be in touch with it, and report what happens there. It can be called again."""

    def stop() -> Deferred[None]:
        """
        Leave it as it is.

        @return: fires when nothing is reported any more and no timer or socket is left.
        """


class IMeter(IDevice):
    """
    A meter that is no EVSE's own.

    It reports L{MeterMeasured<cfos_cm.site.events.MeterMeasured>}, every few seconds at least,
    and L{MeterLost<cfos_cm.site.events.MeterLost>} when it is away.
    """


class IEvse(IDevice):
    """
    An EVSE that can be ordered to obey a setpoint.

    It need not be near: an order may take its time, and its end is always told. The control
    loop gives an EVSE one order at a time. What happens there it reports: that it is there or
    lost, what its car does, what its meter says, cards.
    """

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
            with this order, which it always is from scratch and outside a transaction; also
            where it knows no transactions, see L{IEvseMaker}. Fails with
            L{cfos_cm.errors.DeviceRefusal} if it said no, and with
            L{cfos_cm.errors.DeviceError} if it is not known whether it obeys.
        """

    def release() -> Deferred[None]:
        """
        Obey no limit any more: all that were ever set are cleared, so that the device can be
        used without this program.

        @return: fires when the device has confirmed it. Fails as L{apply} does.
        """


class IEvseMaker(Interface):
    """Makes the driver of an EVSE whose C{type} in C{tap.cfg} is its own."""

    type = Attribute("The word for it in tap.cfg: lower-case letters, digits and underscores.")
    knows_transactions = Attribute(
        "Whether the device itself says when a transaction begins and ends, and ends its limit "
        "with it. Where it does not the program begins one when a card was shown that may "
        "charge, and a limit holds until another one is ordered."
    )

    def objection(device: EvseDevice) -> str | None:
        """What is wrong with an address: words that complete "must be …"; C{None}: nothing."""

    def make(device: EvseDevice, environment: DriverEnvironment) -> IEvse:
        """A driver, which does nothing before it is started."""


class IMeterMaker(Interface):
    """Makes the driver of a meter whose C{type} in C{tap.cfg} is its own."""

    type = Attribute("The word for it in tap.cfg: lower-case letters, digits and underscores.")

    def objection(device: MeterDevice) -> tuple[str, str] | None:
        """
        What is wrong with what C{tap.cfg} says.

        @return: the option that it is about, and words that complete "must be …"; C{None}:
            nothing.
        """

    def make(device: MeterDevice, environment: DriverEnvironment) -> IMeter:
        """A driver, which does nothing before it is started."""
