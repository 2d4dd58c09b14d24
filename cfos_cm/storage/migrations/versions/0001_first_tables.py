"""The first tables: transactions, meter values, stray stops, tags, Charge Points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out, not taken from tables.py: a step stays what it was when the tables go on.
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _make_transactions()
    _make_meter_values()
    _make_stray_stops()
    _make_tags()
    _make_charge_points()


def _make_transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("transaction_id", sa.BigInteger, nullable=False),
        sa.Column("charge_point", sa.Text, nullable=False),
        sa.Column("connector", sa.BigInteger, nullable=False),
        sa.Column("evse", sa.Text),
        sa.Column("id_tag", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("meter_start_wh", sa.BigInteger, nullable=False),
        sa.Column("reservation_id", sa.BigInteger),
        sa.Column("start_text", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("stopped_at", _MOMENT),
        sa.Column("meter_stop_wh", sa.BigInteger),
        sa.Column("stop_reason", sa.Text),
        sa.Column("stop_id_tag", sa.Text),
        sa.Column("stop_text", sa.Text),
        sa.PrimaryKeyConstraint("number", name="pk_transactions"),
        sa.UniqueConstraint("transaction_id", name="uq_transactions_transaction_id"),
        sa.UniqueConstraint(
            "charge_point",
            "connector",
            "id_tag",
            "started_at",
            "meter_start_wh",
            name="uq_transactions_charge_point",
        ),
    )
    op.create_index(
        "ix_transactions_state_charge_point_connector",
        "transactions",
        ["state", "charge_point", "connector"],
    )


def _make_meter_values() -> None:
    op.create_table(
        "meter_values",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("charge_point", sa.Text, nullable=False),
        sa.Column("connector", sa.BigInteger, nullable=False),
        sa.Column("transaction_id", sa.BigInteger),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("payload_text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_meter_values"),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["transactions.transaction_id"],
            name="fk_meter_values_transaction_id",
        ),
    )
    op.create_index(
        "ix_meter_values_charge_point_transaction_id_number",
        "meter_values",
        ["charge_point", "transaction_id", "number"],
    )


def _make_stray_stops() -> None:
    op.create_table(
        "stray_stops",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("charge_point", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("id_tag", sa.Text),
        sa.Column("stopped_at", _MOMENT, nullable=False),
        sa.Column("meter_stop_wh", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("request_text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_stray_stops"),
    )
    op.create_index(
        "ix_stray_stops_charge_point_number", "stray_stops", ["charge_point", "number"]
    )


def _make_tags() -> None:
    op.create_table(
        "tags",
        sa.Column("folded_id_tag", sa.Text, nullable=False),
        sa.Column("id_tag", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("parent_id_tag", sa.Text),
        sa.Column("expires_at", _MOMENT),
        sa.PrimaryKeyConstraint("folded_id_tag", name="pk_tags"),
    )


def _make_charge_points() -> None:
    op.create_table(
        "charge_points",
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("vendor", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("serial_number", sa.Text),
        sa.Column("firmware_version", sa.Text),
        sa.Column("first_seen_at", _MOMENT, nullable=False),
        sa.Column("last_seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("identity", name="pk_charge_points"),
    )
    op.create_index("ix_charge_points_last_seen_at", "charge_points", ["last_seen_at"])
