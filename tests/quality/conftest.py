"""Both kinds of databases, for the tests of the records."""

from support.databases import database_url, empty_url, sqlite_url

__all__ = ["database_url", "empty_url", "sqlite_url"]
