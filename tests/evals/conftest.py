"""Both kinds of databases, for the evaluations that are kept."""

from support.databases import database_url, empty_url, sqlite_url

__all__ = ["database_url", "empty_url", "sqlite_url"]
