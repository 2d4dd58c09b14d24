"""Finding what a path names."""

from __future__ import annotations

from cfos_cm.services.charge_point_office import ChargePointOffice, NoSuchChargePoint
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import Asked

__all__ = ["charge_point", "require"]


def charge_point(office: ChargePointOffice, asked: Asked) -> str:
    """
    The Charge Point that a path names with C{{identity}}.

    @raise Problem: 404 if it is neither configured nor connected.
    """
    try:
        return office.known(asked.path["identity"])
    except NoSuchChargePoint as error:
        raise Problem(404, str(error)) from error


def require(role: Role, caller: Caller, what: str) -> None:
    """
    See that somebody may do what takes more than the route asks for.

    @param what: a sentence's beginning.
    @raise Problem: 403 if he may not.
    """
    if caller.role < role:
        raise Problem(
            403,
            f"{what} takes the role {role.name.lower()}; yours is {caller.role.name.lower()}",
        )
