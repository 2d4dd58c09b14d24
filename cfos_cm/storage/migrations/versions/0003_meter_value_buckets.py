"""Readings are found by when they came, and then by who said them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# How many there are in a bucket, and how long they are, is counted where it is asked for.
_NOTE_WHERE_THEY_ARE = """
INSERT INTO meter_value_buckets (charge_point, transaction_id, bucket)
SELECT DISTINCT charge_point, COALESCE(transaction_id, 0), number / 16384 FROM meter_values
"""


def upgrade() -> None:
    """Note in which buckets the readings of each series are, and replace their index."""
    op.create_table(
        "meter_value_buckets",
        sa.Column("charge_point", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("bucket", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("readings", sa.BigInteger),
        sa.Column("chars", sa.BigInteger),
        sa.PrimaryKeyConstraint(
            "charge_point", "transaction_id", "bucket", name="pk_meter_value_buckets"
        ),
        sqlite_with_rowid=False,
    )
    op.execute(_NOTE_WHERE_THEY_ARE)
    op.drop_index("ix_meter_values_charge_point_transaction_id_number", "meter_values")
    op.create_index(
        "ix_meter_values_bucket",
        "meter_values",
        [sa.text("(number / 16384)"), "charge_point", "transaction_id"],
    )
