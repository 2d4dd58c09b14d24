"""What is remembered of a Charge Point from one of its connections to the next."""

from __future__ import annotations

from collections.abc import Collection

from twisted.logger import Logger

from cfos_cm.central_system.profile_habits import ProfileHabits
from cfos_cm.central_system.quirks import QuirkPolicy, profiles_of
from cfos_cm.central_system.repetition import Repetitions
from cfos_cm.central_system.status_order import StatusOrder
from cfos_cm.counters import Counter, Counters
from cfos_cm.quirk import Quirk
from cfos_cm.site.evse import DeviceIdentity

__all__ = ["MAX_REMARKS", "Acquaintance"]

#: Deviations of one Charge Point that the log tells of, and as many warnings about it.
MAX_REMARKS = 50

_log = Logger(namespace="cfos_cm.central_system")


class Acquaintance:
    """
    One Charge Point, whether it is connected or not.

    @ivar identity: its charge box identity.
    @ivar tolerated: the deviations that it is forgiven.
    @ivar repetitions: what it has said last, in case that it says it again.
    @ivar statuses: which of its states is the newest.
    @ivar connections: how many it has now; more than one while a newer one takes over.
    @ivar activities: what its firmware update, its diagnostics and its log were doing last, by
        the action that told it.
    @ivar profile_habits: how it takes charging profiles.
    @ivar signed_s: when it was last about to get a certificate of ours, by the clock for
        time-outs; C{None}: never. [s]
    @ivar has_certificate: whether it has taken one since this start.
    @ivar may_be_another: whether somebody who had to prove nothing has been there, since this
        start, after whoever had proved to be it has said what C{device} is.
    """

    __slots__ = (
        "_counters",
        "_device",
        "_learned",
        "_policy",
        "_told",
        "_warned",
        "activities",
        "connections",
        "has_certificate",
        "identity",
        "may_be_another",
        "profile_habits",
        "repetitions",
        "signed_s",
        "statuses",
        "tolerated",
    )

    def __init__(
        self,
        identity: str,
        policy: QuirkPolicy,
        device: DeviceIdentity | None,
        counters: Counters,
    ) -> None:
        self.identity = identity
        self.repetitions = Repetitions()
        self.statuses = StatusOrder()
        self.activities: dict[str, str] = {}
        self.profile_habits = ProfileHabits()
        self.connections = 0
        self.signed_s: float | None = None
        self.has_certificate = False
        self.may_be_another = False
        self._counters = counters
        self._policy = policy
        self._device = device
        self._learned: frozenset[Quirk] = frozenset()
        self._told: set[str] = set()
        self._warned: set[str] = set()
        self.tolerated = self._now_tolerated()

    @property
    def device(self) -> DeviceIdentity | None:
        """What it has said last of itself; C{None} if it never has."""
        return self._device

    @property
    def policy(self) -> QuirkPolicy:
        """How its deviations are treated."""
        return self._policy

    def treat(self, policy: QuirkPolicy) -> None:
        """Treat its deviations in this way from now on."""
        if policy != self._policy:
            self.profile_habits.forget_forms()
        self._policy = policy
        self.tolerated = self._now_tolerated()

    def introduced(self, device: DeviceIdentity) -> None:
        """It has said what it is."""
        if device == self._device:
            return
        self._device = device
        self._learned = frozenset()
        self.profile_habits.forget_forms()
        self.tolerated = self._now_tolerated()
        profiles = profiles_of(device) if self._policy.auto else ()
        if profiles:
            _log.info(
                "{identity} is treated as {names}: {quirks}",
                identity=self.identity,
                names=" and ".join(profile.name for profile in profiles),
                quirks=", ".join(sorted(self.tolerated)),
            )

    def learn(self, quirk: Quirk) -> None:
        """It has shown a deviation that nobody has to be asked about."""
        if self._policy.auto and not self._policy.strict:
            self._learned |= {quirk}
            self.tolerated = self._now_tolerated()

    def note(self, quirks: Collection[Quirk], remarks: Collection[str]) -> None:
        """
        It has deviated and was forgiven; the log tells of each kind once.

        @param remarks: where, in words.
        """
        kinds = ", ".join(sorted(quirks))
        for what in [f"{remark} ({kinds})" for remark in remarks] or sorted(quirks):
            if what in self._told or len(self._told) >= MAX_REMARKS:
                continue
            self._told.add(what)
            self._counters.count(Counter.DEVIATIONS_TOLERATED)
            _log.info(
                "{identity} deviates from OCPP 1.6 and is forgiven it: {what}",
                identity=self.identity,
                what=what,
            )

    def warn(self, what: str) -> None:
        """
        Something that it tells is wrong and was taken all the same; the log says so once.

        @param what: in words; short, for it is remembered.
        """
        if what in self._warned or len(self._warned) >= MAX_REMARKS:
            return
        self._warned.add(what)
        _log.warn(
            "{identity}: {what}{last}",
            identity=self.identity,
            what=what,
            last="; more of the kind are not noted" if len(self._warned) == MAX_REMARKS else "",
        )

    def _now_tolerated(self) -> frozenset[Quirk]:
        return self._policy.tolerated(self._device) | self._learned
