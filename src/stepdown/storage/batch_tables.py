"""The tables of batches, for SQLAlchemy; ``batches.py`` is what the serving process does there."""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, String, Table

from stepdown.storage.tables import metadata

batch_files = Table(
    "batch_files",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("filename", String, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("state", String, nullable=False),
    Index("batch_files_tenant", "tenant", "created_at", "id"),
    Index("batch_files_expires_at", "expires_at"),
)
"""Uploads and results. ``state`` is ``writing`` until all of it is there, then ``ready``."""

batch_chunks = Table(
    "batch_chunks",
    metadata,
    Column("file", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
"""The files' contents, in pieces that end where they end."""

batches = Table(
    "batches",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("input_file", String, nullable=False),
    Column("completion_window", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("forget_at", Double, nullable=False),
    Column("metadata", String),
    Column("output_ttl", Double, nullable=False),
    Column("webhook", String, nullable=False),
    Column("delivery", String, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("in_progress_at", Double),
    Column("finalizing_at", Double),
    Column("completed_at", Double),
    Column("failed_at", Double),
    Column("expired_at", Double),
    Column("cancelling_at", Double),
    Column("cancelled_at", Double),
    Column("output_file", String, nullable=False),
    Column("error_file", String, nullable=False),
    Column("errors", String, nullable=False),
    Column("models", String, nullable=False),
    Column("ending", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("delivery_error", String, nullable=False),
    Column("total", Integer, nullable=False),
    Column("completed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("reference_cost", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False),
    Column("unpriced", Integer, nullable=False),
    Column("owner", String, nullable=False),
    Column("lease_until", Double, nullable=False),
    Index("batches_tenant", "tenant", "kind", "created_at", "id"),
    Index("batches_due_at", "due_at"),
    Index("batches_forget_at", "forget_at"),
)
"""Batches (``kind`` ``file``) and deferred calls (``call``). Money in picodollars.

Whoever looks after one holds a lease on it; ``due_at`` is when somebody is to look again."""

batch_lines = Table(
    "batch_lines",
    metadata,
    Column("batch", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("custom_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("way", String, nullable=False),
    Column("model", String, nullable=False),
    Column("deployment", String, nullable=False),
    Column("pool", String, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("digest", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("sent", LargeBinary),
    Column("facts", LargeBinary, nullable=False),
    Column("status", Integer),
    Column("response", LargeBinary),
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),
    Column("round", Integer, nullable=False),
    Column("submission", String, nullable=False),
    Column("place", Integer, nullable=False),
    Column("owner", String, nullable=False),
    Column("lease_until", Double, nullable=False),
    Index("batch_lines_ready", "state", "way", "deployment", "model", "pool", "due_at"),
    Index("batch_lines_submission", "submission", "place"),
)
"""The requests of batches; deleted once a batch's files are written."""

batch_submissions = Table(
    "batch_submissions",
    metadata,
    Column("id", String, primary_key=True),
    Column("pool", String, nullable=False),
    Column("deployment", String, nullable=False),
    Column("model", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("owner", String, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("staged", String, nullable=False),
    Column("remote", String, nullable=False),
    Column("begun", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("cancel", Integer, nullable=False),
    Column("error", String, nullable=False),
    Index("batch_submissions_due_at", "due_at"),
    Index("batch_submissions_pool", "pool"),
    Index("batch_submissions_deployment", "deployment"),
)
"""Batches at providers. Written before a provider is asked; ``begun`` says that one was asked to
make it, whether or not its answer came."""
