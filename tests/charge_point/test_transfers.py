"""An upload that a backend has ordered: how it goes, and what the backend is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.transfers import Transfer, Transfers, Voice
from cfos_cm.charge_point.uploader import NotUploaded
from cfos_cm.errors import DeviceRefusal, NoAnswer, NotSent, StorageError
from cfos_cm.v16.actions import action_of
from cfos_cm.v16.security import UploadLogStatus
from cfos_cm.v16.types import Message
from cfos_cm.wire.location import read_location
from tests.charge_point.uploads import FakeUploads

_PLACE = read_location("https://user:s3cret@files.example/up?key=s3cret")


class Case(SynchronousTestCase):
    """Transfers with a backend that notes what it is told."""

    def setUp(self) -> None:
        """Nothing is under way."""
        self.clock = Clock()
        self.uploads = FakeUploads()
        self.told: list[tuple[Any, ...]] = []
        self.notes: list[str] = []
        self.answer: Exception | None = None
        environment: Any = SimpleNamespace(clock=self.clock, uploads=self.uploads)
        voice = Voice(self.call, self.notes.append, self.notes.append)
        self.transfers = Transfers(environment, voice)
        self.addCleanup(lambda: self.assertEqual([], self.clock.getDelayedCalls()))
        self.addCleanup(self.transfers.close)

    def call(self, message: Message) -> Deferred[Message]:
        """The backend is told something."""
        words = [message.status.value]  # type: ignore[attr-defined]
        request_id = getattr(message, "request_id", None)
        name = "log" if action_of(message).name.startswith("Log") else "diagnostics"
        self.told.append((name, *words, request_id))
        return succeed(message) if self.answer is None else fail(self.answer)

    def start(self, request_id: int | None = 7, **more: Any) -> None:
        """Begin one."""
        action = "GetDiagnostics" if request_id is None else "GetLog"
        content = more.pop("content", lambda: succeed(b"content"))
        self.transfers.start(Transfer(action, request_id, _PLACE, content, **more))

    def statuses(self) -> list[str]:
        """What was told, in its order."""
        return [one[1] for one in self.told]


class Running(Case):
    """How it goes."""

    def test_taken(self) -> None:
        """It begins and ends, and the backend hears of both with the number."""
        self.start()
        self.assertEqual([("log", "Uploading", 7)], self.told)
        self.assertEqual([(_PLACE, b"content")], self.uploads.puts)
        self.uploads.results[0].callback(None)
        self.assertEqual(("log", "Uploaded", 7), self.told[-1])
        self.assertIn("https://files.example/…", self.notes[0])

    def test_diagnostics(self) -> None:
        """Diagnostics have no number, and words of their own."""
        self.start(None)
        self.uploads.results[0].errback(
            NotUploaded("no", UploadLogStatus.PERMISSION_DENIED, is_final=True)
        )
        self.assertEqual(
            [("diagnostics", "Uploading", None), ("diagnostics", "UploadFailed", None)],
            self.told,
        )

    def test_refused(self) -> None:
        """What no other attempt would change is told at once, as it is."""
        self.start(attempts=5)
        self.uploads.results[0].errback(
            NotUploaded("no", UploadLogStatus.PERMISSION_DENIED, is_final=True)
        )
        self.assertEqual(["Uploading", "PermissionDenied"], self.statuses())
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_attempts(self) -> None:
        """It is tried as often as is wanted, with the time between, and then no more."""
        self.start(attempts=3, interval_s=20.0)
        for number in range(3):
            self.assertEqual(number + 1, len(self.uploads.results))
            self.uploads.results[number].errback(NotUploaded("not now"))
            if number < 2:
                self.clock.advance(19.9)
                self.assertEqual(number + 1, len(self.uploads.results))
                self.clock.advance(0.1)
        self.assertEqual(["Uploading", "UploadFailure"], self.statuses())
        self.assertIn("not now", self.notes[0])

    def test_secondAttempt(self) -> None:
        """An attempt that is taken is the last one."""
        self.start(attempts=3, interval_s=1.0)
        self.uploads.results[0].errback(NotUploaded("not now"))
        self.clock.advance(1)
        self.uploads.results[1].callback(None)
        self.assertEqual(["Uploading", "Uploaded"], self.statuses())

    def test_noContent(self) -> None:
        """A log that cannot be read is not uploaded."""
        self.start(content=lambda: fail(StorageError("the disk")))
        self.assertEqual(["Uploading", "UploadFailure"], self.statuses())
        self.assertEqual([], self.uploads.puts)

    def test_mistake(self) -> None:
        """A mistake of ours ends it, is logged, and the backend does not wait for ever."""
        self.start(content=lambda: fail(ZeroDivisionError()))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual(["Uploading", "UploadFailure"], self.statuses())
        self.start(8)
        self.uploads.results[0].callback(None)
        self.assertEqual(("log", "Uploaded", 8), self.told[-1])

    def test_secrets(self) -> None:
        """What is noted has no secret of the place in it."""
        self.start()
        self.uploads.results[0].errback(NotUploaded("no", is_final=True))
        self.start()
        self.uploads.results[1].callback(None)
        self.assertEqual(2, len(self.notes))
        self.assertNotIn("s3cret", repr(self.notes))

    def test_status(self) -> None:
        """Who asks meanwhile hears that it goes on, and otherwise that nothing does."""
        for request_id, own, other in (
            (7, "log_status", "diagnostics_status"),
            (None, "diagnostics_status", "log_status"),
        ):
            self.assertEqual("Idle", getattr(self.transfers, own).status.value)
            self.start(request_id)
            self.assertEqual("Uploading", getattr(self.transfers, own).status.value)
            self.assertEqual("Idle", getattr(self.transfers, other).status.value)
            self.uploads.results[-1].callback(None)
        self.assertIsNone(self.transfers.log_status.request_id)  # type: ignore[attr-defined]


class Cancelling(Case):
    """How it is given up."""

    def test_replaced(self) -> None:
        """A second log is uploaded in the place of the first, of which nothing more is told."""
        self.start(7)
        self.assertTrue(self.transfers.cancel("GetLog"))
        self.start(8)
        self.assertEqual([self.uploads.results[0]], self.uploads.given_up)
        self.uploads.results[1].callback(None)
        expected = [("log", "Uploading", 7), ("log", "Uploading", 8), ("log", "Uploaded", 8)]
        self.assertEqual(expected, self.told)
        self.assertFalse(self.transfers.cancel("GetLog"))

    def test_replacedByOther(self) -> None:
        """A log that makes way for diagnostics has failed, and is said to."""
        self.start(7)
        self.assertTrue(self.transfers.cancel("GetDiagnostics"))
        self.assertEqual(("log", "UploadFailure", 7), self.told[-1])

    def test_waiting(self) -> None:
        """It can be given up between two attempts, too."""
        self.start(attempts=3)
        self.uploads.results[0].errback(NotUploaded("not now"))
        self.assertTrue(self.transfers.cancel())
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertEqual(["Uploading"], self.statuses())

    def test_howeverItEnds(self) -> None:
        """However an uploader ends what is given up, nothing is tried again, told or logged."""
        for error in (ConnectingCancelledError("x"), NotUploaded("cancelled"), ValueError()):
            self.uploads.end = error
            self.told.clear()
            self.start(attempts=3)
            self.assertTrue(self.transfers.cancel())
            self.assertEqual([], self.clock.getDelayedCalls())
            self.assertEqual(["Uploading"], self.statuses())
        self.assertEqual([], self.notes)

    def test_closed(self) -> None:
        """With the gateway it is over."""
        self.start()
        self.transfers.close()
        self.assertEqual(1, len(self.uploads.given_up))


class Away(Case):
    """The backend is not there at the end."""

    def test_back(self) -> None:
        """What it was not told it is told when it is back, once."""
        for error in (NotSent("away"), NoAnswer("nothing")):
            self.start()
            self.answer = error
            self.uploads.results[-1].callback(None)
            self.answer = None
            self.told.clear()
            self.transfers.tell_untold()
            self.transfers.tell_untold()
            self.assertEqual([("log", "Uploaded", 7)], self.told)

    def test_stillAway(self) -> None:
        """If it is away again it is told later."""
        self.start()
        self.answer = NotSent("away")
        self.uploads.results[0].callback(None)
        self.transfers.tell_untold()
        self.answer = None
        self.told.clear()
        self.transfers.tell_untold()
        self.assertEqual([("log", "Uploaded", 7)], self.told)

    def test_newest(self) -> None:
        """Only how it stands now is told, and not what was untold before."""
        self.answer = NotSent("away")
        self.start()
        self.answer = None
        self.uploads.results[0].callback(None)
        self.told.clear()
        self.transfers.tell_untold()
        self.assertEqual([], self.told)

    def test_late(self) -> None:
        """That an earlier message was not answered does not matter when a newer one was."""
        late: Deferred[Message] = Deferred()
        answers = [late, succeed(None)]
        calls: list[Message] = []

        def call(message: Message) -> Any:
            calls.append(message)
            return answers.pop(0)

        environment: Any = SimpleNamespace(clock=self.clock, uploads=self.uploads)
        transfers = Transfers(environment, Voice(call, *[self.notes.append] * 2))
        transfers.start(Transfer("GetLog", 7, _PLACE, lambda: succeed(b"")))
        self.uploads.results[-1].callback(None)
        late.errback(NoAnswer("too late"))
        transfers.tell_untold()
        self.assertEqual(2, len(calls))

    def test_unknownToIt(self) -> None:
        """A backend that does not know the message is not told again."""
        self.answer = DeviceRefusal("NotImplemented")
        self.start()
        self.uploads.results[0].callback(None)
        self.answer = None
        self.told.clear()
        self.transfers.tell_untold()
        self.assertEqual([], self.told)
