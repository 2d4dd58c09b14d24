"""Configuration keys whose values are secrets."""

from __future__ import annotations

import re
from typing import Final

from msgspec.structs import replace

from cfos_cm.v16.core import GetConfigurationConfirmation

__all__ = [
    "AUTHORIZATION_KEY",
    "CONFIDENTIAL_WORDS",
    "is_password",
    "is_secret",
    "without_password",
]

#: The password of a Charge Point; "Improved security for OCPP 1.6-J", chapter 7.
AUTHORIZATION_KEY: Final = "AuthorizationKey"

#: What is in the names of secrets, as a regular expression; also of the keys that makers have
#: of their own, such as of a WLAN or a modem.
CONFIDENTIAL_WORDS: Final = (
    r"passw|passphrase|pwd|secret|token|credential|psk|private_?key|authorization_?key"
    r"|api_?key|sim_?pin|wpa_?key"
)
_SECRET = re.compile(CONFIDENTIAL_WORDS, re.IGNORECASE)


def is_password(key: str) -> bool:
    """Whether a configuration key is the password, however it is written."""
    return key.strip().casefold() == AUTHORIZATION_KEY.casefold()


def is_secret(key: str) -> bool:
    """Whether the value of a configuration key is most likely a secret, by the key's name."""
    return is_password(key) or _SECRET.search(key) is not None


def without_password(told: GetConfigurationConfirmation) -> GetConfigurationConfirmation:
    """The same configuration; its password, which should not have been told, is left out."""
    if told.configuration_key is None:
        return told
    return replace(
        told,
        configuration_key=tuple(
            replace(one, value=None) if is_password(one.key) else one
            for one in told.configuration_key
        ),
    )
