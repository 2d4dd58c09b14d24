"""The site's database, opened for one command on the console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred

from cfos_cm.errors import CfosError
from cfos_cm.services.config import read_config
from cfos_cm.storage.database import Database

__all__ = ["Write", "with_database"]

#: Takes one line of output at a time.
Write = Callable[[str], None]


def with_database(
    config_path: str, work: Callable[[Database], Awaitable[int]], write: Write
) -> int:
    """
    Open the database that a configuration names, also while the site runs, and do something.

    It runs the reactor, which a process can do once.

    @param work: gives the exit status.
    @return: the exit status; 1 when the configuration or the database cannot be used.
    """
    from twisted.internet.task import react

    status = 1

    async def run(reactor: Any) -> None:
        nonlocal status
        try:
            status = await _run(reactor, config_path, work)
        except CfosError as error:
            write(str(error))

    try:
        react(lambda reactor: Deferred.fromCoroutine(run(reactor)))
    except SystemExit as ended:
        return 1 if ended.code else status


async def _run(
    reactor: Any, config_path: str, work: Callable[[Database], Awaitable[int]]
) -> int:
    config = read_config(config_path)
    database = Database(config.database_url, reactor, lambda: datetime.now(UTC))
    await database.start()
    try:
        return await work(database)
    finally:
        await database.stop()
