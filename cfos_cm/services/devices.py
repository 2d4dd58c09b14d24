"""The drivers of the site: made for what tap.cfg says, kept as long as it says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import evolve, frozen
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger

from cfos_cm.drivers.interfaces import (
    DriverEnvironment,
    EvseDevice,
    IDevice,
    IEvse,
    MeterDevice,
)
from cfos_cm.drivers.registry import EVSE_MAKERS, METER_MAKERS, OCPP16
from cfos_cm.services.config import Config
from cfos_cm.services.config.words import LoadManagement
from cfos_cm.site.events import EvseLost, MeterLost
from cfos_cm.site.meter import MeterRole

__all__ = ["Devices"]

_CHANGED = "its settings have changed"

_log = Logger(namespace="cfos_cm.services")


@frozen
class _Row:
    """
    A driver and what it was made for.

    @ivar wanted: its type, what it was told, and whether it only observes.
    """

    wanted: tuple[str, EvseDevice | MeterDevice, bool]
    device: Any


class Devices:
    """
    All drivers that run.

    One whose section in tap.cfg says the same after a reload is not touched: nothing is
    reconnected, nothing is asked again.
    """

    def __init__(self, environment: DriverEnvironment) -> None:
        self._environment = environment
        self._rows: dict[tuple[type, str], _Row] = {}
        # Those of earlier settings that are still being left.
        self._leaving: list[Deferred[Any]] = []

    @property
    def evses(self) -> Mapping[str, IEvse]:
        """The drivers of EVSEs, by their names."""
        return {
            name: row.device for (kind, name), row in self._rows.items() if kind is EvseDevice
        }

    def configure(self, config: Config) -> None:
        """
        Have a driver for each EVSE and each meter of C{config}, and no others.

        One that fails is told of in the log; all others run.
        """
        observes = config.manager.load_management is LoadManagement.OBSERVE
        environment = evolve(self._environment, observe_only=observes)
        wanted = {
            (type(device), device.name): (word, device, observes)
            for word, device in _devices_of(config)
        }
        left = {key: row for key, row in self._rows.items() if row.wanted != wanted.get(key)}
        for key, row in left.items():
            del self._rows[key]
            self._lost(row)
        # The new ones first: what they share with the old ones stays open.
        for key, one in wanted.items():
            if key in self._rows:
                continue
            word, device, _ = one
            try:
                made = _make(word, device, environment)
                self._rows[key] = _Row(one, made)
                made.start()
            except Exception:  # noqa: BLE001 - it may be of another package
                _log.failure("the driver of {name} could not be started", name=device.name)
        stopped = [_stopped(row.device) for row in left.values()]
        self._leaving = [one for one in (*self._leaving, *stopped) if not one.called]

    def stop(self) -> Deferred[Any]:
        """@return: fires when all of them have stopped."""
        rows, self._rows = self._rows, {}
        return DeferredList([*self._leaving, *(_stopped(row.device) for row in rows.values())])

    def _lost(self, row: _Row) -> None:
        """Whatever takes its place says by itself that it is there."""
        word, device, _ = row.wanted
        if isinstance(device, MeterDevice):
            # What it said last counts for some seconds by itself, which is enough for the one
            # that takes its place; no car is paused for that.
            if device.settings.role is MeterRole.EVSE:
                self._environment.report(MeterLost(device.name, _CHANGED))
        elif word != OCPP16:
            self._environment.report(EvseLost(device.name, _CHANGED))


def _devices_of(config: Config) -> Iterator[tuple[str, EvseDevice | MeterDevice]]:
    for evse in config.evses:
        yield evse.type, evse.device(config.manager.on_disable)
    for meter in config.meters:
        yield meter.type, meter.device(config.folder)


def _make(
    word: str, device: EvseDevice | MeterDevice, environment: DriverEnvironment
) -> IDevice:
    maker: Any = (EVSE_MAKERS if isinstance(device, EvseDevice) else METER_MAKERS).of(word)
    made: IDevice = maker.make(device, environment)
    return made


def _stopped(device: IDevice) -> Deferred[Any]:
    stop: Callable[[], Deferred[None]] = device.stop
    return maybeDeferred(stop).addErrback(
        lambda failure: _log.failure("{name} could not be left", failure, name=device.name)
    )
