"""Requests that are answered later, and the processes that run them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("deadline_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("response", sa.LargeBinary),
        sa.Column("facts", sa.String),
        sa.Column("error", sa.String),
        sa.Column("webhook", sa.String, nullable=False),
        sa.Column("delivery", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("delivery_error", sa.String, nullable=False),
    )
    op.create_index("jobs_expires_at", "jobs", ["expires_at"])
    op.create_index("jobs_owner", "jobs", ["owner", "status"])
    op.create_table(
        "job_owners",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("seen_at", sa.Double, nullable=False),
    )


def downgrade() -> None:
    for name in ("job_owners", "jobs"):
        op.drop_table(name)
