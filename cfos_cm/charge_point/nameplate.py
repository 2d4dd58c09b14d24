"""What a gateway says of itself: its BootNotification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twisted.logger import Logger

from cfos_cm import strict_json
from cfos_cm.charge_point.environment import GatewayEnvironment, MemoryKind
from cfos_cm.charge_point.policy import sole_charge_point
from cfos_cm.charge_point.remembering import by_the_way
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.strict_json import AmbiguousJson
from cfos_cm.v16.actions import encode
from cfos_cm.v16.core import BootNotificationRequest

__all__ = ["MODEL", "VENDOR", "Nameplate"]

VENDOR: Final = "cfos_cm"
MODEL: Final = "Gateway"

_KIND: Final = "boot"
_NAME: Final = "payload"

_log = Logger(namespace="cfos_cm.gateway")


class Nameplate:
    """
    What the backend is told of the device behind a gateway.

    Where that is one Charge Point, its own words; else what is known of the device, if it is
    one. It is remembered, so that the first BootNotification after a start says the same as the
    last one before.

    @ivar payload: the JSON text of the BootNotification.
    @ivar is_placeholder: the device has not said anything to this gateway yet.
    """

    def __init__(self, settings: GatewaySettings, environment: GatewayEnvironment) -> None:
        self._settings = settings
        self._environment = environment
        self._is_charge_point = sole_charge_point(settings) is not None
        self.payload = _made_up(None)
        self.is_placeholder = True

    def restore(self, remembered: Mapping[MemoryKind, Mapping[str, str]]) -> None:
        """Take what was said before the restart, or what is known of a device that is there."""
        text = remembered.get(_KIND, {}).get(_NAME)
        if text is None:
            self.payload = _made_up(self._known())
            return
        try:
            strict_json.check(text.encode("utf-8"))
        except AmbiguousJson as error:
            _log.warn(
                "{name}: what was said of its device cannot be read: {error!s}",
                name=self._settings.name,
                error=error,
            )
            return
        self.payload = text.encode("utf-8")
        self.is_placeholder = False

    def booted(self, evse: str, identity: DeviceIdentity, payload: bytes | None) -> bool:
        """
        The device of an EVSE has started.

        @param payload: the JSON text of its BootNotification, vetted.
        @return: whether the backend is to be told.
        """
        if self._settings.connector_of(evse) is None:
            return False
        if self._is_charge_point:
            if payload is None:
                return False
            self._put(payload)
            return True
        is_one = len(self._settings.connectors) == 1
        return self._put(_made_up(identity if is_one else None))

    def _known(self) -> DeviceIdentity | None:
        """
        What the site knows of the device, which was there before this gateway was; its own
        words come with its next BootNotification.
        """
        if len(self._settings.connectors) > 1 and not self._is_charge_point:
            return None
        evses = self._environment.site().evses
        there = (evses.get(one.evse) for one in self._settings.connectors)
        return next((evse.identity for evse in there if evse is not None), None)

    def _put(self, payload: bytes) -> bool:
        if payload == self.payload:
            return False
        self.payload = payload
        self.is_placeholder = False
        name = self._settings.name
        text = payload.decode("utf-8")
        by_the_way(name, self._environment.memory.put(_KIND, _NAME, text))
        return True


def _made_up(identity: DeviceIdentity | None) -> bytes:
    if identity is None:
        return encode(
            BootNotificationRequest(charge_point_vendor=VENDOR, charge_point_model=MODEL)
        )
    return encode(
        BootNotificationRequest(
            charge_point_vendor=_cut(identity.vendor, 20) or VENDOR,
            charge_point_model=_cut(identity.model, 20) or MODEL,
            charge_point_serial_number=_cut(identity.serial_number, 25),
            firmware_version=_cut(identity.firmware_version, 50),
        )
    )


def _cut(text: str | None, length: int) -> str | None:
    return text[:length] if text else None
