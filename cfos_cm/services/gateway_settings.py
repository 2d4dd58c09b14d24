"""The gateways of a C{tap.cfg}, as the role of a Charge Point and the network know them."""

from __future__ import annotations

from cfos_cm.charge_point.settings import ConnectorSettings, GatewaySettings
from cfos_cm.drivers.registry import OCPP16
from cfos_cm.net.backend_target import BackendTarget
from cfos_cm.net.client_material import SYSTEM_ROOTS
from cfos_cm.services.config import Config
from cfos_cm.services.config.device_sections import EvseSection
from cfos_cm.services.config.gateway_checks import identities, numbers
from cfos_cm.services.config.gateway_section import GatewaySection
from cfos_cm.services.local_entries import CONNECTOR, place_of

__all__ = ["backend_target", "gateway_settings"]


def gateway_settings(config: Config) -> tuple[GatewaySettings, ...]:
    """
    The gateways, in the order of the file: one for each client id at each backend.

    @param config: without a mistake.
    """
    evses = {one.name: one for one in config.evses}
    return tuple(
        _settings(key, sections, evses) for key, sections in identities(config).items()
    )


def backend_target(config: Config, settings: GatewaySettings) -> BackendTarget:
    """
    How a gateway's backend is dialled.

    @param settings: one of L{gateway_settings} of the same configuration.
    @raise KeyError: if it is not.
    """
    section = identities(config)[settings.key][0]
    return BackendTarget(
        url=section.url,
        client_id=section.client_id,
        password=section.password,
        password_form=section.password_form,
        ca_certificates=_all_located(config, section.ca_certificates),
        certificate=_located(config, section.certificate),
        private_key=_located(config, section.private_key),
        proxy=section.proxy or "",
        name=settings.name,
    )


def _all_located(config: Config, authorities: tuple[str, ...]) -> tuple[str, ...]:
    system = (SYSTEM_ROOTS,) if SYSTEM_ROOTS in authorities else ()
    return (*system, *config.located_files(authorities))


def _located(config: Config, path: str | None) -> str | None:
    return None if path is None else config.located(path)


def _settings(
    key: str, sections: list[GatewaySection], evses: dict[str, EvseSection]
) -> GatewaySettings:
    first = sections[0]
    connectors = [
        _connector(number, evses[section.evse])
        for number, section in zip(numbers(sections), sections, strict=True)
    ]
    return GatewaySettings(
        key=key,
        name="+".join(section.name for section in sections),
        url=first.url,
        client_id=first.client_id,
        connectors=tuple(sorted(connectors, key=lambda one: one.number)),
        role=first.role,
        outage=first.outage,
        tags=first.tags,
        allowed=frozenset(first.allow),
        refused=frozenset(first.refuse),
        queue_limit=first.queue_limit,
        password=first.password,
        has_authorities=bool(first.ca_certificates),
        has_certificate=first.certificate is not None,
    )


def _connector(number: int, evse: EvseSection) -> ConnectorSettings:
    speaks_ocpp = evse.type == OCPP16
    return ConnectorSettings(
        number=number,
        evse=evse.name,
        charge_point=evse.address if speaks_ocpp else place_of(evse.name),
        connector=evse.connector if speaks_ocpp else CONNECTOR,
        speaks_ocpp=speaks_ocpp,
        max_current_ma=evse.max_current_ma,
        phases=len(evse.phases),
    )
