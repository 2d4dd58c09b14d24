"""
Where the message classes differ from the official schemas, on purpose.

An erratum amends a schema. The classes must then agree with the amended schemas exactly, so a
difference that is not listed here is a failing test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from attrs import frozen

__all__ = ["KNOWN_ERRATA", "Erratum", "Schema", "amended"]

#: A JSON schema, or a part of one.
Schema = dict[str, Any]


@frozen
class Erratum:
    """
    One difference.

    @ivar reason: why the classes are right and the schema is not.
    @ivar amend: changes one schema node in place; called for every node of every schema.
    @ivar message: a message that shows the difference: the name of its schema.
    @ivar witness: a JSON text that only one of schema and class accepts as that message.
    @ivar accepted: whether it is the class that accepts it.
    """

    reason: str
    amend: Callable[[Schema], None]
    message: str
    witness: str
    accepted: bool


def _any_decimals(node: Schema) -> None:
    """Drop C{multipleOf}."""
    node.pop("multipleOf", None)


def _bounded_integers(node: Schema) -> None:
    """Bound every integer; that which names a Charge Point's transaction not so tightly."""
    fields = node.get("properties", {})
    for name, field in fields.items():
        named = name == "transactionId" and not {"meterStop", "meterValue"}.isdisjoint(fields)
        if named:
            field.update(minimum=1 - 10**20, maximum=10**20 - 1)
        elif field.get("type") == "integer":
            field.update(minimum=-(2**63), maximum=2**63 - 1)


def _numbers_of_64_bits(node: Schema) -> None:
    """Bound every number."""
    if node.get("type") == "number":
        node.update(minimum=-sys.float_info.max, maximum=sys.float_info.max)


def _integers_with_point(node: Schema) -> None:
    """Read a schema of draft 4 as one of draft 6, where 1.0 is an integer."""
    if "$schema" in node:
        node["$schema"] = "http://json-schema.org/draft-06/schema#"


def _hertz_everywhere(node: Schema) -> None:
    """Let StopTransaction report a frequency, too."""
    units = node.get("enum", [])
    if "kvarh" in units and "Hertz" not in units:
        units.append("Hertz")


KNOWN_ERRATA = (
    Erratum(
        "A limit of 8.25 A can be obeyed, and 0.1 has no exact binary form, so that validators "
        "disagree about what is a multiple of it. Taken from a peer, never sent by us.",
        _any_decimals,
        "SetChargingProfile",
        '{"connectorId":1,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,'
        '"chargingProfilePurpose":"TxProfile","chargingProfileKind":"Relative",'
        '"chargingSchedule":{"chargingRateUnit":"A","chargingSchedulePeriod":'
        '[{"startPeriod":0,"limit":8.25}]}}}',
        accepted=True,
    ),
    Erratum(
        "The schemas let an integer have any number of digits; no database keeps it. Only the "
        "transaction that a Charge Point names may be longer, for it has to be answered.",
        _bounded_integers,
        "CancelReservation",
        '{"reservationId":9223372036854775808}',
        accepted=False,
    ),
    Erratum(
        "The schemas let a number be of any size; one that overflows to infinity is no limit.",
        _numbers_of_64_bits,
        "GetCompositeScheduleResponse",
        '{"status":"Accepted","chargingSchedule":{"chargingRateUnit":"W",'
        f'"chargingSchedulePeriod":[{{"startPeriod":0,"limit":1{"0" * 400}}}]}}}}',
        accepted=False,
    ),
    Erratum(
        "The 56 schemas of the specification are of draft 4, the 22 of its security extension "
        "of draft 6, where 1.0 is an integer. The same field (requestId, retries) should not "
        "depend on its message, and there is nothing that 1.0 could mean but 1.",
        _integers_with_point,
        "CancelReservation",
        '{"reservationId":1.0}',
        accepted=True,
    ),
    Erratum(
        "SampledValue is one type in the specification, but only the schema of MeterValues "
        "knows Hertz, the unit of the measurand Frequency.",
        _hertz_everywhere,
        "StopTransaction",
        '{"meterStop":1,"timestamp":"2026-03-01T12:00:00Z","transactionId":1,"transactionData":'
        '[{"timestamp":"2026-03-01T12:00:00Z","sampledValue":[{"value":"50","unit":"Hertz"}]}]}',
        accepted=True,
    ),
)


def amended(schema: Schema) -> Schema:
    """A copy of C{schema} with every known erratum applied to every node of it."""
    node = {name: _amended_child(child) for name, child in schema.items()}
    for erratum in KNOWN_ERRATA:
        erratum.amend(node)
    return node


def _amended_child(child: Any) -> Any:
    """A copy of what a schema holds under one name."""
    if isinstance(child, dict):
        return amended(child)
    return list(child) if isinstance(child, list) else child
