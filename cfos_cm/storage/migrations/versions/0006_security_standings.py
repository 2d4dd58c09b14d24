"""How safely each Charge Point has logged in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "security_standings",
        sa.Column("charge_point", sa.Text, nullable=False),
        sa.Column("profile", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("charge_point", name="pk_security_standings"),
    )
