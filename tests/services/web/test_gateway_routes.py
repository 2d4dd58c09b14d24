"""Gateways over HTTP: what is answered to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from cfos_cm.charge_point.credentials import KnownServer
from cfos_cm.charge_point.queued import QueuedMessage
from cfos_cm.charge_point.security_standing import SecurityStanding
from cfos_cm.services.gateway_security import ConnectionSecurity
from cfos_cm.services.web.gateway_routes import gateway_routes
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.storage.gateway_transactions import bind, note_transaction
from cfos_cm.storage.outbox import Outboxes
from cfos_cm.storage.transactions import Ledger
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from tests.services.test_gateway_command import NOW, THEN, Office
from tests.services.web.asking import Desk
from tests.storage.cases import SqliteCase
from tests.storage.ledger_contract import START

MESSAGE = QueuedMessage(
    key="w1",
    gateway="k1",
    action="StartTransaction",
    connector=1,
    transaction_id=77,
    payload=b'{"connectorId":1,"idTag":"04A1B2C3D4"}',
    queued_at=NOW,
    is_periodic=False,
    message_id="m",
)


class GatewayCase(SqliteCase):
    """
    Two made-up gateways, and somebody who asks about them.

    @ivar office: where the gateways are.
    """

    async def begin(self) -> None:
        """Open the database."""
        self.kept = await self.opened()
        self.office = Office()
        self.routes = gateway_routes(self.office, self.kept)
        self.outboxes = Outboxes(self.kept, lambda: "m", lambda: NOW)

    async def ask(
        self,
        method: str,
        path: str,
        role: Role = Role.ADMIN,
        body: Mapping[str, object] | None = None,
        **query: str,
    ) -> Any:
        """What is answered."""
        self.desk = Desk(self.routes, role)
        return await self.desk.ask(method, path, body, query)

    async def status(self, method: str, path: str, role: Role = Role.ADMIN, **more: Any) -> int:
        """Of a problem."""
        try:
            await self.ask(method, path, role, **more)
        except Problem as problem:
            return problem.status
        return 200


class Reading(GatewayCase):
    """What is shown."""

    async def test_all(self) -> None:
        """Every gateway is shown as consoles show it, without a secret."""
        await self.begin()
        found = (await self.ask("GET", "/gateways", Role.VIEWER))["gateways"]
        self.assertEqual(["bay-1", "fleet"], [one["name"] for one in found])
        self.assertEqual("not connected: refused?", found[0]["state"])
        self.assertEqual({"1": "bay-1", "2": "bay-3"}, found[0]["connectors"])
        self.assertEqual(
            (1234, 56_789, 1),
            tuple(found[0][name] for name in ("waiting", "size_bytes", "dead")),
        )
        self.assertEqual(THEN.isoformat().replace("+00:00", "Z"), found[0]["oldest_at"])
        self.assertNotIn("s3cret", str(found))

    async def test_one(self) -> None:
        """One is shown with its security."""
        await self.begin()
        server = KnownServer("p1n", "f1nger", "subject\x1b", "2026-11-23T00:00:00Z")
        standing = SecurityStanding(SecurityProfile.TLS, True, True, server, ())
        self.office.securities["bay-1"] = ConnectionSecurity(standing, None, "careful")
        found = await self.ask("GET", "/gateways/bay-1", Role.VIEWER)
        security = found["security"]
        self.assertEqual(
            (2, None, "careful"),
            (security["profile"], security["connected"], security["warning"]),
        )
        self.assertEqual(
            ("p1n", "subject?"), (security["server"]["pin"], security["server"]["subject"])
        )
        self.assertNotIn("s3cret", str(found))

    async def test_unknown(self) -> None:
        """A gateway that there is not is not found, whatever is asked of it."""
        await self.begin()
        for method, more in (
            ("GET", ""),
            ("GET", "/queue"),
            ("GET", "/dead-letters"),
            ("GET", "/ids"),
            ("POST", "/trust"),
        ):
            self.assertEqual(404, await self.status(method, f"/gateways/none{more}"), more)
        body = {"keys": None}
        status = await self.status("POST", "/gateways/none/dead-letters/resend", body=body)
        self.assertEqual(404, status)

    async def test_roles(self) -> None:
        """Messages are for operators, the rest of what is read for viewers."""
        await self.begin()
        for path, role in (
            ("/gateways", Role.VIEWER),
            ("/gateways/bay-1", Role.VIEWER),
            ("/gateways/bay-1/ids", Role.VIEWER),
            ("/queues", Role.VIEWER),
            ("/gateways/bay-1/queue", Role.OPERATOR),
            ("/gateways/bay-1/dead-letters", Role.OPERATOR),
        ):
            self.assertEqual(200, await self.status("GET", path, role), path)
            self.assertEqual(403, await self.status("GET", path, Role(role - 1)), path)

    async def test_queue(self) -> None:
        """What waits is shown page by page, oldest first, and no person is."""
        await self.begin()
        for number in range(5):
            await self.outboxes.add(evolve(MESSAGE, key=f"w{number}"))
        await self.outboxes.add(evolve(MESSAGE, key="x", gateway="k2"))
        found = await self.ask(
            "GET", "/gateways/bay-1/queue", Role.OPERATOR, limit="2", offset="1"
        )
        self.assertEqual(["w1", "w2"], [one["key"] for one in found["messages"]])
        self.assertEqual(5, found["waiting"])
        self.assertIn("…C3D4", found["messages"][0]["payload"])
        self.assertNotIn("04A1B2C3D4", str(found))
        for query in ({"limit": "0"}, {"limit": "101"}, {"offset": "-1"}, {"odd": "1"}):
            status = await self.status("GET", "/gateways/bay-1/queue", Role.ADMIN, **query)
            self.assertEqual(422, status, query)

    async def test_damaged(self) -> None:
        """A message that was damaged on the disk is shown as far as it can be."""
        await self.begin()
        await self.outboxes.add(MESSAGE)
        await self.write(self.kept, "UPDATE outbox SET payload_text = 'x', queued_at = 'y'")
        (found,) = (await self.ask("GET", "/gateways/bay-1/queue"))["messages"]
        self.assertEqual(("w1", ""), (found["key"], found["payload"]))

    async def test_deadLetters(self) -> None:
        """What is not taken is shown with the reason."""
        await self.begin()
        found = await self.ask("GET", "/gateways/bay-1/dead-letters", Role.OPERATOR, limit="7")
        self.assertEqual([("dead_letters", "bay-1", 7, 0)], self.office.done)
        (letter,) = found["dead_letters"]
        self.assertEqual(
            ("letter-1", "FormationViolation: no?[2J"), (letter["key"], letter["why"])
        )
        self.assertNotIn("04A1B2C3D4", str(letter))

    async def test_ids(self) -> None:
        """The numbers of both sides, newest first; the EVSE where it is known."""
        await self.begin()
        one = (await self.begun(1)).transaction
        other = (await self.begun(2)).transaction

        def work(connection: Any) -> None:
            note_transaction(connection, "k1", 1, one)
            note_transaction(connection, "k1", 9, other)
            note_transaction(connection, "k2", 1, one)
            bind(connection, "k1", one.transaction_id, 4711)

        await self.kept.run(work)
        found = (await self.ask("GET", "/gateways/bay-1/ids", Role.VIEWER))["ids"]
        self.assertEqual(
            [(2, None, None), (1, 4711, "bay-1")],
            [(id_["ours"], id_["theirs"], id_["evse"]) for id_ in found],
        )

    async def begun(self, number: int) -> Any:
        """A transaction."""
        ledger = Ledger(self.kept, lambda: number)
        return await ledger.start(evolve(START, connector=number))


class Ordering(GatewayCase):
    """What is done."""

    async def test_roles(self) -> None:
        """Who may not is refused, and nothing is done."""
        await self.begin()
        for method, path, body, role in (
            ("POST", "/gateways/bay-1/dead-letters/resend", {"keys": None}, Role.OPERATOR),
            ("POST", "/gateways/bay-1/trust", None, Role.ADMIN),
            ("POST", "/queues/old/move", {"gateway": "fleet"}, Role.ADMIN),
            ("DELETE", "/queues/old", None, Role.ADMIN),
        ):
            for other in Role:
                if other < role:
                    status = await self.status(method, path, other, body=body)
                    self.assertEqual(403, status, path)
        self.assertEqual([], self.office.done)

    async def test_resend(self) -> None:
        """Dead letters are sent again: those that are named, or all."""
        await self.begin()
        path = "/gateways/bay-1/dead-letters/resend"
        self.assertEqual({"count": 1}, await self.ask("POST", path, body={"keys": ["a", "b"]}))
        self.assertEqual(["1 messages sent again"], self.desk.notes)
        await self.ask("POST", path, body={"keys": None})
        expected: list[tuple[object, ...]] = [
            ("resend", "bay-1", ("a", "b")),
            ("resend", "bay-1", ()),
        ]
        self.assertEqual(expected, self.office.done)
        for body in ({}, {"keys": []}, {"keys": [""]}, {"keys": "a"}, {"keys": ["x"] * 201}):
            self.assertEqual(422, await self.status("POST", path, body=body), body)
        self.assertEqual(expected, self.office.done)

    async def test_trust(self) -> None:
        """The next key is believed, and that is noted."""
        await self.begin()
        self.assertIsNone(await self.ask("POST", "/gateways/bay-1/trust"))
        self.assertEqual([("trust", "bay-1")], self.office.done)
        self.assertTrue(self.desk.notes[0])

    async def test_orphans(self) -> None:
        """A queue without a gateway is shown, moved and forgotten."""
        await self.begin()
        (found,) = (await self.ask("GET", "/queues", Role.VIEWER))["orphans"]
        self.assertEqual(("old", 1, 2), (found["key"], found["waiting"], found["dead"]))
        body = {"gateway": "fleet"}
        moved = await self.ask("POST", "/queues/old/move", body=body)
        dropped = await self.ask("DELETE", "/queues/old")
        self.assertEqual(({"count": 1}, {"count": 3}), (moved, dropped))
        self.assertEqual([("move", "old", "fleet"), ("drop", "old")], self.office.done)

    async def test_noOrphan(self) -> None:
        """The queue of a gateway that runs is no orphan: nothing is done."""
        await self.begin()
        for key in ("k1", "none"):
            body = {"gateway": "fleet"}
            self.assertEqual(404, await self.status("POST", f"/queues/{key}/move", body=body))
            self.assertEqual(404, await self.status("DELETE", f"/queues/{key}"))
        self.assertEqual([], self.office.done)
