"""The settings over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cfos_cm.services.config.editing import SetOptions
from cfos_cm.services.config.shown import shown_text
from cfos_cm.services.web.settings_answers import (
    BackupShown,
    BackupsShown,
    EvseOptions,
    SettingsBody,
    SettingsChanged,
    SettingsShown,
    changed_answer,
    changes_of,
    settings_shown,
    texts_of,
)
from cfos_cm.services.web.settings_file import SettingsFile
from cfos_cm.web.answer import Answer, Content, Json
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["settings_routes"]

_Handle = Callable[[SettingsFile, Asked], Awaitable[Answer]]


def settings_routes(settings: SettingsFile) -> tuple[Route, ...]:
    """What can be asked of C{tap.cfg}, with C{PATCH /evses/{name}}."""

    def bound(handle: _Handle) -> Callable[[Asked], Awaitable[Answer]]:
        return lambda asked: handle(settings, asked)

    def route(
        method: str, path: str, handle: _Handle, summary: str, answer: object, **more: object
    ) -> Route:
        return Route(
            method=method,
            path=f"{API}{path}",
            role=Role.ADMIN,
            handle=bound(handle),
            summary=summary,
            tag="settings",
            answer=answer,
            **more,  # type: ignore[arg-type]
        )

    return (
        route("GET", "/settings", _shown, "All of tap.cfg, and what it takes.", SettingsShown),
        route(
            "PATCH",
            "/settings",
            _change,
            "Change tap.cfg, and have the site run with it.",
            SettingsChanged,
            body=SettingsBody,
        ),
        route(
            "POST",
            "/settings/check",
            _check,
            "What a change would do; nothing is written.",
            SettingsChanged,
            body=SettingsBody,
            is_audited=False,
        ),
        route("GET", "/settings/backups", _backups, "The tap.cfgs of before.", BackupsShown),
        route(
            "POST",
            "/settings/backups/{id}/restore",
            _restore,
            "Go back to a tap.cfg of before.",
            SettingsChanged,
        ),
        route(
            "GET",
            "/settings/file",
            _file,
            "The text of tap.cfg without secrets.",
            None,
            media=("text/plain",),
        ),
        route(
            "PATCH",
            "/evses/{name}",
            _change_evse,
            "Change options of an EVSE, and have the site run with them.",
            SettingsChanged,
            body=EvseOptions,
        ),
    )


async def _shown(settings: SettingsFile, asked: Asked) -> Answer:
    kept = await settings.read()
    return Json(value=settings_shown(kept), etag=kept.etag)


async def _file(settings: SettingsFile, asked: Asked) -> Answer:
    kept = await settings.read()
    text = shown_text(kept.text).encode("utf-8", "replace")
    return Content(content=text, media_type="text/plain; charset=utf-8", etag=kept.etag)


async def _change(settings: SettingsFile, asked: Asked) -> Answer:
    changes = changes_of(asked.body)
    done = await settings.change(changes, asked.if_match, by=asked.caller.name)
    return changed_answer(done)


async def _check(settings: SettingsFile, asked: Asked) -> Answer:
    return changed_answer(await settings.check(changes_of(asked.body), asked.if_match))


async def _change_evse(settings: SettingsFile, asked: Asked) -> Answer:
    name = asked.path["name"]
    if not await settings.has(f"evse {name}"):
        raise Problem(404, "there is no EVSE of this name")
    changes = [SetOptions(f"evse {name}", texts_of(asked.body.options))]
    return changed_answer(await settings.change(changes, asked.if_match, by=asked.caller.name))


async def _backups(settings: SettingsFile, asked: Asked) -> Answer:
    found = await settings.backups()
    shown = [BackupShown(id=one.id, at=one.at, size_bytes=one.size_bytes) for one in found]
    return Json(value=BackupsShown(backups=shown))


async def _restore(settings: SettingsFile, asked: Asked) -> Answer:
    backup = asked.path["id"]
    done = await settings.restore(backup, asked.if_match, by=asked.caller.name)
    return changed_answer(done, f"the tap.cfg of {backup} again")
