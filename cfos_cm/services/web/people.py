"""The accounts, known without asking the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import evolve

from cfos_cm.errors import StorageError
from cfos_cm.storage.accounts import Account, AccountStore
from cfos_cm.web.passwords import Passwords
from cfos_cm.web.problem import Problem

__all__ = ["People"]


class People:
    """
    Who may log in.

    Another process may change it too: L{look} takes over what is on disk.
    """

    def __init__(
        self,
        store: AccountStore,
        passwords: Passwords,
        now: Callable[[], datetime],
        gone: Callable[[str], None],
    ) -> None:
        """
        @param now: the time of day, aware.
        @param gone: told the name of an account that was removed, or has another password or
            role: who is logged in with it is not any more.
        """
        self._store = store
        self._passwords = passwords
        self._now = now
        self._gone = gone
        self._known: dict[str, Account] = {}

    def all(self) -> Sequence[Account]:
        """Everybody, in the order of their names."""
        return tuple(self._known.values())

    def find(self, name: str) -> Account | None:
        """Who is called so."""
        return self._known.get(name)

    def __len__(self) -> int:
        return len(self._known)

    async def look(self) -> None:
        """
        Take over what is on disk.

        @raise StorageError: if it cannot be read; all stays as it was.
        """
        before, self._known = self._known, {one.name: one for one in await self._store.all()}
        for name, one in before.items():
            after = self._known.get(name)
            if after != one:
                self._gone(name)

    async def proved(self, name: str, password: str) -> Account | None:
        """
        The account of somebody who says its password; C{None}: it is not its password, or there
        is none. Both take the same time.

        @raise Problem: 429 if too many others are at it.
        """
        one = self._known.get(name)
        is_right = await self._passwords.is_right(
            password, None if one is None else one.password_hash
        )
        # It may have been changed or removed meanwhile.
        now = self._known.get(name)
        if one is None or now is None or not is_right or not _is_same(one, now):
            return None
        if self._passwords.is_outdated(now.password_hash):
            await self._rehash(now, password)
        return now

    async def add(self, name: str, role: str, password: str, is_first: bool = False) -> None:
        """
        Make an account.

        @param is_first: there must be none yet.
        @raise CfosError: if that cannot be; see L{AccountStore.add}.
        """
        hashed = await self._passwords.hashed(password)
        one = Account(name, role, hashed, self._now())
        await (self._store.add_first(one) if is_first else self._store.add(one))
        await self.look()

    async def change(
        self, name: str, role: str | None = None, password: str | None = None
    ) -> None:
        """
        Give an account another role or password; what is C{None} stays. Its sessions end.

        @raise Problem: 404 if there is none.
        @raise CfosError: if that cannot be; see L{AccountStore.put}.
        """
        hashed = None if password is None else await self._passwords.hashed(password)
        one = self._known.get(name)
        if one is None:
            raise Problem(404, "there is no such account")
        changed = evolve(
            one,
            role=role or one.role,
            password_hash=hashed or one.password_hash,
            changed_at=self._now(),
        )
        await self._store.put(changed)
        await self.look()

    async def remove(self, name: str) -> None:
        """
        Remove an account. Its sessions end.

        @raise Problem: 404 if there is none.
        @raise CfosError: if that cannot be; see L{AccountStore.remove}.
        """
        was_there = await self._store.remove(name)
        await self.look()
        if not was_there:
            raise Problem(404, "there is no such account")

    async def _rehash(self, one: Account, password: str) -> None:
        """A better hash; a login does not fail for want of one."""
        try:
            hashed = await self._passwords.hashed(password)
            if await self._store.rehash(one, hashed):
                # Before it is seen on disk, where it would look like another password.
                self._known[one.name] = evolve(one, password_hash=hashed)
        except (Problem, StorageError):
            pass


def _is_same(before: Account, after: Account) -> bool:
    """Whether nobody has changed it; a password may have been hashed anew."""
    return (before.role, before.changed_at) == (after.role, after.changed_at)
