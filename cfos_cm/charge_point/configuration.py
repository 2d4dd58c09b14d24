"""The configuration keys of a gateway. OCPP 1.6, "Standard Configuration Key Names"."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from cfos_cm.charge_point.environment import Memory, MemoryKind
from cfos_cm.charge_point.keys import LONGEST_S, Key, is_for_charge_point, keys_of
from cfos_cm.charge_point.policy import plain
from cfos_cm.charge_point.remembering import by_the_way, once_stored
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.core import ConfigurationStatus, KeyValue
from cfos_cm.wire.authorization_key import is_hex_key

__all__ = ["MAX_KEYS", "Configuration"]

#: How many keys one GetConfiguration may name.
MAX_KEYS = 100

_KIND = "key"

_log = Logger(namespace="cfos_cm.gateway")


class Configuration:
    """
    The keys with their values. Upper and lower case of a key's name do not matter.

    @ivar changed: called with a key's name when it has another value than before.
    @ivar key_given: takes an AuthorizationKey, 32 to 40 hexadecimal digits, and tells whether
        it is kept: the connection is made anew with it then, and the one before it holds until
        it has worked. C{None}: nobody takes any.
    @ivar profile_given: the same for a SecurityProfile.
    """

    def __init__(self, settings: GatewaySettings, memory: Memory) -> None:
        self._name = settings.name
        self._settings = settings
        self._memory = memory
        rows = keys_of(settings, MAX_KEYS)
        self._keys: dict[str, Key] = {key.name.lower(): key for key in rows}
        self._plain = frozenset(plain(key.name) for key in rows)
        self._values = {key.name: key.value for key in rows}
        self.changed: Callable[[str], None] = lambda _name: None
        self.key_given: Callable[[str], Deferred[bool]] | None = None
        self.profile_given: Callable[[SecurityProfile], Deferred[bool]] | None = None

    def restore(self, remembered: Mapping[MemoryKind, Mapping[str, str]]) -> None:
        """Take the values that were set before the restart, where they still can be."""
        for name, value in remembered.get(_KIND, {}).items():
            key = self._keys.get(name.lower())
            taken = None if key is None or key.is_commanded else _accepted(key, value)
            if key is None or taken is None:
                _log.warn(
                    "{name}: the configuration key {key} is not what it was",
                    name=self._name,
                    key=name,
                )
            else:
                self._values[key.name] = taken

    def is_set(self, name: str) -> bool:
        """Whether the flag C{name} is true."""
        return self._values[name] == "true"

    def number(self, name: str) -> int:
        """The number that C{name} is."""
        return int(self._values[name])

    def words(self, name: str) -> tuple[str, ...]:
        """
        The list that C{name} is.

        Measurands are as C{Current.Import}, or as C{Current.Import.L1} for one phase of it.
        """
        return tuple(word for word in self._values[name].split(",") if word)

    def text(self, name: str) -> str:
        """What C{name} is."""
        return self._values[name]

    def show(self, name: str, value: str) -> None:
        """A value that follows from other things has become another one."""
        self._put(name, value)

    def put_heartbeat_interval(self, interval_s: int) -> None:
        """Take the interval that a BootNotification was answered with. [s]"""
        value = str(max(1, min(interval_s, LONGEST_S)))
        if value != self._values["HeartbeatInterval"]:
            by_the_way(self._name, self._memory.put(_KIND, "HeartbeatInterval", value))
            self._put("HeartbeatInterval", value)

    def change(self, name: str, value: str) -> Deferred[ConfigurationStatus]:
        """
        Set a key, if it is there and takes that value.

        @return: when it is on disk; then it holds. Fails as L{once_stored}.
        """
        key = self._keys.get(name.lower())
        if key is None:
            return succeed(ConfigurationStatus.NOT_SUPPORTED)
        if key.is_secret:
            return self._give_key(value)
        taken = _accepted(key, value)
        if taken is None:
            return succeed(ConfigurationStatus.REJECTED)
        if key.is_commanded:
            return self._give_profile(SecurityProfile(int(taken)))
        stored = once_stored(
            ConfigurationStatus.ACCEPTED, self._memory.put(_KIND, key.name, taken)
        )

        def apply(status: ConfigurationStatus) -> ConfigurationStatus:
            self._put(key.name, taken)
            return status

        return stored.addCallback(apply)

    def read(self, names: tuple[str, ...]) -> tuple[tuple[KeyValue, ...], tuple[str, ...]]:
        """
        What GetConfiguration is answered with.

        @param names: empty: all.
        @return: the keys that there are, and the names that are none.
        """
        if not names:
            return tuple(self._shown(key) for key in self._keys.values()), ()
        known = [self._keys.get(name.lower()) for name in names]
        unknown = tuple(name for name, key in zip(names, known, strict=True) if key is None)
        return tuple(self._shown(key) for key in known if key is not None), unknown

    def belongs_to_charge_point(self, name: str) -> bool:
        """
        Whether a key is one of the Charge Point behind: it has to be asked for it.

        The names that are not known here are those of vendors.
        """
        is_known = name.lower() in self._keys
        if not is_known and plain(name) in self._plain:
            # A Charge Point may take it for that one.
            return False
        return is_for_charge_point(self._settings, name, is_known)

    def _give_key(self, value: str) -> Deferred[ConfigurationStatus]:
        if self.key_given is None or not is_hex_key(value):
            return succeed(ConfigurationStatus.REJECTED)
        return self.key_given(value).addCallback(_status)

    def _give_profile(self, profile: SecurityProfile) -> Deferred[ConfigurationStatus]:
        if self.profile_given is None:
            return succeed(ConfigurationStatus.REJECTED)
        return self.profile_given(profile).addCallback(_status)

    def _put(self, name: str, value: str) -> None:
        if self._values[name] != value:
            self._values[name] = value
            self.changed(name)

    def _shown(self, key: Key) -> KeyValue:
        return KeyValue(
            key=key.name,
            readonly=key.accepts is None and not key.is_secret,
            value=None if key.is_secret else self._values[key.name],
        )


def _accepted(key: Key, value: str) -> str | None:
    return None if key.accepts is None else key.accepts(value)


def _status(is_kept: bool) -> ConfigurationStatus:
    return ConfigurationStatus.ACCEPTED if is_kept else ConfigurationStatus.REJECTED
