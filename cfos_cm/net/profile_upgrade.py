"""
The security profile that a backend has raised us to, on trial until it has worked.

"Improved security for OCPP 1.6-J", A05: a Charge Point that cannot connect with the new one
goes back to what it was called with before (A05.FR.08, FR.09), and never below one that has
worked.
"""

from __future__ import annotations

from cfos_cm.charge_point.given import Given
from cfos_cm.net.backend_url import with_tls
from cfos_cm.site.security_profile import SecurityProfile

__all__ = ["MAX_FAILURES", "ProfileUpgrade"]

#: So many attempts in a row may fail.
MAX_FAILURES = 3


class ProfileUpgrade:
    """What a backend is called with."""

    def __init__(self) -> None:
        self._profile: SecurityProfile | None = None
        self._before: SecurityProfile | None = None
        self._works = False
        self._failures = 0

    @property
    def profile(self) -> SecurityProfile | None:
        """What it was raised to, as far as it is called like that; C{None}: as configured."""
        return self._before if self._is_given_up else self._profile

    def use(self, given: Given) -> None:
        """It was raised, or that has worked, or was given up."""
        if given.profile is not self._profile:
            self._failures, self._works = 0, False
        self._profile, self._before = given.profile, given.profile_before
        self._works = self._works or given.profile_works

    def url(self, configured: str) -> str:
        """
        What is dialled.

        @param configured: of the backend; one with TLS stays as it is.
        """
        profile = self.profile
        is_raised = profile is not None and profile.is_encrypted
        return with_tls(configured) if is_raised else configured

    def failed(self, tried: SecurityProfile | None) -> SecurityProfile | None:
        """
        An attempt has failed.

        @param tried: what L{profile} was when it began.
        @return: what is given up with it; C{None}: nothing.
        """
        if not self._is_on_trial(tried):
            return None
        self._failures += 1
        return self._profile if self._is_given_up else None

    def worked(self, tried: SecurityProfile | None) -> None:
        """There is a connection; C{tried}: see L{failed}."""
        self._works = self._works or self._is_on_trial(tried)

    def _is_on_trial(self, tried: SecurityProfile | None) -> bool:
        is_tried = tried is not None and tried is self._profile
        return is_tried and not self._works and not self._is_given_up

    @property
    def _is_given_up(self) -> bool:
        return self._failures >= MAX_FAILURES and not self._works
