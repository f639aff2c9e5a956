"""The options of ``stepdown eval run`` that other commands share, and what they evaluate."""

import asyncio
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from functools import wraps
from pathlib import Path
from typing import Any

import click
import yaml
from msgspec import Struct, json, structs

from stepdown.cli.quantities import since as read_since
from stepdown.errors import ConfigError, StepdownError
from stepdown.evals.data.reading import BadDataset
from stepdown.evals.items import Item
from stepdown.evals.report import Report
from stepdown.evals.stopping import Stop
from stepdown.quality.labelled import NotLabelled
from stepdown.routing.shapes import is_mapping

SHARE = click.FloatRange(0.0, 1.0, min_open=True, max_open=True)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Options(Struct, frozen=True, kw_only=True):
    """What an evaluation is asked for, as the command line gives it."""

    data: Path | None = None
    config: Path | None = None
    route: str | None = None
    ladder: tuple[str, ...] = ()
    outcomes: Path | None = None
    names: Mapping[str, str] = {}
    format: str | None = None
    score_range: tuple[float, float] | None = None
    from_ledger: bool = False
    since: float | None = None
    sample: int | None = None
    seed: int = 0
    scorers: tuple[Any, ...] = ()
    judge: str | None = None
    margin: float = 0.1
    confidence: float = 0.95
    budget: Decimal | None = None
    concurrency: int = 8
    cache: Path | None = None
    retry_failed: bool = False
    quiet: bool = False

    @property
    def calls_nobody(self) -> bool:
        return self.outcomes is not None


class Found(Struct, frozen=True):
    """A report, and the items that it is of."""

    report: Report
    items: Sequence[Item]


def evaluated(options: Options, *, salt: str = "") -> Report:
    """Run the evaluation and give its report. ``salt``: answers given under another are not used.

    Raises click.UsageError for whatever cannot be used.
    """
    return asyncio.run(evaluating(options, salt=salt))


async def evaluating(options: Options, *, salt: str = "", stop: Stop | None = None) -> Report:
    """As ``evaluated``, on a loop that runs. ``stop`` is one that is held already: signals express
    it, and have no other effect."""
    return (await _found(options, salt, stop)).report


def found_by(options: Options) -> Found:
    """As ``evaluated``, with the items."""
    return asyncio.run(_found(options))


async def _found(options: Options, salt: str = "", stop: Stop | None = None) -> Found:
    from stepdown.cli.eval.evaluate import evaluate

    with usable():
        return await evaluate(options, salt=salt, stop=stop)


@contextmanager
def usable() -> Generator[None]:
    """Turns what cannot be used into click.UsageError, exit status 2."""
    try:
        yield
    except ConfigError as error:
        raise click.UsageError("\n".join(error.problems)) from error
    except (BadDataset, NotLabelled, StepdownError) as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        named = "" if error.filename is None else f"{error.filename}: "
        raise click.UsageError(f"{named}{error.strerror or error}") from error


# ── The options ──────────────────────────────────────────────────────────────────────────────


def dollars_given(text: str) -> Decimal:
    """An amount: $5, 5, 0.25. Raises click.BadParameter."""
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if amount.is_finite() and amount > 0:
        return amount
    raise click.BadParameter(f"expected US dollars above 0 such as $5, got {text!r}")


def scorer_given(text: str) -> Any:
    """A scorer's name, or one name with its options in YAML. Raises click.BadParameter."""
    try:
        scorer: Any = yaml.safe_load(text)
        json.encode(scorer)  # YAML has values that contain themselves
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        scorer = None
    name: Any = next(iter(scorer)) if is_mapping(scorer) and len(scorer) == 1 else scorer
    if isinstance(name, str) and name:
        return scorer
    raise click.BadParameter(
        f"expected a scorer such as numeric or '{{numeric: {{tolerance: 1}}}}', got {text!r}"
    )


def range_given(text: str) -> tuple[float, float]:
    """The lowest and the highest score: 1..10 or 1,10. Raises click.BadParameter."""
    low, _, high = text.replace("..", ",").partition(",")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = (0.0, 0.0)
    if ends[0] < ends[1] and abs(ends[0]) + abs(ends[1]) < float("inf"):
        return ends
    raise click.BadParameter(f"expected a range such as 1..10, got {text!r}")


def names_given(given: tuple[str, ...]) -> dict[str, str]:
    """``MODEL=NAME`` pairs. Raises click.BadParameter."""
    names: dict[str, str] = {}
    for text in given:
        model, equals, name = text.partition("=")
        if not (model and equals and name):
            raise click.BadParameter(f"expected MODEL=NAME, got {text!r}", param_hint="--name")
        names[model] = name
    return names


_DATA_OPTIONS = (
    click.option("--config", type=FILE, help="The gateway's configuration, with the route."),
    click.option(
        "--route",
        help="The route; by default the configuration's only one. With --from-ledger only what "
        "it decided on is taken.",
    ),
    click.option(
        "--ladder", default="", metavar="A,B", help="Instead of --config: models, cheapest first."
    ),
    click.option("--outcomes", type=FILE, help="A table of known outcomes: nobody is called."),
    click.option(
        "--name",
        "names",
        multiple=True,
        metavar="MODEL=NAME",
        help="The table's name for a model of the ladder. May be repeated.",
    ),
    click.option("--format", "format_", metavar="NAME", help="The data's format, if not as found."),
    click.option("--score-range", type=range_given, metavar="LOW..HIGH", help="Of known scores."),
    click.option("--from-ledger", is_flag=True, help="Take the prompts that the ledger stored."),
    click.option(
        "--since",
        type=read_since,
        default="7d",
        show_default=True,
        metavar="SPAN",
        help="With --from-ledger.",
    ),
    click.option("--sample", type=click.IntRange(1), metavar="N", help="Only N rows, at random."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of that sample."),
)
_SCORE_OPTIONS = (
    click.option(
        "--scorer",
        "scorers",
        multiple=True,
        type=scorer_given,
        metavar="NAME",
        help="For rows that name none. May be repeated: the first that applies scores.",
    ),
    click.option("--judge", metavar="MODEL", help="The model that judges what nothing scores."),
    click.option(
        "--margin",
        type=click.FloatRange(0.0, 1.0, max_open=True),
        default=0.1,
        show_default=True,
        help="A reference that scores no more than this above the served answer is no regret.",
    ),
    click.option("--confidence", type=SHARE, default=0.95, show_default=True),
)
_CALL_OPTIONS = (
    click.option("--budget", type=dollars_given, metavar="$5", help="Stop before it is spent."),
    click.option("--concurrency", type=click.IntRange(1, 256), default=8, show_default=True),
    click.option(
        "--cache", type=click.Path(dir_okay=False, path_type=Path), help="Where answers are kept."
    ),
    click.option("--retry-failed", is_flag=True, help="Ask again where a call had failed."),
    click.option("--quiet", is_flag=True, help="Show no progress."),
)


def evaluation_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds DATA and the options of an evaluation; the command gets them as ``options``."""

    @wraps(function)
    def command(
        *args: Any,
        ladder: str,
        format_: str | None,
        names: tuple[str, ...],
        **kwargs: Any,
    ) -> Any:
        given: dict[str, Any] = {
            key: kwargs.pop(key) for key in Options.__struct_fields__ if key in kwargs
        }
        given["format"] = format_
        given["names"] = names_given(names)
        given["ladder"] = tuple(name for each in ladder.split(",") if (name := each.strip()))
        options = Options(**given)
        return function(*args, options=checked(options), **kwargs)

    decorated: Callable[..., Any] = command
    for option in reversed((*_DATA_OPTIONS, *_SCORE_OPTIONS, *_CALL_OPTIONS)):
        decorated = option(decorated)
    return click.argument("data", required=False, type=FILE)(decorated)


def checked(options: Options) -> Options:
    """The same, with a moment for ``since``. Raises click.UsageError for what does not go
    together."""
    sources = [options.data, options.outcomes, options.from_ledger or None]
    if not any(sources):
        raise click.UsageError("Give DATA, --outcomes TABLE or --from-ledger.")
    if options.from_ledger and (options.data or options.outcomes):
        raise click.UsageError("Give either --from-ledger or a file: each is the data.")
    if (options.config is None) == (not options.ladder):
        raise click.UsageError("Give either --config or --ladder.")
    if options.ladder and not options.calls_nobody:
        raise click.UsageError(
            "--ladder goes with --outcomes: without --config nobody can be asked."
        )
    if options.from_ledger and options.config is None:
        raise click.UsageError("--from-ledger goes with --config.")
    for given, name in ((options.budget, "--budget"), (options.judge, "--judge")):
        if options.calls_nobody and given is not None:
            raise click.UsageError(f"{name} goes without --outcomes: nobody is called.")
    since = None if options.since is None else time.time() - options.since
    return structs.replace(options, since=since)
