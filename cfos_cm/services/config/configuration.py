"""A configuration that was read: what it says, and what it asks for in vain."""

from __future__ import annotations

import os
from collections.abc import Iterator

from attrs import frozen

from cfos_cm.charge_point.settings import GatewayRole
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
from cfos_cm.services.config.words import LoadManagement, SimulatorType, Tls
from cfos_cm.site.events import SettingsChanged
from cfos_cm.site.meter import MeterRole

__all__ = ["Config", "changes", "differences", "not_in_this_version"]

#: What has no use for a URL.
_CALLED = frozenset({SimulatorType.METER, SimulatorType.BACKEND})

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
        _warn_of_page(self, found)
        _warn_of_server(self, found)
        warn_of_gateways(self.gateways, found)
        on_disable = self.manager.on_disable
        warn_of_wiring(Wired(self.circuits, self.meters, self.evses, on_disable), found)
        return tuple(str(one) for one in sorted(found.mistakes, key=lambda one: one.line))


def not_in_this_version(config: Config, found: Findings) -> None:
    """
    Note what this version must refuse, because without it the site would be less safe than it
    was told to be: TLS is not there yet. What does no harm is in L{Config.warnings}.
    """
    server = config.ocpp_server
    if server.tls is Tls.ON:
        found.about(server, "tls", "this version has no TLS yet: must be off or detect")
    if server.ca_certificates:
        allowed = "this version has no TLS yet and checks no client certificate: must be empty"
        found.about(server, "ca_certificates", allowed)
    for simulator in config.simulators:
        if simulator.type not in _CALLED and simulator.url.startswith("wss:"):
            allowed = "this version has no TLS yet: must begin with ws://"
            found.about(simulator, "url", allowed)


def _warn_of_page(config: Config, found: Findings) -> None:
    if config.web.origin.line:
        found.about(config.web, "", "this version has no page yet: nothing listens there")


def _warn_of_server(config: Config, found: Findings) -> None:
    server = config.ocpp_server
    if server.tls is Tls.DETECT and "tls" in server.origin.lines:
        text = "this version has no TLS yet: it takes plain connections only"
        found.about(server, "tls", text, Tls.DETECT.value)
    if server.certificate is not None:
        found.about(server, "certificate", "is not used: this version has no TLS yet")


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
