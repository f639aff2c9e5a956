"""The tables of jobs, for SQLAlchemy: see ``jobs.py`` for what the serving process does there."""

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, String, Table

from stepdown.storage.tables import metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("status", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("deadline_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("response", LargeBinary),
    Column("facts", String),
    Column("error", String),
    Column("webhook", String, nullable=False),
    Column("delivery", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("delivery_error", String, nullable=False),
    Index("jobs_expires_at", "expires_at"),
    Index("jobs_owner", "owner", "status"),
)
"""A request that is answered later, and its answer. Deleted at ``expires_at``."""

job_owners = Table(
    "job_owners",
    metadata,
    Column("owner", String, primary_key=True),
    Column("seen_at", Double, nullable=False),
)
"""The processes that run jobs, and when each was last known to be alive."""
