"""Who may charge: the backend, the lists that it has filled, and its rules."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point import cache, local_list
from cfos_cm.charge_point.cards import PATIENCE_S, RECENT_S, Cards, Judged, Source
from cfos_cm.charge_point.configuration import Configuration
from cfos_cm.errors import CallErrorCode, DeviceError, DeviceRefusal
from cfos_cm.v16.core import ClearCacheStatus
from cfos_cm.v16.local_auth_list import (
    AuthorizationData,
    SendLocalListRequest,
    UpdateStatus,
    UpdateType,
)
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo
from tests.charge_point.backend_world import NOON, settings
from tests.charge_point.memory import InMemory

_ACCEPTED = AuthorizationStatus.ACCEPTED
_BLOCKED = AuthorizationStatus.BLOCKED
_EXPIRED = AuthorizationStatus.EXPIRED
_INVALID = AuthorizationStatus.INVALID

_YESTERDAY = "2026-05-31T12:00:00Z"
_TOMORROW = "2026-06-02T12:00:00Z"


def _info(
    status: AuthorizationStatus = _ACCEPTED,
    expiry_date: str | None = None,
    parent_id_tag: str | None = None,
) -> IdTagInfo:
    return IdTagInfo(status=status, expiry_date=expiry_date, parent_id_tag=parent_id_tag)


def _list(
    version: int, *entries: tuple[str, IdTagInfo | None], full: bool = True
) -> SendLocalListRequest:
    return SendLocalListRequest(
        list_version=version,
        update_type=UpdateType.FULL if full else UpdateType.DIFFERENTIAL,
        local_authorization_list=tuple(
            AuthorizationData(id_tag=id_tag, id_tag_info=info) for id_tag, info in entries
        ),
    )


class Case(SynchronousTestCase):
    """
    One gateway's cards.

    @ivar asked: the payloads of the questions that the backend was asked, and its answers to
        be.
    @ivar is_away: it cannot be asked.
    """

    def setUp(self) -> None:
        """A backend that does not answer yet."""
        self.memory = InMemory()
        self.clock = Clock()
        self.asked: list[tuple[bytes, Deferred[bytes]]] = []
        self.is_away = False
        self.restart()

    def restart(self) -> None:
        """The program starts again."""
        self.configuration = Configuration(settings(), self.memory)
        remembered = self.successResultOf(self.memory.load())
        self.configuration.restore(remembered)
        self.cards = Cards(
            "north", self.configuration, self.memory, self.clock, self.now, self.ask
        )
        self.cards.restore(remembered)

    def now(self) -> datetime:
        """Noon, and as long as the clock runs."""
        return NOON + timedelta(seconds=self.clock.seconds())

    def ask(self, action: str, payload: bytes) -> Deferred[bytes]:
        """The backend is asked."""
        self.assertEqual("Authorize", action)
        if self.is_away:
            return fail(DeviceError("it is away"))
        answer: Deferred[bytes] = Deferred()
        self.asked.append((payload, answer))
        return answer

    def answer(self, text: bytes = b'{"idTagInfo":{"status":"Accepted"}}') -> None:
        """The backend answers the last question."""
        self.asked[-1][1].callback(text)

    def put(self, name: str, value: str) -> None:
        """Set a key."""
        self.successResultOf(self.configuration.change(name, value))

    def send(self, request: SendLocalListRequest) -> UpdateStatus:
        """The backend sends a list."""
        return self.successResultOf(self.cards.update(request))

    def offline(self, id_tag: str) -> Judged:
        """What is said of somebody while the backend is away."""
        self.is_away = True
        self.clock.advance(RECENT_S)
        return self.successResultOf(self.cards.judge(id_tag))


class Online(Case):
    """The backend can be asked."""

    def test_asked(self) -> None:
        """The backend is asked with the words of the Charge Point, and its answer counts."""
        judged = self.cards.judge("card", b'{ "idTag":"card" }')
        self.assertNoResult(judged)
        self.assertEqual(b'{ "idTag":"card" }', self.asked[0][0])
        self.answer(b'{"idTagInfo":{"status":"Blocked","parentIdTag":"group","extra":1}}')
        found = self.successResultOf(judged)
        self.assertEqual((_BLOCKED, "group"), (found.info.status, found.info.parent_id_tag))
        self.assertIs(Source.BACKEND, found.source)
        self.assertFalse(found.is_good)

    def test_madeHere(self) -> None:
        """Without words of its own the question is made."""
        self.cards.judge("card")
        self.assertEqual(b'{"idTag":"card"}', self.asked[0][0])

    def test_askedOnce(self) -> None:
        """Authorize and StartTransaction of one card are one question, in any case."""
        first, second = self.cards.judge("card"), self.cards.judge("CARD")
        self.answer()
        self.assertTrue(self.successResultOf(first).is_good)
        self.assertTrue(self.successResultOf(second).is_good)
        self.clock.advance(RECENT_S - 0.1)
        recent = self.successResultOf(self.cards.judge("card"))
        self.assertIs(Source.RECENT, recent.source)
        self.assertEqual(1, len(self.asked))
        self.clock.advance(0.2)
        self.cards.judge("card")
        self.assertEqual(2, len(self.asked))

    def test_silence(self) -> None:
        """Who gets no answer in time is judged by what is known; a late answer is noted."""
        judged = self.cards.judge("card")
        self.clock.advance(PATIENCE_S - 0.1)
        self.assertNoResult(judged)
        self.clock.advance(0.1)
        found = self.successResultOf(judged)
        self.assertEqual((_INVALID, Source.NOBODY), (found.info.status, found.source))
        self.answer()
        self.assertIs(Source.CACHE, self.offline("card").source)

    def test_refusalOfTheQuestion(self) -> None:
        """A CALLERROR is no yes: who is not known is invalid."""
        judged = self.cards.judge("card")
        self.asked[0][1].errback(DeviceRefusal("no", CallErrorCode.INTERNAL_ERROR))
        self.assertEqual(_INVALID, self.successResultOf(judged).info.status)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_nonsense(self) -> None:
        """An answer that is none is no yes."""
        for text in (b"{}", b'{"idTagInfo":{"status":"Maybe"}}', b'{"idTagInfo":7}'):
            judged = self.cards.judge(f"card {text!r}"[:20])
            self.answer(text)
            self.assertEqual(_INVALID, self.successResultOf(judged).info.status)

    def test_close(self) -> None:
        """When all ends nobody waits any more, and no timer is left."""
        judged = self.cards.judge("card")
        self.cards.close()
        self.assertFalse(self.successResultOf(judged).is_good)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_bounded(self) -> None:
        """Of very many who wait the last are judged by what is known."""
        found = [self.cards.judge(f"card {number}") for number in range(60)]
        self.assertEqual(50, len(self.asked))
        self.assertFalse(self.successResultOf(found[-1]).is_good)

    def test_vouched(self) -> None:
        """Whom the backend has started itself it is not asked about, for that time."""
        self.cards.vouch("app", 120)
        found = self.successResultOf(self.cards.judge("APP"))
        self.assertEqual((True, Source.REMOTE), (found.is_good, found.source))
        self.clock.advance(120)
        self.assertNoResult(self.cards.judge("app"))

    def test_vouchedNoMore(self) -> None:
        """The backend can take that back."""
        self.cards.vouch("app", 120)
        self.cards.vouch("app", 0)
        self.assertNoResult(self.cards.judge("app"))


class PreAuthorized(Case):
    """LocalPreAuthorize: who is known is not asked about. TC_007, TC_008."""

    def setUp(self) -> None:
        """The key is set."""
        super().setUp()
        self.put("LocalPreAuthorize", "true")

    def test_cached(self) -> None:
        """An accepted card of the cache starts without a question."""
        self.cards.noted("card", _info())
        self.clock.advance(RECENT_S)
        self.assertIs(Source.CACHE, self.successResultOf(self.cards.judge("card")).source)

    def test_listed(self) -> None:
        """An accepted card of the list starts without a question."""
        self.send(_list(1, ("card", _info())))
        self.assertIs(Source.LIST, self.successResultOf(self.cards.judge("Card")).source)

    def test_refusedOnesAreAskedAbout(self) -> None:
        """Whom the list or the cache refuses, or who has expired, may be good again."""
        self.send(_list(1, ("blocked", _info(_BLOCKED)), ("old", _info(_ACCEPTED, _YESTERDAY))))
        self.cards.noted("bad", _info(_INVALID))
        self.clock.advance(RECENT_S)
        for number, id_tag in enumerate(("blocked", "old", "bad"), 1):
            self.assertNoResult(self.cards.judge(id_tag))
            self.assertEqual(number, len(self.asked))

    def test_clearCache(self) -> None:
        """After ClearCache the backend is asked again. TC_061."""
        self.cards.noted("card", _info())
        self.assertEqual(ClearCacheStatus.ACCEPTED, self.successResultOf(self.cards.clear()))
        self.assertNoResult(self.cards.judge("card"))


class Away(Case):
    """The backend cannot be asked."""

    def test_rules(self) -> None:
        """Every combination of what is known and what is set, against the specification."""
        known = {
            "nothing": (None, None),
            "good": (_ACCEPTED, Source.CACHE),
            "bad": (_BLOCKED, Source.CACHE),
        }
        for case, (status, source) in known.items():
            for trusted in (True, False):
                for unknown in (True, False):
                    self.setUp()
                    self.put("LocalAuthorizeOffline", str(trusted))
                    self.put("AllowOfflineTxForUnknownId", str(unknown))
                    if status is not None:
                        self.cards.noted("card", _info(status))
                    expected: tuple[object, object] = (_INVALID, Source.NOBODY)
                    if case == "bad" or (case == "good" and trusted):
                        expected = (status, source)
                    elif unknown:
                        expected = (_ACCEPTED, Source.UNKNOWN_ALLOWED)
                    found = self.offline("card")
                    self.assertEqual(
                        expected, (found.info.status, found.source), (case, trusted, unknown)
                    )

    def test_listBeforeCache(self) -> None:
        """OCPP 1.6, 3.5.3: the list goes before the cache."""
        self.cards.noted("card", _info())
        self.send(_list(1, ("card", _info(_BLOCKED))))
        found = self.offline("card")
        self.assertEqual((_BLOCKED, Source.LIST), (found.info.status, found.source))

    def test_expired(self) -> None:
        """Who was good until yesterday is not now, also where unknown ones are let in."""
        self.put("AllowOfflineTxForUnknownId", "true")
        self.cards.noted("cached", _info(_ACCEPTED, _YESTERDAY))
        self.cards.noted("odd", _info(_ACCEPTED, "soon"))
        self.send(_list(1, ("listed", _info(_ACCEPTED, _YESTERDAY))))
        for id_tag in ("cached", "listed", "odd"):
            self.assertEqual(_EXPIRED, self.offline(id_tag).info.status, id_tag)

    def test_notYetExpired(self) -> None:
        """A date that has not come yet changes nothing, until it comes."""
        self.cards.noted("card", _info(_ACCEPTED, _TOMORROW))
        self.assertTrue(self.offline("card").is_good)
        self.clock.advance(86_400)
        self.assertFalse(self.offline("card").is_good)

    def test_switchedOff(self) -> None:
        """Without the cache and the list nobody is known."""
        self.cards.noted("cached", _info())
        self.send(_list(1, ("listed", _info())))
        self.put("AuthorizationCacheEnabled", "false")
        self.put("LocalAuthListEnabled", "false")
        for id_tag in ("cached", "listed"):
            self.assertIs(Source.NOBODY, self.offline(id_tag).source)

    def test_restart(self) -> None:
        """Both are there after a restart, with all that is known of a card."""
        self.cards.noted("Cached", _info(_ACCEPTED, _TOMORROW, "group"))
        self.send(_list(7, ("Listed", _info(_ACCEPTED, None, "others"))))
        self.restart()
        cached, listed = self.offline("cached"), self.offline("listed")
        self.assertEqual(
            ("group", _TOMORROW, Source.CACHE),
            (cached.info.parent_id_tag, cached.info.expiry_date, cached.source),
        )
        self.assertEqual(("others", Source.LIST), (listed.info.parent_id_tag, listed.source))
        self.assertEqual(7, self.cards.version())

    @given(st.text(max_size=20), st.booleans(), st.booleans())
    def test_neverSilently(self, id_tag: str, trusted: bool, preauthorized: bool) -> None:
        """Without anything known and without the rule nobody is let in."""
        self.setUp()
        self.put("LocalAuthorizeOffline", str(trusted))
        self.put("LocalPreAuthorize", str(preauthorized))
        self.assertFalse(self.offline(id_tag).is_good)


class TheCache(Case):
    """What the backend has said is remembered, in bounds."""

    def test_newest(self) -> None:
        """What it has said last counts."""
        self.cards.noted("card", _info())
        self.cards.noted("CARD", _info(_BLOCKED))
        self.assertEqual(_BLOCKED, self.offline("card").info.status)
        self.assertEqual(["card"], list(self.memory.kept["cache"]))

    def test_concurrent(self) -> None:
        """That a card charges elsewhere says nothing about it."""
        self.cards.noted("card", _info())
        self.cards.noted("card", _info(AuthorizationStatus.CONCURRENT_TX))
        self.assertTrue(self.offline("card").is_good)

    def test_writtenOnce(self) -> None:
        """What is known already is not written again."""
        self.cards.noted("card", _info())
        self.cards.noted("card", _info())
        self.assertEqual(1, self.memory.writes)

    def test_full(self) -> None:
        """Who is refused has to go first, then who was judged first; on disk as well."""
        self.patch(cache, "MAX_CARDS", 3)
        for id_tag, status in (("a", _ACCEPTED), ("b", _INVALID), ("c", _ACCEPTED)):
            self.cards.noted(id_tag, _info(status))
        self.cards.noted("d", _info())
        self.assertEqual(["a", "c", "d"], list(self.memory.kept["cache"]))
        self.cards.noted("a", _info(parent_id_tag="group"))
        self.cards.noted("e", _info())
        self.assertEqual(["d", "a", "e"], list(self.memory.kept["cache"]))
        self.assertIs(Source.NOBODY, self.offline("c").source)

    def test_clear(self) -> None:
        """ClearCache forgets all, for good; without a cache it is rejected."""
        self.cards.noted("card", _info())
        self.successResultOf(self.cards.clear())
        self.restart()
        self.assertIs(Source.NOBODY, self.offline("card").source)
        self.put("AuthorizationCacheEnabled", "false")
        self.assertEqual(ClearCacheStatus.REJECTED, self.successResultOf(self.cards.clear()))

    def test_fullDisk(self) -> None:
        """What cannot be stored is known until the restart, and not reported as done."""
        self.memory.is_full = True
        self.cards.noted("card", _info())
        self.assertTrue(self.offline("card").is_good)
        self.assertEqual(ClearCacheStatus.REJECTED, self.successResultOf(self.cards.clear()))

    def test_damaged(self) -> None:
        """What cannot be read is nothing."""
        self.memory.kept["cache"] = {"card": "{", "other": '{"status":"Perhaps"}'}
        self.restart()
        self.assertIs(Source.NOBODY, self.offline("card").source)


class TheList(Case):
    """SendLocalList. TC_042, TC_043."""

    def test_empty(self) -> None:
        """There is none: 0; there can be none: -1, and none is taken."""
        self.assertEqual(0, self.cards.version())
        self.put("LocalAuthListEnabled", "false")
        self.assertEqual(-1, self.cards.version())
        self.assertEqual(UpdateStatus.NOT_SUPPORTED, self.send(_list(1, ("a", _info()))))

    def test_full(self) -> None:
        """A whole list takes the place of the one before, whatever number that had."""
        self.assertEqual(UpdateStatus.ACCEPTED, self.send(_list(9, ("a", _info()))))
        self.assertEqual(UpdateStatus.ACCEPTED, self.send(_list(3, ("b", _info()))))
        self.assertEqual(3, self.cards.version())
        self.assertIs(Source.NOBODY, self.offline("a").source)
        self.assertIs(Source.LIST, self.offline("b").source)

    def test_emptied(self) -> None:
        """A whole list without entries empties it: its number is 0."""
        self.send(_list(9, ("a", _info())))
        request = SendLocalListRequest(list_version=10, update_type=UpdateType.FULL)
        self.assertEqual(UpdateStatus.ACCEPTED, self.send(request))
        self.assertEqual(0, self.cards.version())
        self.assertEqual(UpdateStatus.ACCEPTED, self.send(_list(1, ("b", _info()), full=False)))

    def test_differential(self) -> None:
        """Changes add, replace and take away, and leave the others."""
        self.send(_list(1, ("a", _info()), ("b", _info()), ("c", _info())))
        changes = _list(2, ("A", _info(_BLOCKED)), ("b", None), ("d", _info()), full=False)
        self.assertEqual(UpdateStatus.ACCEPTED, self.send(changes))
        self.assertEqual(2, self.cards.version())
        found = {id_tag: self.offline(id_tag).info.status for id_tag in "abcd"}
        expected = {"a": _BLOCKED, "b": _INVALID, "c": _ACCEPTED, "d": _ACCEPTED}
        self.assertEqual(expected, found)

    def test_versionMismatch(self) -> None:
        """Changes to another list are refused, and the list and its number stay."""
        self.send(_list(5, ("a", _info())))
        for version in (5, 4, 0, -1):
            self.assertEqual(
                UpdateStatus.VERSION_MISMATCH,
                self.send(_list(version, ("a", None), full=False)),
            )
        self.assertEqual(5, self.cards.version())
        self.assertTrue(self.offline("a").is_good)

    def test_failed(self) -> None:
        """What cannot be taken is refused as a whole."""
        self.send(_list(5, ("a", _info())))
        for bad in (
            _list(6, ("b", None)),
            _list(6, ("b", _info()), ("B", _info())),
            _list(6, ("", _info())),
            _list(0, ("b", _info())),
            _list(-1, ("b", _info())),
            _list(2**31, ("b", _info())),
            _list(6, *((f"t{number}", _info()) for number in range(501))),
        ):
            self.assertEqual(UpdateStatus.FAILED, self.send(bad))
        self.assertEqual(5, self.cards.version())
        self.assertEqual({"", "a"}, set(self.memory.kept["list"]))
        self.assertTrue(self.offline("a").is_good)
        self.assertFalse(self.offline("b").is_good)

    def test_tooLong(self) -> None:
        """Changes cannot make it longer than its key says."""
        self.patch(local_list, "MAX_LIST_CARDS", 3)
        self.send(_list(1, ("a", _info()), ("b", _info()), ("c", _info())))
        more = _list(2, ("d", _info()), full=False)
        self.assertEqual(UpdateStatus.FAILED, self.send(more))
        instead = _list(2, ("c", None), ("d", _info()), full=False)
        self.assertEqual(UpdateStatus.ACCEPTED, self.send(instead))

    def test_fullDisk(self) -> None:
        """What cannot be stored is refused, and the list stays as it was."""
        self.send(_list(1, ("a", _info())))
        self.memory.is_full = True
        self.assertEqual(UpdateStatus.FAILED, self.send(_list(2, ("b", _info()))))
        self.assertEqual(1, self.cards.version())
        self.assertTrue(self.offline("a").is_good)
        self.memory.is_full = False
        self.assertEqual(UpdateStatus.ACCEPTED, self.send(_list(2, ("b", _info()))))

    def test_oneAtATime(self) -> None:
        """While one is being stored no other is taken: it would be made of the list before."""
        slow: Deferred[None] = Deferred()
        self.patch(self.memory, "replace", lambda kind, values: slow)
        first = self.cards.update(_list(1, ("a", _info())))
        self.assertEqual(UpdateStatus.FAILED, self.send(_list(2, ("b", _info()), full=False)))
        self.assertEqual(0, self.cards.version())
        slow.callback(None)
        self.assertEqual(UpdateStatus.ACCEPTED, self.successResultOf(first))
        self.assertEqual(1, self.cards.version())

    def test_damaged(self) -> None:
        """A list of which a part cannot be read is none."""
        self.memory.kept["list"] = {"": "4", "a": '{"status":"Accepted"}', "b": "{"}
        self.restart()
        self.assertEqual(0, self.cards.version())
        self.assertFalse(self.offline("a").is_good)

    @given(
        st.lists(
            st.tuples(
                st.booleans(),
                st.integers(-1, 4),
                st.lists(st.tuples(st.sampled_from("abC"), st.booleans()), max_size=3),
            ),
            max_size=8,
        )
    )
    def test_anyRow(self, updates: list[tuple[bool, int, list[tuple[str, bool]]]]) -> None:
        """After any updates the list is what a simple one is, also after a restart."""
        self.setUp()
        model: dict[str, None] = {}
        version = 0
        for full, number, entries in updates:
            request = _list(
                number, *((tag, _info() if keep else None) for tag, keep in entries), full=full
            )
            tags = [tag.lower() for tag, _ in entries]
            status = self.send(request)
            is_fine = number > 0 and len(set(tags)) == len(tags)
            if not full and number <= (version if model else 0):
                self.assertEqual(UpdateStatus.VERSION_MISMATCH, status)
            elif not is_fine or (full and not all(keep for _, keep in entries)):
                self.assertEqual(UpdateStatus.FAILED, status)
            else:
                self.assertEqual(UpdateStatus.ACCEPTED, status)
                version = number
                model = {} if full else model
                for tag, keep in entries:
                    model.pop(tag.lower(), None)
                    if keep:
                        model[tag.lower()] = None
            self.restart()
            self.assertEqual(version if model else 0, self.cards.version())
            for tag in "abc":
                self.assertEqual(tag in model, self.offline(tag).is_good)
            self.is_away = False
