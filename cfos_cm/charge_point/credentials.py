"""
What a backend has given its gateway to log in with, and what was learned of the backend.

"Improved security for OCPP 1.6-J", A01 and A05. What is new is tried first, and what has worked
until then is kept until the new has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Final, TypeVar

from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from cfos_cm.charge_point.environment import GatewayEnvironment, Vault, VaultName
from cfos_cm.charge_point.given import Given, LoggedIn, ServerKeySeen, UpgradeFailed
from cfos_cm.charge_point.kept_text import read_kept, text_of
from cfos_cm.charge_point.remembering import by_the_way
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.wire.authorization_key import is_hex_key

__all__ = ["MAX_GIVEN_KEYS", "BackendCredentials", "KnownServer"]

#: So many keys are tried in turn; each but the oldest is one that was never seen to work.
MAX_GIVEN_KEYS: Final = 4

_log = Logger(namespace="cfos_cm.gateway")

_Result = TypeVar("_Result")


@frozen
class KnownServer:
    """
    A backend that was connected without anybody who vouches for it.

    @ivar pin: of its public key, SHA-256 in hexadecimal.
    @ivar fingerprint: of its certificate then, for people.
    @ivar subject: whose it said to be, for people.
    @ivar seen_at: when that was, as OCPP writes it.
    """

    pin: str
    fingerprint: str
    subject: str
    seen_at: str


@frozen
class _Password:
    """
    @ivar keys: the newest first.
    @ivar have_worked: the first one has; it is the only one then.
    @ivar replaces: what the settings said, as a hash.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    have_worked: bool = False
    salt: str = field(default="", repr=False)
    replaces: str = field(default="", repr=False)


@frozen
class _Profile:
    """
    @ivar before: what it goes back to if C{wanted} does not work; C{None}: the settings.
    """

    wanted: int
    has_worked: bool = False
    before: int | None = None


class BackendCredentials:
    """What one gateway logs in with beyond its settings."""

    def __init__(
        self,
        settings: GatewaySettings,
        environment: GatewayEnvironment,
    ) -> None:
        self._settings = settings
        self._name = settings.name
        self._vault: Vault = environment.vault
        self._now = environment.now
        self._new_salt: Callable[[], str] = environment.new_unique_id
        self._password = _Password()
        self._profile: _Profile | None = None
        self._server: KnownServer | None = None
        # What is being written on command is not to be written over by what is learned.
        self._writing: list[VaultName] = []

    def restore(self, kept: Mapping[VaultName, str]) -> None:
        """Take what was given before the restart, unless the settings say otherwise by now."""
        self._restore_password(kept)
        profile = read_kept(self._name, kept, VaultName.PROFILE, _Profile)
        if profile is not None and {profile.wanted, profile.before} <= _PROFILES:
            self._profile = profile
        server = read_kept(self._name, kept, VaultName.SERVER, KnownServer)
        if server is not None and _is_pin(server.pin):
            self._server = server

    def add_to(self, given: Given) -> Given:
        """C{given} with what is known here."""
        profile, server = self._profile, self._server
        return evolve(
            given,
            keys=self._password.keys,
            keys_work=self._password.have_worked,
            profile=_as_profile(None if profile is None else profile.wanted),
            profile_works=profile is not None and profile.has_worked,
            profile_before=_as_profile(None if profile is None else profile.before),
            pin=None if server is None else server.pin,
        )

    @property
    def has_password(self) -> bool:
        """Whether there is anything to log in with by name."""
        return bool(self._password.keys) or self._settings.password is not None

    @property
    def server(self) -> KnownServer | None:
        """A backend that is known by its key; C{None}: none is."""
        return self._server

    # What a backend commands

    def give_key(self, key: str) -> Deferred[None]:
        """
        Log in with another key from the next connection on.

        @param key: hexadecimal digits.
        @return: when it is on disk; fails with L{StorageError<cfos_cm.errors.StorageError>},
            and nothing has changed then.
        """
        old = self._password
        known = [one for one in old.keys if one != key]
        # The last one is that which has worked, if any has.
        keys = (key, *known[: MAX_GIVEN_KEYS - 2], *known[MAX_GIVEN_KEYS - 2 :][-1:])
        salt = old.salt or self._new_salt()
        password = _Password(
            keys=keys,
            have_worked=old.have_worked and not known,
            salt=salt,
            replaces=_hash(salt, self._settings.password),
        )
        return self._commanded(VaultName.PASSWORD, text_of(password), "_password", password)

    def raise_profile(self, profile: SecurityProfile) -> Deferred[None]:
        """As L{give_key}, for a security profile."""
        old = self._profile
        before = None
        if old is not None:
            before = old.wanted if old.has_worked else old.before
        raised = _Profile(profile.value, False, before)
        return self._commanded(VaultName.PROFILE, text_of(raised), "_profile", raised)

    def forget_server(self) -> Deferred[None]:
        """As L{give_key}: whoever is connected next is believed to be the backend."""
        return self._commanded(VaultName.SERVER, None, "_server", None)

    # What a connection has shown

    def logged_in(self, notice: LoggedIn) -> bool:
        """
        A connection was opened.

        @return: whether anything is another way from the next one on.
        """
        if self._writing:
            # It was opened with what was there before.
            return False
        has_worked = self._key_worked(notice.key)
        return self._profile_worked(notice.profile) or has_worked

    def server_seen(self, notice: ServerKeySeen) -> None:
        """A backend has shown its key, and is known by it from now on."""
        if self._server is not None and self._server.pin == notice.pin:
            return
        server = KnownServer(
            notice.pin, notice.fingerprint, notice.subject, format_timestamp(self._now())
        )
        self._server = server
        by_the_way(self._name, self._vault.put(VaultName.SERVER, text_of(server)))
        _log.warn(
            "{name}: nobody vouches for the backend; from now on it is known by its key: "
            "{subject}, SHA-256 {fingerprint}",
            name=self._name,
            subject=notice.subject,
            fingerprint=notice.fingerprint,
        )

    def upgrade_failed(self, notice: UpgradeFailed) -> bool:
        """
        A higher security profile has not worked: it is as before.

        @return: whether it was not already.
        """
        profile = self._profile
        if profile is None or profile.has_worked or profile.wanted != notice.profile:
            return False
        before = None if profile.before is None else _Profile(profile.before, True)
        self._keep_profile(before)
        _log.error(
            "{name}: security profile {profile}, which the backend has commanded, does not "
            "work, and it is called as before: {why}",
            name=self._name,
            profile=profile.wanted,
            why=notice.why,
        )
        return True

    # The rest

    def _restore_password(self, kept: Mapping[VaultName, str]) -> None:
        found = read_kept(self._name, kept, VaultName.PASSWORD, _Password)
        if found is None:
            return
        if not compare_digest(found.replaces, _hash(found.salt, self._settings.password)):
            _log.warn(
                "{name}: the password in the settings is another one: what the backend has "
                "given since is forgotten",
                name=self._name,
            )
            by_the_way(self._name, self._vault.put(VaultName.PASSWORD, None))
        elif all(is_hex_key(key) for key in found.keys):
            self._password = evolve(found, keys=found.keys[:MAX_GIVEN_KEYS])

    def _key_worked(self, key: str | None) -> bool:
        keys = self._password.keys
        if not keys or key != keys[0] or self._password.have_worked:
            return False
        self._password = evolve(self._password, keys=keys[:1], have_worked=True)
        by_the_way(self._name, self._vault.put(VaultName.PASSWORD, text_of(self._password)))
        _log.info("{name}: the password that the backend has given works", name=self._name)
        return True

    def _profile_worked(self, seen: SecurityProfile) -> bool:
        profile = self._profile
        if profile is None or profile.has_worked or seen < profile.wanted:
            return False
        self._keep_profile(_Profile(profile.wanted, True))
        _log.info(
            "{name}: security profile {profile} works; there is no way back to a lower one",
            name=self._name,
            profile=profile.wanted,
        )
        return True

    def _keep_profile(self, profile: _Profile | None) -> None:
        self._profile = profile
        if VaultName.PROFILE in self._writing:
            # That stays on disk; if it fails, what was tried before is tried again some day.
            return
        text = None if profile is None else text_of(profile)
        by_the_way(self._name, self._vault.put(VaultName.PROFILE, text))

    def _commanded(
        self, name: VaultName, text: str | None, attribute: str, value: object
    ) -> Deferred[None]:
        """It holds when it is on disk, and not before."""

        def ended(result: _Result) -> _Result:
            self._writing.remove(name)
            return result

        self._writing.append(name)
        putting = self._vault.put(name, text).addBoth(ended)
        return putting.addCallback(lambda _: setattr(self, attribute, value))


_PROFILES: Final = frozenset({None, *SecurityProfile})
_PIN_DIGITS: Final = 64


def _as_profile(number: int | None) -> SecurityProfile | None:
    return None if number is None else SecurityProfile(number)


def _is_pin(text: str) -> bool:
    return len(text) == _PIN_DIGITS and set(text) <= set("0123456789abcdef")


def _hash(salt: str, password: str | None) -> str:
    setting = "none" if password is None else f"set:{password}"
    return sha256(f"{salt}|{setting}".encode("utf-8", "surrogatepass")).hexdigest()
