"""The queues against lists: whatever is done to both, they hold the same."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection, delete
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cfos_cm.charge_point.queued import DeadLetter, Depth, QueuedMessage
from cfos_cm.errors import StorageError
from cfos_cm.storage.backends import SqliteBackend
from cfos_cm.storage.database import Database
from cfos_cm.storage.outbox import Outboxes
from cfos_cm.storage.outcomes import Done
from cfos_cm.storage.store import Store
from cfos_cm.storage.tables import outbox, outbox_depths
from cfos_cm.storage.work import Share, Work

from .cases import NOW
from .outbox_contract import message

T = TypeVar("T")

GATEWAYS = ("north", "south")
gateways = st.sampled_from(GATEWAYS)
kinds = st.sampled_from(("StartTransaction", "MeterValues", "StopTransaction"))
transactions = st.sampled_from((None, 1, 2, 3))


class AtOnce(Database):
    """A database that does its work when it is told to, without a thread."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(
            SqliteBackend(str(folder / "model.sqlite"), time.monotonic),
            lambda: NOW,
            _ignore,
            _ignore,
        )
        self._store.open()
        self._waiting: list[tuple[Work | Share, Deferred[Any]]] = []

    def _add(self, work: Work | Share, is_patient: bool = False) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self._waiting.append((work, done))
        return done

    def commit(self) -> None:
        """Do what waits, in one commit; and what that makes wait, until there is no more."""
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            outcomes = self._store.run([work for work, _ in waiting])
            for (_, done), outcome in zip(waiting, outcomes, strict=True):
                if isinstance(outcome, Done):
                    done.callback(outcome.value)
                else:
                    done.errback(outcome.error)

    def empty(self) -> None:
        """Forget everything."""
        self._store.run([_delete_all])

    def close(self) -> None:
        """Close the file."""
        self._store.close()


def _ignore(text: str, /, **fields: object) -> None:
    """Say nothing."""


def _delete_all(connection: Connection) -> None:
    for table in (outbox, outbox_depths):
        connection.execute(delete(table))


class Queues:
    """The same as lists: slow, simple, and without a bound."""

    def __init__(self) -> None:
        self.all: list[QueuedMessage | DeadLetter] = []

    def waiting(self, gateway: str) -> list[QueuedMessage]:
        """What waits, in its order."""
        return [
            one for one in self.all
            if isinstance(one, QueuedMessage) and one.gateway == gateway
        ]  # fmt: skip

    def dead(self, gateway: str) -> list[DeadLetter]:
        """What does not."""
        return [
            one for one in self.all
            if isinstance(one, DeadLetter) and one.message.gateway == gateway
        ]  # fmt: skip

    def change(self, change: Callable[[Any], Any]) -> int:
        """Put something in the place of each one, C{None} taking it away; how many differ."""
        after = [change(one) for one in self.all]
        changed = sum(new is not old for new, old in zip(after, self.all, strict=True))
        self.all = [one for one in after if one is not None]
        return changed

    def forget(self, key: str) -> None:
        """A message was answered, or taken away."""
        self.change(lambda one: None if _message(one).key == key else one)

    def bury(self, given_up: QueuedMessage) -> int:
        """A message is given up."""
        if given_up not in self.all:
            return 0
        takes_along = (
            given_up.action == "StartTransaction" and given_up.transaction_id is not None
        )

        def bury(one: Any) -> Any:
            if one == given_up:
                return DeadLetter(one, "no", NOW)
            if takes_along and isinstance(one, QueuedMessage) and _kin(one, given_up):
                return DeadLetter(one, "its StartTransaction was given up: no", NOW)
            return one

        return self.change(bury)

    def revive(self, gateway: str, keys: Sequence[str]) -> int:
        """Dead letters are sent again."""
        named = [letter.message for letter in self.dead(gateway)]
        if keys:
            named = [one for one in named if one.key in keys]

        def revive(one: Any) -> Any:
            if isinstance(one, QueuedMessage):
                return one
            if not any(one.message == other or _kin(one.message, other) for other in named):
                return one
            return evolve(one.message, message_id="new", attempts=0)

        return self.change(revive)

    def thin(self, gateway: str, keep: int) -> int:
        """Readings are thinned out."""
        forgotten = 0
        while True:
            series: dict[Any, list[QueuedMessage]] = {}
            for one in self.waiting(gateway):
                if one.is_periodic:
                    series.setdefault(one.transaction_id, []).append(one)
            spare = [one for of_one in series.values() for one in of_one[1:-1:2]]
            excess = len(self.waiting(gateway)) - keep
            gone = sorted(spare, key=self.all.index)[: max(excess, 0)]
            if not gone:
                return forgotten
            for one in gone:
                self.forget(one.key)
            forgotten += len(gone)


def _message(one: QueuedMessage | DeadLetter) -> QueuedMessage:
    return one if isinstance(one, QueuedMessage) else one.message


def _kin(one: QueuedMessage, other: QueuedMessage) -> bool:
    is_same = (one.gateway, one.transaction_id) == (other.gateway, other.transaction_id)
    return is_same and one.transaction_id is not None


class OutboxMachine(RuleBasedStateMachine):
    """Queues in a file, and lists."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="cfos_cm.", dir=_fast_folder()))
        self.database = AtOnce(self.folder)
        self.outboxes = Outboxes(self.database, lambda: "new", lambda: NOW)
        self.model = Queues()
        self.count = 0
        self.open: list[Deferred[Any]] = []

    def teardown(self) -> None:
        """Remove the file."""
        self.database.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def done(self, doing: Deferred[T]) -> T:
        """What comes of something, when it is on disk."""
        self.database.commit()
        several, self.open = [*self.open, doing], []
        results: list[Any] = []
        for one in several:
            one.addBoth(results.append)
        assert len(results) == len(several)
        for result in results:
            if isinstance(result, Failure):
                result.raiseException()
        done: T = results[-1]
        return done

    def _message(self, gateway: str, action: str, transaction_id: int | None) -> QueuedMessage:
        self.count += 1
        return message(
            str(self.count),
            gateway=gateway,
            action=action,
            transaction_id=transaction_id,
            is_periodic=action == "MeterValues",
            payload=b"x" * (self.count % 7),
        )

    def any_key(self, data: st.DataObject) -> str:
        """The key of something that was queued once, and mostly is still there."""
        there = [_message(one).key for one in self.model.all]
        once = [str(number) for number in range(self.count + 2)]
        return data.draw(st.sampled_from(there * 4 + once))

    @initialize(several=st.lists(st.tuples(gateways, kinds, transactions), max_size=30))
    def begin(self, several: list[tuple[str, str, int | None]]) -> None:
        """There is a good deal already."""
        for one in several:
            self.add(*one)

    @rule(gateway=gateways, action=kinds, transaction_id=transactions)
    def add(self, gateway: str, action: str, transaction_id: int | None) -> None:
        """A message is queued; it may be committed with what comes next."""
        added = self._message(gateway, action, transaction_id)
        self.open.append(self.outboxes.add(added))
        self.model.all.append(added)

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """Any message is answered; it may be committed with what comes next."""
        key = self.any_key(data)
        self.open.append(self.outboxes.delivered(message(key)))
        self.model.forget(key)

    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        """Any message is refused."""
        key = self.any_key(data)
        tried = {"attempts": self.count, "message_id": f"again-{self.count}"}
        self.done(self.outboxes.refused(message(key, **tried)))

        def refuse(one: Any) -> Any:
            if _message(one).key != key:
                return one
            changed = evolve(_message(one), **tried)
            return changed if one is _message(one) else evolve(one, message=changed)

        self.model.change(refuse)

    @rule(data=st.data())
    def bury(self, data: st.DataObject) -> None:
        """Any message is given up."""
        key = self.any_key(data)
        found = [one for one in map(_message, self.model.all) if one.key == key]
        given_up = found[0] if found else message(key)
        assert self.model.bury(given_up) == self.done(self.outboxes.bury(given_up, "no"))

    @rule(gateway=gateways, data=st.data())
    def revive(self, gateway: str, data: st.DataObject) -> None:
        """Some dead letters are sent again."""
        keys = tuple(self.any_key(data) for _ in range(data.draw(st.integers(0, 2))))
        assert self.model.revive(gateway, keys) == self.done(
            self.outboxes.revive(gateway, keys)
        )

    @rule(gateway=gateways, keep=st.integers(0, 20))
    def thin(self, gateway: str, keep: int) -> None:
        """Readings are thinned out."""
        assert self.model.thin(gateway, keep) == self.done(self.outboxes.thin(gateway, keep))

    @rule()
    def move(self) -> None:
        """One gateway gets what another one has."""
        moved = self.model.change(
            lambda one: (
                one
                if _message(one).gateway != "south"
                else evolve(one, gateway="north")
                if isinstance(one, QueuedMessage)
                else evolve(one, message=evolve(one.message, gateway="north"))
            )
        )
        assert moved == self.done(self.outboxes.move("south", "north"))

    @rule()
    def same_key(self) -> None:
        """What is there is queued again, between others: it is refused, and costs no other."""
        if self.model.all:
            failing = self.outboxes.add(_message(self.model.all[-1]))
            errors: list[Any] = []
            failing.addErrback(errors.append)
            self.add("north", "MeterValues", 1)
            self.done(self.outboxes.depth("north"))
            assert errors, "the same key was taken twice"
            assert errors[0].check(StorageError)

    @invariant()
    def hold_the_same(self) -> None:
        """What waits, what is dead, and how much it is."""
        # Not after each step, for what is done in one commit is done in another way.
        if 0 < len(self.open) < 4:
            return
        for gateway in GATEWAYS:
            waiting = self.model.waiting(gateway)
            dead = self.model.dead(gateway)
            assert tuple(waiting) == self.done(self.outboxes.first(gateway, 1000))
            assert tuple(dead) == self.done(self.outboxes.dead(gateway, 1000))
            size = sum(len(one.payload) for one in waiting)
            oldest_at = NOW if waiting else None
            depth = Depth(len(waiting), size, oldest_at, len(dead))
            assert depth == self.done(self.outboxes.depth(gateway))


def _fast_folder() -> str | None:
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
