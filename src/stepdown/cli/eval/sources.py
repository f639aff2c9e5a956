"""Where the reports come from that ``gate``, ``advise`` and ``compare`` look at."""

from pathlib import Path

import click

from stepdown.evals.report import NotAReport, Report, read


def report_of(source: Path) -> Report:
    """The report in a file of ``stepdown eval run --json``. Raises click.UsageError."""
    try:
        return read(source)
    except NotAReport as error:
        raise click.UsageError(f"{source}: {error}") from error
    except OSError as error:
        raise click.UsageError(f"{source}: cannot be read: {error.strerror}") from error


def evaluate_config(config: Path, data: Path) -> Report:
    """The report of a configuration's route on a data set. Raises click.UsageError."""
    raise click.UsageError("not available: evaluate each configuration, and compare the reports")
