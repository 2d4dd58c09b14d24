"""HTTP Basic authentication, RFC 7617, as OCPP-J uses it."""

from __future__ import annotations

import binascii
from base64 import b64decode

from attrs import field, frozen

from cfos_cm.errors import RemoteProtocolError

__all__ = ["Credentials", "read_authorization"]

#: 48 characters of identity and 40 of password need 120; nobody needs more than this.
_MAX_HEADER_CHARS = 512


@frozen
class Credentials:
    """
    Who a peer says that it is, and how it proves it.

    @ivar username: the identity of the Charge Point.
    @ivar password: bytes, which need not be UTF-8: OCPP's AuthorizationKey is binary.
    """

    username: str
    password: bytes = field(repr=False)


def read_authorization(header: str) -> Credentials:
    """
    The credentials in an C{Authorization} header.

    @raise RemoteProtocolError: if it is too long or not a Basic one. The text of the error does
        not repeat the header.
    """
    if len(header) > _MAX_HEADER_CHARS:
        raise RemoteProtocolError(
            f"Authorization header of {len(header)} characters; at most {_MAX_HEADER_CHARS}"
        )
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise RemoteProtocolError("the Authorization header is not of the Basic scheme")
    try:
        decoded = b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RemoteProtocolError("the Authorization header is not base64") from error
    username, colon, password = decoded.partition(b":")
    if not colon:
        raise RemoteProtocolError("the Authorization header has no password")
    return Credentials(username.decode("utf-8", "replace"), password)
