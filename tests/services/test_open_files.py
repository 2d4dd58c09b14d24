"""The process's bound of open files."""

from __future__ import annotations

import resource

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.open_files import RESERVED, WANTED, allowed_sockets, raise_limit


class OpenFiles(SynchronousTestCase):
    """Limits that are played, so that this process keeps its own."""

    def setUp(self) -> None:
        """A shell's."""
        self.limits = (1024, 1_048_576)
        self.patch(resource, "getrlimit", lambda _: self.limits)
        self.patch(resource, "setrlimit", self.set)

    def set(self, _: int, limits: tuple[int, int]) -> None:
        """Somebody changes them."""
        self.limits = limits

    def test_raised(self) -> None:
        """As far as is wanted, and as far as is allowed; never lowered."""
        for before, after in (
            ((1024, 1_048_576), (WANTED, 1_048_576)),
            ((256, 2000), (2000, 2000)),
            ((65536, 65536), (65536, 65536)),
            ((1024, resource.RLIM_INFINITY), (WANTED, resource.RLIM_INFINITY)),
            ((resource.RLIM_INFINITY,) * 2, (resource.RLIM_INFINITY,) * 2),
        ):
            self.limits = before
            raise_limit(EPollReactor.__new__(EPollReactor))
            self.assertEqual(after, self.limits)

    def test_select(self) -> None:
        """A reactor that could not watch them is left with what it can."""
        raise_limit(SelectReactor.__new__(SelectReactor))
        self.assertEqual((1024, 1_048_576), self.limits)

    def test_sockets(self) -> None:
        """Charge Points get what is left beside everything else."""
        self.assertEqual(1024 - RESERVED, allowed_sockets(2000))
        self.limits = (10, 10)
        self.assertEqual(1, allowed_sockets(2000))
        for soft in (WANTED, resource.RLIM_INFINITY):
            self.limits = (soft, soft)
            self.assertEqual(2000, allowed_sockets(2000))
