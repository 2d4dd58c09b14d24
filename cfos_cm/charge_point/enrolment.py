"""
How a gateway gets itself let in. OCPP 1.6, "Boot Notification".

It says BootNotification after a start of the program, when the device behind it has booted, and
when it has become another one; never for the mere loss of a connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.charge_point.registration import Effects, Registration, registration
from cfos_cm.errors import DeviceError
from cfos_cm.v16.core import RegistrationStatus

__all__ = [
    "MAX_INTERVAL_S",
    "MAX_WAITING",
    "MIN_INTERVAL_S",
    "OWN_INTERVAL_S",
    "REBOOT_PAUSE_S",
    "RESTART_S",
    "Door",
    "Enrolment",
    "usable_interval_s",
]

#: How long is waited where the backend does not say, or does not answer. [s]
OWN_INTERVAL_S: Final = 60
MIN_INTERVAL_S: Final = 10
MAX_INTERVAL_S: Final = 86_400
#: What is more is no number that a backend has meant: its field has 32 bits.
_ENDLESS_S: Final = 2**31
#: So many wait for the answer to a BootNotification; more are told at once that there is none.
MAX_WAITING: Final = 32
#: A device that boots again and again is told of so often at most. [s]
REBOOT_PAUSE_S: Final = 60.0
#: How long a start takes that was commanded. [s]
RESTART_S: Final = 2.0

_log = Logger(namespace="cfos_cm.gateway")


def usable_interval_s(interval_s: int) -> int:
    """
    The interval that is kept where a backend names C{interval_s}. [s]

    0 leaves it to the Charge Point (OCPP 1.6, "BootNotification.conf"); what nobody can have
    meant does so, too.
    """
    if not 0 < interval_s < _ENDLESS_S:
        return OWN_INTERVAL_S
    return min(max(interval_s, MIN_INTERVAL_S), MAX_INTERVAL_S)


@frozen
class Door:
    """
    What a gateway does when it asks to be let in, and when it is.

    @ivar payload: the JSON text of the BootNotification, as it is now.
    @ivar ask: send one; fires with the JSON text of the answer.
    @ivar accepted: it is let in, with this interval between heartbeats. [s]
    @ivar serve: all may be sent from now on; whether it was let in just now.
    @ivar pause: nothing may be sent any more.
    @ivar changed: there is another answer.
    """

    payload: Callable[[], bytes]
    ask: Callable[[bytes], Deferred[bytes]]
    accepted: Callable[[int], None]
    serve: Callable[[bool], None]
    pause: Callable[[], None]
    changed: Callable[[], None]


class Enrolment:
    """
    Gets one gateway let in.

    @ivar status: what the backend has answered last; C{None}: nothing yet, or nothing that
        could be read.
    @ivar why: why it has not let us in the last time, for people; empty: it has, or has not
        answered yet.
    """

    def __init__(self, name: str, clock: IReactorTime, door: Door) -> None:
        """
        @param name: of the gateway, for people.
        """
        self._name = name
        self._clock = clock
        self._door = door
        self.status: RegistrationStatus | None = None
        self.why = ""
        self._is_asking = False
        self._waiting: list[Deferred[None]] = []
        # What the machine does may not ask it: these two are what it would say.
        self._may_speak = False
        self._is_accepted = False
        self._is_connected = False
        self._is_new = False
        self._attempt = 0
        self._sent: bytes | None = None
        self._booted_s: float | None = None
        self._next = Alarm(clock, self.boot_now)
        self._reboot = Alarm(clock, self.restart)
        self._registration: Registration = registration(
            Effects(boot=self._boot, serve=self._serve, pause=self._pause)
        )

    @property
    def may_speak(self) -> bool:
        """Whether there is a connection, and the backend has let us in."""
        return self._may_speak

    def settled(self) -> Deferred[None]:
        """
        Wait for the answer to a BootNotification that is on its way: it takes a moment, and
        nothing else may be said until then.

        @return: fires when it is here, or will not come; at once if none is on its way.
        """
        if not self._is_asking or len(self._waiting) >= MAX_WAITING:
            return succeed(None)
        settled: Deferred[None] = Deferred()
        self._waiting.append(settled)
        return settled

    @property
    def words(self) -> str:
        """How it stands while there is a connection, for people."""
        if self._may_speak:
            return "connected"
        match self.status:
            case RegistrationStatus.PENDING:
                return "waiting for approval"
            case RegistrationStatus.REJECTED:
                return "rejected by the backend"
            case _:
                return f"not let in: {self.why}" if self.why else "asks to be let in"

    def connected(self) -> None:
        """There is a connection."""
        self._is_connected = True
        self._registration.connected()

    def lost(self) -> None:
        """The connection is gone."""
        self._is_connected = False
        self._attempt += 1
        self._registration.lost()
        self._settle()

    def close(self) -> None:
        """Nothing is left that would happen later."""
        self._attempt += 1
        self._next.clear()
        self._reboot.clear()
        self._settle()

    def boot_now(self) -> None:
        """Send BootNotification, unless it was accepted or is on its way."""
        self._next.clear()
        self._registration.waited()

    def restart(self) -> None:
        """
        As after a start: BootNotification is said next, on the same connection.

        Who has not been let in yet waits as long as before.
        """
        self._reboot.clear()
        if not self._is_accepted:
            return
        self._is_accepted = False
        self._registration.restarted()
        if self._is_connected:
            self._registration.connected()

    def restart_soon(self) -> None:
        """
        As L{restart}, a moment later: what has ended is told before, as by a device that takes
        its time to start. OCTT, TC_016.
        """
        if self._is_accepted:
            self._reboot.set(RESTART_S)

    def device_booted(self, *, at_once: bool = False) -> None:
        """
        The device behind has booted, or is another one: that is told, but not too often.

        @param at_once: however soon after the last time.
        """
        if self._booted_s is None or self._reboot.is_set:
            # Nothing was said yet, or it will be.
            return
        since_s = self._clock.seconds() - self._booted_s
        if at_once or since_s >= REBOOT_PAUSE_S:
            self.restart()
        else:
            self._reboot.set(REBOOT_PAUSE_S - since_s)

    def _boot(self) -> None:
        self._next.clear()
        self._attempt += 1
        self._booted_s = self._clock.seconds()
        self._sent = self._door.payload()
        self._is_asking = True
        asked = self._door.ask(self._sent)
        asked.addCallbacks(self._answered, self._failed, errbackArgs=(self._attempt,))
        asked.addErrback(self._broken)

    def _serve(self) -> None:
        self._may_speak = True
        is_new, self._is_new = self._is_new, False
        self._door.serve(is_new)

    def _pause(self) -> None:
        self._may_speak = False
        self._door.pause()

    def _answered(self, payload: bytes) -> None:
        try:
            answer = _answer.decode(payload)
        except (ValueError, RecursionError):
            self._wait(OWN_INTERVAL_S, None, "its answer makes no sense")
            return
        interval_s = usable_interval_s(_whole(answer.interval))
        if answer.status is not RegistrationStatus.ACCEPTED:
            self._wait(interval_s, answer.status, answer.status.value)
            return
        self.status, self.why = answer.status, ""
        self._is_accepted = self._is_new = True
        self._door.accepted(interval_s)
        self._registration.accepted()
        self._door.changed()
        self._settle()
        if self._sent != self._door.payload():
            self.device_booted(at_once=True)

    def _failed(self, failure: Failure, attempt: int) -> Failure | None:
        if not isinstance(failure.value, DeviceError):
            return failure
        # When the connection is gone, the next one begins with another attempt.
        if attempt == self._attempt:
            self._wait(OWN_INTERVAL_S, self.status, str(failure.value))
        return None

    def _wait(self, wait_s: float, status: RegistrationStatus | None, why: str) -> None:
        _log.warn(
            "{name}: the backend does not let us in: {why}; it is asked again in {wait_s:g} s",
            name=self._name,
            why=why,
            wait_s=wait_s,
        )
        self.status, self.why = status, why
        self._registration.refused()
        self._next.set(wait_s)
        self._door.changed()
        self._settle()

    def _settle(self) -> None:
        self._is_asking = False
        waiting, self._waiting = self._waiting, []
        for settled in waiting:
            settled.callback(None)

    def _broken(self, failure: Failure) -> None:
        _log.failure("{name}: it could not be let in", failure, name=self._name)


class _Answer(msgspec.Struct):
    """As much of a BootNotification.conf as is needed; some leave the time out."""

    status: RegistrationStatus
    interval: Any = 0


_answer = msgspec.json.Decoder(_Answer)


def _whole(interval: object) -> int:
    if isinstance(interval, str) and interval.strip().isascii():
        try:
            return int(interval)
        except ValueError:
            return 0
    if isinstance(interval, float) and abs(interval) < _ENDLESS_S:
        return int(interval)
    return interval if isinstance(interval, int) else 0
