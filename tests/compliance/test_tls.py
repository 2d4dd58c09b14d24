"""Cases over TLS, with the C{websockets} library as the Charge Point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.compliance.case import Case, Profile
from tests.compliance.player import play
from tests.compliance.scoreboard import played
from tests.compliance.sockets import SocketBench

#: What can go another way when it is encrypted, or is a good example of what cannot; the others
#: are played by C{make compliance}.
_ALSO_HERE = ("TC_001_CSMS", "TC_003_CSMS", "TC_012_CSMS", "TC_039_CSMS", "TC_088_CSMS")


class OnTls(TestCase):
    """The whole program passes the case."""

    timeout = 60
    bench: SocketBench

    @classmethod
    def setUpClass(cls) -> None:
        """Make a place for the databases."""
        cls.bench = SocketBench(is_encrypted=True)

    @classmethod
    def tearDownClass(cls) -> None:
        """Leave nothing on disk."""
        cls.bench.remove()


def _test(case: Case) -> Callable[[OnTls], Deferred[Any]]:
    def test(self: OnTls) -> Deferred[Any]:
        return Deferred.fromCoroutine(play(case, self.bench))

    test.__doc__ = f"{case.case_id}: {case.title}."
    return test


def _is_here(case: Case) -> bool:
    always = (Profile.SECURITY, Profile.TRANSPORT, Profile.NEGATIVE)
    return case.profile in always or case.case_id in _ALSO_HERE


for _case in filter(_is_here, played(is_encrypted=True)):
    setattr(OnTls, f"test_{_case.case_id.replace('-', '_')}", _test(_case))
