"""What a persona's script can do: dial, say something right or wrong, look what comes of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from twisted.internet.defer import TimeoutError as NotInTime
from twisted.internet.endpoints import connectProtocol
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.task import deferLater

from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.backend_url import Endpoint
from cfos_cm.net.backend_way import way_to
from cfos_cm.net.client_material import ClientMaterial
from cfos_cm.net.client_tls import ClientTls
from cfos_cm.simulator.personas.asked import Asked, Reply, usual_answer
from cfos_cm.simulator.personas.link import Link
from cfos_cm.simulator.personas.payloads import (
    Payload,
    meter_values,
    start_transaction,
    status_notification,
    stop_transaction,
    timestamp,
)
from cfos_cm.simulator.personas.persona import (
    SERVED,
    Finding,
    Make,
    Outcome,
    Reaction,
)
from cfos_cm.simulator.personas.setting_up import (
    why_no_current,
    why_not_let_in,
    why_not_registered,
)
from cfos_cm.simulator.personas.stage import EndOfPlay, NobodyThere, NotShown, Stage
from cfos_cm.simulator.personas.transcript import Transcript
from cfos_cm.simulator.personas.upgrade import SUBPROTOCOL, Upgrade

__all__ = ["MakeTls", "Wallbox"]

#: Makes TLS to a host, for one attempt.
MakeTls = Callable[[str, ClientMaterial], ClientTls]

#: How long somebody who answers no ping is waited for before a look at him. [s]
_MOMENT_S = 1.0
#: Nobody knows of anything odd about this one.
_ORDINARY = Make("Vendor", "Ordinary")
#: How long a wallbox stays to be asked more, when it was asked what it is about. [s]
_LINGER_S = 0.2


class Wallbox:
    """
    A wallbox, as its script moves it.

    @ivar stage: where it plays.
    @ivar link: its newest connection.
    @ivar findings: what was found so far.
    @ivar replies: how it answers, by the action.
    @ivar otherwise: how it answers what is not among them; as any wallbox would, at first.
    """

    link: Link

    def __init__(self, stage: Stage, make: Make) -> None:
        self.stage = stage
        self.findings: list[Finding] = []
        self.replies: dict[str, Reply] = {}
        self.otherwise: Reply = usual_answer
        self.transcript = Transcript(stage.reactor.seconds)
        self._make = make
        self._links: list[Link] = []
        self._calls = 0
        self._charging: dict[int, int] = {}

    # Connections

    async def dial(
        self,
        target: str | None = None,
        *,
        subprotocols: str | None = SUBPROTOCOL,
        connection: bool = True,
        origin: str | None = None,
        user: str | None = None,
        password: bytes | None = None,
        anonymous: bool = False,
        tls: MakeTls = ClientTls,
        material: ClientMaterial | None = None,
    ) -> Outcome:
        """
        Ask for a WebSocket. An earlier connection stays as it is.

        @param target: what is asked for; C{None}: the usual path with the identity.
        @param origin: what it says to be a page of; C{None}: nothing.
        @param user: another name than the identity, for the password.
        @param password: another one than the stage's.
        @param anonymous: show no password, whatever the stage's is.
        @param tls: how TLS is spoken, where it is.
        @param material: for it, another one than the stage's.
        @return: C{REFUSED} comes with the HTTP status.
        @raise NobodyThere: if there is not even a TCP connection, or no TLS.
        """
        stage = self.stage
        address = stage.address
        shown = stage.password if password is None else password
        upgrade = Upgrade(
            target=target or address.target(stage.identity),
            host=address.authority,
            subprotocols=subprotocols,
            connection=connection,
            origin=origin,
            user=stage.identity if user is None else user,
            password=None if anonymous else shown,
        )
        link = Link(stage.reactor, self.transcript, self._reply)
        await self._connect(link, tls, material or stage.material or ClientMaterial())
        self.link = link
        self._links.append(link)
        outcome = await link.ask(upgrade, stage.timeout_s)
        if outcome.reaction is not Reaction.TOLERATED:
            await self.drop()
        return outcome

    async def enter(self, what: str = "connects", **how: Any) -> Outcome:
        """
        Dial, where being let in is not what the persona is about; see L{dial}.

        @return: the answer.
        @raise NotShown: if somebody has to set something up first.
        @raise EndOfPlay: if it is not served for another reason.
        """
        outcome = await self.dial(**how)
        response = self.link.response
        if response is not None and not response.switches:
            reason = why_not_let_in(response.status, self.stage)
            if reason is not None:
                raise NotShown(reason)
        self.must(what, outcome)
        return outcome

    async def knock(self) -> None:
        """
        Connect once as a wallbox does that has no oddity: what is refused afterwards is that.

        @raise NotShown: as L{connect}.
        @raise EndOfPlay: as L{connect}.
        """
        await self.connect(_ORDINARY)
        await self.close()

    async def connect(self, make: Make | None = None) -> None:
        """
        Dial and register.

        @param make: what it says that it is; C{None}: the persona's.
        @raise NotShown: as L{enter}, and L{registered}.
        @raise EndOfPlay: if it is not served.
        """
        await self.enter()
        await self.boot(make)

    async def reconnect(self) -> None:
        """
        Dial again without a BootNotification, as after a mere loss of the connection.

        @raise EndOfPlay: if it is not served: it was a moment ago.
        """
        self.must("connects again", await self.dial())
        self.link.serve()

    async def boot(self, make: Make | None = None, *, again: bool = False) -> Outcome:
        """
        Say BootNotification, then answer what is asked.

        @param make: what it says that it is; C{None}: the persona's.
        @param again: see L{registered}.
        @return: the confirmation.
        @raise NotShown: as L{registered}.
        @raise EndOfPlay: if it is not accepted.
        """
        payload = (make or self._make).boot_notification()
        return self.registered(await self.call("BootNotification", payload), again=again)

    def registered(self, outcome: Outcome, *, again: bool = False) -> Outcome:
        """
        Take the answer to a BootNotification: only C{Accepted} is good.

        @param again: it was accepted before, so that anything else is a finding now.
        @raise NotShown: if somebody has to approve it first.
        @raise EndOfPlay: if it is not accepted for another reason.
        """
        reason = None if again else why_not_registered(outcome.payload, self.stage)
        if reason is not None:
            raise NotShown(reason)
        status = outcome.payload.get("status")
        if outcome.reaction is Reaction.TOLERATED and status != "Accepted":
            outcome = Outcome(Reaction.REFUSED, f"status {status}", outcome.payload)
        self.must("boots", outcome)
        self.link.serve()
        return outcome

    async def close(self) -> None:
        """Say goodbye on the newest connection, and wait for its end."""
        link = self.link
        if not link.is_over:
            link.socket.say_goodbye()
            await link.expect(_never, self.stage.timeout_s)
            link.socket.drop()

    async def drop(self) -> None:
        """Reset the newest connection, as when the power fails."""
        self.link.socket.drop()
        await self.link.expect(_never, self.stage.timeout_s)

    async def leave(self) -> None:
        """End every connection."""
        for link in self._links:
            if not link.is_over and link is not self.link:
                link.socket.drop()
                await link.expect(_never, self.stage.timeout_s)
        if self._links:
            await self.close()

    # What it says

    async def call(
        self, action: str, payload: Mapping[str, Any], unique_id: Any = None
    ) -> Outcome:
        """
        Ask the Central System.

        @param unique_id: the message id, of any type that JSON has; C{None}: a new one.
        """
        unique_id = self.new_id() if unique_id is None else unique_id
        return await self.say(json.dumps([2, unique_id, action, payload]).encode(), unique_id)

    async def say(self, text: bytes, unique_id: Any, within_s: float | None = None) -> Outcome:
        """
        Send a text message, whatever is in it, and wait for the answer.

        @param unique_id: the message id that the answer must have.
        @param within_s: how long to wait; C{None}: as long as the stage says. [s]
        """
        answer = self.expect_answer(unique_id, within_s)
        self.link.send(text)
        return await answer

    def expect_answer(
        self, unique_id: Any, within_s: float | None = None
    ) -> Awaitable[Outcome]:
        """Wait for an answer; see L{say}. What it answers has to be said afterwards."""
        return self.link.expect_answer(
            unique_id, self.stage.timeout_s if within_s is None else within_s
        )

    async def judge_call(
        self,
        what: str,
        action: str,
        payload: Mapping[str, Any],
        fine: frozenset[Reaction] = SERVED,
        *,
        unique_id: Any = None,
    ) -> Outcome:
        """Ask the Central System, and note what was found; see L{call} and L{judge}."""
        outcome = await self.call(action, payload, unique_id)
        self.judge(what, outcome, fine)
        return outcome

    async def heartbeat(self, what: str = "and says Heartbeat afterwards") -> None:
        """Look whether it is served, also after something odd."""
        await self.judge_call(what, "Heartbeat", {})

    def new_id(self) -> str:
        """A message id that this wallbox has not used yet."""
        self._calls += 1
        return f"{self._calls:08d}"

    def now(self) -> str:
        """The time of day, as it writes it."""
        return timestamp(self.stage.now())

    async def status(self, status: str, at: str | None = None) -> Outcome:
        """Say the status of the connector; C{at}: C{None}: as of now."""
        at = self.now() if at is None else at
        return await self.call(
            "StatusNotification", status_notification(self.stage.connector, status, at)
        )

    async def start(
        self, meter_start_wh: int = 1000, at: str | None = None, unique_id: Any = None
    ) -> int:
        """
        Start a transaction.

        @param at: when; C{None}: now.
        @param unique_id: see L{call}.
        @return: its id.
        @raise NotShown: as L{started}.
        @raise EndOfPlay: if none is given.
        """
        stage = self.stage
        at = self.now() if at is None else at
        payload = start_transaction(stage.connector, stage.id_tag, meter_start_wh, at)
        outcome = await self.call("StartTransaction", payload, unique_id)
        return self.started(outcome, meter_start_wh)

    def started(
        self, outcome: Outcome, meter_start_wh: int = 1000, *, anybody: bool = False
    ) -> int:
        """
        Take the answer to a StartTransaction.

        @param anybody: it may be refused to charge: its tag is not the stage's.
        @return: the transaction's id.
        @raise NotShown: if the stage's tag may not charge.
        @raise EndOfPlay: if no id is given.
        """
        number = outcome.payload.get("transactionId")
        if isinstance(number, int):
            self._charging[number] = meter_start_wh
        reason = None if anybody else why_no_current(outcome.payload, self.stage)
        if reason is not None:
            raise NotShown(reason)
        if outcome.reaction is Reaction.TOLERATED and not isinstance(number, int):
            outcome = Outcome(Reaction.REFUSED, "no transactionId", outcome.payload)
        self.must("starts a transaction", outcome)
        assert isinstance(number, int)
        return number

    async def stop(self, transaction_id: int, meter_stop_wh: int = 2000) -> Outcome:
        """End a transaction, and note how that is taken."""
        self._charging.pop(transaction_id, None)
        payload = stop_transaction(transaction_id, meter_stop_wh, self.now())
        what = f"stops the transaction {_shown(transaction_id)}"
        return await self.judge_call(what, "StopTransaction", payload)

    async def tidy_up(self) -> None:
        """End what was begun and not ended, so that the next persona finds a free connector."""
        while self._charging and not self.link.is_over:
            number, meter_wh = self._charging.popitem()
            payload = stop_transaction(number, meter_wh, self.now())
            await self.call("StopTransaction", {**payload, "reason": "Other"})
            await self.status("Available")

    async def measure(
        self, transaction_id: int | None, *values: Payload, at: str | None = None
    ) -> Outcome:
        """Say what the meter says; C{at}: C{None}: now."""
        at = self.now() if at is None else at
        payload = meter_values(self.stage.connector, transaction_id, at, *values)
        return await self.call("MeterValues", payload)

    def ago(self, **how_long: float) -> datetime:
        """A time in the past, told by the words of L{timedelta}."""
        return self.stage.now() - timedelta(**how_long)

    # What it is asked

    def answer(self, action: str, reply: Reply) -> None:
        """Answer an action in another way than usual, from now on."""
        self.replies[action] = reply

    async def asked(
        self,
        action: str,
        fits: Callable[[Asked], bool] = lambda _: True,
        *,
        after: int = 0,
        within_s: float | None = None,
    ) -> Asked | None:
        """
        Wait to be asked something, on the newest connection.

        @param fits: whether a call is the one that is waited for.
        @param after: how many calls are not looked at; see L{asked_so_far}.
        @param within_s: C{None}: as long as the stage says. [s]
        @return: the call; C{None} if it does not come.
        """
        link = self.link

        def found() -> list[Asked]:
            new = list(link.asked)[after:]
            return [one for one in new if one.action == action and fits(one)]

        await link.expect(
            lambda: Outcome(Reaction.TOLERATED) if found() else None,
            self.stage.timeout_s if within_s is None else within_s,
        )
        return found()[0] if found() else None

    @property
    def asked_so_far(self) -> int:
        """How many calls have come on the newest connection."""
        return len(self.link.asked)

    async def must_be_asked(
        self,
        action: str,
        fits: Callable[[Asked], bool] = lambda _: True,
        *,
        after: int = 0,
        only_patiently: bool = False,
    ) -> Asked:
        """
        Wait for a call without which there is nothing to show.

        @param only_patiently: an operator has to send it, so that it is asked for, and waited
            for as long as the stage is patient.
        @raise NotShown: if it does not come.
        """
        stage = self.stage
        within_s = stage.patience_s if only_patiently else stage.timeout_s / 2
        if only_patiently:
            stage.tell(f"waiting {within_s:g} s for {action}: have it sent to {stage.identity}")
        asked = await self.asked(action, fits, after=after, within_s=within_s)
        if asked is None:
            hint = "; have one sent meanwhile, and give it --patience" if only_patiently else ""
            raise NotShown(f"no {action} came within {within_s:g} s{hint}")
        return asked

    async def may_be_asked(self, action: str, what: str) -> bool:
        """
        Ask an operator to send something that shows one more thing, and wait for it.

        @param what: what is noted as found if it comes.
        @return: whether it does; most is shown without it.
        """
        stage = self.stage
        stage.tell(
            f"waiting {stage.patience_s:g} s for {action}, which would show more: "
            f"have it sent to {stage.identity}"
        )
        asked = await self.asked(action, within_s=stage.patience_s)
        return asked is not None and self.claim(what, True, asked.action)

    # What is found

    def judge(self, what: str, outcome: Outcome, fine: frozenset[Reaction] = SERVED) -> bool:
        """
        Note what was found.

        @param fine: how a robust Central System may react.
        @return: whether it is.
        """
        good = outcome.reaction in fine
        self.findings.append(Finding(what, outcome.reaction, outcome.detail, good))
        return good

    def must(self, what: str, outcome: Outcome, fine: frozenset[Reaction] = SERVED) -> None:
        """
        Note what was found; see L{judge}.

        @raise EndOfPlay: if it is not good.
        """
        if not self.judge(what, outcome, fine):
            raise EndOfPlay(what)

    def claim(self, what: str, holds: bool, found: str = "") -> bool:
        """Note whether something is as it has to be; C{found}: what it is."""
        reaction = Reaction.TOLERATED if holds else Reaction.REFUSED
        self.findings.append(Finding(what, reaction, found, holds))
        return holds

    async def moment(self, name: str) -> None:
        """Let whoever looks on look at what the Central System knows now."""
        self.transcript.remark(name)
        await self.link.ping(_MOMENT_S)
        await self.stage.audience(name)

    async def goes_on(self) -> None:
        """Answer what else is asked, and look whether all goes on after something odd."""
        await self.pause(_LINGER_S)
        await self.heartbeat()

    async def pause(self, seconds: float) -> None:
        """Do nothing for a while; what is asked is answered. [s]"""
        await deferLater(self.stage.reactor, seconds)

    async def _connect(self, link: Link, make: MakeTls, material: ClientMaterial) -> None:
        stage, address = self.stage, self.stage.address
        server = Endpoint(address.is_secure, address.host, address.port, "/")
        try:
            tls = make(address.host, material) if address.is_secure else None
            way = way_to(server, stage.reactor, stage.timeout_s, tls)
            await connectProtocol(way, link.socket)
        except (ConnectError, DNSLookupError, LocalProtocolError, ValueError) as error:
            # A ValueError: no resolver would take the name.
            raise NobodyThere(f"nothing answers at {address}: {error}") from error
        if tls is not None:
            await self._secured(link, tls)

    async def _secured(self, link: Link, tls: ClientTls) -> None:
        """Wait for TLS: without it nothing can be shown."""
        stage = self.stage
        try:
            is_there = await link.socket.secured.addTimeout(stage.timeout_s, stage.reactor)
        except NotInTime:
            link.socket.drop()
            raise NobodyThere(f"{stage.address} does not answer by TLS") from None
        if not is_there:
            why = tls.objection or link.socket.close_reason or tls.broken_off_words()
            raise NobodyThere(f"there is no TLS with {stage.address}: {why}")

    def _reply(self, asked: Asked) -> Any:
        return self.replies.get(asked.action, self.otherwise)(asked)


def _never() -> None:
    """Only the end of the connection is waited for."""


def _shown(transaction_id: int) -> str:
    return str(transaction_id) if transaction_id < 1 else "it was given"
