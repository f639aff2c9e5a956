"""Batches: their files, their lines, and what was submitted to providers of them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _files()
    _batches()
    _lines()
    _submissions()


def _files() -> None:
    op.create_table(
        "batch_files",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("filename", sa.String, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("state", sa.String, nullable=False),
    )
    op.create_index("batch_files_tenant", "batch_files", ["tenant", "created_at", "id"])
    op.create_index("batch_files_expires_at", "batch_files", ["expires_at"])
    op.create_table(
        "batch_chunks",
        sa.Column("file", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("endpoint", sa.String, nullable=False),
        sa.Column("input_file", sa.String, nullable=False),
        sa.Column("completion_window", sa.String, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("forget_at", sa.Double, nullable=False),
        sa.Column("metadata", sa.String),
        sa.Column("output_ttl", sa.Double, nullable=False),
        sa.Column("webhook", sa.String, nullable=False),
        sa.Column("delivery", sa.String, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("in_progress_at", sa.Double),
        sa.Column("finalizing_at", sa.Double),
        sa.Column("completed_at", sa.Double),
        sa.Column("failed_at", sa.Double),
        sa.Column("expired_at", sa.Double),
        sa.Column("cancelling_at", sa.Double),
        sa.Column("cancelled_at", sa.Double),
        sa.Column("output_file", sa.String, nullable=False),
        sa.Column("error_file", sa.String, nullable=False),
        sa.Column("errors", sa.String, nullable=False),
        sa.Column("models", sa.String, nullable=False),
        sa.Column("ending", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("delivery_error", sa.String, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("completed", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False),
        sa.Column("reference_cost", sa.BigInteger, nullable=False),
        sa.Column("discount", sa.BigInteger, nullable=False),
        sa.Column("unpriced", sa.Integer, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
    )
    op.create_index("batches_tenant", "batches", ["tenant", "kind", "created_at", "id"])
    op.create_index("batches_due_at", "batches", ["due_at"])
    op.create_index("batches_forget_at", "batches", ["forget_at"])


def _lines() -> None:
    op.create_table(
        "batch_lines",
        sa.Column("batch", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("custom_id", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("way", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("deployment", sa.String, nullable=False),
        sa.Column("pool", sa.String, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("sent", sa.LargeBinary),
        sa.Column("facts", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("response", sa.LargeBinary),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("message", sa.String, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("submission", sa.String, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
    )
    op.create_index(
        "batch_lines_ready",
        "batch_lines",
        ["state", "way", "deployment", "model", "pool", "due_at"],
    )
    op.create_index("batch_lines_submission", "batch_lines", ["submission", "place"])


def _submissions() -> None:
    op.create_table(
        "batch_submissions",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("pool", sa.String, nullable=False),
        sa.Column("deployment", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("lines", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
        sa.Column("staged", sa.String, nullable=False),
        sa.Column("remote", sa.String, nullable=False),
        sa.Column("begun", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("cancel", sa.Integer, nullable=False),
        sa.Column("error", sa.String, nullable=False),
    )
    op.create_index("batch_submissions_due_at", "batch_submissions", ["due_at"])
    op.create_index("batch_submissions_pool", "batch_submissions", ["pool"])
    op.create_index("batch_submissions_deployment", "batch_submissions", ["deployment"])


def downgrade() -> None:
    for name in ("batch_submissions", "batch_lines", "batches", "batch_chunks", "batch_files"):
        op.drop_table(name)
