"""What a configuration means to each part of the program."""

from __future__ import annotations

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.drivers.registry import OCPP16
from cfos_cm.services.config import Config
from cfos_cm.services.config.sections import EvseSection
from cfos_cm.services.config.words import LoadManagement, Tls
from cfos_cm.site.evse import EvseSettings

__all__ = [
    "abandoned_evses",
    "central_system_settings",
    "moved_evses",
    "renamed_evses",
    "server_endpoint",
]


def central_system_settings(config: Config) -> CentralSystemSettings:
    """The Charge Points that the EVSEs of C{config} belong to."""
    settings = {one.name: one for one in config.settings_changed().evses}
    evses: dict[str, dict[int, EvseSettings]] = {}
    passwords: dict[str, str | None] = {}
    policies: dict[str, QuirkPolicy] = {}
    names: dict[str, tuple[str, ...]] = {}
    for section in _ocpp_evses(config):
        evses.setdefault(section.address, {})[section.connector] = settings[section.name]
        passwords[section.address] = section.password or passwords.get(section.address)
        # A Charge Point is one device, however many connectors it has.
        before = policies.get(section.address, section.quirks)
        policies[section.address] = section.quirks.joined(before)
        names[section.address] = _with_name(names.get(section.address, ()), section)
    return CentralSystemSettings(
        charge_points={
            identity: ChargePointSettings(
                identity,
                connectors,
                passwords[identity],
                policies[identity],
                names[identity],
            )
            for identity, connectors in evses.items()
        },
        password=config.ocpp_server.password,
        unknown=config.ocpp_server.unknown_charge_points,
        observe_only=config.manager.load_management is LoadManagement.OBSERVE,
        takes_tls=config.ocpp_server.tls is not Tls.OFF,
    )


def moved_evses(before: Config, after: Config) -> frozenset[str]:
    """The EVSEs that kept their names and are another device now."""
    addresses = {one.name: _address(one) for one in before.evses}
    return frozenset(
        one.name
        for one in after.evses
        if one.name in addresses and addresses[one.name] != _address(one)
    )


def renamed_evses(before: Config, after: Config) -> dict[str, str]:
    """What EVSEs are called now whose device is the same, by what they were called."""
    names = {_address(one): one.name for one in after.evses}
    found = {one.name: names.get(_address(one), one.name) for one in before.evses}
    return {was: name for was, name in found.items() if was != name}


def abandoned_evses(before: Config, after: Config) -> frozenset[str]:
    """The EVSEs whose device belongs to no EVSE any more, by their names until now."""
    kept = {_address(one) for one in after.evses}
    return frozenset(one.name for one in before.evses if _address(one) not in kept)


def server_endpoint(config: Config) -> str:
    """Where Charge Points connect to, as Twisted describes a server's endpoint."""
    server = config.ocpp_server
    kind = "tcp6" if ":" in (server.interface or "") else "tcp"
    interface = (server.interface or "").replace(":", r"\:")
    # The default backlog of 50 would refuse some of a garage that comes back after a power cut.
    return f"{kind}:{server.port}:backlog=1024" + (
        f":interface={interface}" if interface else ""
    )


def _with_name(names: tuple[str, ...], section: EvseSection) -> tuple[str, ...]:
    """The names in certificates of a Charge Point, with what another section of it says."""
    name = section.certificate_name
    return names if name is None or name in names else (*names, name)


def _ocpp_evses(config: Config) -> tuple[EvseSection, ...]:
    return tuple(one for one in config.evses if one.type == OCPP16)


def _address(section: EvseSection) -> tuple[str, str, int]:
    by_ocpp = section.type == OCPP16
    return section.type, section.address, section.connector if by_ocpp else section.unit
