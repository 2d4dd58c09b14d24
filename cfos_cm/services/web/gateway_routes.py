"""Gateways and their queues, over HTTP."""

from __future__ import annotations

from functools import partial

import msgspec
from attrs import frozen

from cfos_cm.charge_point.queued import BoundTransaction
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.errors import CfosError
from cfos_cm.services.gateway_security import shown_security
from cfos_cm.services.gateway_words import (
    GatewayOffice,
    shown_depth,
    shown_letter,
    shown_message,
)
from cfos_cm.services.web.gateway_answers import (
    Counted,
    DeadLetters,
    GatewayDetail,
    GatewayIds,
    MappedId,
    MessagePage,
    MoveOrder,
    OrphanQueue,
    OrphanQueues,
    QueuedMessageAnswer,
    QueueQuery,
    ResendOrder,
    ShownSecurity,
    UndeliveredMessage,
)
from cfos_cm.services.web.gateway_view import gateway_view
from cfos_cm.services.web.site_answers import Gateways
from cfos_cm.storage.database import Database
from cfos_cm.storage.gateway_transactions import read_transactions
from cfos_cm.storage.outbox_work import read_depth, read_waiting
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Handler, Route

__all__ = ["gateway_routes"]

_TAG = "gateways"
_ONE = f"{API}/gateways/{{name}}"


def gateway_routes(gateways: GatewayOffice, database: Database) -> tuple[Route, ...]:
    """
    Gateways, what waits for their backends, and what these do not take.

    @param gateways: those of the site.
    @param database: where their queues are.
    """
    desk = _Desk(gateways, database)
    return (
        _get(f"{API}/gateways", desk.all, "All gateways.", Gateways),
        _get(_ONE, desk.one, "One gateway and its security.", GatewayDetail),
        _get(
            f"{_ONE}/ids",
            desk.ids,
            "What the newest transactions are called here and by the backend.",
            GatewayIds,
        ),
        _paged(f"{_ONE}/queue", desk.queue, "What waits for the backend.", MessagePage),
        _paged(
            f"{_ONE}/dead-letters",
            desk.dead_letters,
            "What the backend does not take.",
            DeadLetters,
        ),
        Route(
            method="POST",
            path=f"{_ONE}/dead-letters/resend",
            role=Role.OPERATOR,
            handle=desk.resend,
            summary="Send dead letters once more, before what was queued later.",
            tag=_TAG,
            body=ResendOrder,
            answer=Counted,
        ),
        Route(
            method="POST",
            path=f"{_ONE}/trust",
            role=Role.ADMIN,
            handle=desk.trust,
            summary="Believe the next key that the backend shows, and call it now.",
            tag=_TAG,
        ),
        _get(
            f"{API}/queues",
            desk.orphans,
            "Queues whose gateway is no longer in the settings.",
            OrphanQueues,
        ),
        Route(
            method="POST",
            path=f"{API}/queues/{{key}}/move",
            role=Role.ADMIN,
            handle=desk.move,
            summary="Have a gateway of the same backend deliver what such a queue holds.",
            tag=_TAG,
            body=MoveOrder,
            answer=Counted,
        ),
        Route(
            method="DELETE",
            path=f"{API}/queues/{{key}}",
            role=Role.ADMIN,
            handle=desk.drop,
            summary="Forget what such a queue holds: no backend ever learns of it.",
            tag=_TAG,
            answer=Counted,
        ),
    )


def _get(path: str, handle: Handler, summary: str, answer: object) -> Route:
    return Route(
        method="GET",
        path=path,
        role=Role.VIEWER,
        handle=handle,
        summary=summary,
        tag=_TAG,
        answer=answer,
    )


def _paged(path: str, handle: Handler, summary: str, answer: object) -> Route:
    return Route(
        method="GET",
        path=path,
        role=Role.OPERATOR,
        handle=handle,
        summary=summary,
        tag=_TAG,
        query=QueueQuery,
        answer=answer,
    )


@frozen
class _Desk:
    """Answers what is asked about gateways."""

    office: GatewayOffice
    database: Database

    def _settings(self, asked: Asked) -> GatewaySettings:
        """@raise Problem: if there is no such gateway."""
        try:
            return self.office.gateway(asked.path["name"]).settings
        except CfosError:
            raise Problem(404, "there is no such gateway") from None

    async def all(self, asked: Asked) -> Answer:
        """All of them."""
        standings = self.office.standings().items()
        return Json(
            value=Gateways(
                gateways=tuple(
                    gateway_view(self.office.gateway(name).settings, standing)
                    for name, standing in standings
                )
            )
        )

    async def one(self, asked: Asked) -> Answer:
        """One of them."""
        settings = self._settings(asked)
        shown = gateway_view(settings, self.office.standings()[settings.name])
        security = shown_security(self.office.security(settings.name))
        return Json(
            value=GatewayDetail(
                **msgspec.structs.asdict(shown),
                security=msgspec.convert(security, ShownSecurity),
            )
        )

    async def ids(self, asked: Asked) -> Answer:
        """What transactions are called."""
        settings = self._settings(asked)
        found = await self.database.run(partial(read_transactions, gateway=settings.key))
        return Json(
            value=GatewayIds(ids=tuple(_mapped(settings, one) for one in reversed(found)))
        )

    async def queue(self, asked: Asked) -> Answer:
        """What waits."""
        query: QueueQuery = asked.query or QueueQuery()
        key = self._settings(asked).key
        reading = partial(read_waiting, gateway=key, limit=query.limit, offset=query.offset)
        found = await self.database.run(reading)
        depth = await self.database.run(partial(read_depth, gateway=key))
        messages = [shown_message(one) for one in found]
        return Json(
            value=MessagePage(
                messages=msgspec.convert(messages, tuple[QueuedMessageAnswer, ...]),
                waiting=depth.waiting,
            )
        )

    async def dead_letters(self, asked: Asked) -> Answer:
        """What is not taken."""
        query: QueueQuery = asked.query or QueueQuery()
        settings = self._settings(asked)
        found = await self.office.dead_letters(settings.name, query.limit, query.offset)
        depth = await self.database.run(partial(read_depth, gateway=settings.key))
        letters = [shown_letter(one) for one in found]
        return Json(
            value=DeadLetters(
                dead_letters=msgspec.convert(letters, tuple[UndeliveredMessage, ...]),
                dead=depth.dead,
            )
        )

    async def resend(self, asked: Asked) -> Answer:
        """Dead letters once more."""
        order: ResendOrder = asked.body
        name = self._settings(asked).name
        return _counted(await self.office.resend(name, order.keys or ()), "sent again")

    async def trust(self, asked: Asked) -> Answer:
        """The next key."""
        await self.office.trust(self._settings(asked).name)
        return Json(note="the next key that the backend shows is believed")

    async def orphans(self, asked: Asked) -> Answer:
        """Queues without a gateway."""
        found = await self.office.orphans()
        shown = [{"key": key, **shown_depth(depth)} for key, depth in found.items()]
        orphans = msgspec.convert(shown, tuple[OrphanQueue, ...])
        return Json(value=OrphanQueues(orphans=orphans))

    async def move(self, asked: Asked) -> Answer:
        """One of those to a gateway."""
        order: MoveOrder = asked.body
        key = await self._orphan(asked)
        count = await self.office.move(key, order.gateway)
        return _counted(count, f"moved to {order.gateway}")

    async def drop(self, asked: Asked) -> Answer:
        """One of those for ever."""
        return _counted(await self.office.drop(await self._orphan(asked)), "forgotten")

    async def _orphan(self, asked: Asked) -> str:
        key = asked.path["key"]
        if key not in await self.office.orphans():
            raise Problem(404, "there is no such queue, or its gateway is in the settings")
        return key


def _mapped(settings: GatewaySettings, known: BoundTransaction) -> MappedId:
    connector = settings.connector(known.connector)
    return MappedId(
        ours=known.transaction_id,
        theirs=known.backend_id,
        evse=None if connector is None else connector.evse,
        started_at=known.started_at,
        is_over=known.is_over,
    )


def _counted(count: int, what: str) -> Answer:
    return Json(value=Counted(count=count), note=f"{count} messages {what}")
