"""
What has mattered for the security of a gateway itself: kept, and told to its backend.

"Improved security for OCPP 1.6-J", A04 and its list of security events. What a Charge Point
behind it tells is passed on elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.remembering import by_the_way
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.v16.actions import encode
from cfos_cm.v16.security import SecurityEventNotificationRequest
from cfos_cm.v16.timestamps import format_timestamp

__all__ = ["EVENT_PAUSE_S", "MAX_UNSENT", "GatewaySecurityEvents", "SecurityEventKind"]

#: One of a kind is noted so often; what is behind it goes on, and once tells enough. [s]
EVENT_PAUSE_S: Final = 60.0
#: So many are queued while the backend is away; it is owed more important things.
MAX_UNSENT: Final = 50
#: The longest C{techInfo}, in characters.
_MAX_INFO: Final = 255


class SecurityEventKind(StrEnum):
    """Those of the list that a gateway notes of itself."""

    STARTUP = "StartupOfTheDevice"
    RECONFIGURED = "ReconfigurationOfSecurityParameters"
    NOT_AUTHENTICATED = "FailedToAuthenticateAtCentralSystem"
    INVALID_SERVER_CERTIFICATE = "InvalidCentralSystemCertificate"
    INVALID_OWN_CERTIFICATE = "InvalidChargePointCertificate"
    INVALID_TLS_VERSION = "InvalidTLSVersion"
    INVALID_TLS_SUITE = "InvalidTLSCipherSuite"


class GatewaySecurityEvents:
    """The security events of one gateway."""

    def __init__(
        self,
        settings: GatewaySettings,
        environment: GatewayEnvironment,
        queue: Callable[[str, bytes], None],
        is_serving: Callable[[], bool],
    ) -> None:
        """
        @param queue: owes the backend a message: its action, and the JSON text.
        @param is_serving: whether it takes what is queued now.
        """
        self._settings = settings
        self._clock = environment.clock
        self._now = environment.now
        self._log = environment.security_log
        self._queue = queue
        self._is_serving = is_serving
        self._noted_s: dict[SecurityEventKind, float] = {}
        self._is_wanted = True
        self._unsent = 0

    def connected(self) -> None:
        """There is a connection: the backend may be another one by now."""
        self._is_wanted = True

    def served(self) -> None:
        """The backend has let us in, and takes what was queued."""
        self._unsent = 0

    def unwanted(self) -> None:
        """The backend knows no security events; it is told none on this connection."""
        self._is_wanted = False

    def note(self, kind: SecurityEventKind, tech_info: str, *, is_told: bool = True) -> None:
        """
        Something has happened.

        @param tech_info: for people; without secrets.
        @param is_told: the backend may be told of it as well.
        """
        now_s = self._clock.seconds()
        last_s = self._noted_s.get(kind)
        if last_s is not None and now_s - last_s < EVENT_PAUSE_S:
            return
        self._noted_s[kind] = now_s
        info = _printable(tech_info)[:_MAX_INFO]
        by_the_way(self._settings.name, self._log.add(kind.value, info or None))
        if is_told and self._may_tell:
            if not self._is_serving():
                self._unsent += 1
            self._queue("SecurityEventNotification", self._payload(kind, info))

    @property
    def _may_tell(self) -> bool:
        return self._settings.decides and self._is_wanted and self._unsent < MAX_UNSENT

    def _payload(self, kind: SecurityEventKind, info: str) -> bytes:
        return encode(
            SecurityEventNotificationRequest(
                type=kind.value,
                timestamp=format_timestamp(self._now()),
                tech_info=info or None,
            )
        )


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
