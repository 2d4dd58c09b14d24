"""Where a backend is, and how we say there who we are."""

from __future__ import annotations

import re
from enum import StrEnum

from attrs import field, frozen

from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.backend_url import backend_url
from cfos_cm.net.proxy_url import read_proxy
from cfos_cm.wire.authorization_key import KeyForm, is_hex_key

__all__ = ["BackendTarget", "PasswordForm", "Secret", "secrets_of"]

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


class PasswordForm(StrEnum):
    """How a password is put into the request that opens a connection to a backend."""

    AUTO = "auto"
    """What the backend accepts."""
    HEX = "hex"
    """It is hexadecimal for the bytes that are sent."""
    TEXT = "text"
    """Its characters are sent."""


@frozen
class Secret:
    """
    A password as it is sent.

    @ivar form: what it is of the one that is configured.
    """

    form: KeyForm
    sent: bytes = field(repr=False)


@frozen
class BackendTarget:
    """
    A backend, and one identity there.

    @ivar url: the backend's, without the client id.
    @ivar password: C{None}: none is told.
    @ivar ca_certificates: files (PEM) with those that may have signed the backend's
        certificate, or with that itself; none: any is taken.
    @ivar certificate: a file (PEM) with our own; C{None}: we have none.
    @ivar private_key: a file (PEM) with its key.
    @ivar proxy: a URL; empty: there is none on the way.
    @ivar name: for people; every line of the log begins with it.
    """

    url: str = field(repr=False)
    client_id: str
    password: str | None = field(default=None, repr=False)
    password_form: PasswordForm = PasswordForm.AUTO
    ca_certificates: tuple[str, ...] = ()
    certificate: str | None = None
    private_key: str | None = None
    proxy: str = field(default="", repr=False)
    name: str = ""

    def dialled_url(self) -> str:
        """
        The URL with the client id in it.

        @raise LocalProtocolError: if URL, client id, password or proxy cannot be used, alone
            or with each other; the text has no secret in it.
        """
        secrets_of(self.client_id, self.password, self.password_form)
        if self.proxy:
            try:
                read_proxy(self.proxy)
            except ValueError as error:
                raise LocalProtocolError(f"the URL of a proxy must be {error}") from None
        return backend_url(self.url, self.client_id)


def secrets_of(client_id: str, password: str | None, form: PasswordForm) -> tuple[Secret, ...]:
    """
    What a password can be sent as, the likeliest first.

    "Improved security for OCPP 1.6-J", the key AuthorizationKey: 16 to 20 bytes, written as 32
    to 40 hexadecimal digits and sent as the bytes; there are backends that want the digits.

    @return: none: nothing is sent.
    @raise LocalProtocolError: if it cannot be sent.
    """
    if password is None:
        return ()
    if ":" in client_id:
        # RFC 7617: what is behind the first colon is the password.
        raise LocalProtocolError("a client id with a colon cannot be told with a password")
    text = Secret(KeyForm.TEXT, password.encode())
    if form is PasswordForm.TEXT:
        return (text,)
    if form is PasswordForm.AUTO:
        is_key = is_hex_key(password)
        return (Secret(KeyForm.BYTES, bytes.fromhex(password)), text) if is_key else (text,)
    if _HEX.fullmatch(password) is None:
        raise LocalProtocolError(
            "a password that stands for bytes is pairs of hexadecimal digits"
        )
    return (Secret(KeyForm.BYTES, bytes.fromhex(password)),)
