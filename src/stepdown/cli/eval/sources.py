"""Where the reports come from that ``gate``, ``advise`` and ``compare`` look at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stepdown.cli.eval.options import FILE, Options, evaluated
from stepdown.evals.report import NotAReport, Report, read

SOURCE = "REPORT|DATA"


def source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --config and --route, with which the source is a data set to be evaluated first."""
    config = click.option(
        "--config", type=FILE, help="The source is a data set: evaluate it first."
    )
    route = click.option("--route", help="With --config: the route, where there are several.")
    return config(route(function))


def report_of(source: Path, config: Path | None = None, route: str | None = None) -> Report:
    """The report in a file of ``stepdown eval run --json`` or, with a configuration, that of its
    route on the data set in the file. Raises click.UsageError."""
    if config is not None:
        return evaluated(Options(data=source, config=config, route=route))
    try:
        return read(source)
    except NotAReport as error:
        hint = " A data set is evaluated first with --config."
        raise click.UsageError(f"{source}: {error}.{hint}") from error
    except OSError as error:
        raise click.UsageError(f"{source}: cannot be read: {error.strerror}") from error
