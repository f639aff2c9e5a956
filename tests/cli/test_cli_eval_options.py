"""The options of an evaluation: what each takes, and what does not go together."""

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from msgspec import json

from stepdown.cli.eval.options import (
    Options,
    checked,
    dollars_given,
    evaluation_options,
    names_given,
    range_given,
    scorer_given,
    usable,
)
from stepdown.errors import ConfigError, UpstreamFailed
from stepdown.evals.data.faults import BadDataset
from stepdown.quality.labelled import NotLabelled

FILE = Path("data.jsonl")
CONFIG = Path("config.yaml")


def refusal(read: Callable[[Any], object], given: object) -> str:
    with pytest.raises(click.UsageError) as caught:
        read(given)
    return caught.value.message


# ── One by one ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("text", "amount"), [("$5", "5"), ("0.25", "0.25"), (" $1e1 ", "10")])
def test_dollars(text: str, amount: str) -> None:
    assert dollars_given(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "$", "0", "-5", "5€", "nan", "snan", "inf", "$1,000"])
def test_what_is_no_amount(text: str) -> None:
    assert refusal(dollars_given, text).startswith("expected US dollars above 0 such as $5, got ")


@pytest.mark.parametrize(
    ("text", "scorer"),
    [
        ("numeric", "numeric"),
        ("{numeric: {tolerance: 0.5}}", {"numeric": {"tolerance": 0.5}}),
        ("chrf:", {"chrf": None}),
        ("mypkg.scores:polite", "mypkg.scores:polite"),
        ("{'mypkg.scores:Brief': {words: 5}}", {"mypkg.scores:Brief": {"words": 5}}),
    ],
)
def test_scorers(text: str, scorer: Any) -> None:
    assert scorer_given(text) == scorer


@pytest.mark.parametrize(
    "text", ["", "5", "[numeric]", "{a: 1, b: 2}", "{1: 2}", "{a", "&a {x: *a}", "[" * 5000, "~"]
)
def test_what_is_no_scorer(text: str) -> None:
    assert refusal(scorer_given, text).startswith("expected a scorer such as numeric or '{numeric:")


@pytest.mark.parametrize(
    ("text", "ends"), [("1..10", (1, 10)), ("1,10", (1, 10)), ("-0.5..1e1", (-0.5, 10))]
)
def test_ranges(text: str, ends: tuple[float, float]) -> None:
    assert range_given(text) == ends


@pytest.mark.parametrize("text", ["", "5", "10..1", "1..1", "a..b", "1..inf", "nan..1", "1...2"])
def test_what_is_no_range(text: str) -> None:
    assert refusal(range_given, text).startswith("expected a range such as 1..10, got ")


def test_names() -> None:
    assert names_given(("a=b", "c=d=e", "ü=ö")) == {"a": "b", "c": "d=e", "ü": "ö"}
    for text in ("a", "=b", "a="):
        assert refusal(names_given, (text,)) == f"expected MODEL=NAME, got {text!r}"


# ── Together ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "Give DATA, --outcomes TABLE or --from-ledger."),
        ({"from_ledger": True, "data": FILE, "config": CONFIG}, "Give either --from-ledger or "),
        ({"from_ledger": True, "outcomes": FILE, "config": CONFIG}, "Give either --from-ledger or"),
        ({"data": FILE}, "Give either --config or --ladder."),
        ({"outcomes": FILE, "config": CONFIG, "ladder": ("a",)}, "Give either --config or"),
        ({"data": FILE, "ladder": ("a", "b")}, "--ladder goes with --outcomes"),
        ({"from_ledger": True, "ladder": ("a", "b")}, "--ladder goes with --outcomes"),
        ({"outcomes": FILE, "config": CONFIG, "budget": Decimal(5)}, "--budget goes without"),
        ({"outcomes": FILE, "config": CONFIG, "judge": "strong"}, "--judge goes without"),
    ],
)
def test_what_does_not_go_together(given: dict[str, Any], problem: str) -> None:
    assert refusal(checked, Options(**given)).startswith(problem)


@pytest.mark.parametrize(
    "given",
    [
        {"data": FILE, "config": CONFIG, "budget": Decimal(5), "judge": "strong"},
        {"data": FILE, "outcomes": FILE, "config": CONFIG},
        {"outcomes": FILE, "ladder": ("a", "b")},
        {"from_ledger": True, "config": CONFIG},
    ],
)
def test_what_does(given: dict[str, Any]) -> None:
    assert checked(Options(**given)) == Options(**given)


def test_a_span_becomes_a_moment() -> None:
    options = checked(Options(from_ledger=True, config=CONFIG, since=3600.0))
    assert options.since == pytest.approx(time.time() - 3600, abs=60)


# ── A command with them ──────────────────────────────────────────────────────────────────────


@click.command()
@evaluation_options
@click.option("--more")
def command(options: Options, more: str | None) -> None:
    click.echo(json.encode({**{f: getattr(options, f) for f in KEPT}, "more": more}))


KEPT = ("ladder", "names", "format", "score_range", "scorers", "margin", "sample", "seed", "quiet")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)))


def test_they_come_as_one(tmp_path: Path) -> None:
    table = tmp_path / "table.jsonl"
    table.write_text("{}\n")
    bare = json.decode(run("--outcomes", table, "--ladder", "a,b").stdout)
    assert bare == {
        "ladder": ["a", "b"],
        "names": {},
        "format": None,
        "score_range": None,
        "scorers": [],
        "margin": 0.1,
        "sample": None,
        "seed": 0,
        "quiet": False,
        "more": None,
    }
    result = run(
        *("--outcomes", table, "--ladder", " a, b ,,c", "--name", "a=x", "--name", "b=y"),
        *("--format", "stepdown", "--score-range", "1..5", "--margin", "0.25", "--sample", "7"),
        *("--scorer", "exact", "--scorer", "{numeric: {tolerance: 1}}", "--seed", "3", "--quiet"),
        *("--more", "m"),
    )
    assert json.decode(result.stdout) == {
        "ladder": ["a", "b", "c"],
        "names": {"a": "x", "b": "y"},
        "format": "stepdown",
        "score_range": [1.0, 5.0],
        "scorers": ["exact", {"numeric": {"tolerance": 1}}],
        "margin": 0.25,
        "sample": 7,
        "seed": 3,
        "quiet": True,
        "more": "m",
    }


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--ladder", "a,b"), "Give DATA, --outcomes TABLE or --from-ledger."),
        (("--outcomes", "gone.jsonl", "--ladder", "a,b"), "'gone.jsonl' does not exist"),
        (("--budget", "much"), "expected US dollars above 0"),
        (("--sample", "0"), "--sample"),
        (("--confidence", "1"), "--confidence"),
        (("--margin", "1"), "--margin"),
        (("--name", "a"), "--name"),
        (("--since", "yesterday"), "expected 30m, 24h"),
    ],
)
def test_what_cannot_be_used_is_told_with_status_2(
    arguments: tuple[str, ...], problem: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert problem in result.stderr


# ── What goes wrong later ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConfigError(["a: wrong", "b: wrong"]), "a: wrong\nb: wrong"),
        (BadDataset("no row"), "no row"),
        (NotLabelled("no pair"), "no pair"),
        (UpstreamFailed("No."), "No."),
        (FileNotFoundError(2, "No such file or directory", "x.yaml"), "x.yaml: No such file"),
        (OSError("odd"), "odd"),
    ],
)
def test_it_is_told_as_a_wrong_use(error: Exception, message: str) -> None:
    with pytest.raises(click.UsageError) as caught, usable():
        raise error
    assert caught.value.message.startswith(message)


def test_a_fault_of_the_program_stays_one() -> None:
    with pytest.raises(KeyError), usable():
        raise KeyError("x")
