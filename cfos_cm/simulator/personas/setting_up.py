"""
What is wrong around a play, and what to do about it.

A wallbox that is not let in yet, or whose tag may not charge, shows nothing of its oddity. That
is no fault of the Central System, and has to be said in words that its owner can act on.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from cfos_cm.simulator.personas.stage import Stage

__all__ = ["why_no_current", "why_not_let_in", "why_not_registered"]


def why_not_let_in(status: int, stage: Stage) -> str | None:
    """
    What has to be done before the wallbox gets a WebSocket.

    @param status: the HTTP status with which its request was refused.
    @return: C{None} if that status does not come from how things are set up.
    """
    who = stage.identity
    match status:
        case HTTPStatus.FORBIDDEN:
            what = (
                f"does not let {who} in",
                "see --password; it may also want wss://, or a certificate (--certificate), "
                "from who has come with it before",
            )
        case HTTPStatus.UNAUTHORIZED if _shows_certificate(stage):
            what = (
                f"takes neither the certificate nor the password of {who}",
                "see --certificate, which has to name it, or --password",
            )
        case HTTPStatus.UNAUTHORIZED if stage.password is None:
            what = f"asks {who} for a password", "give it with --password"
        case HTTPStatus.UNAUTHORIZED:
            what = f"does not take the password of {who}", "see --password, --password-form"
        case HTTPStatus.NOT_FOUND:
            what = (
                f"does not know {who}",
                "add it there first, or correct the URL",
            )
        case HTTPStatus.TOO_MANY_REQUESTS:
            what = f"puts {who} off", "wait, then play again"
        case HTTPStatus.SERVICE_UNAVAILABLE:
            what = (
                f"has no room for {who}",
                "another wallbox may be connected with this ID; give one of its own with --id, "
                "or wait, then play again",
            )
        case _:
            return None
    return f"the Central System {what[0]} (HTTP {status}): {what[1]}"


def _shows_certificate(stage: Stage) -> bool:
    return stage.material is not None and stage.material.pair is not None


def why_not_registered(confirmation: Mapping[str, Any], stage: Stage) -> str | None:
    """
    What has to be done before the wallbox is accepted.

    @param confirmation: of its BootNotification.
    @return: C{None} if it is accepted, or nobody can tell.
    """
    match confirmation.get("status"):
        case "Pending":
            what = f"keeps {stage.identity} waiting (Pending): approve it first"
        case "Rejected":
            what = f"rejects {stage.identity} (Rejected): add it there first"
        case _:
            return None
    return f"the Central System {what}"


def why_no_current(confirmation: Mapping[str, Any], stage: Stage) -> str | None:
    """
    What has to be done before the wallbox may charge.

    @param confirmation: of its StartTransaction.
    @return: C{None} if it may, or nobody can tell.
    """
    judgement = confirmation.get("idTagInfo")
    status = judgement.get("status") if isinstance(judgement, dict) else None
    if not isinstance(status, str) or status == "Accepted":
        return None
    return (
        f"the Central System does not let {stage.id_tag} charge at connector {stage.connector} "
        f"({status[:40]}): allow it there, or give others with --id-tag and --connector"
    )
