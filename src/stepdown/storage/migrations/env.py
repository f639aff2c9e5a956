"""Alembic's entry: runs the migrations on the connection that ``migrate.py`` opened."""

from alembic import context

from stepdown.storage.job_table import jobs

context.configure(connection=context.config.attributes["connection"], target_metadata=jobs.metadata)
context.run_migrations()
