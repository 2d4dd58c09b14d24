"""What the page sees: views of the site, made when somebody looks and kept while they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from attrs import field, frozen

from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.charge_point.standing import Standing
from cfos_cm.limits.memory import Memory
from cfos_cm.services.certificate_watch import CertificateReport
from cfos_cm.services.config import Config
from cfos_cm.services.config.device_sections import EvseSection
from cfos_cm.services.cycle_times import CycleTimes
from cfos_cm.services.web import site_answers as answers
from cfos_cm.services.web.evse_view import Beside, evse_view, renewed_view
from cfos_cm.services.web.gateway_view import by_evse, gateway_view
from cfos_cm.services.web.last_words import LastWords
from cfos_cm.services.web.site_view import AroundSite, flow_view, meter_is_silent, site_view
from cfos_cm.site.evse import Evse
from cfos_cm.site.state import SiteState

__all__ = ["SLOW_S", "STEP", "Outlook", "Picture", "Sources"]

#: So many EVSEs are looked at before everybody else has a turn.
STEP = 20

#: What takes its time to find and hardly ever changes is looked at so often at most. [s]
SLOW_S = 30.0


@frozen(kw_only=True)
class Sources:
    """
    Where the page looks.

    @ivar state: what is known of the site now.
    @ivar memory: what was remembered for the last decision.
    @ivar config: the settings that are the newest.
    @ivar gateways: what each gateway was told, and how it stands.
    @ivar words: what EVSEs have said besides.
    @ivar times: how long decisions take.
    @ivar now: the time of day; aware, UTC.
    @ivar started_at: when the site began to run; aware, UTC.
    @ivar version: of this program.
    @ivar urls: what wallboxes are told.
    @ivar certificates: how each certificate stands.
    @ivar waiting_charge_points: how many ask to be let in.
    @ivar is_paused: whether an operator has paused an EVSE.
    @ivar unserved: what of the settings is not in force; empty: nothing.
    """

    state: Callable[[], SiteState]
    memory: Callable[[], Memory]
    config: Callable[[], Config]
    gateways: Callable[[], Iterable[tuple[GatewaySettings, Standing]]]
    words: LastWords
    times: CycleTimes
    now: Callable[[], datetime]
    started_at: datetime
    version: str = ""
    urls: Callable[[], tuple[str, ...]] = tuple
    certificates: Callable[[], tuple[CertificateReport, ...]] = tuple
    waiting_charge_points: Callable[[], int] = int
    is_paused: Callable[[str], bool] = bool
    unserved: Callable[[], str] = str


@frozen
class Picture:
    """
    All that there is to see, at one moment.

    @ivar evses: by name, in the order of the settings.
    """

    site: answers.Site
    evses: Mapping[str, answers.Evse] = field(factory=dict)
    gateways: tuple[answers.Gateway, ...] = ()


@frozen
class _Slow:
    """What is looked at seldom, and when it was, with which settings."""

    at: datetime
    config: Config
    certificates: tuple[CertificateReport, ...]
    urls: tuple[str, ...]


@frozen(eq=False)
class _Made:
    """What was made of what."""

    evse: Evse
    beside: Beside
    view: answers.Evse


class Outlook:
    """
    Views of the site, of its EVSEs and its gateways.

    What has not changed is not made again: the same view is given, and whoever compares can
    compare by identity. Without somebody who asks nothing is done at all.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._made: dict[str, _Made] = {}
        self._config: Config | None = None
        self._sections: Mapping[str, EvseSection] = {}
        self._gateways: dict[str, tuple[tuple[object, ...], answers.Gateway]] = {}
        self._shown: tuple[answers.Gateway, ...] = ()
        self._by_evse: Mapping[str, tuple[answers.EvseGateway, ...]] = {}
        # The EVSEs whose meter apart says nothing.
        self._unmetered: frozenset[str] = frozenset()
        self._slow: _Slow | None = None

    def look(self) -> Picture:
        """All as it is now."""
        *_, picture = self.looking()
        assert picture is not None
        return picture

    def looking(self) -> Iterator[Picture | None]:
        """
        All as it is now, looked at in small steps, between which others can have their turn.

        @return: C{None} for each step but the last one.
        """
        self._look_at_gateways()
        state = self._sources.state()
        memory = self._look_around(state)
        before, made = self._made, dict[str, _Made]()
        for name, evse in state.evses.items():
            made[name] = self._make(state, memory, evse, before.get(name))
            if len(made) % STEP == 0:
                yield None
        self._made = made
        yield None
        yield Picture(self._site(), {name: one.view for name, one in made.items()}, self._shown)

    def site(self) -> answers.Site:
        """The site as it is now."""
        self._look_at_gateways()
        return self._site()

    def _site(self) -> answers.Site:
        sources, slow = self._sources, self._slowly()
        times = sources.times
        around = AroundSite(
            config=sources.config(),
            version=sources.version,
            now=sources.now(),
            started_at=sources.started_at,
            urls=slow.urls,
            cycle_ms=_ms(times.last_s),
            longest_cycle_ms=_ms(times.longest_s) if times.decisions else None,
            waiting_charge_points=sources.waiting_charge_points(),
            gateways=self._shown,
            certificates=slow.certificates,
            unserved=sources.unserved(),
        )
        return site_view(sources.state(), sources.memory(), around)

    def flow(self) -> answers.Flow:
        """Where power flows now."""
        return flow_view(self._sources.state(), self._sources.memory())

    def evses(self) -> Mapping[str, answers.Evse]:
        """All EVSEs as they are now, by name, in the order of the settings."""
        return self.look().evses

    def evse(self, name: str) -> answers.Evse | None:
        """An EVSE as it is now; C{None}: there is none of that name."""
        state = self._sources.state()
        evse = state.evses.get(name)
        if evse is None:
            return None
        self._look_at_gateways()
        memory = self._look_around(state)
        made = self._made[name] = self._make(state, memory, evse, self._made.get(name))
        return made.view

    def names(self) -> tuple[str, ...]:
        """The names of all EVSEs."""
        return tuple(self._sources.state().evses)

    def gateways(self) -> tuple[answers.Gateway, ...]:
        """All gateways as they are now."""
        self._look_at_gateways()
        return self._shown

    def _look_at_gateways(self) -> None:
        before, self._gateways = self._gateways, {}
        for settings, standing in self._sources.gateways():
            known = before.get(settings.name)
            of = (settings, standing)
            if known is None or known[0] != of:
                known = (of, gateway_view(settings, standing))
            self._gateways[settings.name] = known
        shown = tuple(view for _, view in self._gateways.values())
        if shown != self._shown:
            self._shown, self._by_evse = shown, by_evse(shown)

    def _slowly(self) -> _Slow:
        sources, slow = self._sources, self._slow
        now, config = sources.now(), sources.config()
        # The time of day may have been set back.
        if (
            slow is None
            or slow.config is not config
            or abs((now - slow.at).total_seconds()) >= SLOW_S
        ):
            slow = _Slow(now, config, sources.certificates(), sources.urls())
            self._slow = slow
        return slow

    def _look_around(self, state: SiteState) -> Memory:
        """Look at all that is beside what the site knows of each EVSE."""
        config = self._sources.config()
        if config is not self._config:
            self._config = config
            self._sections = {one.name: one for one in config.evses}
        memory = self._sources.memory()
        self._unmetered = frozenset(
            meter.settings.evse
            for meter in state.meters.values()
            if meter.settings.evse is not None and meter_is_silent(meter, memory)
        )
        return memory

    def _make(
        self, state: SiteState, memory: Memory, evse: Evse, before: _Made | None
    ) -> _Made:
        beside = self._beside(state, memory, evse)
        if before is None or before.beside != beside:
            return _Made(evse, beside, evse_view(evse, beside))
        if before.evse is evse:
            return before
        view = renewed_view(before.view, before.evse, evse)
        if view is None:
            view = evse_view(evse, beside)
        return _Made(evse, beside, before.view if view == before.view else view)

    def _beside(self, state: SiteState, memory: Memory, evse: Evse) -> Beside:
        sources, name = self._sources, evse.settings.name
        assert self._config is not None
        return Beside(
            self._sections.get(name),
            self._config.manager.on_disable,
            sources.words.detail(name),
            sources.words.refusal(name),
            sources.is_paused(name),
            self._by_evse.get(name, ()),
            memory.settling.exceeds(evse),
            state.observe_only,
            name in self._unmetered,
        )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
