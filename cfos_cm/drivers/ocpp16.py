"""An EVSE that speaks OCPP 1.6: it obeys charging profiles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.profile_setting import Recipient, set_profile
from cfos_cm.central_system.profiles import (
    ProfileForm,
    standing_profile,
    transaction_profile,
)
from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.errors import DeviceRefusal
from cfos_cm.quirk import Quirk
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.v16.smart_charging import SetChargingProfileRequest
from cfos_cm.v16.types import Message

__all__ = ["Ocpp16Evse"]

_log = Logger(namespace="cfos_cm.drivers")


@implementer(IEvse)
class Ocpp16Evse:
    """
    A connector of a Charge Point.

    Outside a transaction its default profile forbids charging; in a transaction a profile of
    that transaction says how much.
    """

    def __init__(
        self,
        name: str,
        phases: int,
        address: tuple[str, int],
        central_system: CentralSystem,
        now: Callable[[], datetime],
        rating_ma: int | None = None,
    ) -> None:
        """
        @param phases: how many it is wired to.
        @param address: the Charge Point's identity, and the connector.
        @param rating_ma: what it gives at most by itself; C{None}: not known. [mA per phase]
        """
        self.name = name
        self._phases = phases
        identity, self._connector = address
        self._recipient: Recipient = _ChargePoint(central_system, identity)
        self._now = now
        self._rating_ma = rating_ma

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[bool | None]:
        """See L{IEvse.apply}."""
        return Deferred.fromCoroutine(self._apply(setpoint, transaction_id, from_scratch))

    async def _apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> bool | None:
        if transaction_id is None:
            await self._set(self._standing)
            return True
        forbids_by_default = await self._forbid_by_default() if from_scratch else None
        await self._set(lambda form: self._limit(transaction_id, setpoint.current_ma, form))
        return forbids_by_default

    async def _forbid_by_default(self) -> bool:
        """Whether it takes the default profile, while it has a transaction."""
        try:
            await self._set(self._standing)
        except DeviceRefusal as refusal:
            # The transaction's own limit is what holds now, and outranks the default.
            _log.warn("{evse}: {refusal!s}", evse=self.name, refusal=refusal)
            return False
        return True

    def _standing(self, form: ProfileForm) -> SetChargingProfileRequest:
        return standing_profile(self._connector, self._phases, self._now(), form)

    def _limit(
        self, transaction_id: int, current_ma: int, form: ProfileForm
    ) -> SetChargingProfileRequest:
        return transaction_profile(
            self._connector,
            transaction_id,
            current_ma,
            self._phases,
            self._now(),
            form,
            self._rating_ma,
        )

    async def _set(self, profile: Callable[[ProfileForm], SetChargingProfileRequest]) -> None:
        await set_profile(self._recipient, profile)


class _ChargePoint:
    """The Charge Point that a connector is of, whichever connection it has."""

    def __init__(self, central_system: CentralSystem, identity: str) -> None:
        self._central_system = central_system
        self._identity = identity

    def call(self, request: Message) -> Deferred[Message]:
        """See L{Recipient.call}."""
        return self._central_system.call(self._identity, request)

    @property
    def quirks(self) -> frozenset[Quirk]:
        """See L{Recipient.quirks}."""
        return self._central_system.quirks_of(self._identity)

    def learn(self, quirk: Quirk) -> None:
        """See L{Recipient.learn}."""
        self._central_system.learn(self._identity, quirk)
