"""The header fields that all answers have, and how those of a request are read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from twisted.web.http_headers import Headers

from cfos_cm.web.problem import Problem

__all__ = ["IMMUTABLE", "NO_STORE", "REVALIDATE", "every_answer", "lines", "single"]

NO_STORE = "no-store"
REVALIDATE = "no-cache"
IMMUTABLE = "public, max-age=31536000, immutable"

_CONTENT_SECURITY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
)
_USELESS_HERE = ("camera", "geolocation", "microphone", "payment", "usb", "serial")

_PLAIN: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": _CONTENT_SECURITY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": ", ".join(f"{what}=()" for what in _USELESS_HERE),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)
# Browsers do not keep this of a connection whose certificate somebody had to excuse.
_SECURE: Mapping[str, str] = MappingProxyType(
    {**_PLAIN, "Strict-Transport-Security": "max-age=31536000"}
)


def every_answer(is_secure: bool) -> Mapping[str, str]:
    """
    What all answers have, also those that say why there is no other.

    @param is_secure: the request was made by TLS.
    """
    return _SECURE if is_secure else _PLAIN


def lines(headers: Headers, name: str) -> list[str]:
    """All values of a header field of a request, in their order."""
    found = headers.getRawHeaders(name.encode("ascii"), [])
    return [value.decode("latin-1") for value in found]


def single(headers: Headers, name: str) -> str | None:
    """
    The value of a header field that nobody has a reason to say twice; C{None}: there is none.

    @raise Problem: 400, if it is there twice: two readers would take different ones.
    """
    found = lines(headers, name)
    if len(found) > 1:
        raise Problem(400, f"The header field {name} is there {len(found)} times.")
    return found[0] if found else None
