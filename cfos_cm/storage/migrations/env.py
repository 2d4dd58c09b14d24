"""Run by Alembic for each migration, with the connection that the program opened."""

from __future__ import annotations

from alembic import context

from cfos_cm.storage.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
