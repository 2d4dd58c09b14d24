"""
The password that a Charge Point was given over OCPP, and which others count beside it.

The settings hold a password too. What was given replaces that one, until somebody writes
another one into the settings: then the settings are the truth again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from attrs import evolve, field, frozen

from cfos_cm.wire.authorization_key import is_hex_key

__all__ = ["GRACE", "MAX_PREVIOUS", "UNDECIDED", "GivenKey"]

#: For how long the password before it counts too, when nobody logs in with the new one.
GRACE = timedelta(minutes=15)

#: For as long as nobody knows whether a Charge Point has taken its key, the one before counts.
#: Not the end of the calendar, which some databases cannot show in every zone.
UNDECIDED = datetime(9000, 1, 1, tzinfo=UTC)

#: How many passwords may count beside the last one; each but the oldest is an attempt whose end
#: is not known.
MAX_PREVIOUS = 8


@frozen
class GivenKey:
    """
    A key that a Charge Point was given, as it can be kept: no password can be read in it.

    @ivar salt: random; the same for all the hashes, which are hexadecimal.
    @ivar replaces_hash: of the password that the settings had, or of their having none.
    @ivar changed_at: aware.
    @ivar previous_until: until when the passwords before it count too; aware. C{None}: no more.
    @ivar previous_hashes: of those passwords, the newest one first; C{replaces_hash} stands
        for that of the settings.
    """

    charge_point: str
    salt: bytes = field(repr=False)
    key_hash: str = field(repr=False)
    replaces_hash: str = field(repr=False)
    changed_at: datetime
    previous_until: datetime | None = None
    previous_hashes: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(
        cls,
        charge_point: str,
        key: bytes,
        replaced_password: str | None,
        now: datetime,
        salt: bytes,
    ) -> GivenKey:
        """
        The first key that a Charge Point was given.

        @param key: the bytes, not their digits.
        @param replaced_password: what the settings say; C{None}: it needs none.
        @param now: aware.
        @param salt: random bytes.
        """
        replaces_hash = _hash_of_setting(salt, replaced_password)
        return cls(
            charge_point=charge_point,
            salt=salt,
            key_hash=_hash(salt, key),
            replaces_hash=replaces_hash,
            changed_at=now,
            previous_until=now + GRACE,
            previous_hashes=(replaces_hash,),
        )

    def followed_by(self, key: bytes, now: datetime) -> GivenKey:
        """
        The next key that it was given; what counts now counts beside it.

        Whoever learns that the Charge Point has refused it goes on with C{self}.
        """
        previous = (self.key_hash, *(self.previous_hashes if self._in_grace(now) else ()))
        if len(previous) > MAX_PREVIOUS:
            # The oldest one is that which it certainly had.
            previous = (*previous[: MAX_PREVIOUS - 1], previous[-1])
        return evolve(
            self,
            key_hash=_hash(self.salt, key),
            changed_at=now,
            previous_until=now + GRACE,
            previous_hashes=previous,
        )

    def undecided(self) -> GivenKey:
        """Nobody knows whether the Charge Point has taken it."""
        return evolve(self, previous_until=UNDECIDED)

    def taken(self, now: datetime) -> GivenKey:
        """The Charge Point says that it has taken it; the ones before end soon."""
        return evolve(self, previous_until=now + GRACE)

    def confirmed(self) -> GivenKey:
        """Somebody has logged in with it: it alone counts."""
        return evolve(self, previous_until=None, previous_hashes=())

    def matches(self, given: bytes) -> bool:
        """
        Whether a password is this key, as its bytes or as their digits.

        It takes the same time whatever is wrong.
        """
        return self._is_one_of((self.key_hash,), given)

    def matches_previous(self, given: bytes, now: datetime) -> bool:
        """Whether a password is a key from before that still counts; as L{matches}."""
        return self._is_one_of(self.previous_hashes, given) and self._in_grace(now)

    def configured_counts(self, now: datetime) -> bool:
        """Whether the password of the settings still counts beside it."""
        return self.replaces_hash in self.previous_hashes and self._in_grace(now)

    def replaces(self, configured_password: str | None) -> bool:
        """
        Whether the settings still hold the password that was replaced.

        When not, somebody has edited them since: they count, and this key does not.
        """
        configured = _hash_of_setting(self.salt, configured_password)
        return compare_digest(configured, self.replaces_hash)

    def _in_grace(self, now: datetime) -> bool:
        return self.previous_until is not None and now < self.previous_until

    def _is_one_of(self, hashes: tuple[str, ...], given: bytes) -> bool:
        # Each byte is one character there, so that those that are no digits stay none.
        text = given.decode("latin-1")
        key = bytes.fromhex(text) if is_hex_key(text) else given
        candidates = (_hash(self.salt, given), _hash(self.salt, key))
        # All of them are compared, also when the first one fits.
        equal = [compare_digest(one, other) for one in hashes for other in candidates]
        return any(equal)


def _hash(salt: bytes, key: bytes) -> str:
    return sha256(salt + key).hexdigest()


def _hash_of_setting(salt: bytes, password: str | None) -> str:
    # Not the hash that a key has: who logs in with the password of the settings is found by it,
    # in whatever form it was written there.
    setting = b"none" if password is None else b"set:" + password.encode()
    return sha256(salt + b"setting" + setting).hexdigest()
