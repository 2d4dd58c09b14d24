"""A few cases for a Charge Point on sockets, against the library C{websockets}."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.compliance.case import Behind, Case, Subject
from tests.compliance.gateway.sockets import GatewaySocketBench
from tests.compliance.player import play
from tests.compliance.scoreboard import played

#: The others are played by C{make compliance}.
_ALSO_HERE = ("TC_001_CS", "TC_003_CS", "TC_012_CS", "TC_039_CS", "TC_085_CS", "NEG-05_CS")


#: What is about encryption, or goes another way when it is encrypted.
_ON_TLS = ("TC_001_CS", "TC_003_CS", "TC_073_CS", "TC_085_CS")


class _OnSockets(TestCase):
    """The whole program passes the case."""

    timeout = 60
    is_encrypted = False

    def setUp(self) -> None:
        """There is a folder for it."""
        self.bench = GatewaySocketBench(self.is_encrypted)
        self.addCleanup(self.bench.remove)


class OnSockets(_OnSockets):
    """By plain connections."""


class OnTls(_OnSockets):
    """By encrypted ones."""

    is_encrypted = True


def _test(case: Case) -> Callable[[_OnSockets], Deferred[None]]:
    def test(self: _OnSockets) -> Deferred[None]:
        return Deferred.fromCoroutine(play(case, self.bench))

    test.__doc__ = f"{case.case_id}: {case.title}."
    return test


def _fill(cases: type[_OnSockets], ids: tuple[str, ...]) -> None:
    for case in played(Subject.CHARGE_POINT, Behind.BOX, cases.is_encrypted):
        if case.case_id in ids or case.needs_tls:
            setattr(cases, f"test_{case.case_id.replace('-', '_')}", _test(case))


_fill(OnSockets, _ALSO_HERE)
_fill(OnTls, _ON_TLS)
