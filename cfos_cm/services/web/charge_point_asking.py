"""Asking Charge Points over HTTP: any action of OCPP, and their configuration."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from cfos_cm.central_system.commands.requests import read_request
from cfos_cm.central_system.commands.secret_keys import is_secret
from cfos_cm.errors import LocalProtocolError
from cfos_cm.services.charge_point_office import ChargePointOffice
from cfos_cm.services.redaction import HIDDEN, without_secrets, without_secrets_in_payload
from cfos_cm.services.web.charge_point_answers import (
    CallBody,
    Called,
    ConfigurationKeys,
    ConfigurationQuery,
    ConfigurationValue,
    ValueBody,
)
from cfos_cm.services.web.done import Done
from cfos_cm.services.web.found import charge_point, require
from cfos_cm.services.web.ocpp_roles import may_change, role_for
from cfos_cm.v16.core import ConfigurationStatus
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["asking_routes"]

_ROUTE = partial(Route, tag="charge-points")
_ONE = f"{API}/charge-points/{{identity}}"

_SET_WORDS = {
    ConfigurationStatus.ACCEPTED: "it is set",
    ConfigurationStatus.REBOOT_REQUIRED: "it is set, and holds when the Charge Point restarts",
    ConfigurationStatus.REJECTED: "the Charge Point does not take this value",
    ConfigurationStatus.NOT_SUPPORTED: "the Charge Point does not know this key",
}


def asking_routes(office: ChargePointOffice) -> tuple[Route, ...]:
    """C{POST .../call}, C{GET .../configuration}, C{PUT .../configuration/{key}}."""

    async def call(asked: Asked) -> Answer:
        identity, body = charge_point(office, asked), asked.body
        try:
            request = read_request(body.action, body.payload)
        except LocalProtocolError as error:
            raise Problem(422, str(error)) from error
        require(role_for(body.action, request), asked.caller, f"this {body.action}")
        answer = await office.operator.call(identity, body.action, body.payload)
        return Json(
            Called(confirmation=without_secrets_in_payload(answer)),
            note=_call_note(body, answer),
        )

    async def configuration(asked: Asked) -> Answer:
        identity = charge_point(office, asked)
        wanted = [one.strip() for one in asked.query.keys.split(",") if one.strip()]
        found = await office.operator.get_configuration(identity, wanted)
        keys = tuple(
            ConfigurationValue(
                key=one.key,
                value=_shown_value(one.key, one.value),
                readonly=one.read_only,
                is_secret=is_secret(one.key),
            )
            for one in found.keys
        )
        return Json(ConfigurationKeys(keys=keys, unknown=found.unknown))

    async def change(asked: Asked) -> Answer:
        identity, key = charge_point(office, asked), asked.path["key"]
        value = asked.body.value
        require(may_change(key), asked.caller, f"to change {key[:50]!a}")
        if (is_secret(key) and value == HIDDEN) or f"://{HIDDEN}@" in value:
            raise Problem(
                422, f"{HIDDEN} stands for a secret that is not shown; say the new one"
            )
        status = await office.operator.change_configuration(identity, key, value)
        shown = _shown_value(key, value)
        return Json(
            Done(status.value, _SET_WORDS[status]), note=f"{key} = {shown}: {status.value}"
        )

    return (
        _ROUTE(
            method="POST",
            path=f"{_ONE}/call",
            role=Role.OPERATOR,
            handle=call,
            summary="Ask a Charge Point anything that OCPP 1.6 lets a Central System ask.",
            body=CallBody,
            answer=Called,
        ),
        _ROUTE(
            method="GET",
            path=f"{_ONE}/configuration",
            role=Role.OPERATOR,
            handle=configuration,
            summary="Ask a Charge Point for its configuration.",
            query=ConfigurationQuery,
            answer=ConfigurationKeys,
            problems=(409, 502, 504),
        ),
        _ROUTE(
            method="PUT",
            path=f"{_ONE}/configuration/{{key}}",
            role=Role.OPERATOR,
            handle=change,
            summary="Set a configuration key of a Charge Point.",
            body=ValueBody,
            answer=Done,
        ),
    )


def _shown_value(key: str, value: str | None) -> str | None:
    return HIDDEN if value and is_secret(key) else value and without_secrets(value)


def _call_note(body: CallBody, answer: Mapping[str, Any]) -> str:
    """For the audit log: which action, about which key, and what was answered."""
    about = body.payload.get("key") or body.payload.get("type")
    what = f"{body.action} {about}" if isinstance(about, str) else body.action
    status = answer.get("status")
    return f"{what}: {status}" if isinstance(status, str) else what
