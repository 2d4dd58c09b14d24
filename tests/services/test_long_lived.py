"""What the collection of garbage leaves alone."""

from __future__ import annotations

import gc
import weakref

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.long_lived import LongLived


class _Knot:
    """Something that only a collection gets rid of."""

    def __init__(self) -> None:
        self.itself = self


class LeftAlone(SynchronousTestCase):
    """From its start to its stop."""

    def test_started(self) -> None:
        """What is there is left alone, what is garbage by then or comes later is not."""
        service = LongLived()
        before = weakref.ref(_Knot())
        frozen = gc.get_freeze_count()
        service.startService()
        self.addCleanup(gc.unfreeze)
        self.assertIsNone(before())
        self.assertGreater(gc.get_freeze_count(), frozen + 10_000)
        later = weakref.ref(_Knot())
        gc.collect()
        self.assertIsNone(later())

    def test_stopped(self) -> None:
        """Everything is looked at again."""
        service = LongLived()
        service.startService()
        service.stopService()
        self.assertEqual(0, gc.get_freeze_count())
