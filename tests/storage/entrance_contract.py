"""What is kept about who may come in, whatever database it is in."""

from __future__ import annotations

from datetime import timedelta, timezone

from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults

from cfos_cm.errors import LocalProtocolError
from cfos_cm.storage import accounts, audit, tokens
from cfos_cm.storage.accounts import Account, AccountStore, NameTaken
from cfos_cm.storage.audit import AuditEntry, AuditStore
from cfos_cm.storage.tokens import Token, TokenStore

from .cases import NOW, DatabaseCase

ELSEWHERE = timezone(timedelta(hours=5, minutes=45))
LATER = NOW + timedelta(hours=1)

ADMIN = Account("admin", "admin", "$scrypt$one", NOW)
GUEST = Account("guest", "viewer", "$scrypt$other", NOW)

TOKEN = Token("grafana", "viewer", "ab" * 32, NOW)


async def why_not(failing: Deferred[None]) -> str:
    """Why a name cannot be had."""
    try:
        await failing
    except NameTaken as error:
        return str(error)
    raise AssertionError("it can")


class AccountStoreContract(DatabaseCase):
    """Who may log in."""

    async def store(self, *known: Account) -> AccountStore:
        """A store with some accounts."""
        store = AccountStore(await self.opened())
        for account in known:
            await store.put(account)
        return store

    async def test_everyField(self) -> None:
        """An account comes back as it was put, by its name, and its time as the same moment."""
        store = await self.store(ADMIN)
        await store.put(evolve(GUEST, changed_at=NOW.astimezone(ELSEWHERE)))
        self.assertEqual(await store.all(), (ADMIN, GUEST))
        changed = evolve(GUEST, role="operator", password_hash="new", changed_at=LATER)
        await store.put(changed)
        self.assertEqual(await store.all(), (ADMIN, changed))

    async def test_noSecret(self) -> None:
        """What is printed of an account says nothing of its password."""
        self.assertNotIn("scrypt", repr(ADMIN))
        self.assertNotIn(TOKEN.token_hash, repr(TOKEN))

    async def test_first(self) -> None:
        """There is one first account, also when two are made at once."""
        store = await self.store()
        other = evolve(ADMIN, name="other")
        attempts = [store.add_first(one) for one in (ADMIN, other)]
        await attempts[0]
        await self.assertFailure(attempts[1], NameTaken)
        self.assertEqual(await store.all(), (ADMIN,))

    async def test_add(self) -> None:
        """A new account takes nobody's place, and no token's name."""
        store = await self.store(ADMIN)
        await store.add(GUEST)
        await self.assertFailure(store.add(evolve(GUEST, role="admin")), NameTaken)
        # As a console does, beside a site that runs.
        await TokenStore(await self.opened()).add(TOKEN)
        for failing in (store.add, store.put):
            taken = evolve(GUEST, name=TOKEN.name)
            error = await why_not(failing(taken))
            self.assertIn("a token 'grafana'", error)
        self.assertEqual(await store.all(), (ADMIN, GUEST))

    async def test_anAdminIsLeft(self) -> None:
        """The last admin is neither removed nor made less; a first one has to be one."""
        store = await self.store()
        await self.assertFailure(store.put(GUEST), LocalProtocolError)
        await store.put(ADMIN)
        await store.put(GUEST)
        await self.assertFailure(store.remove("admin"), LocalProtocolError)
        await self.assertFailure(store.put(evolve(ADMIN, role="operator")), LocalProtocolError)
        self.assertEqual(await store.all(), (ADMIN, GUEST))
        await store.put(evolve(GUEST, role="admin"))
        await store.put(evolve(ADMIN, role="operator"))
        self.assertTrue(await store.remove("admin"))

    async def test_anAdminIsLeftAtOnce(self) -> None:
        """Two admins who remove each other at the same moment do not both succeed."""
        store = await self.store(ADMIN, evolve(ADMIN, name="other"))
        outcomes = await gatherResults(
            [
                store.remove(name).addErrback(lambda failure: failure.type)
                for name in ("admin", "other")
            ]
        )
        self.assertEqual(outcomes, [True, LocalProtocolError])

    async def test_remove(self) -> None:
        """Removing says whether there was one."""
        store = await self.store(ADMIN, GUEST)
        removed = [await store.remove(name) for name in ("guest", "guest", "a\0", "\ud800")]
        self.assertEqual(removed, [True, False, False, False])
        self.assertEqual(await store.all(), (ADMIN,))

    async def test_rehash(self) -> None:
        """Another hash of the same password changes nothing else, and no newer password."""
        store = await self.store(ADMIN)
        self.assertTrue(await store.rehash(ADMIN, "better"))
        better = evolve(ADMIN, password_hash="better")
        self.assertEqual(await store.all(), (better,))
        self.assertFalse(await store.rehash(ADMIN, "worse"))
        self.assertEqual(await store.all(), (better,))

    async def test_bound(self) -> None:
        """A full store takes no new account, but changes those that it has."""
        self.patch(accounts, "MAX_ACCOUNTS", 2)
        store = await self.store(ADMIN, GUEST)
        third = evolve(GUEST, name="third")
        for failing in (store.add, store.put):
            await self.assertFailure(failing(third), LocalProtocolError)
        await store.put(evolve(GUEST, role="operator"))
        self.assertEqual(len(await store.all()), 2)

    async def test_refused(self) -> None:
        """What no database can keep is our mistake."""
        store = await self.store(ADMIN)
        for bad in (
            evolve(GUEST, name="a\0"),
            evolve(GUEST, name="x" * 256),
            evolve(GUEST, password_hash="\ud800"),
        ):
            await self.assertFailure(store.add(bad), LocalProtocolError)


class TokenStoreContract(DatabaseCase):
    """What programs show."""

    async def store(self, *known: Token) -> TokenStore:
        """A store with some tokens."""
        store = TokenStore(await self.opened())
        for token in known:
            await store.add(token)
        return store

    async def test_everyField(self) -> None:
        """A token comes back as it was added, and is found by its hash."""
        other = Token("cron", "admin", "cd" * 32, NOW, LATER, NOW)
        store = await self.store(TOKEN, other)
        self.assertEqual(await store.all(), (other, TOKEN))
        self.assertEqual(await store.find("cd" * 32), other)
        self.assertIsNone(await store.find("ef" * 32))

    async def test_expiry(self) -> None:
        """It counts until its moment comes."""
        one = evolve(TOKEN, expires_at=LATER)
        counts = [one.counts(at) for at in (NOW, LATER - timedelta(microseconds=1), LATER)]
        self.assertEqual(counts, [True, True, False])
        self.assertTrue(TOKEN.counts(LATER))

    async def test_used(self) -> None:
        """When it was used is noted, where it is still there."""
        store = await self.store(TOKEN)
        await store.used(TOKEN.token_hash, LATER)
        await store.used("ef" * 32, LATER)
        self.assertEqual(await store.all(), (evolve(TOKEN, used_at=LATER),))

    async def test_names(self) -> None:
        """A name is one token's, and no account's."""
        store = await self.store(TOKEN)
        error = await why_not(store.add(evolve(TOKEN, token_hash="ef" * 32)))
        self.assertIn("a token 'grafana'", error)
        await AccountStore(await self.opened()).put(ADMIN)
        failing = store.add(evolve(TOKEN, name="admin", token_hash="ef" * 32))
        error = await why_not(failing)
        self.assertIn("an account 'admin'", error)

    async def test_remove(self) -> None:
        """Removing says whether there was one."""
        store = await self.store(TOKEN)
        removed = [await store.remove(name) for name in ("grafana", "grafana", "a\0")]
        self.assertEqual(removed, [True, False, False])
        self.assertEqual(await store.all(), ())

    async def test_bound(self) -> None:
        """A full store takes no new one."""
        self.patch(tokens, "MAX_TOKENS", 1)
        store = await self.store(TOKEN)
        other = evolve(TOKEN, name="other", token_hash="ef" * 32)
        await self.assertFailure(store.add(other), LocalProtocolError)
        await store.remove("grafana")
        await store.add(other)

    async def test_refused(self) -> None:
        """What no database can keep is our mistake."""
        store = await self.store()
        for name in ("a\0", "x" * 256, "\ud800"):
            await self.assertFailure(store.add(evolve(TOKEN, name=name)), LocalProtocolError)


def entry(note: str, who: str = "admin", path: str = "/api/v1/settings") -> AuditEntry:
    """Something that was asked."""
    return AuditEntry(
        at=NOW,
        who=who,
        role="admin",
        origin="192.0.2.1",
        method="PATCH",
        path=path,
        status=200,
        note=note,
    )


class AuditStoreContract(DatabaseCase):
    """Who has changed what."""

    async def store(self, *notes: str) -> AuditStore:
        """A store with some entries."""
        store = AuditStore(await self.opened())
        for note in notes:
            await store.add(entry(note))
        return store

    async def test_everyField(self) -> None:
        """An entry comes back as it was added, with its number."""
        store = await self.store()
        await store.add(evolve(entry("max_current: 16 -> 10"), at=NOW.astimezone(ELSEWHERE)))
        (found,) = await store.entries(10)
        self.assertEqual(found, evolve(entry("max_current: 16 -> 10"), number=found.number))

    async def test_pages(self) -> None:
        """The newest come first; a page goes on where the one before has ended."""
        store = await self.store(*"abcde")
        first = await store.entries(2)
        self.assertEqual([one.note for one in first], ["e", "d"])
        second = await store.entries(2, first[-1].number)
        self.assertEqual([one.note for one in second], ["c", "b"])
        self.assertEqual(len(await store.entries(10**9, 10**30)), 5)
        self.assertEqual(await store.entries(0), ())

    async def test_together(self) -> None:
        """What is added at the same time keeps its order."""
        store = await self.store()
        await gatherResults([store.add(entry(str(number))) for number in range(20)])
        found = [one.note for one in await store.entries(100)]
        self.assertEqual(found, [str(number) for number in reversed(range(20))])

    async def test_bound(self) -> None:
        """The oldest are forgotten, also when many come at once."""
        self.patch(audit, "MAX_ENTRIES", 3)
        store = await self.store(*"abcde")
        self.assertEqual([one.note for one in await store.entries(100)], ["e", "d", "c"])
        await gatherResults([store.add(entry(str(number))) for number in range(10)])
        self.assertEqual([one.note for one in await store.entries(100)], ["9", "8", "7"])

    async def test_anyText(self) -> None:
        """What is too long is cut, and what no database can keep is replaced: all is noted."""
        store = await self.store()
        await store.add(entry("x" * 5000, who="a\0b", path="/\ud800" + "y" * 600))
        (found,) = await store.entries(1)
        self.assertEqual((len(found.note), found.note[-1]), (4000, "…"))
        self.assertEqual((found.who, len(found.path)), ("a?b", 500))
        self.assertTrue(found.path.startswith("/?y"))
