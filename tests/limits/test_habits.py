"""Rules that follow from what has happened."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import on_each_phase
from cfos_cm.limits.catalog import ceiling
from cfos_cm.limits.decide import decide
from cfos_cm.limits.habits import HABITS, lowest
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.phase_choice import Choice, PhaseChoice
from cfos_cm.limits.trust import Doubt
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import ChargingMode, Evse, EvseSettings
from cfos_cm.site.meter import Meter
from cfos_cm.site.policy import DEFAULT_POLICY
from cfos_cm.site.setpoint import Reason, ReasonCode
from tests.limits.meters import consumer, drawing, grid, metered, obeying
from tests.limits.sites import charging

MAIN = CircuitSettings("main", 63_000)
BAY = charging(EvseSettings("bay", "main"), 16_000)
PAUSE_S = DEFAULT_POLICY.min_pause_s


def remembered(memory: Memory, evse: Evse, *times_s: float) -> Memory:
    """What is remembered when the EVSE is looked at then."""
    for now_s in times_s:
        memory = memory.after(metered([MAIN], [evse]), now_s)
    return memory


class Rest(SynchronousTestCase):
    """An EVSE that was paused for others, at 400 s."""

    paused = obeying(BAY, 0)

    def after(self, seconds: float) -> Memory:
        """What is remembered so long after it was paused."""
        memory = remembered(Memory(), BAY, 0.0, 399.0)
        return remembered(memory, self.paused, 400.0, 400.0 + seconds)

    def test_rests(self) -> None:
        """It gets nothing until it has rested, and is told for how long in whole minutes."""
        for seconds, words in (
            (0.0, "5 minutes"),
            (1.0, "5 minutes"),
            (61.0, "4 minutes"),
            (PAUSE_S - 60.5, "2 minutes"),
            (PAUSE_S - 60.0, "1 minute"),
            (PAUSE_S - 0.5, "1 minute"),
        ):
            found = lowest(self.after(seconds), self.paused)
            text = f"paused for others, for {words} more"
            self.assertEqual(
                (0, Reason(ReasonCode.PAUSE, text)), (found.current_ma, found.reason)
            )

    def test_has_rested(self) -> None:
        """Then it gets what the other rules leave it."""
        found = lowest(self.after(PAUSE_S), self.paused)
        self.assertEqual((16_000, ReasonCode.RATING), (found.current_ma, found.reason.code))

    def test_other_reasons(self) -> None:
        """Why it may not charge at all is more than that it rests."""
        gone = evolve(self.paused, transaction=None)
        found = lowest(remembered(self.after(10.0), gone, 411.0), gone)
        self.assertIs(ReasonCode.NO_TRANSACTION, found.reason.code)


class Unknown(SynchronousTestCase):
    """An EVSE under a circuit of which nobody knows what it carries."""

    def reason(self, main: CircuitSettings, meter: Meter) -> Reason:
        """Why it gets nothing, though there was enough a minute ago."""
        garage = CircuitSettings("garage", 63_000, "main")
        evse = evolve(BAY, settings=evolve(BAY.settings, circuit="garage"))
        memory = Memory()
        for now_s, one in ((0.0, grid(20_000, 0.0)), (60.0, meter)):
            state = metered([main, garage], [drawing(evse, 16_000, now_s)], [one])
            memory = memory.after(state, now_s)
        found = decide(state, memory)["bay"]
        self.assertEqual(0, found.current_ma)
        return found.reason

    def test_doubted(self) -> None:
        """It is told what is wrong with the meter."""
        reason = self.reason(evolve(MAIN, meter="grid"), grid(-50_000, 60.0))
        text = f"meter grid of main cannot be right: {Doubt.TURNED.value}"
        self.assertEqual(Reason(ReasonCode.METER, text, "main"), reason)

    def test_silent(self) -> None:
        """It is told that the meter is silent, also where nobody has noticed it yet."""
        reason = self.reason(evolve(MAIN, meter="grid"), grid(20_000, 10.0))
        text = "meter grid of main is silent"
        self.assertEqual(Reason(ReasonCode.METER, text, "main"), reason)

    def test_single_loads(self) -> None:
        """So it is where a meter of one of its loads is silent."""
        reason = self.reason(MAIN, evolve(consumer(5_000), is_read=False))
        text = "a meter is silent, and nobody knows what main carries"
        self.assertEqual(Reason(ReasonCode.METER, text, "main"), reason)

    def test_failsafe(self) -> None:
        """Where a load is given for that it is not the meter that keeps it from charging."""
        main = evolve(MAIN, meter="grid", failsafe_load=on_each_phase(60_000))
        reason = self.reason(main, grid(-50_000, 60.0))
        self.assertEqual("phase L1 of main has 3 A left, and bay needs 6 A", reason.text)


class Appetite(SynchronousTestCase):
    """A car that takes less than it is offered."""

    def memory(self, drawn_ma: int) -> Memory:
        """What is remembered when it has drawn so much for five minutes."""
        memory = Memory()
        for second in range(300):
            memory = remembered(memory, drawing(BAY, drawn_ma, second), second)
        return memory

    def test_takes_less(self) -> None:
        """It is offered that and some more, and told so."""
        found = lowest(self.memory(8_000), BAY)
        self.assertIs(ReasonCode.DEMAND, found.reason.code)
        self.assertTrue(8_000 < found.current_ma < 12_000, found)
        amps = f"{found.current_ma / 1000:g} A"
        self.assertEqual(f"its car takes no more than {amps}", found.reason.text)

    def test_takes_all(self) -> None:
        """Who takes what he is offered is bound by nothing of the kind."""
        self.assertIs(ReasonCode.RATING, lowest(self.memory(15_900), BAY).reason.code)


class Special(SynchronousTestCase):
    """EVSEs that charge by surplus, or can be switched."""

    def test_surplus(self) -> None:
        """Who charges by surplus waits for it."""
        sunny = charging(EvseSettings("bay", "main", mode=ChargingMode.SURPLUS))
        found = lowest(remembered(Memory(), sunny, 0.0), sunny)
        self.assertEqual((0, ReasonCode.SURPLUS), (found.current_ma, found.reason.code))

    def test_switching(self) -> None:
        """Nobody's phases are switched while his car charges."""
        evse = charging(EvseSettings("bay", "main", can_switch_phases=True), 16_000)
        memory = remembered(Memory(), evse, 0.0)
        self.assertEqual(16_000, lowest(memory, evse).current_ma)
        switching = evolve(memory, choice=PhaseChoice({"bay": Choice(3, switching_to=1)}))
        found = lowest(switching, evse)
        self.assertEqual((0, ReasonCode.PAUSE), (found.current_ma, found.reason.code))
        self.assertIn("being switched to one phase", found.reason.text)


class Order(SynchronousTestCase):
    """Which of several is named."""

    def test_without_habits(self) -> None:
        """Where nothing has happened it is the ceiling of the other rules."""
        memory = remembered(Memory(), BAY, 0.0)
        self.assertEqual(ceiling(memory.state, BAY), lowest(memory, BAY))

    def test_most_certain_first(self) -> None:
        """Of equal ones the first is named, and appetite never hides that nothing may flow."""
        self.assertEqual(
            ["load_known", "rest", "by_surplus", "switching", "appetite"],
            [habit.__name__ for habit in HABITS],
        )
