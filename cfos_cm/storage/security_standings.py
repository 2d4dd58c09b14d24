"""The highest security profile that each Charge Point has logged in with, on disk."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.errors import LocalProtocolError
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import security_standings

__all__ = ["MAX_STANDINGS", "SecurityStandingStore"]

#: More than a site has Charge Points that are configured.
MAX_STANDINGS = 10_000

_kept = security_standings.c


class SecurityStandingStore:
    """
    What is known of each Charge Point.

    This is L{cfos_cm.central_system.environment.Standings}.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Deferred[Mapping[str, SecurityProfile]]:
        """All of it, in the order of the Charge Points: to know it from the start on."""
        return self._database.run(_all)

    def put(self, charge_point: str, profile: SecurityProfile | None) -> Deferred[None]:
        """
        Keep a profile, in the place of the one before.

        @param profile: C{None}: forget the Charge Point's.
        @return: fails with L{LocalProtocolError} when too many are kept already, or the
            identity cannot be; with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run(partial(_put, charge_point=charge_point, profile=profile))


def _all(connection: Connection) -> Mapping[str, SecurityProfile]:
    rows = connection.execute(select(security_standings).order_by(_kept.charge_point))
    return {row.charge_point: _profile(row.profile) for row in rows}


def _profile(number: int) -> SecurityProfile:
    # What nobody here has written asks for rather more than for less.
    known = number in list(SecurityProfile)
    return SecurityProfile(number) if known else SecurityProfile.CERTIFICATE


def _put(connection: Connection, charge_point: str, profile: SecurityProfile | None) -> None:
    own = _kept.charge_point == charge_point
    if profile is None:
        if checks.is_text(charge_point):
            connection.execute(delete(security_standings).where(own))
        return
    checks.own_name(charge_point, "the Charge Point's identity")
    values = {"profile": profile.value}
    if connection.execute(update(security_standings).where(own).values(**values)).rowcount:
        return
    kept = connection.scalar(select(func.count()).select_from(security_standings)) or 0
    if kept >= MAX_STANDINGS:
        raise LocalProtocolError(
            f"the security profiles of {MAX_STANDINGS} Charge Points are kept; more are not "
            "allowed"
        )
    connection.execute(insert(security_standings).values(charge_point=charge_point, **values))
