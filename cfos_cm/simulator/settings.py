"""What a virtual wallbox is told before it starts."""

from __future__ import annotations

from attrs import field, frozen

from cfos_cm.simulator.vehicle import VehicleSettings

__all__ = ["VirtualChargePointSettings"]


@frozen(kw_only=True)
class VirtualChargePointSettings:
    """
    A wallbox with one connector in use, and the car that comes to it.

    @ivar url: the OCPP server, without the identity. C{None}: it has none, and a car charges
        as soon as it is plugged in.
    @ivar identity: the charge box identity.
    @ivar connector: the number of the connector where the car plugs in.
    @ivar password: what it tells the OCPP server; C{None}: nothing.
    @ivar ca_certificates: with C{wss://}, whom it believes: files (PEM), and
        L{SYSTEM_ROOTS<cfos_cm.net.client_material.SYSTEM_ROOTS>}; none: anybody.
    @ivar certificate: the file (PEM) with the certificate that it shows the OCPP server.
    @ivar private_key: the file (PEM) with its key.
    @ivar id_tag: the card that the driver shows; C{None}: none, a remote start is waited for.
    @ivar arrives_after_s: when the car plugs in after the start. [s]
    @ivar car_max_current_ma: what the car draws at most. [mA per phase]
    @ivar car_phases: how many phases the car charges with; 1 to 3.
    @ivar car_needs_wh: what the car takes until it is full. [Wh]
    @ivar leaves_after_s: when the car leaves after it is full or was stopped. [s]
    @ivar returns_after_s: when it comes back after it has left; 0: never. [s]
    @ivar meter_interval_s: between two MeterValues; 0: none are sent. [s]
    @ivar time_lapse: how many times faster energy flows than the current says.
    @ivar max_current_ma: what the wallbox is made for. [mA per phase]
    @ivar model: what BootNotification says that it is.
    """

    url: str | None
    identity: str
    connector: int = 1
    password: str | None = field(default=None, repr=False)
    ca_certificates: tuple[str, ...] = ()
    certificate: str | None = None
    private_key: str | None = None
    id_tag: str | None = field(default=None, repr=False)
    arrives_after_s: float = 2
    car_max_current_ma: int = 16_000
    car_phases: int = 3
    car_needs_wh: int = 10_000
    leaves_after_s: float = 30
    returns_after_s: float = 0
    meter_interval_s: float = 10
    time_lapse: float = 1
    max_current_ma: int = 32_000
    model: str = "virtual wallbox"

    @property
    def first_reading_wh(self) -> int:
        """What its meter has counted before it starts. [Wh]"""
        return 0

    def vehicle(self) -> VehicleSettings:
        """The car."""
        return VehicleSettings(self.car_max_current_ma, self.car_phases, self.car_needs_wh)
