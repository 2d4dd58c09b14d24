"""What a gateway needs of the world around it, and is handed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from cfos_cm.charge_point.queued import BoundTransaction, DeadLetter, Depth, QueuedMessage
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.charge_point.uploader import NO_UPLOADS, Uploader
from cfos_cm.counters import Counters
from cfos_cm.site.events import SiteEvent
from cfos_cm.site.state import SiteState
from cfos_cm.v16.core import Reason, ResetType, UnlockStatus

__all__ = [
    "Devices",
    "GatewayEnvironment",
    "Memory",
    "MemoryKind",
    "OutboxStore",
    "SecurityLog",
    "SecurityRecord",
    "Vault",
    "VaultName",
]

#: What is remembered: a word of L{Memory} for each thing of its own.
MemoryKind = str


class OutboxStore(Protocol):
    """The queues on disk. Each Deferred fires when it is there, in the order of the calls."""

    def add(self, message: QueuedMessage) -> Deferred[None]:
        """Put a message behind all others of its gateway."""

    def first(self, gateway: str, limit: int) -> Deferred[tuple[QueuedMessage, ...]]:
        """The messages that wait, oldest first: at most C{limit}, and at most 1 MiB or one."""

    def delivered(self, message: QueuedMessage) -> Deferred[None]:
        """It was answered: forget it."""

    def bound(self, message: QueuedMessage, backend_id: int) -> Deferred[None]:
        """
        A StartTransaction was answered: note the backend's number of its transaction, and
        forget the message, both or neither.
        """

    def refused(self, message: QueuedMessage) -> Deferred[None]:
        """Note its C{attempts} and C{message_id}."""

    def bury(self, message: QueuedMessage, why: str) -> Deferred[int]:
        """
        Give it up. With a StartTransaction all that waits of the same transaction is given up.

        @return: how many these were.
        """

    def revive(self, gateway: str, keys: tuple[str, ...] = ()) -> Deferred[int]:
        """
        Have dead letters sent again: those with these keys, or all; each comes before what
        was queued after it, and goes with all dead letters of its transaction.

        @return: how many these were.
        """

    def dead(
        self, gateway: str, limit: int, offset: int = 0
    ) -> Deferred[tuple[DeadLetter, ...]]:
        """Dead letters, oldest first."""

    def depth(self, gateway: str) -> Deferred[Depth]:
        """How much there is."""

    def thin(self, gateway: str, keep: int) -> Deferred[int]:
        """
        Forget every second periodic reading, oldest first, until no more than C{keep} messages
        are there; never the first or the last of a transaction.

        @return: how many were forgotten.
        """

    def transactions(self, gateway: str) -> Deferred[tuple[BoundTransaction, ...]]:
        """Those that the backend knows or will be told of; at most the newest 1000."""


class Memory(Protocol):
    """What one gateway remembers over a restart: texts, by kind and name."""

    def load(self) -> Deferred[Mapping[MemoryKind, Mapping[str, str]]]:
        """All of it, in the order in which it was put."""

    def put(self, kind: MemoryKind, name: str, value: str | None) -> Deferred[None]:
        """Keep one; C{None}: forget it."""

    def replace(self, kind: MemoryKind, values: Mapping[str, str]) -> Deferred[None]:
        """Keep these and no others of the kind; all or nothing."""


class VaultName(StrEnum):
    """What a L{Vault} keeps."""

    PASSWORD = "password"  # noqa: S105 - a file's name
    """The AuthorizationKeys that were given."""
    PROFILE = "profile"
    """The security profile that was commanded."""
    SERVER = "server"
    """The public key that the backend showed first."""
    ROOTS = "roots"
    """The root certificates that were installed."""
    CERTIFICATE = "certificate"
    """The certificate that was given, and its private key."""
    REQUEST = "request"
    """The private key of a certificate that is asked for."""


class Vault(Protocol):
    """What one gateway keeps that nobody else may read: passwords, keys and certificates."""

    def load(self) -> Deferred[Mapping[VaultName, str]]:
        """
        All of it.

        @return: fails with L{cfos_cm.errors.StorageError} if it cannot be read.
        """

    def put(self, name: VaultName, text: str | None) -> Deferred[None]:
        """
        Keep one; C{None}: forget it. It is on disk when the Deferred fires.

        @return: fails with L{cfos_cm.errors.StorageError} if it is not.
        """


@frozen
class SecurityRecord:
    """
    One security event of a gateway itself.

    @ivar kind: "Improved security for OCPP 1.6-J" has a list of them.
    @ivar happened_at: aware, UTC.
    @ivar tech_info: for people.
    """

    kind: str
    happened_at: datetime
    tech_info: str | None = None


class SecurityLog(Protocol):
    """The security events of one gateway itself, kept over a restart; the newest of them."""

    def add(self, kind: str, tech_info: str | None) -> Deferred[None]:
        """Note one, now."""

    def all(self) -> Deferred[tuple[SecurityRecord, ...]]:
        """What is kept, oldest first."""


class Devices(Protocol):
    """What can be done to an EVSE, whatever it speaks."""

    def relay(
        self, connector: ConnectorSettings, action: str, payload: bytes
    ) -> Deferred[bytes]:
        """
        Ask a Charge Point, word for word; only one that C{speaks_ocpp}.

        @return: the payload of its confirmation; fails with
            L{cfos_cm.errors.DeviceRefusal} for a CALLERROR, with
            L{cfos_cm.errors.DeviceError} where there is no answer.
        """

    def invite(self, connector: ConnectorSettings, id_tag: str, timeout_s: float) -> bool:
        """
        Let somebody charge who was not seen: a car that is there, or comes in time, begins a
        transaction. Only where no OCPP is spoken.

        @return: whether that can be.
        """

    def end(
        self, connector: ConnectorSettings, transaction_id: int, reason: Reason
    ) -> Deferred[bool]:
        """
        End a transaction.

        @return: whether it is being ended; C{False}: it does not run.
        """

    def unlock(self, connector: ConnectorSettings) -> Deferred[UnlockStatus]:
        """Open the lock of a plug, ending the transaction there; where no OCPP is spoken."""

    def restart(self, connector: ConnectorSettings, kind: ResetType) -> Deferred[bool]:
        """
        Start the device anew, where no OCPP is spoken; its transaction is ended before.

        @return: whether that will be.
        """


@frozen
class GatewayEnvironment:
    """
    The world around one gateway.

    @ivar clock: for time-outs.
    @ivar now: the time of day; aware, UTC.
    @ivar new_unique_id: makes message ids and keys; at most 36 characters, never the same
        twice.
    @ivar outbox: the queues.
    @ivar memory: what it remembers.
    @ivar vault: what it keeps that is secret.
    @ivar security_log: what has mattered for its security.
    @ivar devices: the EVSEs.
    @ivar site: what is known of the site, now.
    @ivar report: takes what happened.
    @ivar uploads: puts files where the backend wants them.
    """

    clock: IReactorTime
    now: Callable[[], datetime]
    new_unique_id: Callable[[], str]
    outbox: OutboxStore
    memory: Memory
    vault: Vault
    security_log: SecurityLog
    devices: Devices
    site: Callable[[], SiteState]
    report: Callable[[SiteEvent], None]
    counters: Counters
    uploads: Uploader = NO_UPLOADS
