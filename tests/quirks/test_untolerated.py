"""The same wallboxes where they are not forgiven: they are told, and so is the operator."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from cfos_cm.quirk import Quirk
from cfos_cm.simulator.personas.catalogue import PERSONAS
from cfos_cm.simulator.personas.persona import Reaction, Verdict

from .stages import PINGED_AT_ONCE, PersonaCase, add_tests


@frozen
class Expectation:
    """
    What happens to a persona that is not forgiven.

    @ivar quirk: what it would be forgiven with; the log names it.
    @ivar reactions: to what is odd, in their order.
    @ivar setting: the option C{quirks}.
    """

    quirk: Quirk
    reactions: tuple[Reaction, ...]
    setting: str = "auto"


REFUSED = (Reaction.REFUSED,)

EXPECTED: Mapping[str, Expectation] = {
    "Q1": Expectation(Quirk.NO_SUBPROTOCOL, REFUSED),
    "Q2": Expectation(Quirk.NO_CONNECTION_HEADER, REFUSED),
    "Q10": Expectation(Quirk.PADDED_FRAMES, REFUSED * 2),
    "Q13": Expectation(Quirk.NUMERIC_IDS, (Reaction.HUNG,), setting="none"),
    "Q15": Expectation(Quirk.SINGLE_METER_VALUE, REFUSED, setting="none"),
    "Q16": Expectation(Quirk.OTHER_WORDS, REFUSED * 2, setting="none"),
    "Q17": Expectation(Quirk.OCPP15_VALUES, REFUSED),
    "Q18": Expectation(Quirk.UNKNOWN_FIELDS, (Reaction.HUNG, *REFUSED * 2), setting="strict"),
    "Q20": Expectation(Quirk.NULL_FIELDS, REFUSED * 2),
    "X1": Expectation(Quirk.LOOSE_TYPES, REFUSED * 2),
    "X2": Expectation(Quirk.LONG_TEXTS, REFUSED, setting="none"),
    "X3": Expectation(Quirk.DATA_AS_OBJECT, REFUSED * 2, setting="none"),
    "X10": Expectation(Quirk.FOREIGN_ORIGIN, REFUSED),
}


class Untolerated(PersonaCase):
    """One test for each of some personas; its name ends with the persona's number."""

    async def play(self, number: str) -> None:
        """
        Have a persona play where it is not forgiven.

        @raise AssertionError: if it is served all the same, or the log does not say what to do.
        """
        expected = EXPECTED[number]
        scene = await self.perform(PERSONAS[number], expected.setting, timeout_s=1.0)
        self.assertIs(Verdict.FAILED, scene.performance.verdict)
        found = [one.reaction for one in scene.performance.findings if not one.good]
        self.assertEqual(list(expected.reactions), found)
        if expected.setting == "strict":
            # Whoever asks for strictness is given no advice against it.
            self.assertFalse([line for line in self.log if "to forgive it" in line])
        else:
            self.assertNamed(expected.quirk)
        self.assertCalm()

    def assertNamed(self, quirk: Quirk) -> None:
        """The log says with which word it would be forgiven."""
        named = [line for line in self.log if "quirks" in line and quirk.value in line]
        self.assertTrue(named, self.log)

    async def test_X4(self) -> None:
        """Whose clock is not known to be wrong is believed."""
        scene = await self.perform(PERSONAS["X4"], "auto", timeout_s=1.0)
        years = [one.transaction.started_at.year for one in scene.stored.transactions]
        self.assertEqual([2000, 2000], years)

    async def test_X8(self) -> None:
        """Whose clock is right is told how long its limit holds, if nobody says otherwise."""
        scene = await self.perform(PERSONAS["X8"], "auto", timeout_s=1.0)
        self.assertIs(Verdict.FAILED, scene.performance.verdict)

    def test_needs(self) -> None:
        """Whatever has to be set by hand is shown here to be needed."""
        by_hand = {number for number, persona in PERSONAS.items() if persona.needs}
        shown = {number for number, one in EXPECTED.items() if one.setting == "auto"}
        self.assertEqual(by_hand, shown | {"Q6", "X4", "X8"})

    async def test_Q14(self) -> None:
        """JSON that is broken gets a CALLERROR, and the connection stays."""
        scene = await self.perform(PERSONAS["Q14"], "none", timeout_s=1.0)
        self.assertIs(Verdict.PASSED, scene.performance.verdict)
        reactions = [one.reaction for one in scene.performance.findings]
        self.assertEqual(3, reactions.count(Reaction.REFUSED))
        self.assertEqual((), scene.stored.loose)
        self.assertNamed(Quirk.BROKEN_JSON)

    async def test_Q6(self) -> None:
        """Who answers no ping is thrown out."""
        self.limits = PINGED_AT_ONCE
        scene = await self.perform(PERSONAS["Q6"], "auto")
        self.assertIs(Verdict.FAILED, scene.performance.verdict)
        self.assertIs(Reaction.CLOSED, scene.performance.findings[-1].reaction)

    async def test_Q35(self) -> None:
        """Who rejects every limit is not counted on."""
        scene = await self.perform(PERSONAS["Q35"], "none", timeout_s=1.0)
        self.assertIs(Verdict.FAILED, scene.performance.verdict)
        self.assertTrue(scene.bay("limited").disobedient)


add_tests(Untolerated, EXPECTED, Untolerated.play)
