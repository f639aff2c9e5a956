"""Requests that were answered twice, what a guard makes of them, and what became of the others."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _pairs()
    _texts()
    _sums()
    _events()


def _pairs() -> None:
    op.create_table(
        "pairs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("policy", sa.String, nullable=False),
        sa.Column("served", sa.SmallInteger, nullable=False),
        sa.Column("candidate", sa.SmallInteger, nullable=False),
        sa.Column("reference", sa.SmallInteger, nullable=False),
        sa.Column("candidate_model", sa.String, nullable=False),
        sa.Column("reference_model", sa.String, nullable=False),
        sa.Column("propensity", sa.Double, nullable=False),
        sa.Column("saver", sa.String, primary_key=True),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("candidate_score", sa.Double),
        sa.Column("reference_score", sa.Double),
        sa.Column("regret", sa.SmallInteger),
        sa.Column("scorer", sa.String, nullable=False),
        sa.Column("flips", sa.Integer, nullable=False),
        sa.Column("judged", sa.Integer, nullable=False),
        sa.Column("why", sa.String),
        sa.Column("candidate_cost", sa.BigInteger),
        sa.Column("reference_cost", sa.BigInteger),
        sa.Column("judge_cost", sa.BigInteger, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("tags", sa.String, nullable=False),
        sa.Column("readings", sa.String, nullable=False),
    )
    op.create_index("pairs_evidence", "pairs", ["key", "epoch", "propensity", "regret"])
    op.create_index("pairs_recent", "pairs", ["key", "epoch", "time"])
    op.create_index("pairs_route", "pairs", ["route", "time"])
    op.create_index("pairs_time", "pairs", ["time"])


def _texts() -> None:
    op.create_table(
        "pair_texts",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("saver", sa.String, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("format", sa.SmallInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("pair_texts_time", "pair_texts", ["time"])


def _sums() -> None:
    op.create_table(
        "expired_pairs",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("propensity", sa.Double, primary_key=True),
        sa.Column("pairs", sa.BigInteger, nullable=False),
        sa.Column("regrets", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "shadow_counters",
        sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("reason", sa.String, primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False),
    )


def _events() -> None:
    op.create_table(
        "guard_events",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("route", sa.String, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("from_state", sa.String, nullable=False),
        sa.Column("to_state", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("evidence", sa.String, nullable=False),
    )


def downgrade() -> None:
    for name in ("guard_events", "shadow_counters", "expired_pairs", "pair_texts", "pairs"):
        op.drop_table(name)
