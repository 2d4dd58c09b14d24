"""A configuration that was read: what it says, and what it asks for in vain."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from attrs import frozen

from cfos_cm.charge_point.settings import GatewayRole
from cfos_cm.net.client_material import SYSTEM_ROOTS
from cfos_cm.services.config.gateway_warnings import warn_of_gateways
from cfos_cm.services.config.options import Findings, Section, options_of
from cfos_cm.services.config.plausibility import Wired, warn_of_wiring
from cfos_cm.services.config.sections import (
    CircuitSection,
    EvseSection,
    GatewaySection,
    ManagerSection,
    MeterSection,
    OcppServerSection,
    WebSection,
)
from cfos_cm.services.config.simulator import SimulatorSection
from cfos_cm.services.config.tree import parents_first
from cfos_cm.services.config.words import LoadManagement, Tls
from cfos_cm.site.events import SettingsChanged
from cfos_cm.site.meter import MeterRole

__all__ = ["Config", "changes", "differences"]

_SQLITE = "sqlite:///"


@frozen
class Config:
    """
    All that a C{tap.cfg} says.

    @ivar path: the file, as it was named by the user.
    @ivar folder: where relative paths in it begin.
    """

    path: str
    folder: str
    manager: ManagerSection
    web: WebSection
    ocpp_server: OcppServerSection
    circuits: tuple[CircuitSection, ...] = ()
    meters: tuple[MeterSection, ...] = ()
    evses: tuple[EvseSection, ...] = ()
    gateways: tuple[GatewaySection, ...] = ()
    simulators: tuple[SimulatorSection, ...] = ()

    @property
    def sections(self) -> tuple[Section, ...]:
        """All of them; the three that are there once come first, written or not."""
        single = (self.manager, self.web, self.ocpp_server)
        named = (*self.circuits, *self.meters, *self.evses, *self.gateways, *self.simulators)
        return (*single, *named)

    @property
    def absolute_path(self) -> str:
        """The file, also after the program has gone to another folder, as a daemon does."""
        return os.path.join(self.folder, os.path.basename(self.path))

    def located(self, path: str) -> str:
        """A path in the file, as seen from where the program runs."""
        return os.path.join(self.folder, path)

    def located_files(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The same for all files in a list; a word in it that is no file is left out."""
        return tuple(self.located(one) for one in paths if one != SYSTEM_ROOTS)

    @property
    def database_url(self) -> str:
        """The database; an SQLite file is beside C{tap.cfg} when its path is relative."""
        url = self.manager.database
        if not url.startswith(_SQLITE):
            return url
        return _SQLITE + self.located(url.removeprefix(_SQLITE))

    @property
    def state_directory(self) -> str:
        """The folder for keys, certificates and backups."""
        return self.located(self.manager.state_directory)

    def settings_changed(self) -> SettingsChanged:
        """What the site has to know; each circuit stands after the one that feeds it."""
        asked = {one.evse for one in self.gateways if one.role is GatewayRole.AUTHORITY}
        metered = {one.evse for one in self.meters if one.role is MeterRole.EVSE}
        return SettingsChanged(
            title=self.manager.title,
            observe_only=self.manager.load_management is LoadManagement.OBSERVE,
            circuits=tuple(one.settings() for one in parents_first(self.circuits)),
            evses=tuple(
                one.settings(one.name in asked, self.manager.on_disable, one.name in metered)
                for one in self.evses
            ),
            meters=tuple(one.settings() for one in self.meters),
            policy=self.manager.policy(),
        )

    def warnings(self) -> tuple[str, ...]:
        """What is not acted on, or is hardly meant: a sentence each, with its line."""
        found = Findings(self.path)
        _warn_of_server(self, found)
        warn_of_gateways(self.gateways, found)
        on_disable = self.manager.on_disable
        warn_of_wiring(Wired(self.circuits, self.meters, self.evses, on_disable), found)
        return tuple(str(one) for one in sorted(found.mistakes, key=lambda one: one.line))


def _warn_of_server(config: Config, found: Findings) -> None:
    server = config.ocpp_server
    if server.tls is Tls.OFF:
        for option in ("certificate", "ca_certificates", "signing_certificate"):
            if getattr(server, option):
                found.about(server, option, "is not used: tls is off")
        for evse in config.evses:
            if evse.certificate_name is not None:
                found.about(
                    evse, "certificate_name", "is not used: tls of [ocpp server] is off"
                )
    elif server.tls is Tls.DETECT and server.ca_certificates:
        text = (
            "is asked of wallboxes that come by TLS, and of no other; with tls = on they all "
            "come by TLS"
        )
        found.about(server, "ca_certificates", text)


def differences(old: Config, new: Config) -> tuple[str, ...]:
    """What of a changed file a reload cannot apply: a sentence each, without any value."""
    return tuple(
        f"{place}: takes effect after a restart"
        for before, after in _pairs(old, new)
        for place in _changed(before, after, only_fixed=True)
    )


def changes(old: Config, new: Config) -> tuple[str, ...]:
    """The options that say something else than before, without any value."""
    return tuple(
        place
        for before, after in _pairs(old, new)
        for place in _changed(before, after, only_fixed=False)
    )


def _pairs(old: Config, new: Config) -> Iterator[tuple[Section | None, Section | None]]:
    before = {(type(one), one.name): one for one in old.sections}
    after = {(type(one), one.name): one for one in new.sections}
    for key in dict.fromkeys((*before, *after)):
        yield before.get(key), after.get(key)


def _changed(before: Section | None, after: Section | None, only_fixed: bool) -> Iterator[str]:
    one = before or after
    if one is None:
        return
    options = options_of(type(one))
    fixed = [option for option in options if option.restart or not only_fixed]
    heading = f"[{one.origin.heading}]"
    if before is None or after is None:
        if fixed:
            yield heading
        return
    for option in fixed:
        if getattr(before, option.attribute) != getattr(after, option.attribute):
            yield f"{heading} {option.name}"
