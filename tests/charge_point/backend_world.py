"""A gateway with everything around it, and a backend that can be asked and asks."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.task import Clock

from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.gateway import Gateway
from cfos_cm.charge_point.given import Given
from cfos_cm.charge_point.settings import ConnectorSettings, GatewaySettings
from cfos_cm.counters import Counters
from cfos_cm.errors import CallErrorCode, DeviceError
from cfos_cm.site.events import EvseLimited, SiteEvent
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.state import SiteState, fold
from cfos_cm.v16.core import Reason, ResetType, UnlockStatus
from cfos_cm.v16.types import IdTagInfo
from tests.charge_point.memory import InMemory, InMemorySecurityLog, InMemoryVault
from tests.charge_point.memory_outbox import MemoryOutbox
from tests.charge_point.uploads import FakeUploads

__all__ = ["NOON", "FakeDevices", "World", "connector", "settings"]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def connector(number: int = 1, speaks_ocpp: bool = False, **other: Any) -> ConnectorSettings:
    """An EVSE; one that speaks OCPP is connector 5 or more of a Charge Point "box"."""
    values: dict[str, Any] = {
        "evse": f"evse {number}",
        "charge_point": "box" if speaks_ocpp else f"place {number}",
        "connector": number + 4 if speaks_ocpp else 1,
        **other,
    }
    return ConnectorSettings(number, speaks_ocpp=speaks_ocpp, **values)


def settings(*connectors: ConnectorSettings, **other: Any) -> GatewaySettings:
    """One gateway; without C{connectors} one EVSE without OCPP."""
    return GatewaySettings(
        key="north",
        name="north",
        url="wss://backend.example/ocpp",
        client_id="CP 1",
        connectors=connectors or (connector(),),
        **other,
    )


class FakeDevices:
    """
    EVSEs that do what they are told, and note it.

    @ivar done: what they were told.
    @ivar answers: what a Charge Point answers, by action; an exception: it fails.
    """

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.answers: dict[str, Any] = {}
        self.says_yes = True
        self.unlocks = UnlockStatus.UNLOCKED

    def relay(
        self, connector: ConnectorSettings, action: str, payload: bytes
    ) -> Deferred[bytes]:
        """Ask a Charge Point."""
        self.done.append(("relay", connector.number, action, payload.decode()))
        answer = self.answers.get(action, DeviceError("not there"))
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)

    def invite(self, connector: ConnectorSettings, id_tag: str, timeout_s: float) -> bool:
        """Let somebody charge."""
        self.done.append(("invite", connector.number, id_tag, timeout_s))
        return self.says_yes

    def end(
        self, connector: ConnectorSettings, transaction_id: int, reason: Reason
    ) -> Deferred[bool]:
        """End a transaction."""
        self.done.append(("end", connector.number, transaction_id, reason))
        return succeed(self.says_yes)

    def unlock(self, connector: ConnectorSettings) -> Deferred[UnlockStatus]:
        """Open a lock."""
        self.done.append(("unlock", connector.number))
        return succeed(self.unlocks)

    def restart(self, connector: ConnectorSettings, kind: ResetType) -> Deferred[bool]:
        """Start a device anew."""
        self.done.append(("restart", connector.number, kind))
        return succeed(self.says_yes)


class World:
    """
    One gateway on a virtual clock; its backend is played by a test.

    @ivar sent: what the gateway has sent on the connection and nobody has looked at.
    @ivar answers: the payloads that the backend answers its questions with, by action; an
        action that is not there is answered with C{{}}, and a code is a CALLERROR.
    @ivar given: what the connection was to be made with, each time that it has changed.
    @ivar renewals: why it was to be made anew.
    """

    def __init__(
        self,
        configured: GatewaySettings | None = None,
        memory: InMemory | None = None,
        vault: InMemoryVault | None = None,
    ) -> None:
        self.clock = Clock()
        self.devices = FakeDevices()
        self.uploads = FakeUploads()
        self.memory = InMemory() if memory is None else memory
        self.vault = InMemoryVault() if vault is None else vault
        self.security_log = InMemorySecurityLog(self.now)
        self.given: list[Given] = []
        self.renewals: list[str] = []
        self.settings = settings() if configured is None else configured
        self.events: list[SiteEvent] = []
        self.sent: list[list[Any]] = []
        self.hung_up: list[tuple[int, str]] = []
        self.shift = timedelta()
        self.judged_starts: list[tuple[int, IdTagInfo]] = []
        self.answers: dict[str, Any] = {
            "BootNotification": {
                "status": "Accepted",
                "currentTime": "2026-06-01T12:00:00.000Z",
                "interval": 300,
            },
            "Heartbeat": {"currentTime": "2026-06-01T12:00:00.000Z"},
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
        }
        self.site = SiteState(
            evses={
                one.evse: Evse(
                    EvseSettings(one.evse, "main"),
                    link=Link.ONLINE,
                    occupancy=Occupancy.FREE,
                )
                for one in self.settings.connectors
            }
        )
        self._ids = (f"id{number}" for number in itertools.count(1))
        self._asked = itertools.count(1)
        environment = GatewayEnvironment(
            clock=self.clock,
            now=self.now,
            new_unique_id=lambda: next(self._ids),
            outbox=MemoryOutbox(),
            memory=self.memory,
            vault=self.vault,
            security_log=self.security_log,
            devices=self.devices,
            site=lambda: self.site,
            report=self.events.append,
            counters=Counters(),
            uploads=self.uploads,
        )
        self.gateway = Gateway(self.settings, environment, self)
        opened = ensureDeferred(self.gateway.open())
        assert opened.called, "nothing of it takes its time in memory"

    # A listener

    def changed(self, gateway: Gateway) -> None:
        """Nobody looks."""

    def judged(self, gateway: Gateway, transaction_id: int, info: IdTagInfo) -> None:
        """A start was answered."""
        self.judged_starts.append((transaction_id, info))

    def configured(self, gateway: Gateway, key: str) -> None:
        """Nobody looks."""

    def secured(self, gateway: Gateway) -> None:
        """The next connection is made with something else."""
        self.given.append(gateway.security.given)

    def renewed(self, gateway: Gateway, why: str) -> None:
        """It is to be made now."""
        self.renewals.append(why)
        # What was sent by now is there before it is made anew.
        self.sent_before_renewal = list(self.sent)

    # What happens around it

    def now(self) -> datetime:
        """The time of day: noon, and as long as the clock runs."""
        return NOON + timedelta(seconds=self.clock.seconds()) + self.shift

    def restarted(self) -> World:
        """The same gateway after a restart of the program."""
        self.gateway.close()
        again = World(self.settings, self.memory, self.vault)
        again.clock.advance(self.clock.seconds())
        return again

    def evse(self, number: int = 1, **changes: Any) -> None:
        """Another state of an EVSE."""
        name = self.settings.connectors[number - 1].evse
        self.site = self.site.with_evses((evolve(self.site.evses[name], **changes),))

    def happens(self, event: SiteEvent) -> None:
        """Something happens on the site."""
        before, self.site = self.site, fold(self.site, event)
        self.gateway.site_changed(event, before, self.site)

    def begin(self, transaction_id: int, backend_id: int | None, number: int = 1) -> None:
        """A transaction of the card "card" begins, and the backend has given it a number."""
        self.gateway.transactions.begun(transaction_id, number, "card", self.now())
        if backend_id is not None:
            self.gateway.transactions.bound(transaction_id, backend_id)

    def limits(self) -> dict[str, int | None]:
        """What the backend lets each EVSE draw. [mA]"""
        found: dict[str, int | None] = {}
        for event in self.events:
            if isinstance(event, EvseLimited):
                found[event.evse] = event.current_ma
        return found

    # The backend

    def serve(self) -> World:
        """The backend is there, and lets the gateway in."""
        self.gateway.connected(self._take, lambda code, why: self.hung_up.append((code, why)))
        for _ in range(20):
            self.clock.advance(0)
        self.sent.clear()
        return self

    def _take(self, text: bytes) -> None:
        frame = json.loads(text)
        self.sent.append(frame)
        if frame[0] == 2:
            answer = self.answers.get(frame[2], {})
            if answer is not None:
                # Nobody answers before he was asked.
                self.clock.callLater(0, self._answer, frame[1], answer)

    def _answer(self, unique_id: str, payload: Any) -> None:
        answer = [3, unique_id, payload]
        if isinstance(payload, CallErrorCode):
            answer = [4, unique_id, payload.value, "", {}]
        self.gateway.received(json.dumps(answer).encode())

    def ask(self, action: str, payload: dict[str, Any] | str | None = None) -> Any:
        """
        The backend asks.

        @param payload: the object, or its text.
        @return: the confirmation's object, or the code of the CALLERROR; what else was sent
            stays in C{sent}.
        """
        text = payload if isinstance(payload, str) else json.dumps(payload or {})
        unique_id = f"q{next(self._asked)}"
        self.sent.clear()
        self.gateway.received(f'[2,"{unique_id}","{action}",{text}]'.encode())
        found = [frame for frame in self.sent if frame[0] in (3, 4) and frame[1] == unique_id]
        assert len(found) == 1, (action, self.sent)
        self.answer_came_first = self.sent[0] is found[0]
        self.sent.remove(found[0])
        return found[0][2]

    def told(self, action: str) -> list[Any]:
        """The payloads of what the gateway has said of its own accord."""
        return [frame[3] for frame in self.sent if frame[0] == 2 and frame[2] == action]
