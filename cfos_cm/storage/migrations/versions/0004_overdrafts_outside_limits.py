"""How far fuses were overdrawn, and the proof that limits from outside were met."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Written out, not taken from tables.py: a step stays what it was when the tables go on.
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "overdrafts",
        sa.Column("circuit", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("highest_ma", sa.BigInteger, nullable=False),
        sa.Column("noted_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("circuit", "phase", name="pk_overdrafts"),
    )
    op.create_table(
        "outside_limits",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("proof_id", sa.Text, nullable=False),
        sa.Column("circuit", sa.Text, nullable=False),
        sa.Column("party", sa.Text, nullable=False),
        sa.Column("max_power_w", sa.BigInteger, nullable=False),
        sa.Column("evses_only", sa.Boolean, nullable=False),
        sa.Column("until", _MOMENT),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("met_at", _MOMENT),
        sa.Column("booked_w", sa.BigInteger),
        sa.Column("measured_w", sa.BigInteger),
        sa.Column("ended_at", _MOMENT),
        sa.Column("why_ended", sa.Text),
        sa.PrimaryKeyConstraint("number", name="pk_outside_limits"),
        sa.UniqueConstraint("proof_id", name="uq_outside_limits_proof_id"),
    )
    op.create_index("ix_outside_limits_ended_at", "outside_limits", ["ended_at"])
    op.create_index("ix_outside_limits_asked_at", "outside_limits", ["asked_at"])
