"""What is asked and answered about accounts, sessions, tokens and the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from cfos_cm.services.web.roles import RoleName

__all__ = [
    "AccountAnswer",
    "AccountBody",
    "AccountsAnswer",
    "AuditAnswer",
    "AuditEntryAnswer",
    "AuditQuery",
    "ChangedAccountBody",
    "LoginBody",
    "MadeTokenAnswer",
    "PasswordBody",
    "SessionAnswer",
    "SetupBody",
    "TokenAnswer",
    "TokenBody",
    "TokensAnswer",
    "UserAnswer",
]

#: A new password has 8 to 128 characters; what is longer here is read by nobody.
PasswordText = Annotated[str, Meta(max_length=512)]

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class _Confidential(Struct):
    def __repr__(self) -> str:
        """There are passwords, codes or tokens in it."""
        return f"{type(self).__name__}(...)"


class UserAnswer(Struct):
    """Who is logged in, or whose token it is."""

    name: str
    role: RoleName


class SessionAnswer(_Confidential):
    """
    Who asks.

    C{is_set_up}: whether there is any account; all else is null until then, and until somebody
    is logged in. C{csrf}: what the page sends as X-CSRF-Token with all that changes something.
    C{title}: of the site. C{version}: of this program.
    """

    is_set_up: bool
    user: UserAnswer | None = None
    csrf: str | None = None
    title: str | None = None
    version: str | None = None


class LoginBody(_Confidential, forbid_unknown_fields=True):
    """The name of an account, and its password."""

    user: Annotated[str, Meta(max_length=200)]
    password: PasswordText


class SetupBody(_Confidential, forbid_unknown_fields=True):
    """The set-up code that the log of the program tells, and the password of "admin"."""

    code: Annotated[str, Meta(max_length=100)]
    password: PasswordText


class PasswordBody(_Confidential, forbid_unknown_fields=True):
    """The password until now, and another one of 8 to 128 characters."""

    old: PasswordText
    new: PasswordText


class AccountBody(_Confidential, forbid_unknown_fields=True):
    """A new account. The password has 8 to 128 characters."""

    name: Name
    role: RoleName
    password: PasswordText


class ChangedAccountBody(_Confidential, forbid_unknown_fields=True):
    """What becomes another one; what is not said stays. The account is logged out."""

    role: RoleName | None = None
    password: PasswordText | None = None


class AccountAnswer(Struct):
    """Somebody who may log in. C{changed_at}: when the password or the role was changed."""

    name: str
    role: RoleName
    changed_at: datetime


class AccountsAnswer(Struct):
    """All accounts, by their names."""

    accounts: list[AccountAnswer]


class TokenBody(Struct, forbid_unknown_fields=True):
    """A new token. Without C{expires_at} it counts until it is deleted."""

    name: Name
    role: RoleName
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class MadeTokenAnswer(_Confidential):
    """A token that was made. C{token} is told this once, and kept nowhere."""

    name: str
    role: RoleName
    token: str
    expires_at: datetime | None


class TokenAnswer(Struct):
    """What is known of a token. C{used_at}: the last time, to about a minute; null: never."""

    name: str
    role: RoleName
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class TokensAnswer(Struct):
    """All tokens, by their names; those that have expired too."""

    tokens: list[TokenAnswer]


class AuditQuery(Struct, forbid_unknown_fields=True):
    """C{limit}: so many at the most. C{before}: those with lower numbers only."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None


class AuditEntryAnswer(Struct):
    """
    Something that was asked.

    C{who}: the account or the token, and C{role} what it was then. C{origin}: the address that
    it came from. C{status}: of HTTP. C{note}: what has changed.
    """

    number: int
    at: datetime
    who: str
    role: str
    origin: str
    method: str
    path: str
    status: int
    note: str


class AuditAnswer(Struct):
    """Entries, the newest first. C{next}: C{before} of the next page; null: there is none."""

    entries: list[AuditEntryAnswer]
    next: int | None
