"""Both kinds of databases, for every test of jobs."""

from support.databases import database_url, empty_url, sqlite_url

__all__ = ["database_url", "empty_url", "sqlite_url"]
