"""The same wallboxes where they are not forgiven: they are told, and so is the operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from attrs import frozen

from cfos_cm.net.limits import ServerLimits
from cfos_cm.quirk import Quirk
from cfos_cm.services import charging_site
from cfos_cm.simulator.personas.catalogue import PERSONAS
from cfos_cm.simulator.personas.persona import Reaction, Verdict

from .stages import PersonaCase


@frozen
class Expectation:
    """
    What happens to a persona that is not forgiven.

    @ivar quirk: the word that the log names.
    @ivar reactions: to what is odd, in their order.
    @ivar setting: the option C{quirks}.
    """

    quirk: Quirk
    reactions: tuple[Reaction, ...]
    setting: str = "none"


REFUSED = (Reaction.REFUSED,)

EXPECTED: Mapping[str, Expectation] = {
    "Q1": Expectation(Quirk.NO_SUBPROTOCOL, REFUSED),
    "Q2": Expectation(Quirk.NO_CONNECTION_HEADER, REFUSED),
    "Q13": Expectation(Quirk.NUMERIC_IDS, (Reaction.HUNG,)),
    "Q15": Expectation(Quirk.SINGLE_METER_VALUE, REFUSED),
    "Q16": Expectation(Quirk.OTHER_WORDS, REFUSED * 2),
    "Q17": Expectation(Quirk.OCPP15_VALUES, REFUSED),
    "Q18": Expectation(Quirk.UNKNOWN_FIELDS, (*REFUSED * 2, Reaction.HUNG), setting="strict"),
    "Q20": Expectation(Quirk.NULL_FIELDS, REFUSED * 2),
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
        self.assertNamed(expected.quirk)
        self.assertCalm()

    def assertNamed(self, quirk: Quirk) -> None:
        """The log says with which word it would be forgiven."""
        named = [line for line in self.log if "quirks" in line and quirk.value in line]
        self.assertTrue(named, self.log)

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
        quick = partial(ServerLimits, ping_interval_s=0.1, pong_timeout_s=0.1)
        self.patch(charging_site, "ServerLimits", quick)
        scene = await self.perform(PERSONAS["Q6"], "none")
        self.assertIs(Verdict.FAILED, scene.performance.verdict)
        self.assertIs(Reaction.CLOSED, scene.performance.findings[-1].reaction)

    async def test_Q35(self) -> None:
        """Who rejects every limit is not counted on."""
        scene = await self.perform(PERSONAS["Q35"], "none", timeout_s=1.0)
        self.assertIs(Verdict.FAILED, scene.performance.verdict)
        self.assertTrue(scene.bay("limited").disobedient)


def _test(number: str) -> Callable[[Untolerated], object]:
    async def test(self: Untolerated) -> None:
        await self.play(number)

    test.__doc__ = f"A wallbox that {PERSONAS[number].title}."
    return test


for _number in EXPECTED:
    setattr(Untolerated, f"test_{_number}", _test(_number))
