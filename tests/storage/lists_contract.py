"""What the lists promise, whatever database they are in."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from cfos_cm.errors import LocalProtocolError, RemoteProtocolError
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.storage import charge_points, tags
from cfos_cm.storage.charge_points import ChargePointRegister, KnownChargePoint
from cfos_cm.storage.tags import TagList

from .cases import NOW, DatabaseCase


class TagListContract(DatabaseCase):
    """The local authorisation list."""

    async def tag_list(self) -> TagList:
        """An empty list."""
        return TagList(await self.opened())

    async def test_empty(self) -> None:
        """An empty list says that it is empty."""
        self.assertEqual(await (await self.tag_list()).find("A"), (None, True))

    async def test_unknown(self) -> None:
        """A tag without an entry is not in a list that has others."""
        tag_list = await self.tag_list()
        await tag_list.put(Tag("A"))
        self.assertEqual(await tag_list.find("B"), (None, False))

    async def test_everyField(self) -> None:
        """An entry comes back as it was put."""
        tag_list = await self.tag_list()
        tag = Tag("04aaBB", Verdict.BLOCKED, "fleet", NOW)
        await tag_list.put(tag)
        self.assertEqual(await tag_list.find("04aaBB"), (tag, False))

    async def test_expiryInAnotherZone(self) -> None:
        """An expiry of another zone comes back as the same moment."""
        tag_list = await self.tag_list()
        there = NOW.astimezone(timezone(timedelta(hours=9)))
        await tag_list.put(Tag("A", expires_at=there))
        self.assertEqual(await tag_list.all(), (Tag("A", expires_at=NOW),))

    async def test_case(self) -> None:
        """Case makes no difference, and a second entry of the same tag replaces the first."""
        tag_list = await self.tag_list()
        await tag_list.put(Tag("Straße-1"))
        await tag_list.put(Tag("STRASSE-1", Verdict.INVALID))
        self.assertEqual(await tag_list.all(), (Tag("STRASSE-1", Verdict.INVALID),))
        found, _ = await tag_list.find("straße-1")
        self.assertEqual(found, Tag("STRASSE-1", Verdict.INVALID))

    async def test_remove(self) -> None:
        """Removing says whether there was an entry."""
        tag_list = await self.tag_list()
        await tag_list.put(Tag("A"))
        self.assertTrue(await tag_list.remove("a"))
        self.assertFalse(await tag_list.remove("a"))
        self.assertFalse(await tag_list.remove("\0"))
        self.assertEqual(await tag_list.find("A"), (None, True))

    async def test_all(self) -> None:
        """The whole list comes in the order of the idTags, whatever their case."""
        tag_list = await self.tag_list()
        for id_tag in ("b", "A", "C"):
            await tag_list.put(Tag(id_tag))
        self.assertEqual([tag.id_tag for tag in await tag_list.all()], ["A", "b", "C"])

    async def test_bound(self) -> None:
        """A full list takes no new tag, but replaces one that it has."""
        self.patch(tags, "MAX_TAGS", 2)
        tag_list = await self.tag_list()
        await tag_list.put(Tag("A"))
        await tag_list.put(Tag("B"))
        await self.assertFailure(tag_list.put(Tag("C")), LocalProtocolError)
        await tag_list.put(Tag("a", Verdict.BLOCKED))
        self.assertEqual(len(await tag_list.all()), 2)

    async def test_notATag(self) -> None:
        """What is no idTag is refused, and is found nowhere."""
        tag_list = await self.tag_list()
        for bad in (
            Tag(""),
            Tag("x" * 21),
            Tag("a\0"),
            Tag("A", parent_id_tag="x" * 21),
            Tag("A", expires_at=datetime(2026, 1, 1)),
        ):
            await self.assertFailure(tag_list.put(bad), LocalProtocolError)
        for bad_text in ("\0", "\ud800", "x" * 5000):
            self.assertEqual(await tag_list.find(bad_text), (None, True))


class ChargePointContract(DatabaseCase):
    """What Charge Points said of themselves."""

    LATER = NOW + timedelta(days=1)

    async def register(self) -> ChargePointRegister:
        """A register without anybody."""
        return ChargePointRegister(await self.opened())

    async def test_seen(self) -> None:
        """What a Charge Point says of itself is kept."""
        register = await self.register()
        device = DeviceIdentity("cFos", "Power Brain", "123", "1.2")
        await register.seen("CP-1", device, NOW)
        self.assertEqual(await register.all(), (KnownChargePoint("CP-1", device, NOW, NOW),))

    async def test_silent(self) -> None:
        """Somebody who says nothing keeps what he said before, and is seen."""
        register = await self.register()
        device = DeviceIdentity("cFos", "Power Brain")
        await register.seen("CP-1", device, NOW)
        await register.seen("CP-1", None, self.LATER)
        await register.seen("CP-2", None, NOW)
        self.assertEqual(
            await register.all(),
            (
                KnownChargePoint("CP-1", device, NOW, self.LATER),
                KnownChargePoint("CP-2", None, NOW, NOW),
            ),
        )

    async def test_lastWord(self) -> None:
        """What is said later replaces all of what was said before."""
        register = await self.register()
        await register.seen("CP-1", DeviceIdentity("A", "B", "C", "D"), NOW)
        await register.seen("CP-1", DeviceIdentity("E", "F"), self.LATER)
        (found,) = await register.all()
        self.assertEqual(found.device, DeviceIdentity("E", "F"))

    async def test_bound(self) -> None:
        """Above the bound, the one that was seen longest ago is forgotten."""
        self.patch(charge_points, "MAX_CHARGE_POINTS", 2)
        register = await self.register()
        await register.seen("old", None, NOW)
        await register.seen("older", None, NOW - timedelta(days=1))
        await register.seen("new", None, self.LATER)
        self.assertEqual([found.identity for found in await register.all()], ["new", "old"])

    async def test_refused(self) -> None:
        """What cannot be kept is the peer's fault."""
        register = await self.register()
        await self.assertFailure(register.seen("x" * 256, None, NOW), RemoteProtocolError)
        device = DeviceIdentity("a\0", "b")
        await self.assertFailure(register.seen("CP-1", device, NOW), RemoteProtocolError)
        self.assertEqual(await register.all(), ())
