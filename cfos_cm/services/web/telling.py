"""Telling the manager that runs, if one does, what a console has changed in its database."""

from __future__ import annotations

from datetime import UTC, datetime

from cfos_cm.errors import CfosError, StorageError
from cfos_cm.services.config import read_config
from cfos_cm.services.console_database import Write
from cfos_cm.services.control_client import NotRunning, ask
from cfos_cm.services.web.entrance_orders import LOOK_COMMAND
from cfos_cm.storage.audit import AuditEntry, AuditStore
from cfos_cm.storage.database import Database

__all__ = ["CONSOLE", "note_command", "tell_manager"]

#: Who has done something on a console, and where that was, in the audit log.
CONSOLE = "console"


def tell_manager(config_path: str, write: Write) -> None:
    """Have it see what has changed; it would after a while in any case."""
    try:
        ask(read_config(config_path), LOOK_COMMAND)
    except NotRunning:
        pass
    except CfosError as error:
        write(f"the manager that runs sees it within a minute; it could not be told: {error}")


async def note_command(database: Database, command: str, note: str, write: Write) -> None:
    """Note a command in the audit log; what it has done holds also where that fails."""
    entry = AuditEntry(
        at=datetime.now(UTC),
        who=CONSOLE,
        role="admin",
        origin=CONSOLE,
        method="RUN",
        path=f"cfos-cm {command}",
        status=200,
        note=note,
    )
    try:
        await AuditStore(database).add(entry)
    except StorageError as error:
        write(f"it is not in the audit log: {error}")
