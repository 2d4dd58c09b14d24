"""A virtual Power Brain as a service: its Modbus ports, and its way to its OCPP server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults

from cfos_cm.net.dialling import FIRST_WAIT_S
from cfos_cm.simulator.charge_point_service import (
    FADE_S,
    ChargePointService,
    new_unique_id,
)
from cfos_cm.simulator.device_server import Doors
from cfos_cm.simulator.power_brain.box import PowerBrain
from cfos_cm.simulator.power_brain.memory import PowerBrainFlash
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings

__all__ = ["PowerBrainService", "make_power_brain"]


def make_power_brain(
    name: str, settings: VirtualPowerBrainSettings, reactor: Any
) -> PowerBrainService:
    """
    A Power Brain with a car, which comes to life when the service is started.

    @param name: for people; it stands in the log.
    @raise LocalProtocolError: if the URL or the identity cannot be used.
    """
    return PowerBrainService(name, settings, reactor)


class PowerBrainService(Service):
    """
    A virtual Power Brain with its connections.

    @ivar power_brain: the box.
    @ivar ports: where its EVSE and its two meters listen; empty while it does not run, or when
        it could not listen.
    """

    def __init__(
        self,
        name: str,
        settings: VirtualPowerBrainSettings,
        reactor: Any,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        flash: PowerBrainFlash | None = None,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """
        @param name: for people.
        @param now: the time of day; aware.
        @param flash: what another one has left behind; C{None}: it is new.
        @param first_wait_s: before it dials its OCPP server again for the first time. [s]
        @raise LocalProtocolError: if the URL or the identity cannot be used.
        """
        self.power_brain = PowerBrain(
            name, settings, reactor, now, new_unique_id, flash, self._drop_all
        )
        self._charge_point = ChargePointService(
            name, settings, reactor, now, first_wait_s, self.power_brain.charge_point
        )
        self._doors = Doors(
            name,
            (self.power_brain.evse_device, *self.power_brain.meter_devices),
            reactor,
            settings.interface,
            settings.modbus_port,
        )

    @property
    def ports(self) -> tuple[int, ...]:
        """The TCP ports of EVSE, meter 1 and meter 2."""
        return self._doors.ports

    def startService(self) -> None:
        """
        Switch the box on.

        A port that is taken is said in the log, and the box then has no Modbus, as one whose
        cable is not plugged in.
        """
        super().startService()
        self.power_brain.start()
        self._doors.open()
        self._charge_point.startService()

    def fade(self) -> Deferred[None]:
        """
        Let the car leave before the box is switched off, so that whoever steers it by Modbus
        sees that its charge has ended.

        @return: fires when he has, or nobody looks, and after L{FADE_S} at the latest.
        """
        return self.power_brain.fade(FADE_S)

    def stopService(self) -> Deferred[None]:
        """
        Switch the box off; see L{ChargePointService.stopService}.

        @return: fires when neither a timer nor a socket is left.
        """
        super().stopService()
        ended = [self._doors.close(), self._charge_point.stopService()]
        return gatherResults(ended, consumeErrors=True).addCallback(self._ended)

    def _ended(self, _: object) -> None:
        # Not before: until then its Central System may have it start again.
        if not self.running:
            self.power_brain.stop()

    def _drop_all(self) -> None:
        self._doors.drop_all()
