"""Puts an evaluation together from the command line's options, and runs it."""

import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click
from msgspec import structs

from stepdown.cli.eval.options import Found, Options
from stepdown.cli.eval.progress import Progress
from stepdown.config.endpoints import SIMULATED
from stepdown.config.evaluation import JUDGES, Models, Subject, expanded, judge_options, subject
from stepdown.config.reading import load
from stepdown.errors import ConfigError
from stepdown.evals.asking import Asker
from stepdown.evals.budget import Budget
from stepdown.evals.consulting import making
from stepdown.evals.correct import Checked, checked, corrected, judged_by
from stepdown.evals.data.faults import BadDataset
from stepdown.evals.data.outcomes import merge_known
from stepdown.evals.data.reading import read_dataset
from stepdown.evals.drawing import drawn
from stepdown.evals.fingerprint import setup_of
from stepdown.evals.items import Dataset, Item
from stepdown.evals.measure import measure
from stepdown.evals.replies import FromModels, FromTable
from stepdown.evals.report import Report, Source
from stepdown.evals.run import KNOWN, Evaluation, Ran
from stepdown.evals.scoring import Scoring
from stepdown.evals.stopping import Stop
from stepdown.evals.store import Store, default_path
from stepdown.evals.words import rows
from stepdown.names import known_names
from stepdown.ports import Judge
from stepdown.quality.labelled import Labelled, NotLabelled, read_labelled

if TYPE_CHECKING:
    from stepdown.config.document import Config

_MADE_UP = f"{SIMULATED}://"
"""Stands in the identity of a model whose answers are simulated."""
BUILT_IN_ROUTE = "auto"
MOST_TOLD = 3
"""Of the rows that cannot be evaluated, where none can."""


async def evaluate(options: Options, *, salt: str = "", stop: Stop | None = None) -> Found:
    """Raises ConfigError, BadDataset, NotLabelled, StepdownError or OSError for what cannot be
    used, before anything is spent where it can be told by then."""
    config = None if options.config is None else load(options.config)
    about = _bare(options) if config is None else subject(config, options.route)
    judge = None if config is None else _judge(options, config)
    scoring = Scoring(options.scorers, judge, asks=not options.calls_nobody)
    dataset = _dataset(options, config)
    items = drawn(dataset.items, options.sample, lambda item: item.id, options.seed)
    if config is None or options.calls_nobody:
        report = await _from_table(options, about, dataset, items, scoring)
    else:
        report = await _from_models(options, config, about, dataset, items, scoring, salt, stop)
    return Found(report, items)


async def _from_table(
    options: Options, about: Subject, dataset: Dataset, items: Sequence[Item], scoring: Scoring
) -> Report:
    _check_names(options, about, items)
    replies = FromTable(about.route.ladder, about.price_of, options.names)
    evaluation = Evaluation(about.route, replies, scoring, cascades=about.cascades)
    setup = setup_of(None, options.scorers, {})
    report = _report(options, about, dataset, await evaluation.run(items), setup)
    if options.scorers and set(report.scorers) == {KNOWN}:
        _note("--scorer was not needed: the table has scores, which go before any scorer's.")
    return report


async def _from_models(
    options: Options,
    config: "Config",
    about: Subject,
    dataset: Dataset,
    items: Sequence[Item],
    scoring: Scoring,
    salt: str,
    stop: Stop | None,
) -> Report:
    if any(item.known for item in items):
        _note(
            f"{dataset.name} holds what is known of answers; it is not used, since the models are "
            f"asked. With --outcomes in place of DATA it is, and nobody is asked."
        )
    labelled = _labelled(options, config)
    if labelled is not None and not scoring.judges_alike(items):
        _note("Rows name the judge with other options: regret is not corrected for its errors.")
        labelled = None
    ladder = about.route.ladder
    graders = [] if about.cascades is None else sorted(about.cascades.asks())
    named = [*ladder, *graders, *scoring.models(items)]
    async with asking(options, config, named, salt, stop) as asker:
        setup = setup_of(scoring.configured, options.scorers, {m: asker.identity(m) for m in named})
        evaluation = Evaluation(
            about.route,
            FromModels(asker, ladder),
            scoring,
            cascades=about.cascades,
            asker=asker,
        )
        with Progress(len(items), asker, quiet=options.quiet) as progress:
            ran = await evaluation.run(items, at_once=options.concurrency, progress=progress)
        made_up = [model for model in named if _MADE_UP in asker.identity(model)]
        report = _report(options, about, dataset, ran, setup, made_up)
        if labelled is not None and scoring.judge is not None and ran.stopped is None:
            report = await _corrected(options, report, labelled, scoring.judge, asker)
        return structs.replace(report, spent=asker.spent)


async def _corrected(
    options: Options, report: Report, labelled: Labelled, judge: Judge, asker: Asker
) -> Report:
    """With the regret corrected for the judge's errors, where it judged any downgrade."""
    if not judged_by(report, judge.name):
        return report
    found = await judged(options, labelled, judge, asker)
    if found.stopped is not None:
        left = f"{found.stopped} The regret is not corrected for the judge's errors."
        return structs.replace(report, stopped=left)
    return corrected(report, labelled.pairs, found.check, judge.name)


# ── What is evaluated ────────────────────────────────────────────────────────────────────────


def _bare(options: Options) -> Subject:
    """The standard rules over a ladder of models that only the table and the prices know."""
    from stepdown.pricing.book import PriceBook
    from stepdown.routing.route import build_route

    book = PriceBook()
    rules = "standard"
    built = {"ladder": list(options.ladder), "rules": rules}
    route = build_route(options.route or BUILT_IN_ROUTE, built, price_of=book.price)
    return Subject(route, expanded(rules), book.price)


def _dataset(options: Options, config: "Config | None") -> Dataset:
    if options.from_ledger:
        assert config is not None
        return _ledger(options, config)
    data, table = (
        None
        if path is None
        else read_dataset(path, format=options.format, score_range=options.score_range)
        for path in (options.data, options.outcomes)
    )
    if data is not None and table is not None:
        return merge_known(data, table)
    found = data or table
    assert found is not None
    return found


def _ledger(options: Options, config: "Config") -> Dataset:
    from stepdown.evals.data.from_ledger import from_ledger
    from stepdown.storage.database import open_database

    url = config.ledger.url
    engine = open_database(None if url is None else str(url))
    try:
        return from_ledger(engine, options.since, options.route, options.sample, seed=options.seed)
    finally:
        engine.dispose()


def _check_names(options: Options, about: Subject, items: Sequence[Item]) -> None:
    """Raises ConfigError for names that lead nowhere: all rows would be unscored."""
    ladder, names = about.route.ladder, options.names
    known = {name: None for item in items for name in item.known}
    problems = [
        f"--name: {model!r} is no model of the ladder.{known_names(model, ladder)}"
        for model in names
        if model not in ladder
    ]
    for model in ladder:
        name = names.get(model, model)
        if name not in known:
            hint = f" (--name {model}=NAME says what it is called there)" if model == name else ""
            problems.append(
                f"--outcomes: the table knows no model {name!r}{hint}.{known_names(name, known)}"
            )
    if problems:
        raise ConfigError(problems)


# ── The judge ────────────────────────────────────────────────────────────────────────────────


def judge_of(options: Options, config: "Config") -> Judge:
    """The judge that is configured, or named. Raises ConfigError where there is none."""
    judge = Scoring((), _judge(options, config)).judge
    if judge is None:
        raise ConfigError(["judge: expected a model (or --judge MODEL), got none"])
    return judge


async def judged(options: Options, labelled: Labelled, judge: Judge, asker: Asker) -> Checked:
    """The judge measured on the labelled pairs, with its progress shown."""
    with Progress(len(labelled.pairs), asker, what="pairs", quiet=options.quiet) as progress:
        return await checked(
            labelled.pairs,
            judge,
            making(asker),
            margin=options.margin,
            confidence=options.confidence,
            at_once=options.concurrency,
            progress=progress,
        )


def _judge(options: Options, config: "Config") -> tuple[str, dict[str, Any]] | None:
    configured = judge_options(config)
    if options.judge is None:
        return configured
    name, given = configured or (JUDGES["pairwise"], {})
    return name, {**given, "model": options.judge}


def _labelled(options: Options, config: "Config") -> Labelled | None:
    """The configured pairs, beside the configuration's file where the path is relative."""
    if config.judge is None or config.judge.labelled is None:
        return None
    assert options.config is not None
    path = options.config.parent / config.judge.labelled
    try:
        labelled = read_labelled(path)
    except NotLabelled as error:
        raise ConfigError([f"judge.labelled: {path}: {error}"]) from error
    if labelled.bad:
        first = labelled.bad[0]
        _note(f"{rows(len(labelled.bad))} of {path} cannot be used. Line {first.line}: {first.why}")
    return labelled


# ── Who is asked ─────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def asking(
    options: Options,
    config: "Config",
    named: Iterable[str],
    salt: str = "",
    stop: Stop | None = None,
) -> AsyncGenerator[Asker]:
    """An asker over the configuration's models, and what it needs, closed in the end.

    Unless a stop is held already, signals stop it.

    Raises ConfigError where one of those named cannot be asked, or has no price for the budget.
    """
    models = Models(config)
    budget = None if options.budget is None else Budget(options.budget)
    try:
        with Store(options.cache or default_path(), retry_failed=options.retry_failed) as store:
            async with (
                Stop() if stop is None else nullcontext(stop) as held,
                Asker(
                    models.fleet,
                    store,
                    models.identity,
                    salt=salt,
                    concurrency=options.concurrency,
                    budget=budget,
                    stop=held,
                    dearest=models.dearest,
                ) as asker,
            ):
                asker.check(named)
                yield asker
    finally:
        await models.aclose()


# ── What was found ───────────────────────────────────────────────────────────────────────────


def _report(
    options: Options,
    about: Subject,
    dataset: Dataset,
    ran: Ran,
    setup: str,
    simulated: Sequence[str] = (),
) -> Report:
    """Raises BadDataset where no row can be evaluated."""
    if not ran.rows and not ran.left:
        told = "; ".join(f"line {row.line}: {row.why}" for row in ran.bad[:MOST_TOLD])
        raise BadDataset(f"{dataset.name}: no row can be evaluated. {told}")
    bad = tuple(sorted((*dataset.bad, *ran.bad), key=lambda row: row.line))
    source = Source(dataset.name, dataset.format, dataset.digest, len(ran.rows) + ran.left, bad)
    return measure(
        ran.rows,
        margin=options.margin,
        confidence=options.confidence,
        route=about.route.name,
        ladder=about.route.ladder,
        rules=about.rules,
        policy=about.route.hash,
        source=source,
        time=time.time(),
        stopped=ran.stopped and f"{ran.stopped} Not evaluated: {rows(ran.left)}.",
        match=about.route.policy.match,
        setup=setup,
        simulated=simulated,
    )


def _note(text: str) -> None:
    click.echo(f"note: {text}", err=True)
