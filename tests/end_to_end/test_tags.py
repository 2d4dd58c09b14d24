"""The local authorisation list, changed with C{cfos-cm tag} while the manager runs."""

from __future__ import annotations

import asyncio
from typing import Any

from . import cases
from .program import Program
from .station import DEFAULT, TRANSACTION, connected


class Console:
    """Somebody who changes the list while the program runs."""

    def __init__(self, manager: Program) -> None:
        self._manager = manager

    def tag(self, *arguments: str) -> None:
        """Run C{cfos-cm tag}."""
        done = self._manager.console("tag", *arguments)
        assert done.returncode == 0, done.stderr


async def shown(program: Program, id_tag: str) -> dict[str, Any]:
    """What a station is told about a tag."""
    async with connected(program, "CP-0001") as station:
        return dict(await station.authorize(id_tag))


class Entries(cases.SharedProgramCase):
    """What a station is told about each kind of tag."""

    @classmethod
    def setUpClass(cls) -> None:
        """Fill the list while the program runs."""
        super().setUpClass()
        console = Console(cls.manager)
        console.tag("set", cases.TAG)
        console.tag("set", "BLOC", "--status", "blocked")
        console.tag("set", "PAST", "--expires", "2020-01-01T00:00:00+00:00")
        console.tag("set", "CHLD", "--parent", "FLEET")

    def told(self, id_tag: str) -> dict[str, Any]:
        """Show a tag."""
        infos: list[dict[str, Any]] = []

        async def show() -> None:
            infos.append(await shown(self.manager, id_tag))

        self.run_peers(show())
        return infos[0]

    def test_accepted(self) -> None:
        """A tag of the list may charge, whatever its case."""
        self.assertEqual(self.told(cases.TAG.lower()), {"status": "Accepted"})

    def test_unknown(self) -> None:
        """As the list has entries, who is not in it may not charge."""
        self.assertEqual(self.told(cases.OTHER_TAG), {"status": "Invalid"})

    def test_blocked(self) -> None:
        """A blocked tag may not charge."""
        self.assertEqual(self.told("BLOC"), {"status": "Blocked"})

    def test_expired(self) -> None:
        """A tag may not charge after its time; the station is told when that was."""
        info = self.told("PAST")
        self.assertEqual(info["status"], "Expired")
        self.assertTrue(info["expiry_date"].startswith("2020-01-01T00:00:00"), info)

    def test_parent(self) -> None:
        """The station is told the group of a tag."""
        self.assertEqual(self.told("CHLD"), {"status": "Accepted", "parent_id_tag": "FLEET"})

    def test_blocked_start(self) -> None:
        """A blocked tag's transaction gets its id and its status, and no current."""
        self.run_peers(self.start_blocked())
        self.manager.wait_for(r"bay-1: may have 0 A: the tag is blocked")

    async def start_blocked(self) -> None:
        """Start with a blocked tag, as a station does that was offline when it was shown."""
        async with connected(self.manager, "CP-0001") as station:
            await station.ordered(DEFAULT, 0)
            started = await station.begin_transaction("BLOC")
            self.assertGreater(started.transaction_id, 0)
            self.assertEqual(started.id_tag_info, {"status": "Blocked"})
            await station.status("Charging")
            told = await station.ordered(TRANSACTION)
            self.assertEqual(told.transaction_id, started.transaction_id)
            await station.end_transaction(started.transaction_id, 1000)
            self.assertEqual({order.limit_a for order in station.orders}, {0})


class Changes(cases.EndToEndCase):
    """The list is changed while a station is connected."""

    def test_at_once(self) -> None:
        """With an empty list everybody may charge; each change holds for the next card."""
        manager = self.started()
        console = Console(manager)

        async def peers() -> None:
            async with connected(manager, "CP-0001") as station:
                for arguments, status in (
                    ((), "Accepted"),
                    (("set", cases.OTHER_TAG), "Invalid"),
                    (("set", cases.TAG), "Accepted"),
                    (("remove", cases.TAG), "Invalid"),
                    (("remove", cases.OTHER_TAG), "Accepted"),
                ):
                    if arguments:
                        await asyncio.to_thread(console.tag, *arguments)
                    info = await station.authorize(cases.TAG)
                    self.assertEqual((arguments, info["status"]), (arguments, status))

        self.run_peers(peers())


class FixedTag(cases.EndToEndCase):
    """An EVSE with a tag of its own, for a car whose driver shows no card."""

    def setUp(self) -> None:
        """Start the program; the list knows somebody else only."""
        self.manager = self.started(evse=f"fixed_tag = {cases.TAG}")
        Console(self.manager).tag("set", cases.OTHER_TAG)

    def test_remote_start(self) -> None:
        """A car that is plugged in is started with the fixed tag, and charges."""
        self.run_peers(self.plug_in())

    async def plug_in(self) -> None:
        """Plug in, and do what the Central System asks for."""
        async with connected(self.manager, "CP-0001") as station:
            await station.status("Preparing")
            await station.until(lambda: bool(station.remote_starts))
            (request,) = station.remote_starts
            self.assertEqual((request["id_tag"], request["connector_id"]), (cases.TAG, 1))
            started = await station.begin_transaction(request["id_tag"])
            self.assertEqual(started.id_tag_info, {"status": "Accepted"})
            await station.ordered(TRANSACTION, 16)
