"""Looking at a device again and again."""

from __future__ import annotations

import contextlib

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.modbus.rounds import LONGEST_AWAY_S, MISSES, Rounds
from cfos_cm.errors import DeviceError, NotSent


class RoundsTests(SynchronousTestCase):
    """A round each second, of a device that answers when the test wants it to."""

    def setUp(self) -> None:
        """Nothing has begun."""
        self.clock = Clock()
        self.asked: list[Deferred[None]] = []
        self.told: list[str] = []
        self.rounds = Rounds(
            self.clock, 1.0, self.look, lambda: self.told.append("came"), self.told.append
        )

    async def look(self) -> None:
        """One round: it waits for the test."""
        answer: Deferred[None] = Deferred()
        self.asked.append(answer)
        await answer

    def answer(self) -> None:
        """The round that waits goes well."""
        self.asked[-1].callback(None)

    def go_wrong(self, why: Exception | None = None) -> None:
        """The round that waits does not."""
        self.asked[-1].errback(why or DeviceError("no answer"))

    def miss(self, times: int) -> None:
        """So many rounds in a row do not go well."""
        for _ in range(times):
            count = len(self.asked)
            self.go_wrong()
            while len(self.asked) == count:
                self.clock.advance(1)

    def test_interval(self) -> None:
        """The next round begins an interval after the last one has begun."""
        self.rounds.start()
        self.clock.advance(0.4)
        self.answer()
        self.clock.advance(0.5)
        self.assertEqual(1, len(self.asked))
        self.clock.advance(0.1)
        self.assertEqual(2, len(self.asked))

    def test_no_drift(self) -> None:
        """A reactor that is late each time does not make the rounds later and later."""
        self.rounds.start()
        for _ in range(100):
            if not self.asked[-1].called:
                self.answer()
            self.clock.advance(0.3)
        self.assertEqual(31, len(self.asked))

    def test_no_overlap(self) -> None:
        """One that takes long delays the next, which begins as soon as it is over."""
        self.rounds.start()
        self.clock.advance(5)
        self.assertEqual(1, len(self.asked))
        self.answer()
        self.clock.advance(0)
        self.assertEqual(2, len(self.asked))

    def test_came(self) -> None:
        """It is there after the first round that goes well, which is told once."""
        self.rounds.start()
        self.assertFalse(self.rounds.is_there)
        for _ in range(3):
            self.answer()
            self.clock.advance(1)
        self.assertEqual((True, ["came"]), (self.rounds.is_there, self.told))

    def test_went(self) -> None:
        """It is away after some rounds in a row, and there again after one."""
        self.rounds.start()
        self.miss(MISSES)
        self.assertEqual([], self.told)
        self.answer()
        self.clock.advance(1)
        self.miss(MISSES - 1)
        self.assertEqual(["came"], self.told)
        self.go_wrong()
        self.assertEqual(["came", "no answer"], self.told)
        self.clock.advance(LONGEST_AWAY_S)
        self.answer()
        self.assertEqual(["came", "no answer", "came"], self.told)

    def test_forgiven(self) -> None:
        """Rounds that were missed are forgotten with the first one that goes well."""
        self.rounds.start()
        self.answer()
        self.clock.advance(1)
        for _ in range(4):
            self.miss(MISSES - 1)
            self.answer()
            self.clock.advance(1)
        self.assertEqual(["came"], self.told)

    def test_no_line(self) -> None:
        """Where nothing can be sent nobody waits for more misses."""
        self.rounds.start()
        self.answer()
        self.clock.advance(1)
        self.go_wrong(NotSent("no connection"))
        self.assertEqual(["came", "no connection"], self.told)

    def test_less_often(self) -> None:
        """One that stays away is asked less and less often, but it is asked."""
        self.rounds.start()
        waits = []
        for _ in range(12):
            began_s, count = self.clock.seconds(), len(self.asked)
            self.go_wrong()
            while len(self.asked) == count:
                self.clock.advance(0.5)
            waits.append(self.clock.seconds() - began_s)
        self.assertEqual([1, 1, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30], waits)

    def test_gone(self) -> None:
        """Who hears that it is away need not ask."""
        self.rounds.start()
        self.answer()
        self.rounds.gone("the connection was lost")
        self.rounds.gone("once more")
        self.assertEqual(["came", "the connection was lost"], self.told)

    def test_at_once(self) -> None:
        """Something new is looked at now; not while a round is under way."""
        self.rounds.start()
        self.rounds.at_once()
        self.assertEqual(1, len(self.asked))
        self.answer()
        self.rounds.at_once()
        self.assertEqual(2, len(self.asked))
        self.answer()
        self.clock.advance(0.9)
        self.assertEqual(2, len(self.asked))

    def test_at_once_instead(self) -> None:
        """What is looked at now is not looked at once more when it would have been due."""
        self.rounds.start()
        self.answer()
        self.clock.advance(0.5)
        self.rounds.at_once()
        self.answer()
        self.clock.advance(0.6)
        self.assertEqual(2, len(self.asked))
        self.clock.advance(0.4)
        self.assertEqual(3, len(self.asked))

    def test_at_once_stopped(self) -> None:
        """Nothing is looked at for whoever has stopped, or has not started."""
        self.rounds.at_once()
        self.rounds.start()
        self.answer()
        self.rounds.stop()
        self.rounds.at_once()
        self.assertEqual(1, len(self.asked))

    def test_gone_for_long(self) -> None:
        """Who is known to be away is looked for less often from the next miss on."""
        self.rounds.start()
        self.answer()
        self.rounds.gone("the connection was lost")
        self.clock.advance(1)
        self.go_wrong()
        self.clock.advance(1.5)
        self.assertEqual(2, len(self.asked))
        self.clock.advance(0.5)
        self.assertEqual(3, len(self.asked))

    def test_for_ever(self) -> None:
        """However long it is away, it is looked for."""
        self.rounds.start()
        for count in range(1, 1200):
            self.assertEqual(count, len(self.asked))
            self.go_wrong()
            self.clock.advance(LONGEST_AWAY_S)

    def test_slow(self) -> None:
        """Rounds that are rare anyway do not become more frequent while it is away."""
        self.rounds = Rounds(
            self.clock, 60.0, self.look, lambda: self.told.append("came"), self.told.append
        )
        self.rounds.start()
        for count in range(1, 6):
            self.go_wrong()
            self.clock.advance(59)
            self.assertEqual(count, len(self.asked))
            self.clock.advance(1)

    def test_untold(self) -> None:
        """Whoever cannot bear to be told does not end the rounds; that is in the log."""

        def came() -> None:
            raise ZeroDivisionError("a mistake")

        rounds = Rounds(self.clock, 1.0, self.look, came, self.told.append)
        rounds.start()
        self.answer()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.clock.advance(1)
        self.assertEqual(2, len(self.asked))
        rounds.stop()

    def test_given_up(self) -> None:
        """A round that something else gives up is one that has failed."""
        self.rounds.start()
        self.go_wrong(CancelledError())
        self.assertEqual(1, len(self.flushLoggedErrors(CancelledError)))

    def test_bug(self) -> None:
        """A mistake in the program is told in the log, and the rounds go on."""
        self.rounds.start()
        self.go_wrong(ZeroDivisionError("a mistake"))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.clock.advance(1)
        self.answer()
        self.assertEqual(["came"], self.told)

    def test_stop(self) -> None:
        """Afterwards nothing is asked and nothing is told, whatever was under way."""
        self.rounds.start()
        self.answer()
        self.clock.advance(1)
        self.rounds.stop()
        self.clock.advance(100)
        self.assertEqual((2, ["came"]), (len(self.asked), self.told))
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertFalse(self.rounds.is_there)

    def test_stop_waits_for_none(self) -> None:
        """What a round waits for when it is stopped is given up."""
        self.rounds.start()
        self.rounds.stop()
        self.assertTrue(self.asked[-1].called)

    def test_stop_in_spite(self) -> None:
        """A round that goes well although it was stopped tells nobody."""

        async def look() -> None:
            with contextlib.suppress(CancelledError):
                await self.look()

        rounds = Rounds(
            self.clock, 1.0, look, lambda: self.told.append("came"), self.told.append
        )
        rounds.start()
        rounds.stop()
        self.assertEqual(([], False), (self.told, rounds.is_there))

    def test_start_unburdened(self) -> None:
        """What was missed before it was stopped, or said after that, does not count."""
        self.rounds.start()
        self.miss(MISSES + 2)
        self.rounds.stop()
        self.rounds.gone("the connection was lost")
        self.rounds.start()
        count = len(self.asked)
        self.go_wrong()
        self.clock.advance(1)
        self.assertEqual(count + 1, len(self.asked))

    def test_start_again(self) -> None:
        """It can be started again, and is as new."""
        self.rounds.start()
        self.answer()
        self.rounds.stop()
        self.rounds.start()
        self.answer()
        self.assertEqual(["came", "came"], self.told)
