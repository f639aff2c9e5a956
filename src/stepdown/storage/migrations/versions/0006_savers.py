"""What each saver saved: sums per minute, beside the requests' own."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SUMS = ("saved_exact", "saved_semantic", "saved_cascade", "saved_compression", "saved_batch")


def upgrade() -> None:
    for name in SUMS:
        op.add_column(
            "rollup", sa.Column(name, sa.BigInteger, nullable=False, server_default=sa.text("0"))
        )


def downgrade() -> None:
    for name in SUMS:
        op.drop_column("rollup", name)
