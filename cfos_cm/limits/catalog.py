"""
The rules, in the order in which they are named when several forbid the same.

A new rule is a function in a module of its own and a row here.
"""

from __future__ import annotations

from cfos_cm.limits.ceiling import Ceiling, Rule
from cfos_cm.limits.permission import (
    authorised,
    backend_allows,
    enabled,
    meters_known,
    outside,
    reachable,
    ready,
)
from cfos_cm.limits.rating import rating
from cfos_cm.site.evse import Evse
from cfos_cm.site.state import SiteState

__all__ = ["RULES", "ceiling"]

RULES: tuple[Rule, ...] = (
    enabled,
    reachable,
    ready,
    authorised,
    backend_allows,
    meters_known,
    outside,
    rating,
)


def ceiling(state: SiteState, evse: Evse) -> Ceiling:
    """
    The lowest ceiling of all rules; of equal ones the first in the catalogue.
    """
    lowest: Ceiling | None = None
    for rule in RULES:
        found = rule(state, evse)
        if found is not None and (lowest is None or found.current_ma < lowest.current_ma):
            lowest = found
            if not lowest.current_ma:
                # There is nothing below 0 A that a later rule could say.
                break
    assert lowest is not None, "the rating is a ceiling for everybody"
    return lowest
