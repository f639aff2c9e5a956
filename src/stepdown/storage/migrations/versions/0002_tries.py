"""What every try of a cascade cost: sums per minute, by rung."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SUMS = (
    "tries",
    "early",
    "estimated",
    "unpriced",
    "input_tokens",
    "output_tokens",
    "early_output_tokens",
    "milliseconds",
    "early_milliseconds",
    "cost",
    "reference_cost",
    "saved",
)


def upgrade() -> None:
    op.create_table(
        "tries",
        sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("decision", sa.String, primary_key=True),
        sa.Column("rung", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("role", sa.String, primary_key=True),
        sa.Column("verdict", sa.String, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in SUMS),
    )


def downgrade() -> None:
    op.drop_table("tries")
