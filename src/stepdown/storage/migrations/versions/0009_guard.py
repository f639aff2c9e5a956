"""A pair counts for a stint, which its column now says; and which alerts have been delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("pairs", "expired_pairs"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN epoch TO stint")
    op.create_table(
        "guard_alerts",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("target", sa.String, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
    )
    op.create_index("guard_alerts_time", "guard_alerts", ["time"])
    op.create_index("guard_events_time", "guard_events", ["time"])


def downgrade() -> None:
    op.drop_index("guard_events_time", "guard_events")
    op.drop_table("guard_alerts")
    for table in ("pairs", "expired_pairs"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN stint TO epoch")
