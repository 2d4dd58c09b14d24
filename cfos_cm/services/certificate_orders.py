"""What consoles can ask of a running manager about its certificates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Protocol

from cfos_cm.services.certificate_watch import CertificateReport
from cfos_cm.services.control_socket import Command

__all__ = ["MAX_SHOWN", "Watch", "certificate_orders"]

#: How many are shown; those with warnings come first.
MAX_SHOWN = 500


class Watch(Protocol):
    """Where is asked; L{cfos_cm.services.certificate_watch.CertificateWatch} is one."""

    def report(self) -> Iterable[CertificateReport]:
        """How each certificate stands."""


def certificate_orders(watch: Watch) -> dict[str, Command]:
    """The commands, by name: C{certificates} answers with all of them."""
    return {"certificates": partial(_certificates, watch)}


async def _certificates(watch: Watch, said: Mapping[str, object]) -> Mapping[str, object]:
    reports = sorted(watch.report(), key=lambda one: not one.is_warning)
    return {"certificates": [_shown(one) for one in reports[:MAX_SHOWN]]}


def _shown(report: CertificateReport) -> dict[str, object]:
    return {
        "what": report.what,
        "file": report.file,
        "subject": report.subject,
        "fingerprint": report.fingerprint,
        "not_after": report.not_after and report.not_after.isoformat(),
        "days_left": report.days_left,
        "is_warning": report.is_warning,
        "words": report.words,
    }
