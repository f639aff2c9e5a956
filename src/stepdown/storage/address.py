"""Where the database is: reads its URL, and finds the default one in the user's data directory."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from msgspec import Struct

from stepdown.errors import StepdownError
from stepdown.names import nearest

SCHEMES = ("sqlite", "postgresql", "postgresql+psycopg", "postgres")


class DatabaseUnavailable(StepdownError):
    """The database cannot be opened, or its address is wrong."""

    code = "database_unavailable"


class Address(Struct, frozen=True):
    """A database's address: a SQLite file, or the URL of a PostgreSQL database."""

    file: Path | None = None
    url: str = ""

    @property
    def sqlalchemy_url(self) -> str:
        if self.file is not None:
            return f"sqlite:///{self.file}"
        return self.url.replace("postgresql://", "postgresql+psycopg://", 1)

    def __str__(self) -> str:
        """The address without user, password and query, for messages."""
        if self.file is not None:
            return str(self.file)
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))


def default_url() -> str:
    """$STEPDOWN_DATABASE, or a SQLite file under $XDG_DATA_HOME (~/.local/share)."""
    if url := os.environ.get("STEPDOWN_DATABASE"):
        return url
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return f"sqlite:///{home / 'stepdown' / 'ledger.db'}"


def parse(url: str | None = None) -> Address:
    """Read ``sqlite:///FILE``, ``postgresql://…`` or a plain path; None means the default.

    Raises DatabaseUnavailable, naming what was expected.
    """
    url = default_url() if url is None else url
    scheme, colon, rest = url.partition("://")
    if not colon:
        return Address(_file(url, url))
    if scheme not in SCHEMES:
        raise DatabaseUnavailable(
            f"database: expected sqlite:///FILE or postgresql://…, got the scheme {scheme!r}."
            f"{nearest(scheme, SCHEMES)}"
        )
    if scheme != "sqlite":
        return Address(url=f"postgresql://{rest}")
    if not rest.startswith("/"):
        raise DatabaseUnavailable(
            f"database: expected three slashes before a file's path (sqlite:///FILE), got {url!r}."
        )
    return Address(_file(unquote(rest[1:]), url))


def _file(path: str, url: str) -> Path:
    if path in ("", ":memory:"):
        raise DatabaseUnavailable(f"database: expected the path of a file, got {url!r}.")
    return Path(path).expanduser().absolute()
