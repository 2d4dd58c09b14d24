"""An EVSE that speaks OCPP 1.6: it obeys charging profiles."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.profile_check import insist
from cfos_cm.central_system.profile_form import ProfileForm
from cfos_cm.central_system.profile_habits import ProfileHabits
from cfos_cm.central_system.profile_release import release, take_back
from cfos_cm.central_system.profile_setting import (
    LIMIT,
    STANDING,
    announcement_of,
    set_profile,
)
from cfos_cm.central_system.profiles import Allowance
from cfos_cm.drivers.interfaces import DriverEnvironment, EvseDevice, IEvse, IEvseMaker
from cfos_cm.drivers.passive import Passive
from cfos_cm.errors import DeviceError, DeviceRefusal, OrderIgnored
from cfos_cm.quirk import Quirk
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.v16.types import ChargingProfilePurpose, Message
from cfos_cm.wire.charge_box import IDENTITY_WORDS, is_identity

__all__ = ["CHECK_S", "MAKER", "Ocpp16Evse"]

T = TypeVar("T")

#: How often it is asked whether it gives what it has accepted, besides whenever it may have
#: forgotten it. [s]
CHECK_S = 900.0

#: A lease that ends by a clock that is ahead of ours by more could end before it is renewed.
_CLOCK_IS_RIGHT = timedelta(seconds=60)
#: What a cable of a private garage carries at most; for EVSEs whose rating is not known. [mA]
_MOST_MA = 80_000

_MAXIMUM = ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE
_DEFAULT = ChargingProfilePurpose.TX_DEFAULT_PROFILE
_TRANSACTION = ChargingProfilePurpose.TX_PROFILE

_log = Logger(namespace="cfos_cm.drivers")


@implementer(IEvse)
class Ocpp16Evse(Passive):
    """
    A connector of a Charge Point.

    Outside a transaction its default profile limits it to its fail-safe current; in a
    transaction a profile of that transaction says how much. Where it takes only one of both,
    that one says it all.
    """

    def __init__(
        self,
        name: str,
        phases: int,
        address: tuple[str, int],
        central_system: CentralSystem,
        now: Callable[[], datetime],
        rating_ma: int | None = None,
        *,
        failsafe_ma: int = 0,
        lease_s: int | None = None,
    ) -> None:
        """
        @param phases: how many it is wired to.
        @param address: the Charge Point's identity, and the connector.
        @param rating_ma: what it gives at most by itself; C{None}: not known. [mA per phase]
        @param failsafe_ma: what it gives when nobody tells it anything. [mA per phase]
        @param lease_s: how long a limit holds that is not renewed, where the Charge Point can
            be told so; only for those who look at L{renewal_due_s}. C{None}: for ever. [s]
        """
        self.name = name
        self._phases = phases
        identity, self._connector = address
        self._charge_point = _ChargePoint(central_system, identity)
        self._now = now
        self._rating_ma = rating_ma
        self._failsafe_ma = failsafe_ma
        self._lease_s = lease_s

    @property
    def renewal_due_s(self) -> float:
        """
        When its limit has to be ordered once more, the same or another, lest it falls back to
        its fail-safe current by itself; by the reactor's clock, infinite if it does not. [s]
        """
        return self._charge_point.habits.renewals_s.get(self._connector, inf)

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[bool | None]:
        """
        See L{IEvse.apply}.

        @return: C{True}: it has confirmed that it gives no more than its fail-safe current
            outside of the transaction, which is none at all where that is 0 A. Fails with
            L{OrderIgnored}, which is a L{DeviceRefusal}, if it has accepted the setpoint and
            says itself that it gives more.
        """
        return self._in_turn(lambda: self._apply(setpoint, transaction_id, from_scratch))

    def release(self) -> Deferred[None]:
        """See L{IEvse.release}."""
        return self._in_turn(self._release)

    def switches_phases(self) -> Deferred[bool | None]:
        """
        Whether it can go from three phases to one in a transaction.

        @return: C{None}: it does not say. Fails with L{cfos_cm.errors.DeviceError} if it does
            not answer; it is asked once.
        """
        return Deferred.fromCoroutine(self._switches_phases())

    def _in_turn(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Deferred[T]:
        """
        Begin C{work} when all is over that its connector is being told.

        The control loop waits for that itself, but for one EVSE: when its settings give it
        another name, what is told to both goes to one connector, and the last word counts.
        """
        done: Deferred[T] = self._charge_point.habits.turn(self._connector).run(work)
        return done

    async def _apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> bool | None:
        habits = self._charge_point.habits
        habits.renewals_s.pop(self._connector, None)
        if from_scratch:
            # It may have lost it, and nothing may end where nothing else is behind.
            habits.fallbacks.discard(self._connector)
        if transaction_id is None:
            await self._stand((*STANDING, *self._belt))
            return True
        stands = await self._stand_behind() if from_scratch else None
        ordered_s = self._charge_point.seconds()
        allowance = self._limit(setpoint, transaction_id)
        form = await self._set_limit(allowance, transaction_id)
        if form.purpose is not _TRANSACTION:
            await self._stands_alone(form, transaction_id)
            stands = setpoint.current_ma <= self._failsafe_ma
        form = await self._checked(allowance, form, from_scratch)
        lease_s = allowance.leased_s(form)
        if lease_s is not None:
            habits.renewals_s[self._connector] = ordered_s + lease_s / 2
        return stands

    async def _stand(self, purposes: Sequence[ChargingProfilePurpose]) -> None:
        """Have it give no more than its fail-safe current by default."""
        await set_profile(self._charge_point, self._allowance(self._failsafe_ma), purposes)
        self._charge_point.habits.fallbacks.add(self._connector)

    async def _stand_behind(self) -> bool | None:
        """
        Whether it takes the default profile while it has a transaction.

        @return: C{None}: it was not tried, for its default profile is what limits it.
        """
        quirks = self._charge_point.quirks
        first = self._charge_point.habits.forms.first_form(self._limits, quirks)
        if first.purpose is not _TRANSACTION:
            return None
        try:
            await self._stand(STANDING)
        except DeviceRefusal as refusal:
            # The transaction's own limit is what holds now, and outranks the default.
            _log.warn("{evse}: {refusal!s}", evse=self.name, refusal=refusal)
            return False
        return True

    async def _set_limit(self, allowance: Allowance, transaction_id: int) -> ProfileForm:
        """Set what limits a transaction; see L{set_profile}."""
        limited = self._charge_point.habits.limited
        try:
            form = await set_profile(self._charge_point, allowance, self._limits)
        except DeviceRefusal:
            raise
        except DeviceError:
            # It may have taken it all the same.
            limited[self._connector] = transaction_id
            raise
        if form.purpose is _TRANSACTION:
            limited[self._connector] = transaction_id
        return form

    async def _stands_alone(self, form: ProfileForm, transaction_id: int) -> None:
        """
        What limits it does not end with the transaction, and nothing is behind it.

        @raise DeviceError: if something may still be in force that outranks it.
        """
        habits = self._charge_point.habits
        if habits.limited.get(self._connector) == transaction_id:
            # As long as the transaction has a limit of its own that is what it obeys.
            if not await take_back(self._charge_point, self._connector, _TRANSACTION):
                raise DeviceError("it does not take back the limit of its transaction")
            del habits.limited[self._connector]
            # Some say that they have cleared it, or never had it, and keep it.
            habits.checked_s.pop(self._connector, None)
        fallbacks = habits.fallbacks
        if form.purpose is _MAXIMUM and self._connector in fallbacks:
            # The lower of both would hold.
            await take_back(self._charge_point, self._connector, _DEFAULT)
        fallbacks.discard(self._connector)

    async def _checked(
        self, allowance: Allowance, form: ProfileForm, from_scratch: bool
    ) -> ProfileForm:
        """
        See whether it gives what it has accepted, if that is due.

        @return: the form that it has accepted last.
        @raise OrderIgnored: if it says that it gives more.
        """
        habits, now_s = self._charge_point.habits, self._charge_point.seconds()
        forms = habits.forms
        checked_s = habits.checked_s.get(self._connector, -inf)
        if not from_scratch and now_s - checked_s < CHECK_S:
            return form
        heeded, excess = await insist(self._charge_point, allowance, form)
        if excess is not None:
            raise OrderIgnored(
                f"it has accepted {excess.ordered} twice, and says that it gives "
                f"{excess.said}; if its meter shows that it does not, put "
                f"{Quirk.NO_COMPOSITE.value} into its quirks"
            )
        habits.checked_s[self._connector] = now_s
        if heeded != form:
            forms.accepted(_TRANSACTION, heeded)
        return heeded

    async def _release(self) -> None:
        running = self._charge_point.transaction_at(self._connector)
        everything = self._allowance(self._rating_ma or _MOST_MA, running)
        is_alone = self._is_alone
        try:
            await release(self._charge_point, everything, is_alone)
        finally:
            if is_alone:
                # Also what forbids charging at connectors that are none of the site.
                self._charge_point.cleared()

    async def _switches_phases(self) -> bool | None:
        return (await announcement_of(self._charge_point)).switches_phases

    def _limit(self, setpoint: Setpoint, transaction_id: int) -> Allowance:
        lease_s = self._lease_s if self._may_lease() else None
        return self._allowance(setpoint.current_ma, transaction_id, setpoint.phases, lease_s)

    def _may_lease(self) -> bool:
        """
        Whether a limit may end by itself: there is a default profile behind it, and it ends
        when we mean it to.
        """
        behind = self._charge_point.clock_behind
        return (
            self._connector in self._charge_point.habits.fallbacks
            and behind is not None
            and abs(behind) <= _CLOCK_IS_RIGHT
            and Quirk.NO_LEASE not in self._charge_point.quirks
        )

    def _allowance(
        self,
        current_ma: int,
        transaction_id: int | None = None,
        phases: int | None = None,
        lease_s: int | None = None,
    ) -> Allowance:
        return Allowance(
            connector=self._connector,
            current_ma=current_ma,
            phases=phases or self._phases,
            now=self._now(),
            transaction_id=transaction_id,
            rating_ma=self._rating_ma,
            clock_behind=self._charge_point.clock_behind or timedelta(),
            fallback_ma=self._failsafe_ma,
            lease_s=lease_s,
        )

    @property
    def _limits(self) -> Sequence[ChargingProfilePurpose]:
        """What may limit a transaction, the best first."""
        return (*LIMIT, *self._belt)

    @property
    def _belt(self) -> Sequence[ChargingProfilePurpose]:
        """What limits all of the Charge Point, where it is the only EVSE of it."""
        return (_MAXIMUM,) if self._is_alone else ()

    @property
    def _is_alone(self) -> bool:
        return self._charge_point.connectors <= {self._connector}


class _ChargePoint:
    """The Charge Point that a connector is of, whichever connection it has."""

    def __init__(self, central_system: CentralSystem, identity: str) -> None:
        self._central_system = central_system
        self._identity = identity

    def call(self, request: Message) -> Deferred[Message]:
        """See L{Recipient.call}."""
        return self._central_system.call(self._identity, request)

    def seconds(self) -> float:
        """The reactor's clock. [s]"""
        return self._central_system.roster.environment.clock.seconds()

    @property
    def quirks(self) -> frozenset[Quirk]:
        """See L{Recipient.quirks}."""
        return self._central_system.quirks_of(self._identity)

    @property
    def habits(self) -> ProfileHabits:
        """See L{Recipient.habits}."""
        return self._central_system.roster.acquaintance(self._identity).profile_habits

    @property
    def clock_behind(self) -> timedelta | None:
        """See L{Recipient.clock_behind}."""
        return self._central_system.roster.acquaintance(self._identity).statuses.clock_behind

    @property
    def connectors(self) -> frozenset[int]:
        """Those that are EVSEs of the site."""
        known = self._central_system.settings.charge_points.get(self._identity)
        return frozenset() if known is None else frozenset(known.evses)

    def transaction_at(self, connector: int) -> int | None:
        """The transaction that runs at a connector."""
        return self._central_system.roster.running.get((self._identity, connector))

    def is_over(self, transaction_id: int) -> bool:
        """See L{Recipient.is_over}."""
        return self._central_system.roster.is_over(self._identity, transaction_id)

    def cleared(self) -> None:
        """All charging profiles may be gone, whoever set them."""
        self._central_system.cleared(self._identity)

    def learn(self, quirk: Quirk) -> None:
        """See L{Recipient.learn}."""
        self._central_system.learn(self._identity, quirk)


@implementer(IEvseMaker)
class _Maker:
    """EVSEs with OCPP: their address is a ChargeBox ID."""

    type = "ocpp16"
    knows_transactions = True

    def objection(self, device: EvseDevice) -> str | None:
        """See L{IEvseMaker.objection}."""
        return None if is_identity(device.address) else f"a ChargeBox ID: {IDENTITY_WORDS}"

    def make(self, device: EvseDevice, environment: DriverEnvironment) -> Ocpp16Evse:
        """See L{IEvseMaker.make}."""
        settings = device.settings
        return Ocpp16Evse(
            settings.name,
            len(settings.phases),
            (device.address, device.connector),
            environment.central_system,
            environment.now,
            settings.max_current_ma,
            failsafe_ma=settings.failsafe_current_ma,
            lease_s=device.lease_s or None,
        )


MAKER = _Maker()
