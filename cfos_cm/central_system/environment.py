"""What the Central System needs of the world around it, and is handed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from cfos_cm.central_system.backends import NO_BACKENDS, Backends
from cfos_cm.site.events import SiteEvent
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.site.given_key import GivenKey
from cfos_cm.site.records import StoredStart, StoredStop, TransactionStart, TransactionStop
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.site.tag import Tag
from cfos_cm.trace import Trace

__all__ = [
    "NO_STANDINGS",
    "Environment",
    "Keys",
    "Ledger",
    "Register",
    "SecurityEvents",
    "Signer",
    "Standings",
    "Tags",
]


class Ledger(Protocol):
    """Where transactions are written down; each Deferred fires when it is on disk."""

    def start(self, start: TransactionStart) -> Deferred[StoredStart]:
        """Note the start of a transaction; a repetition gives the same transaction."""

    def stop(self, stop: TransactionStop) -> Deferred[StoredStop]:
        """Note the end of a transaction."""

    def vacated(self, charge_point: str, connector: int) -> Deferred[None]:
        """Note that nothing runs at a connector, whatever was told of its last transaction."""

    def resumed(self, charge_point: str, connector: int, transaction_id: int) -> Deferred[None]:
        """
        Note that a transaction goes on at a connector that was noted as vacated; unless it has
        ended, or a later one has begun there.
        """

    def add_meter_values(
        self,
        charge_point: str,
        connector: int,
        transaction_id: int | None,
        received_at: datetime,
        payload_text: str,
    ) -> Deferred[None] | None:
        """
        Keep what a meter said, to the letter.

        @return: fires when it outlives the program; what a bill hangs on is on disk then.
            C{None}: it does already.
        """


class Tags(Protocol):
    """The local authorisation list."""

    def find(self, id_tag: str) -> Deferred[tuple[Tag | None, bool]]:
        """The entry for a tag, and whether the whole list is empty."""


class Register(Protocol):
    """What Charge Points have said of themselves."""

    def seen(
        self, identity: str, device: DeviceIdentity | None, at: datetime
    ) -> Deferred[None]:
        """Note that a Charge Point was there."""


class SecurityEvents(Protocol):
    """What Charge Points have said about their security."""

    def add(
        self,
        charge_point: str,
        kind: str,
        told_at: str,
        tech_info: str | None,
        received_at: datetime,
    ) -> Deferred[None]:
        """Keep one; C{told_at} is the Charge Point's own text."""


class Keys(Protocol):
    """The passwords that Charge Points were given over OCPP."""

    def put(self, key: GivenKey) -> Deferred[None]:
        """Keep a key, in the place of the one that its Charge Point had."""

    def remove(self, charge_point: str) -> Deferred[None]:
        """Forget a Charge Point's key."""


class Standings(Protocol):
    """The highest security profile that each Charge Point has shown."""

    def put(self, charge_point: str, profile: SecurityProfile | None) -> Deferred[None]:
        """Keep it, in the place of the one before; C{None}: forget the Charge Point's."""


class Signer(Protocol):
    """An authority of our own, that signs the certificates of Charge Points."""

    @property
    def is_ready(self) -> bool:
        """Whether it signs anything at all."""

    def sign(self, request_pem: str, names: Collection[str]) -> str:
        """
        Make a certificate for a Charge Point.

        @param request_pem: what it has sent with SignCertificate: a PEM text.
        @param names: what the certificate may name, the identity first.
        @return: PEM texts, one after the other, its own certificate first.
        @raise cfos_cm.errors.CfosError: if it is not signed, with the reason in plain words.
        """


class _NoStandings:
    """Nobody remembers anything."""

    def put(self, charge_point: str, profile: SecurityProfile | None) -> Deferred[None]:
        """See L{Standings.put}."""
        return succeed(None)


#: For a Central System that need not remember who has shown what.
NO_STANDINGS = _NoStandings()


@frozen
class Environment:
    """
    The world around the Central System.

    @ivar clock: for time-outs.
    @ivar now: the time of day; aware.
    @ivar report: takes what happened.
    @ivar new_unique_id: makes message ids; at most 36 characters, never the same twice.
    @ivar random_bytes: makes so many bytes that nobody can guess.
    @ivar backends: those who bill what is charged.
    @ivar standings: keeps the highest security profile of each Charge Point.
    @ivar signer: signs the certificates that Charge Points ask for; C{None}: nobody does.
    @ivar trace: keeps the newest messages; C{None}: nobody does.
    """

    clock: IReactorTime
    now: Callable[[], datetime]
    report: Callable[[SiteEvent], None]
    ledger: Ledger
    tags: Tags
    register: Register
    security_events: SecurityEvents
    keys: Keys
    new_unique_id: Callable[[], str]
    random_bytes: Callable[[int], bytes]
    backends: Backends = NO_BACKENDS
    standings: Standings = NO_STANDINGS
    signer: Signer | None = None
    trace: Trace | None = None
