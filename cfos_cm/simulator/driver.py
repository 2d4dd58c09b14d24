"""The person with the car: comes, plugs in, shows a card, and leaves when the car is full."""

from __future__ import annotations

import typing
from enum import Enum

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.electrical import amps_text
from cfos_cm.simulator.measurements import Flow
from cfos_cm.simulator.settings import VirtualChargePointSettings
from cfos_cm.simulator.vehicle import Vehicle
from cfos_cm.v16.core import Reason

__all__ = ["CARD_RETRY_S", "Driver", "Verdict", "Wallbox"]

#: After this a driver whose card was of no use shows it again. [s]
CARD_RETRY_S = 30

_SHOWN_CHARS = 4


_log = Logger(namespace="cfos_cm.simulator")


class Verdict(Enum):
    """What a wallbox answers to a card."""

    ACCEPTED = "may charge"
    REFUSED = "is refused"
    NOT_NOW = "cannot be served now"
    NOTED = "has shown it"
    """Somebody else decides what comes of it."""


class Wallbox(typing.Protocol):
    """What a driver can do at a wallbox."""

    def plug_in(self, vehicle: Vehicle) -> None:
        """Plug the car in."""

    def unplug(self) -> None:
        """Pull the cable."""

    def show_card(self, id_tag: str) -> Deferred[Verdict]:
        """Hold a card before the reader."""


class Driver:
    """
    A person who follows a simple plan, again and again.

    What happens is logged in plain words. A card's number is shown by its end only.
    """

    def __init__(
        self,
        name: str,
        settings: VirtualChargePointSettings,
        clock: IReactorTime,
        wallbox: Wallbox,
    ) -> None:
        """
        @param name: the place, for people.
        """
        self._name = name
        self._settings = settings
        self._wallbox = wallbox
        self._arrival = Alarm(clock, self._arrive)
        self._departure = Alarm(clock, self._leave)
        self._next_try = Alarm(clock, self._show_card)
        self._car: Vehicle | None = None

    def start(self) -> None:
        """Be on the way."""
        self._arrival.set(self._settings.arrives_after_s)

    def stop(self) -> None:
        """Vanish, with the car."""
        for alarm in (self._arrival, self._departure, self._next_try):
            alarm.clear()
        self._car = None

    def flows(self, flow: Flow) -> None:
        """The car draws another current."""
        if self._car is None:
            return
        if flow.current_ma:
            self._say(
                "{name}'s car takes {amps} on {phases} phases",
                amps=amps_text(flow.current_ma),
                phases=flow.phases,
            )
        else:
            self._say("{name}'s car takes nothing")

    def car_is_full(self) -> None:
        """The car needs no more."""
        self._say("{name}'s car is full")
        self._prepare_to_leave()

    def began(self) -> None:
        """The car may charge."""
        self._next_try.clear()
        self._departure.clear()
        self._say("{name}'s car may charge")

    def ended(self, reason: Reason) -> None:
        """The car may charge no more."""
        self._say("{name}'s charge ends: {reason}", reason=reason.value)
        self._prepare_to_leave()

    def service_is_back(self) -> None:
        """The wallbox can ask about cards again: no reason to wait longer."""
        if self._next_try.is_set:
            self._next_try.set(0)

    def _arrive(self) -> None:
        self._car = Vehicle(self._settings.vehicle())
        self._say("{name}'s car plugs in")
        self._wallbox.plug_in(self._car)
        self._show_card()

    def _show_card(self) -> None:
        id_tag, car = self._settings.id_tag, self._car
        if id_tag is None or car is None:
            return
        self._say("{name}'s driver shows card …{end}", end=id_tag[-_SHOWN_CHARS:])
        judging = self._wallbox.show_card(id_tag)
        judging.addCallback(self._judged, car)
        judging.addErrback(self._broken)

    def _judged(self, verdict: Verdict, car: Vehicle) -> None:
        if self._car is not car or verdict in (Verdict.ACCEPTED, Verdict.NOTED):
            return
        self._say("{name}'s driver {verdict}", verdict=verdict.value)
        if not self._departure.is_set:
            self._next_try.set(CARD_RETRY_S)

    def _prepare_to_leave(self) -> None:
        if self._car is not None and not self._departure.is_set:
            self._departure.set(self._settings.leaves_after_s)

    def _leave(self) -> None:
        self._next_try.clear()
        self._wallbox.unplug()
        # Unplugging may end a transaction, which is no reason to leave once more.
        self._departure.clear()
        self._car = None
        self._say("{name}'s car drives away")
        if self._settings.returns_after_s > 0:
            self._arrival.set(self._settings.returns_after_s)

    def _say(self, words: str, **fields: object) -> None:
        _log.info(words, name=self._name, **fields)

    def _broken(self, failure: Failure) -> None:
        _log.failure("{name}'s card could not be judged", failure, name=self._name)
