"""A Charge Point that is connected, as those see it who answer its requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.calls import OutgoingCalls
from cfos_cm.central_system.acquaintance import Acquaintance
from cfos_cm.central_system.profile_habits import ProfileHabits
from cfos_cm.central_system.profile_setting import STANDING, set_profile
from cfos_cm.central_system.profiles import Allowance
from cfos_cm.central_system.registration import registered, waiting
from cfos_cm.central_system.roster import Roster
from cfos_cm.electrical import ALL_PHASES
from cfos_cm.quirk import Quirk
from cfos_cm.site.events import EvseConnected, EvseLost, SiteEvent
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.types import Message

__all__ = ["CARD_HOLDS_S", "ConnectedChargePoint"]

#: How long a car is awaited after its driver's card; OCPP 1.6, "ConnectionTimeOut". [s]
CARD_HOLDS_S = 120.0

_log = Logger(namespace="cfos_cm.central_system")


class ConnectedChargePoint:
    """
    One Charge Point for as long as one connection of it lasts.

    @ivar roster: what it shares with the others.
    @ivar identity: the charge box identity.
    @ivar origin: where it connected from, for people.
    @ivar acquaintance: what is remembered of it from earlier connections.
    @ivar is_accepted: whether more than BootNotification is served.
    @ivar connected_at: when it connected.
    @ivar profile: the security profile that it came with.
    @ivar is_proven: whether it has proved who it is, with a password or a certificate.
    """

    __slots__ = (
        "_calls",
        "_card_shown_s",
        "_forbidden",
        "_presence",
        "_registration",
        "acquaintance",
        "connected_at",
        "identity",
        "is_accepted",
        "is_proven",
        "origin",
        "profile",
        "roster",
    )

    def __init__(
        self,
        roster: Roster,
        identity: str,
        origin: str,
        calls: OutgoingCalls,
        profile: SecurityProfile = SecurityProfile.NONE,
        is_proven: bool = False,
    ) -> None:
        self.roster = roster
        self.identity = identity
        self.origin = origin
        self.profile = profile
        self.is_proven = is_proven
        self.acquaintance: Acquaintance = roster.acquaintance(identity)
        self.acquaintance.connections += 1
        self.connected_at = roster.environment.now()
        self._registration = registered() if roster.serves(identity) else waiting()
        # Asked for each message, and the machine takes its time.
        self.is_accepted = self._registration.is_accepted()
        self._calls = calls
        self._card_shown_s: float | None = None
        self._forbidden: set[int] = set()
        self._presence = roster.dialled(identity, calls)

    @property
    def is_lost(self) -> bool:
        """
        Whether the Charge Point has been gone since this connection was opened, and not only
        dialled again.
        """
        return self._presence.calls is None

    @property
    def evses(self) -> dict[int, EvseSettings]:
        """The EVSEs of the site that it has, by connector."""
        known = self.roster.settings.charge_points.get(self.identity)
        return {} if known is None else dict(known.evses)

    def evse_at(self, connector: int) -> EvseSettings | None:
        """The EVSE at C{connector}, if one is configured there."""
        return self.roster.settings.evse_at(self.identity, connector)

    def call(self, request: Message) -> Deferred[Message]:
        """Ask it; see L{OutgoingCalls.call}."""
        return self._calls.call(request, self.roster.settings.call_timeout_s)

    def relay(self, action: str, payload: bytes) -> Deferred[bytes]:
        """Ask it what somebody else asks; see L{OutgoingCalls.relay}."""
        return self._calls.relay(action, payload, self.roster.settings.call_timeout_s)

    def call_aside(self, request: Message) -> None:
        """
        Ask it and go on: it answers our call only after we have answered its own. When it does
        not do as it was asked, the log says so.

        It is asked as with L{ask_aside}.
        """
        asked = self.ask_aside(request)
        if asked is not None:
            asked.addErrback(self._warn)

    def ask_aside(self, request: Message) -> Deferred[Message] | None:
        """
        Ask it on the connection that counts, also if that is a later one than this.

        @return: as that of L{call}; C{None}: it was not asked, because it L{is_lost}.
        """
        calls = self._presence.calls
        if calls is None:
            return None
        return calls.call(request, self.roster.settings.call_timeout_s)

    @property
    def quirks(self) -> frozenset[Quirk]:
        """What is known of its deviations."""
        return self.acquaintance.tolerated

    @property
    def certificate_names(self) -> tuple[str, ...]:
        """What its certificate may name, its identity first."""
        return self.roster.certificate_names(self.identity)

    @property
    def habits(self) -> ProfileHabits:
        """What has been found out about how it takes charging profiles."""
        return self.acquaintance.profile_habits

    @property
    def clock_behind(self) -> timedelta | None:
        """How far its clock is behind ours; C{None}: not known."""
        return self.acquaintance.statuses.clock_behind

    def is_over(self, transaction_id: int) -> bool:
        """Whether a transaction of it has ended, not long ago."""
        return self.roster.is_over(self.identity, transaction_id)

    def learn(self, quirk: Quirk) -> None:
        """It has shown a deviation."""
        self.acquaintance.learn(quirk)

    def report(self, event: SiteEvent) -> None:
        """Tell the site, if this is still the connection of the Charge Point that counts."""
        if self._presence.calls is self._calls:
            self.roster.environment.report(event)

    def opened(self) -> None:
        """The connection is up."""
        for evse in self.evses.values():
            self.report(EvseConnected(evse.name, self.origin))

    def lost(self, why: str) -> None:
        """The connection is gone, and there is no other."""
        for evse in self.evses.values():
            self.report(EvseLost(evse.name, why))
        self.roster.gone(self.identity)
        self.displaced(why)

    def displaced(self, why: str) -> None:
        """This connection does not count any more; whoever waits for an answer is told."""
        self.acquaintance.connections -= 1
        self._calls.close(why)

    def settings_changed(self, before: Mapping[int, EvseSettings]) -> None:
        """
        The configuration is another one.

        @param before: the EVSEs that it had until now, by connector.
        """
        if self.roster.serves(self.identity):
            self._registration.admit()
        else:
            self._registration.dismiss()
        self.is_accepted = self._registration.is_accepted()
        # They get orders of the site now, which are in force when they are none any more.
        self._forbidden.difference_update(self.evses)
        for connector, evse in self.evses.items():
            old = before.get(connector)
            if old is None or old.name != evse.name:
                self.report(EvseConnected(evse.name, self.origin))

    def restarted(self) -> None:
        """It has booted, and may have forgotten what it was told."""
        self.cleared()

    def cleared(self, connector: int | None = None) -> None:
        """
        Its charging profiles may not be there any more.

        @param connector: where; C{None} or 0: at all of them.
        """
        if connector:
            self._forbidden.discard(connector)
        else:
            self._forbidden.clear()

    def forbid_at(self, connector: int) -> None:
        """
        Forbid charging at a connector that is no EVSE of the site: nobody would count it.

        When it does not take it, it is told again with the next state that it reports.
        """
        if connector in self._forbidden or self.roster.settings.observe_only:
            return
        self._forbidden.add(connector)
        _log.warn(
            "{identity}: connector {connector} is no EVSE of the site and gets no current",
            identity=self.identity,
            connector=connector,
        )
        now = self.roster.environment.now()
        nothing = Allowance(connector=connector, phases=len(ALL_PHASES), now=now)
        forbidding = Deferred.fromCoroutine(set_profile(self, nothing, STANDING))
        forbidding.addErrback(self._could_not_forbid, connector)

    def _could_not_forbid(self, failure: Failure, connector: int) -> None:
        self._forbidden.discard(connector)
        self._warn(failure)

    def _warn(self, failure: Failure) -> None:
        _log.warn("{identity}: {error!s}", identity=self.identity, error=failure.value)

    def note_card(self) -> None:
        """A card that may charge has just been shown."""
        self._card_shown_s = self.roster.environment.clock.seconds()

    def forget_card(self) -> None:
        """Whoever showed a card has begun to charge."""
        self._card_shown_s = None

    def card_was_shown(self) -> bool:
        """Whether whoever showed a card may still be on his way to plug in."""
        if self._card_shown_s is None:
            return False
        return self.roster.environment.clock.seconds() - self._card_shown_s < CARD_HOLDS_S
