"""Which cards a virtual wallbox takes for good."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.simulator.authorisation import MAX_CARDS, Cards
from cfos_cm.simulator.configuration import Configuration
from cfos_cm.v16.core import AuthorizeConfirmation
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo

GOOD = IdTagInfo(status=AuthorizationStatus.ACCEPTED)
BAD = IdTagInfo(status=AuthorizationStatus.BLOCKED)


class CardTests(SynchronousTestCase):
    """The cards of one wallbox."""

    def setUp(self) -> None:
        """A wallbox that knows no cards."""
        self.cards = Cards(Configuration(1, 10))

    def is_good(self, id_tag: str, ask: object = None) -> bool:
        """What comes of a card."""
        judging = self.cards.is_good(id_tag, ask)  # type: ignore[arg-type]
        return self.successResultOf(Deferred.fromCoroutine(judging))

    def test_asked(self) -> None:
        """The Central System's word counts, also against what it said before."""
        self.cards.judged("card", GOOD)
        for info, good in ((BAD, False), (GOOD, True)):
            confirmation = AuthorizeConfirmation(id_tag_info=info)
            self.assertIs(
                self.is_good("card", lambda _, answer=confirmation: succeed(answer)), good
            )

    def test_no_answer(self) -> None:
        """Without an answer a card that was good is good, and a blocked one is not."""
        self.cards.judged("card", GOOD)
        self.cards.judged("blocked", BAD)
        ask = lambda _: fail(DeviceError("no answer"))  # noqa: E731
        self.assertTrue(self.is_good("card", ask))
        self.assertFalse(self.is_good("blocked", ask))

    def test_refusal(self) -> None:
        """An error for an answer is no permission."""
        self.cards.judged("card", GOOD)
        self.assertFalse(self.is_good("card", lambda _: fail(DeviceRefusal("InternalError"))))

    def test_bound(self) -> None:
        """Of too many cards the first is forgotten."""
        for number in range(MAX_CARDS + 1):
            self.cards.judged(str(number), GOOD)
        self.assertFalse(self.is_good("0"))
        self.assertTrue(self.is_good("1"))
