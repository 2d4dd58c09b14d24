"""All personas, in the order of their numbers, and why some numbers have none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from cfos_cm.simulator.personas.beyond import BEYOND
from cfos_cm.simulator.personas.clocks import CLOCKS
from cfos_cm.simulator.personas.configuration import CONFIGURATION
from cfos_cm.simulator.personas.encryption import ENCRYPTION
from cfos_cm.simulator.personas.framing import FRAMING
from cfos_cm.simulator.personas.persona import Persona
from cfos_cm.simulator.personas.profiles import PROFILES
from cfos_cm.simulator.personas.stubborn import STUBBORN
from cfos_cm.simulator.personas.transactions import TRANSACTIONS
from cfos_cm.simulator.personas.transport import TRANSPORT

__all__ = ["NOT_PLAYED", "PERSONAS", "table"]

PERSONAS: Final[Mapping[str, Persona]] = MappingProxyType(
    {
        persona.number: persona
        for persona in sorted(
            (
                *TRANSPORT,
                *ENCRYPTION,
                *FRAMING,
                *CLOCKS,
                *TRANSACTIONS,
                *PROFILES,
                *CONFIGURATION,
                *BEYOND,
                *STUBBORN,
            ),
            key=lambda persona: (persona.number[0], int(persona.number[1:])),
        )
    }
)

#: The numbers that no persona has.
NOT_PLAYED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Q46": "is a billing backend's oddity, not a wallbox's",
        "Q47": "is a billing backend's oddity, not a wallbox's",
    }
)


def table() -> Iterator[str]:
    """The rows of the table in C{docs/fake-charger.md}, with its head."""
    yield "| persona | what it does | seen at | why it matters | `quirks =` | seen in |"
    yield "|---|---|---|---|---|---|"
    for persona in PERSONAS.values():
        yield (
            f"| {persona.number} | {persona.description} | {persona.boxes} | {persona.why} "
            f"| `{persona.setting}` | {_links(persona.evidence)} |"
        )
    for number, reason in NOT_PLAYED.items():
        yield f"| {number} | not played: {reason} | | | | |"


def _links(evidence: tuple[str, ...]) -> str:
    return ", ".join(
        f"[{number}]({one})" if one.startswith("https://") else one
        for number, one in enumerate(evidence, 1)
    )
