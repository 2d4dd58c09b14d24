"""Certificates that are about to expire: said in the log, and told to whoever asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from cfos_cm.certificates.expiry import STAGES, days_left, expiry_words, stage
from cfos_cm.certificates.names import fingerprint, subject_words
from cfos_cm.certificates.pair import time_words
from cfos_cm.services.config import Config
from cfos_cm.services.configured_certificates import Watched, configured_certificates

__all__ = ["LOOK_S", "CertificateReport", "CertificateWatch", "report_of"]

#: How often certificates are looked at: a day that was missed is of no importance, and a name
#: of this computer that was not there at the start is in its certificate within the hour. [s]
LOOK_S = 3600.0

_log = Logger(namespace="cfos_cm.services")


@frozen
class CertificateReport:
    """
    How one certificate stands.

    @ivar what: whose it is, for people.
    @ivar file: where it stands; empty: in no file.
    @ivar subject: whom it names, for people; empty where there is none.
    @ivar fingerprint: SHA-256, for people; empty where there is none.
    @ivar not_after: its last moment; C{None}: there is none.
    @ivar days_left: whole days, negative when it is over.
    @ivar stage: the smallest of 60, 30, 7 and 1 days that is reached, 0 when it is over.
    @ivar is_warning: somebody has to do something.
    @ivar words: what about it, for people; empty: it is fine.
    """

    what: str
    file: str
    subject: str
    fingerprint: str
    not_after: datetime | None
    days_left: int | None
    stage: int | None
    is_warning: bool
    words: str

    def __str__(self) -> str:
        """A sentence about it, for logs and consoles."""
        if self.not_after is None:
            return f"{self.what}: {self.words}"
        place = f" in {self.file}" if self.file else ""
        about = self.words or f"is valid until {self.not_after:%Y-%m-%d}"
        return f"{self.what}: the certificate of {self.subject}{place} {about}"


def report_of(one: Watched, now: datetime) -> CertificateReport:
    """How a certificate stands at a time."""
    if one.certificate is None:
        return CertificateReport(one.what, one.file, "", "", None, None, None, True, one.fault)
    ends = one.certificate.not_valid_after_utc
    reached = stage(ends, now)
    # That it cannot be used yet comes before that it will not be for long.
    words = time_words(one.certificate, now) or ""
    if not words and reached is not None:
        words = expiry_words(ends, now)
    return CertificateReport(
        what=one.what,
        file=one.file,
        subject=subject_words(one.certificate.subject),
        fingerprint=fingerprint(one.certificate),
        not_after=ends,
        days_left=days_left(ends, now),
        stage=reached,
        is_warning=bool(words),
        words=words,
    )


class CertificateWatch:
    """Looks at all certificates of a site each hour, and whenever it is told to."""

    def __init__(
        self,
        reactor: Any,
        now: Callable[[], datetime],
        given: Callable[[], Iterable[Watched]] = tuple,
        renew: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """
        @param reactor: whose threads read files.
        @param now: what time it is, aware.
        @param given: certificates in no file of the settings, such as those that backends have
            given to gateways.
        @param renew: is called before each look that is due.
        """
        self._reactor = reactor
        self._now = now
        self._given = given
        self._renew = renew
        self._config: Config | None = None
        self._watched: tuple[Watched, ...] = ()
        # What was said of which certificate: the smallest of the stages, or why none.
        self._said: dict[tuple[str, str, str], tuple[int, str]] = {}
        self._due: IDelayedCall | None = None
        self._turn = DeferredLock()

    async def look(self, config: Config) -> None:
        """
        Look at the certificates of a configuration, and at them each hour from now on.

        What was not said before is said in the log; each once for each stage.
        """
        self._config = config
        await self._turn.run(self._look, config)
        self._wait()

    async def stop(self) -> None:
        """Look no more; when it is done, no look is under way."""
        self._config = None
        self._cancel()
        await self._turn.run(lambda: None)

    def report(self) -> tuple[CertificateReport, ...]:
        """How each certificate stands now, as it was in its file at the last look."""
        now = self._now()
        return tuple(report_of(one, now) for one in (*self._watched, *self._given()))

    async def _look(self, config: Config) -> None:
        pool = self._reactor.getThreadPool()
        self._watched = await deferToThreadPool(
            self._reactor, pool, configured_certificates, config
        )
        self._tell(self.report())

    def _tell(self, reports: Iterable[CertificateReport]) -> None:
        before, self._said = self._said, {}
        for one in reports:
            if not one.is_warning:
                continue
            key = (one.what, one.file, one.fingerprint)
            news = (_level(one), "" if one.stage is not None else one.words)
            if key not in self._said and news != before.get(key):
                _say(one)
            self._said[key] = news

    def _wait(self) -> None:
        self._cancel()
        if self._config is not None:
            self._due = self._reactor.callLater(LOOK_S, self._look_again)

    def _cancel(self) -> None:
        due, self._due = self._due, None
        if due is not None:
            due.cancel()

    def _look_again(self) -> None:
        self._due = None
        looking: Deferred[None] = self._turn.run(self._renew_and_look)
        looking.addErrback(lambda why: _log.failure("certificates were not looked at", why))

    async def _renew_and_look(self) -> None:
        try:
            if self._renew is not None:
                await self._renew()
            if self._config is not None:
                await self._look(self._config)
        finally:
            self._wait()


def _level(report: CertificateReport) -> int:
    return max(STAGES) + 1 if report.stage is None else report.stage


def _say(report: CertificateReport) -> None:
    is_urgent = report.not_after is None or report.stage in (0, 1)
    say = _log.error if is_urgent else _log.warn
    say("{report!s}", report=report)
