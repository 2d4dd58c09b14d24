"""Passwords that were given over OCPP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from attrs import asdict
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.site.given_key import GRACE, MAX_PREVIOUS, GivenKey

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
SALT = b"0123456789abcdef"
KEY = bytes(range(0xE0, 0xF4))
OTHER_KEY = b"another-key-20-bytes"


def given(password: str | None = "secret-of-the-file") -> GivenKey:
    """A key that replaces the password of the settings."""
    return GivenKey.of("CP-1", KEY, password, NOW, SALT)


class Matching(SynchronousTestCase):
    """Which passwords are the key."""

    def test_bytes(self) -> None:
        """The key's bytes are it, though they are no text."""
        self.assertTrue(given().matches(KEY))

    def test_digits(self) -> None:
        """Some firmware sends the digits: they are it too, in whatever case."""
        self.assertTrue(given().matches(KEY.hex().encode()))
        self.assertTrue(given().matches(KEY.hex().upper().encode()))

    def test_others(self) -> None:
        """Nothing else is it."""
        for wrong in (
            b"",
            KEY[:-1],
            KEY + b"\0",
            OTHER_KEY,
            b"secret-of-the-file",
            b"\xff" * 40,
        ):
            self.assertFalse(given().matches(wrong), wrong)

    def test_keyOfDigits(self) -> None:
        """A key whose bytes happen to be digits is known by them."""
        key = GivenKey.of("CP-1", b"00112233445566778899", None, NOW, SALT)
        self.assertTrue(key.matches(b"00112233445566778899"))

    def test_salt(self) -> None:
        """The same key of another salt has another hash."""
        other = GivenKey.of("CP-1", KEY, None, NOW, b"another salt")
        self.assertNotEqual(other.key_hash, given().key_hash)

    def test_nothingIsShown(self) -> None:
        """Neither a key nor a password nor a hash is in the text of the value."""
        key = given()
        for secret in (KEY.hex(), repr(KEY), "secret-of-the-file", key.key_hash, SALT.decode()):
            self.assertNotIn(secret, repr(key))
        self.assertNotIn("secret-of-the-file", str(asdict(key)))


class Settings(SynchronousTestCase):
    """What the settings say beside it."""

    def test_replaces(self) -> None:
        """It counts as long as the settings hold the password that it replaced."""
        self.assertTrue(given().replaces("secret-of-the-file"))
        self.assertFalse(given().replaces("edited since"))
        self.assertFalse(given().replaces(None))

    def test_replacesNone(self) -> None:
        """Settings without a password are not those with an empty one."""
        self.assertTrue(given(None).replaces(None))
        self.assertFalse(given(None).replaces(""))
        self.assertFalse(given("").replaces(None))

    def test_grace(self) -> None:
        """The password of the settings counts beside it for 15 minutes, and no longer."""
        just_before = NOW + GRACE - timedelta(microseconds=1)
        self.assertTrue(given().configured_counts(just_before))
        self.assertFalse(given().configured_counts(NOW + GRACE))

    def test_confirmed(self) -> None:
        """After a log-in with the key nothing else counts."""
        key = given().confirmed()
        self.assertFalse(key.configured_counts(NOW))
        self.assertTrue(key.matches(KEY))
        self.assertTrue(key.replaces("secret-of-the-file"))

    def test_hashIsNoPassword(self) -> None:
        """The password of the settings is not found among the keys from before."""
        self.assertFalse(given().matches_previous(b"secret-of-the-file", NOW))


class Followed(SynchronousTestCase):
    """A key after a key."""

    def test_previousKey(self) -> None:
        """The key before counts for 15 minutes."""
        key = given().confirmed().followed_by(OTHER_KEY, LATER)
        self.assertTrue(key.matches(OTHER_KEY))
        self.assertFalse(key.matches(KEY))
        self.assertTrue(key.matches_previous(KEY, LATER))
        self.assertFalse(key.matches_previous(KEY, LATER + GRACE))
        self.assertFalse(key.configured_counts(LATER))
        self.assertTrue(key.replaces("secret-of-the-file"))

    def test_undecided(self) -> None:
        """As long as nobody knows what became of a key, all that may be right count."""
        key = given().undecided().followed_by(OTHER_KEY, LATER).undecided()
        much_later = NOW + timedelta(days=9999)
        self.assertTrue(key.matches(OTHER_KEY))
        self.assertTrue(key.matches_previous(KEY, much_later))
        self.assertTrue(key.configured_counts(much_later))

    def test_taken(self) -> None:
        """When it was taken, the ones before have 15 minutes."""
        key = given().undecided().taken(LATER)
        self.assertTrue(key.configured_counts(LATER))
        self.assertFalse(key.configured_counts(LATER + GRACE))

    def test_passedGrace(self) -> None:
        """What did not count any more does not count again by the next key."""
        key = given().followed_by(OTHER_KEY, NOW + GRACE)
        self.assertTrue(key.matches_previous(KEY, NOW + GRACE))
        self.assertFalse(key.configured_counts(NOW + GRACE))

    def test_bound(self) -> None:
        """
        However often nobody knows what became of a key, few of them are kept, and that which
        the Charge Point certainly had is one of them.
        """
        key = given().undecided()
        for number in range(3 * MAX_PREVIOUS):
            key = key.followed_by(bytes([number]) * 20, LATER).undecided()
        self.assertEqual(len(key.previous_hashes), MAX_PREVIOUS)
        self.assertTrue(key.configured_counts(LATER))
        self.assertTrue(key.matches_previous(bytes([3 * MAX_PREVIOUS - 2]) * 20, LATER))
        self.assertFalse(key.matches_previous(KEY, LATER))
