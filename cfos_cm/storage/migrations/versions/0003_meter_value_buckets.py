"""Readings are found by when they came, and then by who said them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A reading's length is all that is needed of its text, which SQLite would sort with the rest if
# it could: a query with a limit is done for itself.
_SIZES = """
SELECT charge_point, COALESCE(transaction_id, 0) AS series, number / 16384 AS bucket,
    LENGTH(payload_text) AS chars
FROM meter_values
"""
_NO_LIMIT = {"sqlite": "LIMIT -1", "postgresql": "LIMIT ALL"}
_NOTE_WHERE_THEY_ARE = """
INSERT INTO meter_value_buckets (charge_point, transaction_id, bucket, readings, chars)
SELECT charge_point, series, bucket, COUNT(*), SUM(chars) FROM ({sizes}) AS sizes
GROUP BY charge_point, series, bucket
"""

# To the newest bucket of all more may come, and to no other.
_LEAVE_THE_NEWEST_OPEN = """
UPDATE meter_value_buckets SET readings = NULL, chars = NULL
WHERE bucket = (SELECT MAX(number) / 16384 FROM meter_values)
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
    # Before the readings are counted, which would be done in its order: in that of the file, it
    # is one pass.
    op.drop_index("ix_meter_values_charge_point_transaction_id_number", "meter_values")
    sizes = _SIZES + _NO_LIMIT[op.get_context().dialect.name]
    op.execute(_NOTE_WHERE_THEY_ARE.format(sizes=sizes))
    op.execute(_LEAVE_THE_NEWEST_OPEN)
    op.create_index(
        "ix_meter_values_bucket",
        "meter_values",
        [sa.text("(number / 16384)"), "charge_point", "transaction_id"],
    )
    _tell_logs_apart()


def _tell_logs_apart() -> None:
    """What was noted when a log of readings had no id stays, under an empty one."""
    number = op.get_bind().scalar(sa.text("SELECT MAX(number) FROM drained_readings"))
    op.drop_table("drained_readings")
    table = op.create_table(
        "drained_readings",
        sa.Column("log", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("log", name="pk_drained_readings"),
    )
    if number is not None:
        op.bulk_insert(table, [{"log": "", "number": number}])
