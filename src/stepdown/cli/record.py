"""Where commands on shadows and the guard find the record: the ledger's database."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stepdown.cli.quantities import since
from stepdown.errors import ConfigError
from stepdown.storage.address import DatabaseUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from stepdown.config import Config

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_database = click.option(
    "--database", "url", metavar="URL", help="The ledger: sqlite:///FILE, postgresql://…"
)
_config = click.option("--config", type=_FILE, help="The configuration, which names the ledger.")
route_option = click.option("--route", help="This route only.")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; amounts are exact strings."
)


def record_options(command: Command) -> Command:
    """``--config`` and ``--database``: where the record is. Given both, the URL counts."""
    return _config(_database(command))


def since_option(default: str) -> Callable[[Command], Command]:
    """``--since``, handed over as ``window``: seconds, or None for ever."""
    return click.option(
        "--since",
        "window",
        type=since,
        default=default,
        show_default=True,
        help="How far back: 30m, 24h, 7d, 4w or all.",
    )


def begin_of(window: float | None) -> float | None:
    """When a window that ends now begins, in seconds since 1970."""
    return None if window is None else time.time() - window


def read_config(path: Path | None) -> "Config | None":
    """The configuration, where one is given. Raises click.UsageError."""
    if path is None:
        return None
    from stepdown.config import load

    with told():
        return load(path)


def ledger_url(config: "Config | None", url: str | None) -> str | None:
    """The ledger that is meant; None is the default one."""
    if url is not None or config is None or config.ledger.url is None:
        return url
    return str(config.ledger.url)


@contextmanager
def opened(url: str | None) -> "Generator[Engine]":
    """The database, closed in the end. Raises click.UsageError where it fails."""
    from stepdown.storage.database import open_database

    with told():
        engine = open_database(url)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def told() -> Generator[None]:
    """Tells what cannot be used as click does: exit status 2."""
    try:
        yield
    except ConfigError as error:
        raise click.UsageError("\n".join(error.problems)) from error
    except DatabaseUnavailable as error:
        raise click.UsageError(str(error)) from error


def say(line: str, *, bold: bool = False) -> None:
    """Print a line, without control characters: names and reasons come from outside, and a
    terminal obeys."""
    click.secho(printable(line), bold=bold)


def printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)
