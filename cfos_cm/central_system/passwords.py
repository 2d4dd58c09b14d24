"""
Whether a password is the one of a Charge Point.

It is what the settings say, until the Charge Point is given another one over OCPP ("Improved
security for OCPP 1.6-J", A01). That one is written down before it is sent, and the one before
counts beside it until somebody has logged in with the new one: whatever happens meanwhile,
nobody is locked out.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from cfos_cm.central_system.admission import configured_identity
from cfos_cm.central_system.roster import Roster
from cfos_cm.site.given_key import GivenKey
from cfos_cm.wire.authorization_key import KeyForm, matches
from cfos_cm.wire.basic_auth import Credentials

__all__ = ["SALT_BYTES", "Passwords"]

SALT_BYTES = 16

#: Compared with where there is nothing to compare with, so that this takes the same time.
_NOBODYS = "nobody's password"

_log = Logger(namespace="cfos_cm.central_system")


class Passwords:
    """The passwords of all Charge Points."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._given: dict[str, GivenKey] = {}
        self._before_offer: dict[str, GivenKey | None] = {}

    def remember(self, keys: Iterable[GivenKey]) -> None:
        """Note the keys that were given before this start."""
        self._given.update({key.charge_point: key for key in keys})

    def asks(self, identity: str) -> bool:
        """Whether a Charge Point has to show a password."""
        return self._key_of(identity) is not None or self._configured(identity) is not None

    def lets_nobody_in_without(self, identity: str) -> bool:
        """
        Whether nobody gets in without a password who claims to be a Charge Point.

        It may be L{asks} and not this for as long as a first password is on its way to it.
        """
        return not self._may_go_without(self._key_of(identity), self._configured(identity))

    def proves(self, identity: str, credentials: Credentials | None) -> bool:
        """
        Whether somebody who claims to be a Charge Point is it.

        Where no password is asked for, everybody is.
        """
        key, configured = self._key_of(identity), self._configured(identity)
        if credentials is None:
            return self._may_go_without(key, configured)
        # The password is compared, whatever is wrong with the name, so that the time tells
        # nothing. A wallbox that changes the case of its identity does so here too.
        is_right = self._is_right(key, configured, credentials.password, identity)
        name = configured_identity(self._roster.settings, credentials.username.strip())
        return is_right and (name == identity or not self.asks(identity))

    def offered(self, charge_point: str, key: bytes) -> Deferred[None]:
        """See L{cfos_cm.central_system.commands.passwords.KeyBook.offered}."""
        now = self._roster.environment.now()
        before = self._key_of(charge_point)
        if before is None:
            salt = self._roster.environment.random_bytes(SALT_BYTES)
            configured = self._configured(charge_point)
            offer = GivenKey.of(charge_point, key, configured, now, salt)
        else:
            offer = before.followed_by(key, now)
        self._before_offer[charge_point] = before
        return self._keep(offer.undecided())

    def taken(self, charge_point: str) -> Deferred[None]:
        """See L{cfos_cm.central_system.commands.passwords.KeyBook.taken}."""
        self._before_offer.pop(charge_point, None)
        key = self._given[charge_point]
        # It may have logged in with it already, and then that one alone counts.
        confirmed = key.previous_until is None
        return self._keep(key if confirmed else key.taken(self._roster.environment.now()))

    def kept(self, charge_point: str) -> Deferred[None]:
        """See L{cfos_cm.central_system.commands.passwords.KeyBook.kept}."""
        before = self._before_offer.pop(charge_point, None)
        if self._given[charge_point].previous_until is None:
            # It says no, and has logged in with it: so it has it.
            return succeed(None)
        if before is not None:
            return self._keep(before)
        forgotten = self._roster.environment.keys.remove(charge_point)
        return forgotten.addCallback(lambda _: self._forget(charge_point))

    def _configured(self, identity: str) -> str | None:
        return self._roster.settings.password_of(identity)

    def _key_of(self, identity: str) -> GivenKey | None:
        """The key that counts: not one that the settings have overtaken."""
        key = self._given.get(identity)
        if key is None or identity not in self._roster.settings.charge_points:
            return None
        return key if key.replaces(self._configured(identity)) else None

    def _may_go_without(self, key: GivenKey | None, configured: str | None) -> bool:
        if configured is not None:
            return False
        return key is None or key.configured_counts(self._roster.environment.now())

    def _is_right(
        self, key: GivenKey | None, configured: str | None, given: bytes, identity: str
    ) -> bool:
        form = matches(_NOBODYS if configured is None else configured, given)
        is_configured = configured is None or form is not None
        if key is None:
            if form is KeyForm.HEX and configured is not None:
                _log.info(
                    "{identity} sends its password as text instead of as bytes",
                    identity=identity,
                )
            return is_configured
        now = self._roster.environment.now()
        if key.matches(given):
            self._used(key)
            return True
        counts_too = key.matches_previous(given, now)
        return counts_too or (is_configured and key.configured_counts(now))

    def _used(self, key: GivenKey) -> None:
        """Somebody has logged in with it; what was before counts no more."""
        if key.previous_until is None or self._given.get(key.charge_point) is not key:
            return
        if key is self._before_offer.get(key.charge_point):
            # Another one is on its way to it: which of the two will count is not known yet.
            return
        self._given[key.charge_point] = key.confirmed()
        self._keep(key.confirmed()).addErrback(
            lambda failure: _log.error(
                "{identity}: {error!s}", identity=key.charge_point, error=failure.value
            )
        )

    def _keep(self, key: GivenKey) -> Deferred[None]:
        kept = self._roster.environment.keys.put(key)
        return kept.addCallback(lambda _: self._note(key))

    def _note(self, key: GivenKey) -> None:
        self._given[key.charge_point] = key

    def _forget(self, charge_point: str) -> None:
        self._given.pop(charge_point, None)
