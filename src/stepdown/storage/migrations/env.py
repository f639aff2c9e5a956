"""Alembic's entry: runs the migrations on the connection that ``migrate.py`` opened."""

from alembic import context

from stepdown.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
