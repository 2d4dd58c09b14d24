"""
What C{[simulator …]} sections ask for. Devices live in this process, and are reached through
sockets like real ones; a backend has a process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from attrs import fields_dict, frozen
from twisted.application.service import IService

from cfos_cm.electrical import NO_CURRENT, PhaseCurrents
from cfos_cm.net.client_material import SYSTEM_ROOTS
from cfos_cm.services.config import Config
from cfos_cm.services.config.simulator import SimulatorSection
from cfos_cm.services.config.words import SimulatorType
from cfos_cm.simulator.backend.process import BackendProcess
from cfos_cm.simulator.backend.service import BackendService
from cfos_cm.simulator.backend.settings import VirtualBackendSettings
from cfos_cm.simulator.charge_point_service import (
    VirtualChargePointSettings,
    make_charge_point,
)
from cfos_cm.simulator.grid_meter import GridMeterService, VirtualGridMeterSettings
from cfos_cm.simulator.measurements import Flow
from cfos_cm.simulator.power_brain.service import PowerBrainService, make_power_brain
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings

__all__ = [
    "GRID_METER_PORT",
    "VirtualDevices",
    "backend_settings",
    "charge_point_settings",
    "grid_meter_settings",
    "power_brain_settings",
    "virtual_backend",
    "virtual_devices",
    "virtual_power_brain",
]

#: Where a virtual meter is read, unless its section says something else.
GRID_METER_PORT = 1502


_FILES = frozenset({"certificate", "private_key"})
_AUTHORITIES = "ca_certificates"


@frozen
class VirtualDevices:
    """
    What there is of them.

    @ivar asked: those that a site asks, by Modbus.
    @ivar asking: those that connect to a site by themselves.
    @ivar backends: those that a site connects to.
    """

    asked: tuple[IService, ...]
    asking: tuple[IService, ...]
    backends: tuple[BackendProcess, ...] = ()


def virtual_devices(config: Config, reactor: Any) -> VirtualDevices:
    """
    A service for each section that this version can play.

    A meter sees what flows into all wallboxes among them: they are behind it.

    @param reactor: the one that will run them.
    """
    asked: list[IService] = []
    asking: list[IService] = []
    backends: list[BackendProcess] = []
    flows: list[Callable[[], Flow]] = []
    for section in config.simulators:
        if section.type is SimulatorType.CHARGE_POINT:
            settings = charge_point_settings(config, section)
            wallbox = make_charge_point(section.name, settings, reactor)
            flows.append(lambda one=wallbox: one.charge_point.evse.flow)  # type: ignore[misc]
            asking.append(wallbox)
        elif section.type is SimulatorType.POWER_BRAIN:
            box = virtual_power_brain(config, section, reactor)
            flows.append(lambda one=box: one.power_brain.flow)  # type: ignore[misc]
            asked.append(box)
        elif section.type is SimulatorType.BACKEND:
            backends.append(_process(config, section, reactor))
    for section in config.simulators:
        if section.type is SimulatorType.METER:
            of_meter = grid_meter_settings(section)
            meter = GridMeterService(section.name, of_meter, reactor, lambda: _sum(flows))
            asked.append(meter)
    return VirtualDevices(tuple(asked), tuple(asking), tuple(backends))


def virtual_power_brain(
    config: Config, section: SimulatorSection, reactor: Any
) -> PowerBrainService:
    """
    The service of one virtual Power Brain.

    @param section: one of type C{power_brain}.
    @param reactor: the one that will run it.
    """
    return make_power_brain(section.name, power_brain_settings(config, section), reactor)


def virtual_backend(
    config: Config,
    section: SimulatorSection,
    reactor: Any,
    give_up: Callable[[], None] = lambda: None,
) -> BackendService:
    """
    The service of one virtual backend, in this process.

    @param section: one of type C{backend}.
    @param give_up: is called when it cannot do its work.
    """
    settings = backend_settings(config, section)
    return BackendService(section.name, settings, reactor, give_up)


def _process(config: Config, section: SimulatorSection, reactor: Any) -> BackendProcess:
    return BackendProcess(section.name, config.absolute_path, reactor, config.path)


def backend_settings(config: Config, section: SimulatorSection) -> VirtualBackendSettings:
    """
    What a section says of a virtual backend.

    Its book is in the state directory, unless the section says where.
    """
    told = _told(config, section, VirtualBackendSettings)
    usual = os.path.join(config.state_directory, f"backend-{section.name}.jsonl")
    told["book"] = usual if section.book is None else config.located(section.book)
    told["port"] = section.backend_port
    told["price"] = Decimal(str(section.price))
    return VirtualBackendSettings(**told)


def power_brain_settings(
    config: Config, section: SimulatorSection
) -> VirtualPowerBrainSettings:
    """
    What a section says of a virtual Power Brain.

    It has OCPP if it has a ChargeBox ID.
    """
    told = _told(config, section, VirtualPowerBrainSettings)
    told["url"] = section.url if section.address is not None else None
    told["identity"] = section.address or ""
    return VirtualPowerBrainSettings(**told)


def charge_point_settings(
    config: Config, section: SimulatorSection
) -> VirtualChargePointSettings:
    """What a section says of a virtual Charge Point; one without an address has a mistake."""
    told = _told(config, section, VirtualChargePointSettings)
    told["identity"] = section.address
    return VirtualChargePointSettings(**told)


def grid_meter_settings(section: SimulatorSection) -> VirtualGridMeterSettings:
    """What a section says of a virtual meter."""
    told = _named(section, VirtualGridMeterSettings)
    told["port"] = section.modbus_port or GRID_METER_PORT
    return VirtualGridMeterSettings(**told)


def _told(config: Config, section: SimulatorSection, settings: type) -> dict[str, Any]:
    """As L{_named}; files are as seen from where the program runs."""
    told = _named(section, settings)
    for name in _FILES & told.keys():
        told[name] = config.located(told[name])
    if _AUTHORITIES in told:
        system = (SYSTEM_ROOTS,) if SYSTEM_ROOTS in told[_AUTHORITIES] else ()
        told[_AUTHORITIES] = (*system, *config.located_files(told[_AUTHORITIES]))
    return told


def _named(section: SimulatorSection, settings: type) -> dict[str, Any]:
    """
    All that a section and the settings have the same name for; what the section leaves open is
    as the settings have it.
    """
    return {
        name: value
        for name in fields_dict(settings)
        if (value := getattr(section, name, None)) is not None
    }


def _sum(flows: Sequence[Callable[[], Flow]]) -> PhaseCurrents:
    """What flows into wallboxes that are all wired in the order of the supply. [mA]"""
    total = NO_CURRENT
    for flow in flows:
        now = flow()
        total += PhaseCurrents(now.on(0), now.on(1), now.on(2))
    return total
