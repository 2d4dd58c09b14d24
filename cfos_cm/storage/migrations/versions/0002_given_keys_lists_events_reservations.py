"""Keys that were given, lists that were sent, security events, reservations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Written out, not taken from tables.py: a step stays what it was when the tables go on.
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _make_given_keys()
    _make_sent_lists()
    _make_security_events()
    _make_reservations()
    _make_drained_readings()


def _make_given_keys() -> None:
    op.create_table(
        "given_keys",
        sa.Column("charge_point", sa.Text, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("key_hash", sa.Text, nullable=False),
        sa.Column("replaces_hash", sa.Text, nullable=False),
        sa.Column("previous_hashes", sa.Text, nullable=False),
        sa.Column("previous_until", _MOMENT),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("charge_point", name="pk_given_keys"),
    )


def _make_sent_lists() -> None:
    op.create_table(
        "sent_lists",
        sa.Column("charge_point", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("sent_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("charge_point", name="pk_sent_lists"),
    )


def _make_security_events() -> None:
    op.create_table(
        "security_events",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("charge_point", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("told_at", sa.Text, nullable=False),
        sa.Column("tech_info", sa.Text),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_security_events"),
    )
    op.create_index(
        "ix_security_events_charge_point_number", "security_events", ["charge_point", "number"]
    )


def _make_reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("reservation_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("charge_point", sa.Text, nullable=False),
        sa.Column("connector", sa.BigInteger, nullable=False),
        sa.Column("id_tag", sa.Text, nullable=False),
        sa.Column("parent_id_tag", sa.Text),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("reservation_id", name="pk_reservations"),
    )
    op.create_index("ix_reservations_state_expires_at", "reservations", ["state", "expires_at"])


def _make_drained_readings() -> None:
    op.create_table(
        "drained_readings",
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_drained_readings"),
    )
