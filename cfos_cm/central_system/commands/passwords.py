"""
Giving a Charge Point another password over OCPP.

"Improved security for OCPP 1.6-J", A01: the AuthorizationKey, 16 to 20 bytes, goes over the
wire as hexadecimal digits; with Basic authentication the Charge Point then says the bytes.

The new key is written down before it is sent, beside the old password: whatever happens
meanwhile, nobody is locked out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import field, frozen
from twisted.internet.defer import Deferred

from cfos_cm.central_system.commands.checked_calls import CheckedCalls
from cfos_cm.central_system.commands.one_at_a_time import OneAtATime
from cfos_cm.central_system.commands.secret_keys import AUTHORIZATION_KEY
from cfos_cm.errors import DeviceError, DeviceRefusal, LocalProtocolError, NotSent
from cfos_cm.v16.core import (
    ChangeConfigurationConfirmation,
    ChangeConfigurationRequest,
    ConfigurationStatus,
)
from cfos_cm.wire.authorization_key import MAX_KEY_BYTES, MIN_KEY_BYTES, is_hex_key

__all__ = ["KeyBook", "PasswordChange", "PasswordChanges"]

_TAKEN = (ConfigurationStatus.ACCEPTED, ConfigurationStatus.REBOOT_REQUIRED)


class KeyBook(Protocol):
    """
    Where it is written down which password counts for which Charge Point.

    Each Deferred fires when it is on disk and L{CentralSystem.admit} goes by it.
    """

    def offered(self, charge_point: str, key: bytes) -> Deferred[None]:
        """
        It is about to be given a key: from now on that one counts beside the old one, and
        beside one that it was offered before without anybody knowing what came of it.
        """

    def taken(self, charge_point: str) -> Deferred[None]:
        """
        It has taken the key that it was offered: the old one counts until it logs in with the
        new one, at most for 15 minutes.
        """

    def kept(self, charge_point: str) -> Deferred[None]:
        """
        It has refused the key that it was offered, or was not sent it: only the old one counts
        again.
        """


@frozen
class PasswordChange:
    """
    What became of a new password.

    @ivar key: what the Charge Point was given, as hexadecimal digits. Show it once at most: it
        is kept nowhere. C{None}: it keeps its old one.
    """

    status: ConfigurationStatus
    key: str | None = field(repr=False)


class PasswordChanges:
    """Changes the passwords of Charge Points."""

    def __init__(
        self, calls: CheckedCalls, book: KeyBook, random_bytes: Callable[[int], bytes]
    ) -> None:
        """
        @param random_bytes: makes so many bytes that nobody can guess.
        """
        self._calls = calls
        self._book = book
        self._random_bytes = random_bytes
        # Of two keys on their way nobody would know which one an answer is about.
        self._changes = OneAtATime("is being given another password")

    async def change(self, identity: str, key: str | None = None) -> PasswordChange:
        """
        Give a Charge Point another password.

        @param key: 32 to 40 hexadecimal digits, an even number of them; C{None}: one is made.
        @raise LocalProtocolError: for any other key, which is not repeated; and when another
            one is on its way.
        @raise cfos_cm.errors.DeviceError: if it does not answer, or refuses. When it has not
            answered, the old password and the new one both count until it logs in with the new
            one. What it said is not repeated, because it may have repeated the key.
        @raise cfos_cm.errors.StorageError: if the key could not be written down; nothing was
            sent. If only its being taken could not, both count.
        """
        if key is None:
            key = self._random_bytes(MAX_KEY_BYTES).hex()
        elif not is_hex_key(key):
            raise LocalProtocolError(
                f"a key of {len(key)} characters; it must be {2 * MIN_KEY_BYTES} to "
                f"{2 * MAX_KEY_BYTES} hexadecimal digits in pairs"
            )
        self._calls.check_reachable(identity)
        with self._changes.alone(identity):
            await self._book.offered(identity, bytes.fromhex(key))
            return await self._give(identity, key)

    async def _give(self, identity: str, key: str) -> PasswordChange:
        try:
            answer = await self._ask(identity, key)
        except (DeviceRefusal, LocalProtocolError, NotSent):
            await self._book.kept(identity)
            raise
        if answer.status not in _TAKEN:
            await self._book.kept(identity)
            return PasswordChange(answer.status, None)
        await self._book.taken(identity)
        return PasswordChange(answer.status, key)

    async def _ask(self, identity: str, key: str) -> ChangeConfigurationConfirmation:
        request = ChangeConfigurationRequest(key=AUTHORIZATION_KEY, value=key)
        # It may have gone while the key was written down.
        self._calls.check_reachable(identity)
        try:
            return await self._calls.send(identity, request, ChangeConfigurationConfirmation)
        except DeviceError as error:
            failed = _in_our_words(error)
        # Not where it was caught: there the other words would go along as its context.
        raise failed


def _in_our_words(error: DeviceError) -> DeviceError:
    """The same, without what the Charge Point said."""
    if isinstance(error, DeviceRefusal):
        return DeviceRefusal(
            f"the new {AUTHORIZATION_KEY} was refused: {error.code}", error.code
        )
    if isinstance(error, NotSent):
        return error
    return DeviceError(
        f"whether the new {AUTHORIZATION_KEY} was taken is not known: no answer came, or none "
        "that can be read; the old one counts too until it logs in with the new one"
    )
