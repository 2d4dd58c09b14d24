"""What the steps of a case share while it is played."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cfos_cm.errors import CfosError
from tests.compliance.bench import Bench, CaseFailed, Door
from tests.compliance.line import Heard, Line
from tests.compliance.patterns import Memory, Pattern, filled, objection
from tests.v16.schemas import MESSAGES

__all__ = ["Order", "Outcome", "Stage"]


@frozen
class Outcome:
    """
    What an operator is told.

    @ivar payload: of the confirmation; C{None} when there is none.
    @ivar error: why there is none, in words.
    """

    payload: Any = None
    error: str | None = None


@define
class Order:
    """
    Something that the operator has had sent.

    @ivar outcome: fires with what he is told in the end.
    @ivar told: that, when he has been told.
    @ivar heard: fires when the peer has got the CALL of it.
    @ivar call: that CALL, when the peer has got it.
    """

    outcome: Deferred[Outcome]
    heard: Deferred[None]
    told: Outcome | None = None
    call: Heard | None = None

    @classmethod
    def of(cls, result: Deferred[Any], heard: Deferred[Heard]) -> Order:
        """What the operator was given, and what the peer waits for."""
        order = cls(_outcome(result), Deferred())

        def note_told(outcome: Outcome) -> Outcome:
            order.told = outcome
            return outcome

        def note_call(call: Heard) -> None:
            order.call = call
            order.heard.callback(None)

        order.outcome.addCallback(note_told)
        heard.addCallback(note_call)
        return order


@define
class Stage:
    """
    A case in the making.

    @ivar lines: the newest connection of each peer, by identity.
    @ivar all_lines: the earlier ones too.
    @ivar orders: what the operator has asked for, by the names that the case gives it.
    """

    bench: Bench
    memory: Memory
    lines: dict[str, Line] = field(factory=dict)
    all_lines: list[Line] = field(factory=list)
    orders: dict[str, Order] = field(factory=dict)

    async def hears(self, order: Order, what: str) -> Heard:
        """
        Wait for the CALL that an order leads to.

        @raise CaseFailed: when it does not come.
        """
        try:
            await self.bench.within(order.heard, what)
        except CaseFailed as error:
            told = "" if order.told is None else f"; the operator was told {order.told}"
            raise CaseFailed(f"{error}{told}") from error
        assert order.call is not None
        return order.call

    async def dial(self, door: Door) -> str | None:
        """
        Connect a peer.

        @return: the subprotocol.
        @raise tests.compliance.bench.HandshakeRefused: when it is not let in.
        @raise tests.compliance.bench.TlsRefused: when there is no encrypted connection.
        """
        line, subprotocol = await self.bench.within(
            self.bench.dial(door), f"an answer to the handshake of {door.identity}"
        )
        self.lines[door.identity] = line
        self.all_lines.append(line)
        return subprotocol

    def line(self, identity: str) -> Line:
        """
        The connection of a peer.

        @raise CaseFailed: when the subject has ended it.
        """
        line = self.lines[identity]
        if not line.is_open:
            raise CaseFailed(f"{identity} was disconnected ({line.close_code})")
        return line

    def filled(self, action: str, template: Pattern, *, may_be_wrong: bool) -> Any:
        """
        What is sent for C{template}.

        @raise ValueError: when it does not fit its schema: the case itself is wrong then.
        """
        payload = filled(template, self.memory)
        if not may_be_wrong and not MESSAGES[action].is_official(payload):
            raise ValueError(f"{action} {payload} of the case does not fit its schema")
        return payload

    def order(self, identity: str, action: str, payload: Any, hears: Pattern) -> Order:
        """The operator has C{action} sent, and the peer waits for a CALL that fits."""
        heard = self.expect(identity, action, hears)
        return Order.of(self.bench.order(identity, action, payload), heard)

    def change_password(self, identity: str, key: str, hears: Pattern) -> Order:
        """The operator has a key sent, and the peer waits for the CALL that carries it."""
        heard = self.expect(identity, "ChangeConfiguration", hears)
        return Order.of(self.bench.change_password(identity, key), heard)

    def raise_profile(self, identity: str, profile: int) -> Order:
        """The operator has the security profile raised, and the peer waits for the CALL."""
        hears = {"key": "SecurityProfile", "value": str(profile)}
        heard = self.expect(identity, "ChangeConfiguration", hears)
        return Order.of(self.bench.raise_profile(identity, profile), heard)

    def expect(self, identity: str, action: str, hears: Pattern) -> Deferred[Heard]:
        """The peer waits for a CALL that fits."""
        return self.line(identity).expect(
            action, lambda payload: objection(hears, payload, self.memory)
        )

    def check(self, pattern: Pattern, found: Any, what: str) -> None:
        """@raise CaseFailed: if C{found} does not fit C{pattern}."""
        why = objection(pattern, found, self.memory)
        if why is not None:
            raise CaseFailed(f"{what}: {why}")

    def keep(self, names: Mapping[str, str], payload: Mapping[str, Any]) -> None:
        """Remember fields of C{payload}: each name with the field that is kept under it."""
        for name, field_name in names.items():
            if field_name not in payload:
                raise CaseFailed(f"there is no {field_name} in {payload}")
            self.memory.kept[name] = payload[field_name]


def _outcome(result: Deferred[Any]) -> Deferred[Outcome]:
    """The same as a value, which fires also where nobody asks for it."""

    def failed(failure: Failure) -> Outcome:
        # Any other error is a fault of the subject, and not for its operator.
        failure.trap(CfosError)
        return Outcome(error=failure.getErrorMessage())

    return result.addCallbacks(Outcome, failed)
