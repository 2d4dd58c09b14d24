"""Who may log in at the page, what was done there, what was ordered; finding transactions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Written out, not taken from tables.py: a step stays what it was when the tables go on.
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and have transactions found by what they are about."""
    _make_accounts()
    _make_tokens()
    _make_audit()
    _make_evse_orders()
    _have_transactions_found()


def _make_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_accounts"),
    )


def _make_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("used_at", _MOMENT),
        sa.PrimaryKeyConstraint("name", name="pk_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_tokens_token_hash"),
    )


def _make_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("status", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )


def _make_evse_orders() -> None:
    op.create_table(
        "evse_orders",
        sa.Column("evse", sa.Text, nullable=False),
        sa.Column("current_ma", sa.BigInteger),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("evse", name="pk_evse_orders"),
    )


#: So many transactions get their folded idTag in one statement.
_AT_ONCE = 1000


def _have_transactions_found() -> None:
    op.add_column("transactions", sa.Column("folded_id_tag", sa.Text))
    op.add_column("transactions", sa.Column("has_signed", sa.Boolean))
    _fold_id_tags(op.get_bind())
    op.create_index(
        "ix_transactions_searched",
        "transactions",
        [
            "started_at",
            "evse",
            "state",
            "folded_id_tag",
            "charge_point",
            "meter_start_wh",
            "meter_stop_wh",
        ],
    )


def _fold_id_tags(connection: sa.Connection) -> None:
    """No database folds as Python does, which the list of tags is searched by."""
    some = sa.text(
        "SELECT number, id_tag FROM transactions WHERE number > :after"
        " ORDER BY number LIMIT :most"
    )
    fold = sa.text("UPDATE transactions SET folded_id_tag = :folded WHERE number = :number")
    after = 0
    while rows := connection.execute(some, {"after": after, "most": _AT_ONCE}).all():
        after = rows[-1].number
        connection.execute(
            fold, [{"number": row.number, "folded": row.id_tag.casefold()} for row in rows]
        )
