"""The ledger's first tables: rollups, and the logs of details and prompts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SUMS = (
    "requests",
    "downgraded",
    "unpriced",
    "estimated",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cost",
    "reference_cost",
    "saved",
)


def upgrade() -> None:
    op.create_table(
        "rollup",
        sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("decision", sa.String, primary_key=True),
        sa.Column("rung", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("outcome", sa.String, primary_key=True),
        sa.Column("tags", sa.String, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in SUMS),
    )
    for name in ("request_log", "prompt_log"):
        op.create_table(
            name,
            sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
            sa.Column("writer", sa.String, nullable=False),
            sa.Column("first_time", sa.Double, nullable=False),
            sa.Column("last_time", sa.Double, nullable=False),
            sa.Column("details", sa.Integer, nullable=False),
            sa.Column("dropped", sa.BigInteger, nullable=False),
            sa.Column("format", sa.SmallInteger, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
        )
        op.create_index(f"{name}_last_time", name, ["last_time"])


def downgrade() -> None:
    for name in ("prompt_log", "request_log", "rollup"):
        op.drop_table(name)
