"""
Run as a program: stores until files may not grow any more, lets them grow again, and goes on.

Argument: the database's path. Prints C{ok} when every promise was kept. The limit is the
process's own, so that no other test meets it.
"""

from __future__ import annotations

import resource
import signal
import sys
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select
from twisted.internet import task
from twisted.internet.defer import Deferred

from cfos_cm.errors import StorageError
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import tags


def put(id_tag: str) -> Any:
    """Work that writes a row of 4 KiB."""
    row = {"folded_id_tag": id_tag, "id_tag": "x" * 4096, "status": "Accepted"}
    return lambda connection: connection.execute(insert(tags).values(**row)) and None


def count(connection: Any) -> int:
    """Work that counts the rows."""
    return connection.scalar(select(func.count()).select_from(tags)) or 0


async def work(reactor: Any, path: str) -> None:
    """Store, fail, and store again."""
    database = Database(f"sqlite:///{path}", reactor, lambda: datetime.now(UTC))
    await database.start()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    stored = 0
    try:
        for number in range(1000):
            await database.run(put(str(number)))
            stored += 1
    except StorageError:
        pass
    assert stored < 1000, "the limit was never met"
    for number in range(5):
        try:
            await database.run(put(f"again-{number}"))
        except StorageError:
            pass
        else:
            stored += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await database.run(put("afterwards"))
    await database.stop()
    await database.start()
    assert await database.run(count) == stored + 1
    await database.stop()
    print("ok")  # noqa: T201


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    task.react(lambda reactor: Deferred.fromCoroutine(work(reactor, sys.argv[1])))
