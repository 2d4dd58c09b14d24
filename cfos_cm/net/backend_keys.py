"""
Which password is told to a backend next.

Those that it has given go before the configured one, the newest first, and each may be told in
two forms. Refused, the next has its turn; what is taken stays the first.
"""

from __future__ import annotations

from attrs import field, frozen

from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.backend_target import BackendTarget, PasswordForm, Secret, secrets_of
from cfos_cm.wire.authorization_key import KeyForm

__all__ = ["BackendKeys", "Login"]


@frozen
class Login:
    """
    What is told to log in.

    @ivar secret: C{None}: nothing.
    @ivar key: the given key that it is, in hexadecimal digits; C{None}: what is configured.
    """

    secret: Secret | None
    key: str | None = field(default=None, repr=False)

    @property
    def form(self) -> KeyForm | None:
        """As what a password is sent; C{None}: none is."""
        return None if self.secret is None else self.secret.form


class BackendKeys:
    """The passwords of one identity at one backend."""

    def __init__(self, target: BackendTarget) -> None:
        """@raise LocalProtocolError: if the configured one cannot be sent."""
        self._client_id = target.client_id
        secrets = secrets_of(target.client_id, target.password, target.password_form)
        self._configured = tuple(Login(one) for one in secrets) or (Login(None),)
        self._keys: tuple[str, ...] = ()
        self._turn = self._configured
        self._form: KeyForm | None = None
        self._refused = 0

    @property
    def login(self) -> Login:
        """What is told next."""
        return self._turn[0]

    def use(self, keys: tuple[str, ...], keys_work: bool) -> None:
        """
        Tell given keys.

        @param keys: hexadecimal digits, the newest first.
        @param keys_work: the first one is known to be right: nothing else is told.
        @raise LocalProtocolError: if they cannot be sent; all stays as it was.
        """
        if any(not _is_key(one) for one in keys):
            raise LocalProtocolError("a key for a backend is pairs of hexadecimal digits")
        known = keys[:1] if keys_work else keys
        given = [
            Login(secret, key)
            for key in known
            for secret in self._by_form(secrets_of(self._client_id, key, PasswordForm.AUTO))
        ]
        is_new = keys[:1] != self._keys[:1]
        turn = (*given, *(() if keys_work and keys else self._configured))
        # What was taken stays the first, unless there is a newer one to be tried.
        at = 0 if is_new or self.login not in turn else turn.index(self.login)
        if turn != self._turn:
            self._refused = 0
        self._turn, self._keys = (*turn[at:], *turn[:at]), keys

    def refused(self, told: Login) -> bool:
        """
        The backend refuses what it was told.

        @return: whether it has refused all that there is, one after the other.
        """
        if told != self.login:
            # By now, something else is told first, and was not yet.
            return False
        self._turn = (*self._turn[1:], *self._turn[:1])
        self._refused += 1
        if self._refused < len(self._turn):
            return False
        self._refused = 0
        return True

    def taken(self, told: Login) -> None:
        """The backend has taken what it was told."""
        # What has one form only says nothing about what the backend makes of others.
        if [one.key for one in self._turn].count(told.key) > 1:
            self._form = told.form or self._form
        self._refused = 0

    def _by_form(self, secrets: tuple[Secret, ...]) -> list[Secret]:
        """The form first that the backend has taken before."""
        return sorted(secrets, key=lambda one: one.form is not self._form)


def _is_key(text: str) -> bool:
    try:
        return bool(bytes.fromhex(text))
    except ValueError:
        return False
