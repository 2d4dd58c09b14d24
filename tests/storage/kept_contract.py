"""What is kept beside transactions, whatever database it is in."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from attrs import evolve

from cfos_cm.errors import LocalProtocolError, RemoteProtocolError
from cfos_cm.site.given_key import GivenKey
from cfos_cm.site.reservation import Reservation
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.site.sent_list import SentList
from cfos_cm.storage import (
    keys,
    local_lists,
    reservations,
    security_events,
    security_standings,
)
from cfos_cm.storage.keys import KeyStore
from cfos_cm.storage.local_lists import SentLists
from cfos_cm.storage.reservations import ReservationStore
from cfos_cm.storage.security_events import SecurityEvent, SecurityEvents
from cfos_cm.storage.security_standings import SecurityStandingStore

from .cases import NOW, DatabaseCase

KEY = bytes(range(0xE0, 0xF4))
ELSEWHERE = timezone(timedelta(hours=5, minutes=45))


def key_of(charge_point: str, key: bytes = KEY) -> GivenKey:
    """A key that replaces a password of the settings."""
    return GivenKey.of(charge_point, key, "of the file", NOW, b"\0\xffsalt")


class KeyStoreContract(DatabaseCase):
    """Passwords that were given over OCPP."""

    async def key_store(self) -> KeyStore:
        """A store without any key."""
        return KeyStore(await self.opened())

    async def test_everyField(self) -> None:
        """A key comes back as it was put, at each of its stages."""
        store = await self.key_store()
        first = key_of("CP-1")
        without = GivenKey.of("CP-1", KEY, None, NOW, b"salt")
        stages = (
            first,
            first.undecided(),
            first.confirmed(),
            first.followed_by(b"another-key-20-bytes", NOW).undecided(),
            without,
        )
        for stage in stages:
            await store.put(stage)
            self.assertEqual(await store.all(), (stage,))

    async def test_inOrder(self) -> None:
        """All keys come in the order of the Charge Points."""
        store = await self.key_store()
        for charge_point in ("CP-2", "CP-1", "CP-3"):
            await store.put(key_of(charge_point))
        found = [key.charge_point for key in await store.all()]
        self.assertEqual(found, ["CP-1", "CP-2", "CP-3"])

    async def test_remove(self) -> None:
        """A key that is removed is gone, another's is not, and nothing is no mistake."""
        store = await self.key_store()
        await store.put(key_of("CP-1"))
        await store.put(key_of("CP-2"))
        for charge_point in ("CP-1", "CP-1", "a\0"):
            await store.remove(charge_point)
        self.assertEqual(await store.all(), (key_of("CP-2"),))

    async def test_bound(self) -> None:
        """A full store takes no new Charge Point, but another key of one that it has."""
        self.patch(keys, "MAX_KEYS", 1)
        store = await self.key_store()
        await store.put(key_of("CP-1"))
        await self.assertFailure(store.put(key_of("CP-2")), LocalProtocolError)
        await store.put(key_of("CP-1", b"another-key-20-bytes"))
        self.assertEqual(await store.all(), (key_of("CP-1", b"another-key-20-bytes"),))

    async def test_noSecret(self) -> None:
        """Neither a key nor a password is in the database."""
        database = await self.opened()
        await KeyStore(database).put(key_of("CP-1"))
        (row,) = await self.rows(database, "SELECT * FROM given_keys")
        for secret in (KEY, KEY.hex(), "of the file"):
            self.assertNotIn(secret, row)
            self.assertNotIn(str(secret), str(row))


class SentListsContract(DatabaseCase):
    """Which local authorisation list each Charge Point has."""

    SENT = SentList("CP-1", 7, "ab" * 32, NOW)

    async def sent_lists(self) -> SentLists:
        """Nothing was sent."""
        return SentLists(await self.opened())

    async def test_unknown(self) -> None:
        """Of whom nothing was sent to, nothing is known."""
        sent_lists = await self.sent_lists()
        for charge_point in ("CP-1", "a\0"):
            self.assertIsNone(await sent_lists.get(charge_point))

    async def test_put(self) -> None:
        """What was sent last is what comes back, to each Charge Point its own."""
        sent_lists = await self.sent_lists()
        await sent_lists.put(self.SENT)
        await sent_lists.put(evolve(self.SENT, charge_point="CP-2", version=2**31 - 1))
        await sent_lists.put(evolve(self.SENT, version=8, digest="cd"))
        self.assertEqual(
            await sent_lists.get("CP-1"), evolve(self.SENT, version=8, digest="cd")
        )
        found = await sent_lists.get("CP-2")
        self.assertEqual(found, evolve(self.SENT, charge_point="CP-2", version=2**31 - 1))

    async def test_remove(self) -> None:
        """What is removed is not known any more."""
        sent_lists = await self.sent_lists()
        await sent_lists.put(self.SENT)
        for charge_point in ("CP-1", "CP-1", "a\0"):
            await sent_lists.remove(charge_point)
        self.assertIsNone(await sent_lists.get("CP-1"))

    async def test_bound(self) -> None:
        """Above the bound no new Charge Point is noted."""
        self.patch(local_lists, "MAX_SENT_LISTS", 1)
        sent_lists = await self.sent_lists()
        await sent_lists.put(self.SENT)
        other = evolve(self.SENT, charge_point="CP-2")
        await self.assertFailure(sent_lists.put(other), LocalProtocolError)
        await sent_lists.put(evolve(self.SENT, version=8))

    async def test_refused(self) -> None:
        """What no database can keep is our mistake."""
        sent_lists = await self.sent_lists()
        for bad in (evolve(self.SENT, charge_point="a\0"), evolve(self.SENT, digest="x" * 256)):
            await self.assertFailure(sent_lists.put(bad), LocalProtocolError)


class SecurityEventsContract(DatabaseCase):
    """What Charge Points said about their security."""

    async def security_events(self) -> SecurityEvents:
        """Nobody has said anything."""
        return SecurityEvents(await self.opened())

    async def test_everyField(self) -> None:
        """Events come back to the letter and in their order, of each Charge Point its own."""
        events = await self.security_events()
        there = NOW.astimezone(ELSEWHERE)
        await events.add("CP-1", "StartupOfTheDevice", "yesterday", None, there)
        await events.add("CP-2", "MemoryExhaustion", "", "", NOW)
        await events.add("CP-1", "SettingSystemTime", "2026-11-22T10:00:00Z", "Ä\n", NOW)
        self.assertEqual(
            await events.of("CP-1"),
            (
                SecurityEvent("CP-1", "StartupOfTheDevice", "yesterday", None, NOW),
                SecurityEvent("CP-1", "SettingSystemTime", "2026-11-22T10:00:00Z", "Ä\n", NOW),
            ),
        )
        self.assertEqual(
            await events.of("CP-2"), (SecurityEvent("CP-2", "MemoryExhaustion", "", "", NOW),)
        )

    async def test_newest(self) -> None:
        """Those of all Charge Points come in the order in which they came, the newest first."""
        events = await self.security_events()
        for number, charge_point in enumerate(("CP-2", "CP-1", "CP-2")):
            await events.add(charge_point, str(number), "", None, NOW)
        newest = [(one.charge_point, one.kind) for one in await events.newest(2)]
        self.assertEqual(newest, [("CP-2", "2"), ("CP-1", "1")])
        self.assertEqual(len(await events.newest(100)), 3)

    async def test_bound(self) -> None:
        """Of each Charge Point the newest are kept; one does not displace another's."""
        self.patch(security_events, "MAX_SECURITY_EVENTS", 3)
        events = await self.security_events()
        await events.add("CP-2", "one", "", None, NOW)
        for number in range(7):
            await events.add("CP-1", str(number), "", None, NOW)
        self.assertEqual([event.kind for event in await events.of("CP-1")], ["4", "5", "6"])
        self.assertEqual(len(await events.of("CP-2")), 1)

    async def test_refused(self) -> None:
        """What cannot be kept is the peer's fault, and leaves nothing."""
        events = await self.security_events()
        for kind, told_at, tech_info, at in (
            ("a\0", "", None, NOW),
            ("x" * 256, "", None, NOW),
            ("", "\ud800", None, NOW),
            ("", "", "x" * 256, NOW),
            ("", "", None, datetime(2026, 1, 1)),
        ):
            failing = events.add("CP-1", kind, told_at, tech_info, at)
            await self.assertFailure(failing, RemoteProtocolError)
        self.assertEqual(await events.of("CP-1"), ())


class SecurityStandingsContract(DatabaseCase):
    """The highest security profile of each Charge Point."""

    async def standings(self) -> SecurityStandingStore:
        """Nobody has logged in yet."""
        return SecurityStandingStore(await self.opened())

    async def test_put(self) -> None:
        """What was put last is what comes back, in the order of the Charge Points."""
        standings = await self.standings()
        self.assertEqual(await standings.all(), {})
        await standings.put("CP-2", SecurityProfile.PASSWORD)
        for profile in (SecurityProfile.CERTIFICATE, SecurityProfile.TLS):
            await standings.put("CP-1", profile)
        found = await standings.all()
        self.assertEqual(
            list(found.items()),
            [("CP-1", SecurityProfile.TLS), ("CP-2", SecurityProfile.PASSWORD)],
        )
        self.assertIsInstance(found["CP-1"], SecurityProfile)

    async def test_forget(self) -> None:
        """What is forgotten is gone, another's is not, and nothing is no mistake."""
        standings = await self.standings()
        await standings.put("CP-1", SecurityProfile.TLS)
        await standings.put("CP-2", SecurityProfile.TLS)
        for charge_point in ("CP-1", "CP-1", "a\0"):
            await standings.put(charge_point, None)
        self.assertEqual(await standings.all(), {"CP-2": SecurityProfile.TLS})

    async def test_fromElsewhere(self) -> None:
        """A number that nobody here has written counts as the safest profile."""
        database = await self.opened()
        standings = SecurityStandingStore(database)
        await self.write(database, "INSERT INTO security_standings VALUES ('CP-1', 7)")
        await self.write(database, "INSERT INTO security_standings VALUES ('CP-2', -1)")
        self.assertEqual(set((await standings.all()).values()), {SecurityProfile.CERTIFICATE})

    async def test_bound(self) -> None:
        """A full store takes no new Charge Point, but another profile of one that it has."""
        self.patch(security_standings, "MAX_STANDINGS", 1)
        standings = await self.standings()
        await standings.put("CP-1", SecurityProfile.TLS)
        failing = standings.put("CP-2", SecurityProfile.TLS)
        await self.assertFailure(failing, LocalProtocolError)
        await standings.put("CP-1", SecurityProfile.CERTIFICATE)
        self.assertEqual(await standings.all(), {"CP-1": SecurityProfile.CERTIFICATE})

    async def test_refused(self) -> None:
        """What no database can keep is our mistake."""
        standings = await self.standings()
        for bad in ("a\0", "x" * 256, "\ud800"):
            failing = standings.put(bad, SecurityProfile.TLS)
            await self.assertFailure(failing, LocalProtocolError)


class ReservationStoreContract(DatabaseCase):
    """Reservations."""

    RESERVATION = Reservation(
        reservation_id=2**31 - 1,
        charge_point="CP-1",
        connector=0,
        id_tag="04AABB",
        expires_at=NOW,
        parent_id_tag="fleet",
    )

    async def store(self) -> ReservationStore:
        """Nothing is reserved."""
        return ReservationStore(await self.opened())

    def numbered(self, reservation_id: int) -> Reservation:
        """One that expires so many minutes from now."""
        expires_at = NOW + timedelta(minutes=reservation_id)
        return evolve(self.RESERVATION, reservation_id=reservation_id, expires_at=expires_at)

    async def test_everyField(self) -> None:
        """A reservation comes back as it was put, its expiry as the same moment."""
        store = await self.store()
        there = NOW.astimezone(ELSEWHERE)
        await store.put(evolve(self.RESERVATION, expires_at=there))
        self.assertEqual(await store.open(), (self.RESERVATION,))
        await store.put(evolve(self.RESERVATION, parent_id_tag=None))
        self.assertEqual(await store.open(), (evolve(self.RESERVATION, parent_id_tag=None),))

    async def test_inOrder(self) -> None:
        """The one that expires first comes first."""
        store = await self.store()
        for number in (2, 3, 1):
            await store.put(self.numbered(number))
        found = [one.reservation_id for one in await store.open()]
        self.assertEqual(found, [1, 2, 3])

    async def test_over(self) -> None:
        """What is over is not open, but open again when it is put again."""
        store = await self.store()
        await store.put(self.numbered(1))
        await store.put(self.numbered(2))
        for number in (1, 1, 77):
            await store.remove(number)
        self.assertEqual(await store.open(), (self.numbered(2),))
        await store.put(self.numbered(1))
        self.assertEqual(len(await store.open()), 2)

    async def test_bound(self) -> None:
        """Above the bound those that are over make room, and no open one does."""
        self.patch(reservations, "MAX_RESERVATIONS", 2)
        store = await self.store()
        await store.put(self.numbered(1))
        await store.put(self.numbered(2))
        await self.assertFailure(store.put(self.numbered(3)), LocalProtocolError)
        await store.remove(1)
        await store.put(self.numbered(3))
        self.assertEqual(await store.open(), (self.numbered(2), self.numbered(3)))
        database = store._database
        self.assertEqual(await self.rows(database, "SELECT count(*) FROM reservations"), [(2,)])

    async def test_refused(self) -> None:
        """What no database can keep is our mistake."""
        store = await self.store()
        for bad in (
            evolve(self.RESERVATION, charge_point="a\0"),
            evolve(self.RESERVATION, id_tag="x" * 256),
            evolve(self.RESERVATION, parent_id_tag="\ud800"),
        ):
            await self.assertFailure(store.put(bad), LocalProtocolError)
