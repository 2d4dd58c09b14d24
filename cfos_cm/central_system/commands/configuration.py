"""The configuration keys of a Charge Point; OCPP 1.6, chapter 9."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import field, frozen

from cfos_cm.central_system.commands.announced import CONFIGURATION_KEYS, number_in
from cfos_cm.central_system.commands.checked_calls import CheckedCalls
from cfos_cm.errors import LocalProtocolError
from cfos_cm.v16.actions import FeatureProfile
from cfos_cm.v16.core import (
    ChangeConfigurationConfirmation,
    ChangeConfigurationRequest,
    ConfigurationStatus,
    GetConfigurationConfirmation,
    GetConfigurationRequest,
)

__all__ = [
    "CAUTIOUS_KEYS",
    "MAX_KEYS",
    "Configuration",
    "ConfigurationKey",
    "change_configuration",
    "get_configuration",
]

#: So many are asked for at once where a Charge Point does not tell how many it takes.
CAUTIOUS_KEYS = 10
#: More are a mistake of whoever asks: the largest Charge Points have some 300 keys.
MAX_KEYS = 1000

_PROFILES = {profile.value.casefold(): profile for profile in FeatureProfile}
_WORD = re.compile(r"[A-Za-z]+")


@frozen
class ConfigurationKey:
    """
    A configuration key of a Charge Point.

    @ivar value: always a text, as "60" or "true"; C{None}: it is not set, or is a secret.
    @ivar read_only: whether ChangeConfiguration would refuse it.
    """

    key: str
    value: str | None = field(repr=False)
    read_only: bool


@frozen
class Configuration:
    """
    What a Charge Point tells of its configuration.

    @ivar keys: those that it knows, as it told them.
    @ivar unknown: those that it was asked for and does not know.
    """

    keys: tuple[ConfigurationKey, ...]
    unknown: tuple[str, ...] = ()

    def value(self, key: str) -> str | None:
        """The value of a key, however its name is written; C{None} if it was not told."""
        for one in self.keys:
            if one.key.casefold() == key.casefold():
                return one.value
        return None

    def number(self, key: str) -> int | None:
        """The value of a key that is a number; C{None} if it was not told or is none."""
        text = self.value(key)
        return None if text is None else number_in(text)

    @property
    def feature_profiles(self) -> frozenset[FeatureProfile]:
        """
        The groups of actions that it announces in SupportedFeatureProfiles.

        What is there besides known names, as quotes, blanks and words of its own, is passed
        over.
        """
        words = _WORD.findall(self.value("SupportedFeatureProfiles") or "")
        found = (_PROFILES.get(word.casefold()) for word in words)
        return frozenset(profile for profile in found if profile is not None)


async def get_configuration(
    calls: CheckedCalls, identity: str, keys: Sequence[str] = ()
) -> Configuration:
    """
    Ask for configuration keys, in as many messages as the Charge Point needs.

    @param keys: none: all.
    @raise LocalProtocolError: if there are too many, or one is empty or longer than 50.
    @raise cfos_cm.errors.DeviceError: if it does not answer, or refuses.
    """
    if len(keys) > MAX_KEYS:
        raise LocalProtocolError(f"{len(keys)} keys are asked for; at most {MAX_KEYS}")
    told: list[ConfigurationKey] = []
    unknown: list[str] = []
    for some in await _portions(calls, identity, keys):
        request = GetConfigurationRequest(key=some or None)
        answer = await calls.ask(identity, request, GetConfigurationConfirmation)
        unknown += answer.unknown_key or ()
        told += (
            ConfigurationKey(one.key, one.value, one.readonly)
            for one in answer.configuration_key or ()
        )
    return Configuration(tuple(told), tuple(unknown))


async def change_configuration(
    calls: CheckedCalls, identity: str, key: str, value: str
) -> ConfigurationStatus:
    """
    Set a configuration key.

    @param key: at most 50 characters; the AuthorizationKey is not set in this way.
    @param value: at most 500 characters.
    @return: accepted; accepted, and holds after a restart; the value is refused; the key is not
        known.
    @raise LocalProtocolError: for any other key or value.
    @raise cfos_cm.errors.DeviceError: if it does not answer, or refuses.
    """
    request = ChangeConfigurationRequest(key=key, value=value)
    answer = await calls.ask(identity, request, ChangeConfigurationConfirmation)
    return answer.status


async def _portions(
    calls: CheckedCalls, identity: str, keys: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """C{keys} in portions that one message may ask for; one that is empty asks for all."""
    if len(keys) <= 1:
        return iter((tuple(keys),))
    most = calls.announced.by(identity).get(CONFIGURATION_KEYS)
    if most is None:
        await calls.ask(
            identity,
            GetConfigurationRequest(key=(CONFIGURATION_KEYS,)),
            GetConfigurationConfirmation,
        )
        most = calls.announced.by(identity).get(CONFIGURATION_KEYS, CAUTIOUS_KEYS)
    return (tuple(keys[at : at + most]) for at in range(0, len(keys), most))
