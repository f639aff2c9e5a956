"""Evaluations on a schedule, for drift to show."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "eval_runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("series", sa.String, nullable=False),
        sa.Column("slot", sa.BigInteger, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("policy", sa.String, nullable=False),
        sa.Column("ladder", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("margin", sa.Double, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("down", sa.Integer, nullable=False),
        sa.Column("scored", sa.Integer, nullable=False),
        sa.Column("regrets", sa.Integer, nullable=False),
        sa.Column("unscored", sa.Integer, nullable=False),
        sa.Column("cost", sa.BigInteger),
        sa.Column("reference_cost", sa.BigInteger),
        sa.Column("scores", sa.String, nullable=False),
        sa.Column("format", sa.SmallInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("eval_runs_series", "eval_runs", ["series", "slot"], unique=True)


def downgrade() -> None:
    op.drop_table("eval_runs")
