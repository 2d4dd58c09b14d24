"""What a persona is, and what is said of its play."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from cfos_cm.quirk import NO_QUIRKS, Quirk

if TYPE_CHECKING:
    from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = [
    "ANSWERED",
    "SERVED",
    "Finding",
    "Make",
    "Outcome",
    "Performance",
    "Persona",
    "Reaction",
    "Script",
    "Verdict",
]


class Reaction(StrEnum):
    """What a Central System does with something that a wallbox has said."""

    TOLERATED = "tolerated"
    """It does what was meant."""
    REFUSED = "refused"
    """It says no, with a code: a CALLERROR, or an HTTP status."""
    CLOSED = "closed"
    """It ends the connection."""
    HUNG = "hung"
    """It says nothing, for as long as was waited."""


#: What a wallbox needs in order to work.
SERVED = frozenset({Reaction.TOLERATED})
#: What it needs where it is wrong itself: to hear of it, and to go on.
ANSWERED = frozenset({Reaction.TOLERATED, Reaction.REFUSED})


@frozen
class Outcome:
    """
    What became of one thing that was said.

    @ivar detail: the code, the status, or a few words.
    @ivar payload: the confirmation's, if it was one.
    """

    reaction: Reaction
    detail: str = ""
    payload: Mapping[str, Any] = field(factory=dict)


class Verdict(StrEnum):
    """What is said of a Central System after a play."""

    PASSED = "passed"
    """It did what a robust Central System does."""
    FAILED = "failed"
    """It did something else, at least once."""
    NOT_SHOWN = "not shown"
    """It did not come to what this persona is about: not asked, or not let in."""


@frozen
class Finding:
    """
    One thing that was looked at.

    @ivar what: what the wallbox did, or what should be.
    @ivar detail: what was found, more closely.
    @ivar good: whether it is what a robust Central System does.
    """

    what: str
    reaction: Reaction
    detail: str
    good: bool


@frozen
class Make:
    """
    What a wallbox says of itself in its BootNotification.

    @ivar more: further fields.
    """

    vendor: str
    model: str
    firmware: str = "1.0"
    more: Mapping[str, Any] = field(factory=dict)

    def boot_notification(self) -> dict[str, Any]:
        """The payload of its BootNotification."""
        return {
            "chargePointVendor": self.vendor,
            "chargePointModel": self.model,
            "firmwareVersion": self.firmware,
            **self.more,
        }


Script = Callable[["Wallbox"], Awaitable[None]]


@frozen(kw_only=True)
class Persona:
    """
    A wallbox with an oddity.

    @ivar number: its name, a letter and a number.
    @ivar title: the oddity, in a few words.
    @ivar boxes: which wallboxes have it.
    @ivar why: what a Central System has to do, and what happens if it does not.
    @ivar evidence: where it was seen.
    @ivar make: what it says that it is.
    @ivar script: what it does.
    @ivar needs: what this project's own Central System has to be told in C{quirks = auto …},
        because the make does not say it, or says it too late.
    @ivar asks: what an operator has to send while it plays, for it to show anything.
    """

    number: str
    title: str
    boxes: str
    why: str
    evidence: tuple[str, ...]
    make: Make
    script: Script
    needs: frozenset[Quirk] = NO_QUIRKS
    asks: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """The oddity, and what has to be sent for it to show."""
        return self.title + (f" (when {' or '.join(self.asks)} is sent)" if self.asks else "")

    @property
    def setting(self) -> str:
        """The value of the option C{quirks} under which it is served."""
        return " ".join(["auto", *sorted(self.needs)])


@frozen
class Performance:
    """
    A persona that has played.

    @ivar findings: in their order.
    @ivar not_shown: why it did not come to the oddity; empty if it did.
    @ivar transcript: what was said, a line each.
    """

    persona: Persona
    findings: tuple[Finding, ...]
    not_shown: str = ""
    transcript: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """What is said of the Central System."""
        if not all(finding.good for finding in self.findings):
            return Verdict.FAILED
        return Verdict.NOT_SHOWN if self.not_shown else Verdict.PASSED

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        persona = self.persona
        return {
            "persona": persona.number,
            "title": persona.title,
            "verdict": self.verdict.value,
            "findings": [
                {
                    "what": finding.what,
                    "reaction": finding.reaction.value,
                    "detail": finding.detail,
                    "good": finding.good,
                }
                for finding in self.findings
            ],
            "notShown": self.not_shown,
            "why": persona.why,
            "evidence": list(persona.evidence),
            "transcript": list(self.transcript),
        }
