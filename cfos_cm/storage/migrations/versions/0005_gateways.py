"""What backends are owed, which transactions they are told of, and what gateways remember."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Written out, not taken from tables.py: a step stays what it was when the tables go on.
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _make_outbox()
    _make_gateway_transactions()
    _make_gateway_memory()


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("is_dead", sa.Boolean, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("connector", sa.BigInteger, nullable=False),
        sa.Column("transaction_id", sa.BigInteger),
        sa.Column("queued_at", _MOMENT, nullable=False),
        sa.Column("is_periodic", sa.Boolean, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("why_dead", sa.Text),
        sa.Column("buried_at", _MOMENT),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("checksum", sa.BigInteger, nullable=False),
        sa.Column("payload_text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index(
        "ix_outbox_gateway_is_dead_number", "outbox", ["gateway", "is_dead", "number"]
    )
    op.create_index(
        "ix_outbox_gateway_transaction_id_number",
        "outbox",
        ["gateway", "transaction_id", "number"],
    )
    op.create_table(
        "outbox_depths",
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("waiting", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("dead", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("gateway", name="pk_outbox_depths"),
    )


def _make_gateway_transactions() -> None:
    op.create_table(
        "gateway_transactions",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.BigInteger, nullable=False),
        sa.Column("connector", sa.BigInteger, nullable=False),
        sa.Column("id_tag", sa.Text, nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("backend_id", sa.BigInteger),
        sa.Column("is_over", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_gateway_transactions"),
        sa.UniqueConstraint(
            "transaction_id", "gateway", name="uq_gateway_transactions_transaction_id"
        ),
    )
    op.create_index(
        "ix_gateway_transactions_gateway_number", "gateway_transactions", ["gateway", "number"]
    )


def _make_gateway_memory() -> None:
    op.create_table(
        "gateway_memory",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_gateway_memory"),
        sa.UniqueConstraint("gateway", "kind", "name", name="uq_gateway_memory_gateway"),
    )
    op.create_index("ix_gateway_memory_gateway_number", "gateway_memory", ["gateway", "number"])
