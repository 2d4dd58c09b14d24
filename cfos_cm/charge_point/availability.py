"""Which connectors are in service. OCPP 1.6, "Change Availability"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from cfos_cm.charge_point.environment import Memory, MemoryKind
from cfos_cm.charge_point.remembering import by_the_way, once_stored
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.v16.core import AvailabilityStatus, AvailabilityType

__all__ = ["Availability"]

_KIND: Final = "availability"
#: Before the word of what is put off.
_LATER: Final = "later "

_log = Logger(namespace="cfos_cm.gateway")


class Availability:
    """
    What the backend wants each connector to be, of those whose EVSE speaks no OCPP.

    A Charge Point keeps that itself. Connector 0 is the whole: it changes with all the others,
    of which each can be changed again by itself.

    @ivar changed: called with a connector that went out of service, or came back.
    """

    def __init__(self, settings: GatewaySettings, memory: Memory) -> None:
        self._name = settings.name
        self._memory = memory
        self._connectors = tuple(
            one.number for one in settings.connectors if not one.speaks_ocpp
        )
        self._inoperative: set[int] = set()
        self._later: dict[int, AvailabilityType] = {}
        self.changed: Callable[[int], None] = lambda _connector: None

    def restore(self, remembered: Mapping[MemoryKind, Mapping[str, str]]) -> None:
        """Take what was wanted before the restart."""
        for name, text in remembered.get(_KIND, {}).items():
            if not name.isdecimal() or int(name) not in (0, *self._connectors):
                continue
            word, _, later = text.partition("," + _LATER)
            try:
                if AvailabilityType(word) is AvailabilityType.INOPERATIVE:
                    self._inoperative.add(int(name))
                if later:
                    self._later[int(name)] = AvailabilityType(later)
            except ValueError:
                _log.warn(
                    "{name}: connector {connector} is in service, which was {text!r}",
                    name=self._name,
                    connector=name,
                    text=text,
                )

    def is_operative(self, connector: int) -> bool:
        """Whether a connector is in service; 0: the whole."""
        return connector not in self._inoperative

    def change(
        self, connector: int, to: AvailabilityType, is_busy: Callable[[int], bool]
    ) -> Deferred[AvailabilityStatus]:
        """
        Take a connector out of service, or put it back.

        It holds at once, or from the end of its transaction on, and the Deferred fires when it
        is on disk.

        @param connector: 0: all, and the whole.
        @param is_busy: whether a transaction runs at a connector.
        """
        meant = (0, *self._connectors) if connector == 0 else (connector,)
        if any(number not in (0, *self._connectors) for number in meant):
            return succeed(AvailabilityStatus.REJECTED)
        busy = [number for number in meant if number != 0 and is_busy(number)]
        waiting = [
            number
            for number in busy
            if self.is_operative(number) is not (to is AvailabilityType.OPERATIVE)
        ]
        changed = [
            number for number in meant if number not in waiting and self._put(number, to)
        ]
        for number in waiting:
            self._later[number] = to
        writes = [self._write(number) for number in meant]
        for number in changed:
            self.changed(number)
        status = AvailabilityStatus.SCHEDULED if waiting else AvailabilityStatus.ACCEPTED
        return once_stored(status, *writes)

    def transaction_over(self, connector: int) -> None:
        """The transaction at a connector is over: what was put off is done now."""
        to = self._later.get(connector)
        if to is None:
            return
        is_changed = self._put(connector, to)
        by_the_way(self._name, self._write(connector))
        if is_changed:
            self.changed(connector)

    def settle(self, is_busy: Callable[[int], bool]) -> None:
        """
        After a restart: do what was put off where no transaction runs any more.

        @param is_busy: whether one runs at a connector.
        """
        for connector in tuple(self._later):
            if not is_busy(connector):
                self.transaction_over(connector)

    def _put(self, connector: int, to: AvailabilityType) -> bool:
        """Let it be so; whether it was not so before."""
        self._later.pop(connector, None)
        was_operative = self.is_operative(connector)
        if to is AvailabilityType.OPERATIVE:
            self._inoperative.discard(connector)
        else:
            self._inoperative.add(connector)
        return was_operative is not self.is_operative(connector)

    def _write(self, connector: int) -> Deferred[None]:
        is_operative = self.is_operative(connector)
        word = AvailabilityType.OPERATIVE if is_operative else AvailabilityType.INOPERATIVE
        later = self._later.get(connector)
        text = word.value if later is None else f"{word.value},{_LATER}{later.value}"
        kept = None if is_operative and later is None else text
        return self._memory.put(_KIND, str(connector), kept)
