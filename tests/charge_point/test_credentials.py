"""What a gateway logs in with beyond its settings, and what it learns of its backend."""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent

from cfos_cm.charge_point.credentials import MAX_GIVEN_KEYS
from cfos_cm.charge_point.environment import VaultName
from cfos_cm.charge_point.given import Given, LoggedIn, ServerKeySeen, UpgradeFailed
from cfos_cm.site.security_profile import SecurityProfile
from tests.charge_point.backend_world import World, settings
from tests.charge_point.memory import InMemoryVault
from tests.charge_point.test_commands_operation import Case
from tests.issuer import Issuer

_KEYS = tuple(digit * 32 for digit in "abcdef")
_PIN = "0f" * 32
_PLAIN = "ws://backend.example/"


def set_key(world: World, key: str, value: str) -> str:
    """The backend sets a configuration key."""
    found = world.ask("ChangeConfiguration", {"key": key, "value": value})
    assert isinstance(found, dict), found
    return str(found["status"])


class CredentialsCase(Case):
    """A gateway with a password in its settings."""

    def begin(self, **other: Any) -> World:
        """The backend is there, and has asked for a password."""
        values: dict[str, Any] = {"password": "secret", **other}
        return self.world(**values)

    def again(self, world: World, **other: Any) -> World:
        """After a restart of the program, with these settings changed."""
        world.gateway.close()
        found = World(evolve(world.settings, **other), world.memory, world.vault)
        self.addCleanup(found.gateway.close)
        return found

    def given(self, world: World) -> Given:
        """What the next connection is made with."""
        return world.gateway.security.given

    def log_in(self, world: World, key: str | None, profile: int = 2) -> None:
        """A connection was opened."""
        world.gateway.noticed(LoggedIn(key, SecurityProfile(profile)))


class Passwords(CredentialsCase):
    """AuthorizationKey. TC_073."""

    def test_given(self) -> None:
        """It is kept, then accepted, and only behind the answer the connection is made anew."""
        world = self.begin()
        self.assertEqual("Accepted", set_key(world, "AuthorizationKey", _KEYS[0]))
        self.assertEqual((_KEYS[0],), world.given[-1].keys)
        self.assertFalse(world.given[-1].keys_work)
        self.assertEqual(["the backend has given another password"], world.renewals)
        self.assertEqual([3], [frame[0] for frame in world.sent_before_renewal[:1]])
        self.assertIn(_KEYS[0], world.vault.kept[VaultName.PASSWORD])

    def test_afterTheDisk(self) -> None:
        """As long as it is not on disk nothing is answered, and the old one is used."""
        world = self.begin()
        world.vault.waiting = []
        request = {"key": "AuthorizationKey", "value": _KEYS[0]}
        world.sent.clear()
        world.gateway.received(json.dumps([2, "q", "ChangeConfiguration", request]).encode())
        self.assertEqual(([], [], ()), (world.sent, world.renewals, self.given(world).keys))
        world.vault.waiting[0].callback(None)
        self.assertEqual([3, "q", {"status": "Accepted"}], world.sent[0])
        self.assertEqual(1, len(world.renewals))

    def test_fullDisk(self) -> None:
        """One that cannot be kept is rejected, and nothing changes."""
        world = self.begin()
        world.vault.is_full = True
        self.assertEqual("Rejected", set_key(world, "AuthorizationKey", _KEYS[0]))
        self.assertEqual(Given(), self.given(world))
        self.assertEqual([], world.renewals)

    def test_works(self) -> None:
        """Once it has worked it is the only one, also after a restart."""
        world = self.begin()
        set_key(world, "AuthorizationKey", _KEYS[0])
        self.log_in(world, None)
        self.assertFalse(self.given(world).keys_work)
        self.log_in(world, _KEYS[0])
        for one in (world, self.again(world)):
            found = self.given(one)
            self.assertEqual(((_KEYS[0],), True), (found.keys, found.keys_work))

    def test_oldOneStays(self) -> None:
        """Until the new one has worked the one before is tried as well, and comes behind it."""
        world = self.begin()
        set_key(world, "AuthorizationKey", _KEYS[0])
        self.log_in(world, _KEYS[0])
        set_key(world, "AuthorizationKey", _KEYS[1])
        self.assertEqual((_KEYS[1], _KEYS[0]), self.given(world).keys)
        self.assertFalse(self.given(world).keys_work)
        self.log_in(world, _KEYS[0])
        self.assertEqual((_KEYS[1], _KEYS[0]), self.given(self.again(world)).keys)

    def test_neverTooMany(self) -> None:
        """Of many that never worked some are forgotten, never the one that has."""
        world = self.begin()
        set_key(world, "AuthorizationKey", _KEYS[0])
        self.log_in(world, _KEYS[0])
        for key in _KEYS[1:]:
            world.clock.advance(61)
            set_key(world, "AuthorizationKey", key)
        found = self.given(world).keys
        self.assertEqual(MAX_GIVEN_KEYS, len(found))
        self.assertEqual((_KEYS[-1], _KEYS[0]), (found[0], found[-1]))

    def test_sameOneAgain(self) -> None:
        """The one that works already is no new one."""
        world = self.begin()
        set_key(world, "AuthorizationKey", _KEYS[0])
        self.log_in(world, _KEYS[0])
        self.assertEqual("Accepted", set_key(world, "AuthorizationKey", _KEYS[0]))
        found = self.given(world)
        self.assertEqual(((_KEYS[0],), True), (found.keys, found.keys_work))

    def test_settingsEdited(self) -> None:
        """Who writes another password into the settings is right; the given ones are gone."""
        for other in ("another", None):
            world = self.begin()
            set_key(world, "AuthorizationKey", _KEYS[0])
            same = self.again(world)
            self.assertEqual((_KEYS[0],), self.given(same).keys)
            edited = self.again(same, password=other)
            self.assertEqual((), self.given(edited).keys)
            self.assertNotIn(VaultName.PASSWORD, edited.vault.kept)

    def test_whileOneIsWritten(self) -> None:
        """A log-in of before says nothing about the one that is being written."""
        world = self.begin()
        set_key(world, "AuthorizationKey", _KEYS[0])
        world.vault.waiting = []
        request = {"key": "AuthorizationKey", "value": _KEYS[1]}
        world.gateway.received(json.dumps([2, "q", "ChangeConfiguration", request]).encode())
        self.log_in(world, _KEYS[0])
        (waiting,), world.vault.waiting = world.vault.waiting, None
        waiting.callback(None)
        for one in (world, self.again(world)):
            self.assertEqual((_KEYS[1], _KEYS[0]), self.given(one).keys)

    def test_colonInTheName(self) -> None:
        """Under a client id with a colon no password can be told: it is rejected."""
        world = World(evolve(settings(), client_id="a:b", password=None)).serve()
        self.addCleanup(world.gateway.close)
        self.assertEqual("Rejected", set_key(world, "AuthorizationKey", _KEYS[0]))

    def test_nothingIsTold(self) -> None:
        """No log, no key and no representation shows a password."""
        with capturedLogs() as logs:
            world = self.begin()
            set_key(world, "AuthorizationKey", _KEYS[0])
            self.log_in(world, _KEYS[0])
            told = json.dumps(world.ask("GetConfiguration"))
        words = "\n".join(formatEvent(one) or "" for one in logs)
        security = world.gateway.security
        shown = f"{self.given(world)!r} {security.__dict__!r} {security.standing!r}"
        state = repr(vars(security._credentials))
        for text in (words, told, shown, state, str(world.security_log.noted)):
            self.assertNotIn(_KEYS[0], text)


class Profiles(CredentialsCase):
    """SecurityProfile. TC_083, TC_084."""

    def test_raised(self) -> None:
        """With a password and a root it is raised, called anew, and there is no way back."""
        world = self.plain()
        self.install(world)
        self.assertEqual("Accepted", set_key(world, "SecurityProfile", "2"))
        found = world.given[-1]
        self.assertEqual((SecurityProfile.TLS, False), (found.profile, found.profile_works))
        self.assertEqual(["the backend has raised the security profile"], world.renewals)
        self.assertEqual("2", self.told(world))
        self.log_in(world, None, 2)
        self.assertTrue(self.given(world).profile_works)
        for lower in "012":
            self.assertEqual("Rejected", set_key(world, "SecurityProfile", lower))
        self.assertTrue(self.given(self.again(world)).profile_works)

    def plain(self, **other: Any) -> World:
        """A backend that is called without encryption."""
        world = World(evolve(settings(password="secret"), url=_PLAIN, **other)).serve()
        self.addCleanup(world.gateway.close)
        return world

    def install(self, world: World) -> None:
        """The backend installs a root."""
        request = {
            "certificateType": "CentralSystemRootCertificate",
            "certificate": Issuer("root").pem,
        }
        self.assertEqual({"status": "Accepted"}, world.ask("InstallCertificate", request))

    def told(self, world: World) -> str | None:
        """The value that the backend reads."""
        found = world.ask("GetConfiguration", {"key": ["SecurityProfile"]})
        value: str | None = found["configurationKey"][0]["value"]
        return value

    def test_prerequisites(self) -> None:
        """Without a password, a root or a certificate it is rejected."""
        rows: tuple[tuple[dict[str, Any], str, str], ...] = (
            ({"password": None}, "1", "Rejected"),
            ({}, "2", "Rejected"),
            ({"has_authorities": True}, "2", "Accepted"),
            ({"password": None, "has_authorities": True}, "2", "Rejected"),
            ({"has_authorities": True}, "3", "Rejected"),
            ({"has_authorities": True, "has_certificate": True}, "3", "Accepted"),
            ({"has_certificate": True}, "3", "Rejected"),
            ({}, "4", "Rejected"),
        )
        for changes, value, expected in rows:
            world = self.plain(**changes)
            self.assertEqual(expected, set_key(world, "SecurityProfile", value), changes)
            self.assertEqual(expected == "Accepted", bool(world.renewals), changes)

    def test_passwordFirst(self) -> None:
        """A password that the backend gives first is one."""
        world = self.plain(password=None)
        self.assertEqual("Rejected", set_key(world, "SecurityProfile", "1"))
        self.assertEqual("Accepted", set_key(world, "AuthorizationKey", _KEYS[0]))
        # With a password it is the first profile by that.
        self.assertEqual("1", self.told(world))

    def test_knownServer(self) -> None:
        """A backend that is known by its key is believed, where it is called by TLS."""
        world = self.begin(has_certificate=False)
        world.gateway.noticed(ServerKeySeen(_PIN, "AA:BB", "CN=backend"))
        self.assertTrue(world.gateway.security._has_trust)

    def test_fails(self) -> None:
        """One that does not work is given up: all is as before, and it can be tried again."""
        world = self.plain(has_authorities=True)
        set_key(world, "SecurityProfile", "2")
        world.gateway.noticed(UpgradeFailed(SecurityProfile.TLS, "nobody listens"))
        self.assertIsNone(world.given[-1].profile)
        self.assertEqual("1", self.told(world))
        self.assertIsNone(self.given(self.again(world)).profile)
        world.serve()
        self.assertEqual("Accepted", set_key(world, "SecurityProfile", "2"))

    def test_failsFromTheSecond(self) -> None:
        """From a third one that does not work it goes back to the second, which has."""
        world = self.plain(has_authorities=True, has_certificate=True)
        set_key(world, "SecurityProfile", "2")
        self.log_in(world, None, 2)
        set_key(world, "SecurityProfile", "3")
        found = self.given(world)
        self.assertEqual(
            (SecurityProfile.CERTIFICATE, False, SecurityProfile.TLS),
            (found.profile, found.profile_works, found.profile_before),
        )
        self.log_in(world, None, 2)
        self.assertFalse(self.given(world).profile_works)
        world.gateway.noticed(UpgradeFailed(SecurityProfile.CERTIFICATE, "no"))
        for one in (world, self.again(world)):
            found = self.given(one)
            self.assertEqual((SecurityProfile.TLS, True), (found.profile, found.profile_works))

    def test_failsWhileOneIsWritten(self) -> None:
        """What is being written stays on disk when the one before it turns out not to work."""
        world = self.plain(has_authorities=True, has_certificate=True)
        set_key(world, "SecurityProfile", "2")
        world.vault.waiting = []
        request = {"key": "SecurityProfile", "value": "3"}
        world.gateway.received(json.dumps([2, "q", "ChangeConfiguration", request]).encode())
        world.gateway.noticed(UpgradeFailed(SecurityProfile.TLS, "nobody listens"))
        waiting, world.vault.waiting = world.vault.waiting, None
        for one in waiting:
            one.callback(None)
        for found in (world, self.again(world)):
            self.assertEqual(SecurityProfile.CERTIFICATE, self.given(found).profile)

    def test_raisedTwice(self) -> None:
        """What is raised again before it has worked goes back to what has."""
        world = self.plain(password=None, has_authorities=True, has_certificate=True)
        credentials = world.gateway.security._credentials
        for profile in (SecurityProfile.PASSWORD, SecurityProfile.TLS):
            self.successResultOf(credentials.raise_profile(profile))
            self.log_in(world, None, 1)
        self.successResultOf(credentials.raise_profile(SecurityProfile.CERTIFICATE))
        self.assertEqual(SecurityProfile.PASSWORD, self.given(world).profile_before)

    def test_lateFailure(self) -> None:
        """What has worked is not given up any more."""
        world = self.plain(has_authorities=True)
        set_key(world, "SecurityProfile", "2")
        self.log_in(world, None, 2)
        world.gateway.noticed(UpgradeFailed(SecurityProfile.TLS, "no"))
        self.assertEqual(SecurityProfile.TLS, self.given(world).profile)

    def test_fullDisk(self) -> None:
        """One that cannot be kept is rejected."""
        world = self.plain(has_authorities=True)
        world.vault.is_full = True
        self.assertEqual("Rejected", set_key(world, "SecurityProfile", "2"))
        self.assertEqual([], world.renewals)


class Servers(CredentialsCase):
    """A backend that nobody vouches for."""

    def test_known(self) -> None:
        """It is known by its key from then on, also after a restart."""
        world = self.begin()
        world.gateway.noticed(ServerKeySeen(_PIN, "AA:BB", "CN=backend"))
        self.assertEqual(_PIN, world.given[-1].pin)
        again = self.again(world)
        self.assertEqual(_PIN, self.given(again).pin)
        server = again.gateway.security.standing.server
        assert server is not None
        self.assertEqual(("AA:BB", "CN=backend"), (server.fingerprint, server.subject))

    def test_trustNext(self) -> None:
        """The operator has the next key believed: the one before is forgotten."""
        world = self.begin()
        world.gateway.noticed(ServerKeySeen(_PIN, "AA:BB", "CN=backend"))
        self.successResultOf(world.gateway.security.trust_next())
        self.assertIsNone(world.given[-1].pin)
        self.assertIsNone(self.given(self.again(world)).pin)


class Restored(CredentialsCase):
    """What is read back."""

    def test_damaged(self) -> None:
        """What cannot be read is left out, with a line in the log, and all else holds."""
        for name in VaultName:
            for text in ("", "{", "[]", '{"keys":[1]}', '{"wanted":9}', "\ufffd", "[" * 10**5):
                vault = InMemoryVault()
                vault.kept[name] = text
                with capturedLogs() as logs:
                    world = World(settings(password="secret"), vault=vault)
                self.addCleanup(world.gateway.close)
                self.assertEqual(Given(), self.given(world), (name, text))
                self.assertEqual([], self.flushLoggedErrors(), (name, text))
                del logs

    def test_pin(self) -> None:
        """A key that is no SHA-256 is none."""
        for pin in ("", "0F" * 32, "0f" * 31, "zz" * 32):
            vault = InMemoryVault()
            kept = {"pin": pin, "fingerprint": "", "subject": "", "seen_at": ""}
            vault.kept[VaultName.SERVER] = json.dumps(kept)
            world = World(settings(), vault=vault)
            self.addCleanup(world.gateway.close)
            self.assertIsNone(self.given(world).pin, pin)

    @hypothesis_settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.sampled_from([(kind, key) for kind in ("give", "login") for key in _KEYS[:4]]),
            max_size=12,
        )
    )
    def test_neverLockedOut(self, steps: list[tuple[str, str]]) -> None:
        """Whatever comes, the last key that has worked is tried, and so is the newest."""
        world = self.begin()
        worked: str | None = None
        newest: str | None = None
        for kind, key in steps:
            if kind == "give":
                world.clock.advance(61)
                set_key(world, "AuthorizationKey", key)
                newest = key
            elif key in self.given(world).keys:
                self.log_in(world, key)
                if key == newest:
                    worked = key
        for one in (world, self.again(world)):
            found = self.given(one).keys
            self.assertLessEqual(len(found), MAX_GIVEN_KEYS)
            if newest is not None:
                self.assertEqual(newest, found[0])
            if worked is not None:
                self.assertIn(worked, found)
