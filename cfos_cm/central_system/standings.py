"""
How safely each Charge Point has shown that it can connect, and that it must go on to.

Whoever can listen to a plain connection, or can only claim to be a Charge Point, must not have
it easier with one that comes encrypted, or shows a certificate: "Improved security for
OCPP 1.6-J", A05, and its security profiles are never lowered but by a person.

An older profile counts until the first log-in with the newer one: when the way up fails, the
Charge Point can still come back as it came before.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.central_system.admission import Admission
from cfos_cm.central_system.approach import Approach
from cfos_cm.central_system.roster import Roster
from cfos_cm.errors import LocalProtocolError
from cfos_cm.site.security_profile import SecurityProfile

__all__ = ["SecurityStandings"]

_log = Logger(namespace="cfos_cm.central_system")


class SecurityStandings:
    """The highest security profile that each Charge Point has logged in with."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._highest: dict[str, SecurityProfile] = {}
        self._unwritten: set[str] = set()

    def remember(self, standings: Mapping[str, SecurityProfile]) -> None:
        """Note what was known before this start."""
        self._highest.update(standings)

    def of(self, identity: str) -> SecurityProfile:
        """The highest profile that a Charge Point has logged in with."""
        return self._highest.get(identity, SecurityProfile.NONE)

    def falls_short(self, identity: str, approach: Approach) -> Admission | None:
        """
        What an approach lacks of the security that the Charge Point came with before.

        A password is not looked at: whether one is asked for is what the settings say.
        """
        highest = self.of(identity)
        if highest.is_encrypted and not approach.is_encrypted:
            return Admission.NEEDS_TLS
        if highest is SecurityProfile.CERTIFICATE and approach.certificate_names is None:
            return Admission.NEEDS_CERTIFICATE
        return None

    def logged_in(self, identity: str, profile: SecurityProfile) -> None:
        """
        A Charge Point has logged in. From now on it may not come with less.

        One that is not configured is not remembered: there may be any number of them.
        """
        if identity not in self._roster.settings.charge_points:
            return
        highest = self.of(identity)
        if profile <= highest and identity not in self._unwritten:
            return
        highest = max(profile, highest)
        self._note(identity, highest)
        self._write(identity, highest)

    def allow(self, identity: str, profile: SecurityProfile) -> Deferred[None]:
        """
        Let a Charge Point come with less than before, until it comes with more again.

        @param profile: what it is known to have from now on.
        @return: fires when it is on disk, and in force; fails with
            L{cfos_cm.errors.StorageError} when it is not.
        @raise LocalProtocolError: if there is no such Charge Point, or it may do that anyhow.
        """
        if (
            identity not in self._highest
            and identity not in self._roster.settings.charge_points
        ):
            raise LocalProtocolError(f"there is no Charge Point {identity}")
        if profile >= self.of(identity):
            raise LocalProtocolError(
                f"{identity} may come with security profile {profile.value} anyhow: it has "
                f"not shown more than {self.of(identity).value}"
            )
        before = self.of(identity)
        kept = self._roster.environment.standings.put(identity, profile or None)
        return kept.addCallback(lambda _: self._allowed(identity, profile, before))

    def _allowed(
        self, identity: str, profile: SecurityProfile, before: SecurityProfile
    ) -> None:
        if self.of(identity) > before:
            # It has come with more meanwhile, and that is written down behind this.
            return
        self._note(identity, profile)
        self._unwritten.discard(identity)
        _log.warn(
            "{identity} may come with security profile {profile} again",
            identity=identity,
            profile=profile.value,
        )

    def _note(self, identity: str, profile: SecurityProfile) -> None:
        if profile is SecurityProfile.NONE:
            self._highest.pop(identity, None)
        else:
            self._highest[identity] = profile

    def _write(self, identity: str, profile: SecurityProfile) -> None:
        kept = self._roster.environment.standings.put(identity, profile)
        kept.addCallbacks(
            lambda _: self._unwritten.discard(identity),
            self._not_written,
            errbackArgs=(identity,),
        )

    def _not_written(self, failure: Failure, identity: str) -> None:
        # It holds all the same, and the next log-in tries again.
        self._unwritten.add(identity)
        _log.error(
            "{identity}: its security profile is not on disk: {error!s}",
            identity=identity,
            error=failure.value,
        )
