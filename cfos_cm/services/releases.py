"""EVSEs that are disabled and are to obey no limit any more."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.errors import DeviceError
from cfos_cm.services.respite import Respites
from cfos_cm.site.events import LimitsCancelled
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint

__all__ = ["Releases"]

#: Respites are about setpoints; to be released is more than any of them.
_RELEASE = Setpoint(0, Reason(ReasonCode.DISABLED, "released"))

_log = Logger(namespace="cfos_cm.services")


class Releases:
    """
    Has their limits cleared, and again whenever they may have come back.

    Some keep their profiles through a restart, so each connection begins anew. One that does
    not confirm is asked again later, as one is that does not obey.
    """

    def __init__(self, clock: IReactorTime, report: Callable[[LimitsCancelled], None]) -> None:
        """
        @param report: is told of each that has ended.
        """
        self._report = report
        self._respites = Respites(clock)
        self._under_way: dict[str, Deferred[None]] = {}

    def look(self, evses: Iterable[Evse], devices: Mapping[str, IEvse]) -> None:
        """
        Have those released that are to be and are not.

        @param evses: all that there are, as they are known now.
        @param devices: who carries it out, by name.
        """
        for evse in evses:
            if not evse.is_left_alone or evse.link is not Link.ONLINE:
                self._respites.forgive(evse.name)
                continue
            is_due = not evse.released and not self._respites.holds(evse.name, _RELEASE)
            # What it was ordered before is heard first, or it would come back after this.
            if is_due and evse.ordered is None and evse.name not in self._under_way:
                self._release(evse.name, devices.get(evse.name))

    def is_under_way(self, evse: str) -> bool:
        """Whether an EVSE is being released: what it is told meanwhile may be cleared too."""
        return evse in self._under_way

    def keep(self, evses: Container[str]) -> None:
        """Forget all EVSEs but these: their devices are none of ours any more."""
        self._under_way = {name: one for name, one in self._under_way.items() if name in evses}
        self._respites.keep(evses)

    def next_end_s(self) -> float:
        """When the next one of them may be asked again, by the clock; infinite if none is."""
        return self._respites.next_end_s()

    def _release(self, name: str, device: IEvse | None) -> None:
        if device is None:
            return
        releasing = self._under_way[name] = maybeDeferred(device.release)
        releasing.addCallbacks(
            lambda _: self._ended(name, releasing),
            lambda failure: self._ended(name, releasing, failure),
        )
        releasing.addErrback(
            lambda failure: _log.failure("release of {evse}", failure, evse=name)
        )

    def _ended(
        self, name: str, releasing: Deferred[None], failure: Failure | None = None
    ) -> None:
        if failure is not None and not failure.check(DeviceError):
            _log.failure("the driver of {evse} failed", failure, evse=name)
        if self._under_way.get(name) is not releasing:
            # The EVSE is gone, or has become another device.
            return
        # Before it is told: whoever hears of it may look again.
        del self._under_way[name]
        if failure is None:
            self._respites.forgive(name)
        else:
            self._respites.failed(name, _RELEASE)
        why = None if failure is None else failure.getErrorMessage()
        self._report(LimitsCancelled(name, why))
