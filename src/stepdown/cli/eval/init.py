"""``stepdown eval init``: a small commented data set, and a configuration to evaluate with it."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from stepdown.evals.data.example import CONFIG, DATA, example_files
from stepdown.evals.whole import write_whole


@click.command(name="init")
@click.argument(
    "folder", type=click.Path(file_okay=False, path_type=Path), default=".", metavar="[DIR]"
)
@click.option("--force", is_flag=True, help="Overwrite files of these names.")
def command(folder: Path, force: bool) -> None:
    """Write a small data set and a configuration into DIR, to begin with.

    Both say in comments what may stand in them. Nothing is overwritten without --force.
    """
    texts = example_files()
    if not force:
        _check_absent(folder, texts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_whole(folder / name, text.encode())
    except OSError as error:
        raise click.UsageError(f"{error.filename or folder}: {error.strerror}") from error
    for name in texts:
        click.echo(f"Wrote {folder / name}")
    data, config = (shlex.quote(str(folder / name)) for name in (DATA, CONFIG))
    click.echo(f"\nNext: stepdown eval run {data} --config {config} --route auto")


def _check_absent(folder: Path, names: Mapping[str, str]) -> None:
    there = [str(folder / name) for name in names if os.path.lexists(folder / name)]
    if there:
        are = "is" if len(there) == 1 else "are"
        raise click.UsageError(f"{' and '.join(there)} {are} there already; --force overwrites.")
