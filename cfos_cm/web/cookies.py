"""The cookie that a page's session is found by."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["clear_cookie", "cookie_name", "session_of", "set_cookie"]


def cookie_name(is_secure: bool) -> str:
    """
    What the cookie is called.

    A name that begins with C{__Host-} is taken by browsers only with C{Secure}, by TLS, and for
    the whole of exactly one host.
    """
    return "__Host-cfos_cm" if is_secure else "cfos_cm"


def set_cookie(session: str, is_secure: bool) -> str:
    """
    A value of C{Set-Cookie}. It ends with the browser; the session itself may end before.

    @param is_secure: the request came by TLS, see L{cfos_cm.web.route.Asked}.
    """
    secure = "; Secure" if is_secure else ""
    return f"{cookie_name(is_secure)}={session}; Path=/; HttpOnly; SameSite=Strict{secure}"


def clear_cookie(is_secure: bool) -> str:
    """A value of C{Set-Cookie} that makes a browser forget it."""
    return set_cookie("", is_secure) + "; Max-Age=0"


def session_of(lines: Iterable[str], is_secure: bool) -> str | None:
    """
    What a request's C{Cookie} lines say; C{None}: nothing, or two things at once.

    Two cookies of one name come from two places, and one of them is not ours.
    """
    wanted = cookie_name(is_secure)
    pairs = (pair.strip().partition("=") for line in lines for pair in line.split(";"))
    found = {value for name, _, value in pairs if name == wanted}
    return found.pop() or None if len(found) == 1 else None
