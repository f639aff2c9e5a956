"""``stepdown cache fit``: trains the semantic cache's verifier on labelled pairs of questions."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from stepdown.cli.record import json_option, say

if TYPE_CHECKING:
    from stepdown.caching.semantic.fit import Kind, Report, Served

_DEFAULT = "verifier.json"


@click.command("fit")
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=_DEFAULT,
    show_default=True,
    help="Where to write the verifier.",
)
@click.option(
    "--kind",
    type=click.Choice(["logistic", "trees"]),
    default="logistic",
    show_default=True,
    help="Trees learn more from many pairs (thousands); they need the extra `fit`.",
)
@click.option(
    "--max-error",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="The wrong share of hits that is shown for the pairs kept back.",
)
@json_option
def fit(data: Path, out: Path, kind: str, max_error: float, as_json: bool) -> None:
    """Train a verifier on the pairs in DATA, and measure it on a fifth of them.

    DATA has one JSON object a line: a and b, two questions, and label, 1 where the answer to one is
    an answer to the other, else 0. A name that ends in .gz is unpacked. The configuration names
    the file that is written: `cache: {semantic: {verifier: FILE}}`.
    """
    try:
        from stepdown.caching.semantic.fit import TooFewPairs
        from stepdown.caching.semantic.fit import fit as trained
        from stepdown.caching.semantic.pair_file import BadPair, read_pairs, write_verifier
        from stepdown.embedding.static import static
    except ImportError as error:
        raise click.UsageError(f"{error}. `pip install 'stepdown[semantic]'` brings it.") from error
    try:
        pairs = read_pairs(data)
        with _Bar(len(pairs)) as advance:
            verifier, report = trained(
                pairs,
                static().vectors,
                kind=cast("Kind", kind),
                max_error=max_error,
                source=data.name,
                advance=advance,
            )
        write_verifier(verifier, out)
    except (BadPair, TooFewPairs, OSError) as error:
        raise click.UsageError(f"{data}: {error}") from error
    except ImportError as error:
        raise click.UsageError(f"{error}. `pip install 'stepdown[fit]'` brings it.") from error
    if as_json:
        click.echo(json.dumps(_as_json(report, out)))
    else:
        _print(report, max_error, out)


class _Bar:
    """Pairs that are read, on standard error where that is a terminal."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bars = Progress(console=console, disable=not console.is_terminal)
        self._task = self._bars.add_task("pairs", total=total)

    def __enter__(self) -> "_Bar":
        self._bars.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._bars.stop()

    def __call__(self, done: int) -> None:
        self._bars.update(self._task, completed=done)


def _print(report: "Report", max_error: float, out: Path) -> None:
    say(f"Trained on {report.trained:,} pairs, measured on {report.held_out:,} others", bold=True)
    say(f"  right pairs among these       {report.right:,}")
    say(f"  AUC of the verifier           {report.auc:.3f}")
    say(f"  AUC of the similarity alone   {report.cosine_auc:.3f}")
    say(f"At most {max_error:.1%} of hits wrong, as found among the pairs kept back:")
    say(f"  by the verifier               {_served(report.bounded)}")
    say(f"  by the similarity alone       {_served(report.cosine)}")
    say(f"Written to {out}. The bound certifies what is served, whatever is found here.")


def _served(served: "Served | None") -> str:
    if served is None:
        return "no hits"
    return (
        f"{served.hits:,} hits, {served.wrong} wrong, from {served.threshold:.3f} on "
        f"(surely at most {served.at_most:.1%} wrong)"
    )


def _as_json(report: "Report", out: Path) -> dict[str, object]:
    import msgspec

    told: dict[str, object] = msgspec.to_builtins(report)
    return {**told, "written": str(out)}
