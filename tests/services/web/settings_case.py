"""A C{tap.cfg} in a folder, and a site that has read it."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.config import Config, read_config
from cfos_cm.services.config.ini import read_ini
from cfos_cm.services.web.settings_file import SettingsFile
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import API, Asked, Route
from tests.services.certificate_case import done
from tests.services.threadless import ThreadlessClock

__all__ = [
    "NOW",
    "TEXT",
    "FailingOs",
    "SettingsCase",
    "SiteOfFile",
    "asked",
    "handling",
    "values_in",
]

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)

#: With secrets of each kind.
TEXT = """\
; Our garage
[manager]
title = Garage
;on_disable = block
database = postgresql://charge:dbsecret@db.example/charging

[ocpp server]
tls = off
password = doorsecret ; was oldsecret
;signing_passphrase = formersecret

[circuit garage]
max_current = 40

[evse bay-1]
type = ocpp16
address = CP-1
password = "bay secret"
;max_current = 16

[evse bay-2]
type = ocpp16
address = CP-2

[gateway bay-1]
evse = bay-1
url = ws://backend.example/ocpp?key=urlsecret
client_id = DE1
password = backendsecret
proxy = http://me:proxysecret@proxy.example:3128
"""

#: None of them may ever come out.
SECRETS = (
    "dbsecret",
    "doorsecret",
    "oldsecret",
    "formersecret",
    "bay secret",
    "urlsecret",
    "backendsecret",
    "proxysecret",
)

#: What fails, of what a change asks of the system.
_STEPS = ("open", "fsync", "rename", "unlink", "mkdir", "fchmod", "listdir", "chmod")


def values_in(path: Path) -> dict[str, dict[str, str | None]]:
    """What a file says, by section and option."""
    ini = read_ini(path.read_text(encoding="utf-8"), "")
    return {
        one.heading: {name: option.value for name, option in one.options.items()}
        for one in ini.sections
    }


def asked(route: Route, body: Any = None, if_match: str | None = None, **path: str) -> Asked:
    """What a route is asked by an administrator, its body as it comes as JSON."""
    caller = Caller("anna", Role.ADMIN, "192.0.2.7")
    told = None if route.body is None else msgspec.convert(body, route.body)
    return Asked(caller, path, body=told, if_match=if_match)


def handling(route: Route, what: Asked) -> Coroutine[Any, Any, Answer]:
    """What a route does, as a coroutine that it is."""
    return cast(Coroutine[Any, Any, Answer], route.handle(what))


class SiteOfFile:
    """
    Somebody who runs with the settings of a file.

    @ivar config: what he runs with.
    @ivar reloads: how often he was told to read it again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config: Config = read_config(str(path))
        self.reloads = 0

    def reload(self) -> Deferred[None]:
        """Read it again."""
        self.reloads += 1
        self.config = read_config(self.config.absolute_path)
        return succeed(None)


class FailingOs:
    """
    The system's calls, of which one fails; or all others are the last.

    @ivar count: how many there were of those that may.
    """

    def __init__(self, step: int, number: int = errno.ENOSPC, *, kills: bool = False) -> None:
        self._step = step
        self._number = number
        self._kills = kills
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        return self._counted(name, found) if name in _STEPS else found

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.count += 1
            if self.count - 1 == self._step:
                if self._kills:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise OSError(self._number, os.strerror(self._number), str(args[0]))
            return call(*args, **options)

        return counted


class SettingsCase(SynchronousTestCase):
    """
    A site's file; time goes on by a second with each question for it.

    @ivar path: the file.
    @ivar limited: who limits circuits, by their names.
    @ivar unserved: what of the settings is not in force.
    """

    def setUp(self) -> None:
        """Write it."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "tap.cfg"
        self.path.write_text(TEXT)
        self.path.chmod(0o640)
        self.moment = NOW
        self.limited: dict[str, str] = {}
        self.unserved = ""
        self.clock = ThreadlessClock()
        self.site = SiteOfFile(self.path)
        self.settings = SettingsFile(
            lambda: self.site.config,
            lambda: self.site.reload(),
            self.now,
            self.clock,
            lambda: self.limited,
            lambda: self.unserved,
        )

    def now(self) -> datetime:
        """What time it is."""
        self.moment += timedelta(seconds=1)
        return self.moment

    def route(self, routes: tuple[Route, ...], method: str, path: str) -> Route:
        """One of the routes."""
        (found,) = (one for one in routes if (one.method, one.path) == (method, API + path))
        return found

    def answered(
        self, route: Route, body: Any = None, if_match: str | None = None, **path: str
    ) -> Any:
        """What is answered, as it comes out of JSON; no secret is in it or its note."""
        answer: Answer = done(handling(route, asked(route, body, if_match, **path)))
        assert isinstance(answer, Json)
        text = msgspec.json.encode(answer.value).decode()
        self.assertNoSecrets(text + answer.note)
        self.note = answer.note
        return msgspec.json.decode(text)

    def assertNoSecrets(self, text: str) -> None:
        """None of the file's is in a text."""
        for secret in SECRETS:
            self.assertNotIn(secret, text)

    def backups(self) -> list[Path]:
        """The files of before, the oldest first."""
        return sorted((self.folder / "var" / "backups").glob("*"))

    def left_over(self) -> list[str]:
        """What is half written."""
        return [one.name for one in self.folder.rglob("*.new")]
