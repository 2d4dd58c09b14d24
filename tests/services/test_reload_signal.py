"""SIGHUP, in a process that may have its own use for it."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.services.reload_signal import ReloadSignal


def somebody_elses(number: int, frame: FrameType | None) -> None:
    """What another part of the process does at a SIGHUP."""


def free_signal(case: SynchronousTestCase) -> None:
    """Begin a test with nobody listening, and leave things as they were."""
    case.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Manners(SynchronousTestCase):
    """Whose signal it is."""

    def setUp(self) -> None:
        """Begin with nobody listening."""
        free_signal(self)
        self.signal = ReloadSignal(MemoryReactor(), lambda: None)

    def test_installed(self) -> None:
        """Where nobody wants the signal it is taken, and given back."""
        self.signal.install()
        self.assertIsNot(signal.SIG_DFL, signal.getsignal(signal.SIGHUP))
        self.signal.remove()
        self.assertIs(signal.SIG_DFL, signal.getsignal(signal.SIGHUP))

    def test_again(self) -> None:
        """It can be taken again, and taking it twice is like once."""
        for _ in range(2):
            self.signal.install()
            self.signal.install()
            self.assertIsNot(signal.SIG_DFL, signal.getsignal(signal.SIGHUP))
            self.signal.remove()
            self.signal.remove()
            self.assertIs(signal.SIG_DFL, signal.getsignal(signal.SIGHUP))

    def test_somebody_has_it(self) -> None:
        """Somebody else's use of it is left alone."""
        signal.signal(signal.SIGHUP, somebody_elses)
        self.signal.install()
        self.assertIs(somebody_elses, signal.getsignal(signal.SIGHUP))
        self.signal.remove()
        self.assertIs(somebody_elses, signal.getsignal(signal.SIGHUP))

    def test_nohup(self) -> None:
        """A signal that is ignored is used, and ignored again afterwards."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.signal.install()
        self.assertIsNot(signal.SIG_IGN, signal.getsignal(signal.SIGHUP))
        self.signal.remove()
        self.assertIs(signal.SIG_IGN, signal.getsignal(signal.SIGHUP))

    def test_somebody_takes_it_later(self) -> None:
        """Who took it after us keeps it."""
        self.signal.install()
        signal.signal(signal.SIGHUP, somebody_elses)
        self.signal.remove()
        self.assertIs(somebody_elses, signal.getsignal(signal.SIGHUP))

    def test_two(self) -> None:
        """Of two in one process the first one has it; the second one's end changes nothing."""
        second = ReloadSignal(MemoryReactor(), lambda: None)
        self.signal.install()
        ours = signal.getsignal(signal.SIGHUP)
        second.install()
        second.remove()
        self.assertEqual(ours, signal.getsignal(signal.SIGHUP))

    def test_other_thread(self) -> None:
        """In a thread that may not take signals nothing happens."""
        errors: list[BaseException] = []

        def work() -> None:
            try:
                self.signal.install()
                self.signal.remove()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.assertEqual([], errors)
        self.assertIs(signal.SIG_DFL, signal.getsignal(signal.SIGHUP))


class Call(TestCase):
    """What the signal does."""

    async def test_called_in_the_reactor(self) -> None:
        """The call is made by the reactor, not from inside the signal."""
        free_signal(self)
        called: Deferred[None] = Deferred()
        hangup = ReloadSignal(reactor, lambda: called.callback(None))
        hangup.install()
        self.addCleanup(hangup.remove)
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertFalse(called.called)
        await called
