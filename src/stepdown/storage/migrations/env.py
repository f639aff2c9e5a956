"""Alembic's entry: runs the migrations on the connection that ``migrate.py`` opened."""

from alembic import context

from stepdown.storage.batch_tables import batches
from stepdown.storage.job_table import jobs

assert batches.metadata is jobs.metadata  # each module adds its tables to one
context.configure(connection=context.config.attributes["connection"], target_metadata=jobs.metadata)
context.run_migrations()
