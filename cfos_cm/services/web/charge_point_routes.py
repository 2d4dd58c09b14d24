"""Charge Points over HTTP: who is there, who is let in, and how safely they come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.operator import Operator
from cfos_cm.services.charge_point_office import ChargePointOffice, EventArchive
from cfos_cm.services.config.editing import AddSection, Change
from cfos_cm.services.web.charge_point_answers import (
    AllowBody,
    ApproveBody,
    ChargePointEvents,
    ChargePoints,
    EventsQuery,
    RaiseBody,
)
from cfos_cm.services.web.charge_point_asking import asking_routes
from cfos_cm.services.web.charge_point_list import listed
from cfos_cm.services.web.done import Done
from cfos_cm.services.web.evse_routes import NoBody
from cfos_cm.services.web.found import charge_point
from cfos_cm.services.web.security_answers import event_shown
from cfos_cm.services.web.settings_answers import SettingsChanged
from cfos_cm.services.web.settings_file import Changed
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.core import ConfigurationStatus
from cfos_cm.v16.remote_trigger import TriggerMessageStatus
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route
from cfos_cm.wire.charge_box import IDENTITY_WORDS, is_identity

__all__ = ["SettingsChanger", "charge_point_routes"]

_ROUTE = partial(Route, tag="charge-points")
_ONE = f"{API}/charge-points/{{identity}}"
#: What an approval says itself.
_OWN = ("type", "address", "connector", "circuit")


class SettingsChanger(Protocol):
    """Changes C{tap.cfg}; L{cfos_cm.services.web.settings_file.SettingsFile} is one."""

    async def change(
        self, wanted: Sequence[Change], if_match: str | None = None, *, by: str = ""
    ) -> Changed:
        """Make all changes, or none, and have the site run with them."""


def charge_point_routes(
    central_system: CentralSystem,
    operator: Operator,
    events: EventArchive,
    settings: SettingsChanger,
    urls: Callable[[], Sequence[str]],
) -> tuple[Route, ...]:
    """
    All below C{/charge-points}.

    @param urls: what has to be typed into a wallbox;
        see L{cfos_cm.services.web.wallbox_urls.wallbox_urls}.
    """
    office = ChargePointOffice(central_system, operator, events)
    return (
        *_admission_routes(office, settings, urls),
        *_security_routes(office),
        *asking_routes(office),
    )


def _admission_routes(
    office: ChargePointOffice, settings: SettingsChanger, urls: Callable[[], Sequence[str]]
) -> tuple[Route, ...]:
    async def everyone(asked: Asked) -> Answer:
        return Json(ChargePoints(charge_points=listed(office), urls=tuple(urls())))

    async def approve(asked: Asked) -> Answer:
        identity = office.central_system.find(asked.path["identity"])
        section = _section(identity, asked.body)
        by = asked.caller.name
        changed = await settings.change((section,), asked.if_match, by=by)
        return Json(
            SettingsChanged(
                etag=changed.etag,
                changed=list(changed.changed),
                needs_restart=list(changed.needs_restart),
                warnings=list(changed.warnings),
            ),
            note=f"{identity} is {section.heading}: {changed.note}",
            etag=changed.etag,
        )

    async def refuse(asked: Asked) -> Answer:
        identity = office.central_system.find(asked.path["identity"])
        _check(identity)
        office.central_system.refuse(identity)
        text = (
            f"{identity} may not connect until it is approved, or the manager starts anew; "
            "then it waits again"
        )
        return Json(Done("Refused", text), note=text)

    return (
        _ROUTE(
            method="GET",
            path=f"{API}/charge-points",
            role=Role.OPERATOR,
            handle=everyone,
            summary="Every Charge Point, and what to type into a wallbox.",
            answer=ChargePoints,
        ),
        _ROUTE(
            method="POST",
            path=f"{_ONE}/approve",
            role=Role.ADMIN,
            handle=approve,
            summary="Make a connector of a Charge Point an EVSE of the site.",
            body=ApproveBody,
            answer=SettingsChanged,
        ),
        _ROUTE(
            method="POST",
            path=f"{_ONE}/refuse",
            role=Role.OPERATOR,
            handle=refuse,
            summary="Let a Charge Point that is not configured in no more.",
            body=NoBody,
            answer=Done,
        ),
    )


def _security_routes(office: ChargePointOffice) -> tuple[Route, ...]:
    async def events(asked: Asked) -> Answer:
        # Also of one that is gone: that is when somebody may want to know.
        identity = office.central_system.find(asked.path["identity"])
        found = await office.events_of(identity, asked.query.limit)
        return Json(ChargePointEvents(events=tuple(map(event_shown, reversed(found)))))

    async def allow(asked: Asked) -> Done:
        identity = charge_point(office, asked)
        profile = SecurityProfile(asked.body.profile)
        await office.allow(identity, profile)
        return Done("Accepted", f"{identity} may come with security profile {profile.value}")

    async def higher(asked: Asked) -> Done:
        identity = charge_point(office, asked)
        profile = SecurityProfile(asked.body.profile)
        status = await office.raise_profile(identity, profile)
        return _set(status, f"{identity} comes with security profile {profile.value}")

    async def renew(asked: Asked) -> Done:
        identity = charge_point(office, asked)
        status = await office.renew_certificate(identity)
        taken = status is TriggerMessageStatus.ACCEPTED
        text = (
            "asks for a certificate now, and it is signed here" if taken else "does not do it"
        )
        return Done(status.value, f"{identity} {text}")

    async def password(asked: Asked) -> Done:
        identity = charge_point(office, asked)
        status = (await office.change_password(identity)).status
        return _set(status, f"{identity} has a new password, which nobody has to type anywhere")

    return (
        _ROUTE(
            method="GET",
            path=f"{_ONE}/security-events",
            role=Role.OPERATOR,
            handle=events,
            summary="What a Charge Point has told about its security, the newest first.",
            query=EventsQuery,
            answer=ChargePointEvents,
        ),
        _order("allow-profile", allow, "Let one come with less security again.", AllowBody),
        _order("raise-profile", higher, "Have one come with more security.", RaiseBody),
        _order("renew-certificate", renew, "Have one ask for another certificate.", NoBody),
        _order("change-password", password, "Give one another password.", NoBody),
    )


def _order(
    verb: str, order: Callable[[Asked], Awaitable[Done]], summary: str, body: type[Any]
) -> Route:
    async def handle(asked: Asked) -> Answer:
        done = await order(asked)
        return Json(done, note=f"{done.status}: {done.text}")

    return _ROUTE(
        method="POST",
        path=f"{_ONE}/{verb}",
        role=Role.ADMIN,
        handle=handle,
        summary=summary,
        body=body,
        answer=Done,
    )


def _set(status: ConfigurationStatus, text: str) -> Done:
    """What a Charge Point says to a configuration key that it was given."""
    if status is ConfigurationStatus.ACCEPTED:
        return Done(status.value, text)
    if status is ConfigurationStatus.REBOOT_REQUIRED:
        return Done(status.value, f"{text} when it has restarted")
    return Done(status.value, f"the Charge Point has not taken it: {status.value}")


def _section(identity: str, body: ApproveBody) -> AddSection:
    """The section that makes a connector an EVSE of the site."""
    _check(identity)
    for name in body.options:
        if name in _OWN:
            raise Problem(422, f"options: {name} is said beside them, not in them")
    own = {
        "type": "ocpp16",
        "address": identity,
        "connector": None if body.connector == 1 else str(body.connector),
        "circuit": body.circuit or None,
    }
    given = {name: _text(value) for name, value in body.options.items()}
    options = {name: text for name, text in (own | given).items() if text is not None}
    return AddSection(f"evse {body.name}", options)


def _text(value: str | int | float | bool | None) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else str(value)


def _check(identity: str) -> None:
    if not is_identity(identity):
        raise Problem(422, f"{identity[:80]!a} is no ChargeBox ID: must be {IDENTITY_WORDS}")
