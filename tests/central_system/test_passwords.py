"""Which password counts, while it is being changed and afterwards."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.passwords import Passwords
from cfos_cm.central_system.settings import CentralSystemSettings
from cfos_cm.errors import StorageError
from cfos_cm.site.given_key import GRACE
from cfos_cm.wire.basic_auth import Credentials
from tests.central_system.world import SITE, World

OLD = "as-it-was-written"
KEY = bytes(range(0xE0, 0xF4))
NEXT = b"another key of twenty"[:20]
HEX_SETTING = "00112233445566778899aabbccddeeff"


class Case(SynchronousTestCase):
    """CP-1, of which a password is asked."""

    setting: str | None = OLD

    def setUp(self) -> None:
        """Nothing was given to it yet."""
        self.world = World(evolve(SITE, password=self.setting))
        self.passwords: Passwords = self.world.system.passwords

    def knows(self, password: str | bytes | None, identity: str = "CP-1") -> bool:
        """Whether somebody with that password is let in."""
        if password is None:
            return self.passwords.proves(identity, None)
        secret = password if isinstance(password, bytes) else password.encode()
        return self.passwords.proves(identity, Credentials(identity, secret))

    def offer(self, key: bytes) -> None:
        """It is about to be given a key."""
        self.successResultOf(self.passwords.offered("CP-1", key))

    def give(self, key: bytes) -> None:
        """It has taken a key."""
        self.offer(key)
        self.successResultOf(self.passwords.taken("CP-1"))

    def restart(self) -> None:
        """The program starts anew; what is on disk is all that is left."""
        kept = self.world.keys.kept
        self.world = World(evolve(SITE, password=self.setting))
        self.world.keys.kept = kept
        self.passwords = self.world.system.passwords
        self.passwords.remember(kept.values())


class Change(Case):
    """Over OCPP."""

    def test_offered(self) -> None:
        """While nobody knows whether it has taken it, both count, for as long as it takes."""
        self.offer(KEY)
        self.world.clock.advance(10 * GRACE.total_seconds())
        self.restart()
        self.assertTrue(self.knows(OLD))
        self.assertTrue(self.knows(KEY))

    def test_taken(self) -> None:
        """The old one counts until it has logged in with the new one."""
        self.give(KEY)
        self.assertTrue(self.knows(OLD))
        self.assertTrue(self.knows(KEY))
        self.assertFalse(self.knows(OLD))
        self.restart()
        self.assertTrue(self.knows(KEY))
        self.assertFalse(self.knows(OLD))

    def test_neverUsed(self) -> None:
        """And for a quarter of an hour at most."""
        self.give(KEY)
        self.world.now += GRACE - timedelta(seconds=1)
        self.assertTrue(self.knows(OLD))
        self.world.now += timedelta(seconds=1)
        self.assertFalse(self.knows(OLD))
        self.assertTrue(self.knows(KEY))

    def test_kept(self) -> None:
        """When it refuses, only the old one counts."""
        self.offer(KEY)
        self.successResultOf(self.passwords.kept("CP-1"))
        self.assertFalse(self.knows(KEY))
        self.assertTrue(self.knows(OLD))
        self.assertEqual({}, self.world.keys.kept)

    def test_secondKept(self) -> None:
        """When it refuses a second one, the first one goes on."""
        self.give(KEY)
        self.assertTrue(self.knows(KEY))
        self.offer(NEXT)
        self.successResultOf(self.passwords.kept("CP-1"))
        self.assertFalse(self.knows(NEXT))
        self.assertTrue(self.knows(KEY))

    def test_usedBeforeAnswer(self) -> None:
        """It may come back with the new one before its answer is known."""
        self.offer(KEY)
        self.assertTrue(self.knows(KEY))
        self.successResultOf(self.passwords.taken("CP-1"))
        self.assertFalse(self.knows(OLD))

    def test_forms(self) -> None:
        """As bytes, and as digits in either case."""
        self.give(KEY)
        for form in (KEY, KEY.hex(), KEY.hex().upper()):
            self.assertTrue(self.knows(form), form)

    def test_settingsChanged(self) -> None:
        """Whoever writes another password into the settings means it."""
        self.give(KEY)
        self.world.system.configure(evolve(SITE, password="from the file"))
        self.assertTrue(self.knows("from the file"))
        self.assertFalse(self.knows(KEY))

    def test_others(self) -> None:
        """It is no password of anybody else."""
        self.give(KEY)
        self.assertFalse(self.knows(KEY, "CP-2"))
        self.assertTrue(self.knows(OLD, "CP-2"))
        self.assertFalse(self.passwords.proves("CP-1", Credentials("CP-2", KEY)))

    def test_notWritten(self) -> None:
        """What is not on disk does not count."""
        self.world.disk.broken = True
        self.failureResultOf(self.passwords.offered("CP-1", KEY), StorageError)
        self.assertFalse(self.knows(KEY))

    def test_whileWriting(self) -> None:
        """Nor before it is."""
        self.world.disk.held = True
        offering: Deferred[None] = self.passwords.offered("CP-1", KEY)
        self.assertFalse(self.knows(KEY))
        self.world.disk.let_go()
        self.successResultOf(offering)
        self.assertTrue(self.knows(KEY))


class Open(Case):
    """Where no password was asked for until one is given."""

    setting = None

    def test_given(self) -> None:
        """Until it has used its key it may come without; then it has to show it."""
        self.assertTrue(self.knows(None))
        self.assertTrue(self.knows("whatever"))
        self.give(KEY)
        self.assertTrue(self.passwords.asks("CP-1"))
        self.assertTrue(self.knows(None))
        self.assertTrue(self.knows(KEY))
        self.assertFalse(self.knows(None))
        self.assertFalse(self.knows("whatever"))
        self.assertTrue(self.knows(None, "CP-2"))


class Forms(Case):
    """Digits in the settings mean bytes."""

    setting = HEX_SETTING

    def test_forms(self) -> None:
        """The bytes are what the specification wants; the digits are accepted too."""
        secret = bytes.fromhex(HEX_SETTING)
        for form in (secret, HEX_SETTING, HEX_SETTING.upper()):
            self.assertTrue(self.knows(form), form)
        for form in (secret[:-1], HEX_SETTING[:-1], b""):
            self.assertFalse(self.knows(form), form)


class Settings(SynchronousTestCase):
    """What is configured."""

    def test_asks(self) -> None:
        """Whether anybody has to know anything."""
        self.assertFalse(SITE.asks_passwords)
        self.assertTrue(evolve(SITE, password="x").asks_passwords)
        own = evolve(SITE.charge_points["CP-1"], password="x")
        self.assertTrue(CentralSystemSettings({"CP-1": own}).asks_passwords)


class Races(Case):
    """Log-ins while a key is on its way."""

    def test_oldDuringOffer(self) -> None:
        """Who logs in with the key that he has does not undo the one that he is offered."""
        self.give(KEY)
        self.world.disk.held = True
        offering = self.passwords.offered("CP-1", NEXT)
        self.assertTrue(self.knows(KEY))
        self.world.disk.let_go()
        self.successResultOf(offering)
        self.assertTrue(self.knows(KEY))
        self.successResultOf(self.passwords.taken("CP-1"))
        self.assertTrue(self.knows(NEXT))
        self.restart()
        self.assertTrue(self.knows(NEXT))
        self.assertFalse(self.knows(KEY))

    def test_refusedAndUsed(self) -> None:
        """Who says that he refuses a key and logs in with it has it."""
        self.give(KEY)
        self.assertTrue(self.knows(KEY))
        self.offer(NEXT)
        self.assertTrue(self.knows(NEXT))
        self.successResultOf(self.passwords.kept("CP-1"))
        self.assertTrue(self.knows(NEXT))
