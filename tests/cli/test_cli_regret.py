"""``stepdown regret`` over a record: tables for people, figures for programs."""

import json
import re
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from stepdown.cli import main
from stepdown.quality import evidence
from stepdown.quality.pairs import Pair
from support.pairs import NOON, make_pair, store_pairs
from support.recorded import store_events
from support.wards import certified
from support.watched import Watched, watched

CHEAP, DEAR = Decimal("0.000024"), Decimal("0.0004")


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["regret", *arguments], env=env)


def rows(output: str) -> dict[str, list[str]]:
    """The cells of each line of the tables, by the first."""
    lines = [line.strip("│ ").split("│") for line in output.splitlines() if line.startswith("│")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {first: rest for first, *rest in cells}


def headings(output: str) -> list[list[str]]:
    lines = [line.strip("┃ ").split("┃") for line in output.splitlines() if line.startswith("┃")]
    return [[cell.strip() for cell in line] for line in lines]


def recorded(place: Watched) -> list[Pair]:
    """Of the last two days: an active rule, an observed one, a cascade, and upgrades."""
    now = time.time()
    faq, short = place.wards["faq"].key, place.wards["short"].key
    observed = make_pair(rule="short", key=short, served=1, propensity=0.2, time=now)
    upgrade = make_pair(rule="default", key="", served=1, time=now, tags=("b",))
    judged = make_pair(
        rule="faq", key=faq, stint=2, time=now - 9, judged=1, judge_cost=Decimal("0.01")
    )
    return [
        *[structs.replace(judged, id=f"faq{number}", flips=number % 2) for number in range(40)],
        *[structs.replace(observed, id=f"short{number}") for number in range(10)],
        structs.replace(observed, id="first", time=now - 2 * 86_400, regret=True),
        structs.replace(
            observed, id="u", regret=None, why="shadow_failed: 500", candidate_cost=None
        ),
        make_pair(rule="faq", saver="cascade", time=now, tags=("a", "b")),
        *[structs.replace(upgrade, id=f"up{number}", regret=number < 5) for number in range(20)],
        make_pair(rule="faq", time=now - 60 * 86_400),
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    place = watched(tmp_path_factory.mktemp("data"))
    store_events(place.url, certified(place.wards["faq"], NOON))
    store_pairs(place.url, *recorded(place))
    return place


# ── For people ───────────────────────────────────────────────────────────────────────────────


def test_the_tables(place: Watched) -> None:
    shown = run("--config", place.config)
    assert shown.exit_code == 0
    output = shown.output
    assert headings(output) == [
        [
            "rule",
            "state",
            "regrets",
            "regret",
            "98.33 % interval",
            "worst case",
            "judge flips",
            "spent",
        ],
        ["rule", "as good", "wasted", "95 % interval", "spent"],
    ]
    found = rows(output)
    low, high = evidence.bounds(evidence.Counts({0.02: (0, 40)}), 1 - 0.05 / 3, 0.02)
    assert found["faq"] == [
        *("active", "0 of 40", "0.0 %", f"0.0 to {100 * high:.1f} %", "–", "20 of 40"),
        "$0.416",
    ]
    state, regrets, rate, interval, worst, flips, spent = found["short"]
    assert (state, regrets, rate, flips, spent) == ("observing", "1 of 11", "–", "–", "$0.000264")
    assert interval != worst
    assert found["faq (accepted by the cascade)"][:3] == ["active", "0 of 1", "–"]
    as_good, wasted, *_ = found["default"]
    assert (as_good, wasted) == ("15 of 20", "75.0 %")
    assert low == 0.0


def test_the_sentences(place: Watched) -> None:
    output = run("--config", place.config).output
    text = " ".join(output.split())
    assert "auto: regret of what is sent down (budget 2.0 %)" in text
    assert "auto: wasted upgrades, on which the first rung was as good" in text
    for line in (
        "The 3 intervals hold together with 95 %, each with 98.33 %, however often one looks.",
        "The interval holds with 95 %, however often one looks.",
        "1 pair without scores is left out; in the worst case it is a regret.",
        "1 pair has an answer of unknown cost",
        "faq: active since 2025-10-09 12:00 UTC (regret below the budget of 2 %: 0 of 300 pairs,",
        "short: observing since the beginning. 1 regret in 11 scored pairs since then; the",
        "sure: trusted since the beginning. No scored pairs since then.",
    ):
        assert line in text
    assert re.search(r"if none is regretted: \d+ days at 5\.5 pairs a day\.", text)
    assert "weight each pair" not in text
    assert "--config FILE" not in text


def test_without_a_configuration(place: Watched) -> None:
    output = run("--database", place.url).output
    assert rows(output)["faq"][0] == "active"
    assert rows(output)["short"][0] == "–"
    assert "(budget" not in output
    assert output.rstrip().endswith(
        "With --config FILE: budgets, and the pairs that it still takes to certify."
    )


def test_all_times_and_several_propensities(place: Watched, tmp_path: Path) -> None:
    output = run("--config", place.config, "--since", "all").output
    assert rows(output)["faq"][1] == "0 of 41"
    url = f"sqlite:///{tmp_path / 'mixed.db'}"
    shares = [0.05, 0.5] * 10
    store_pairs(url, *[make_pair(propensity=share, regret=share < 0.1) for share in shares])
    output = run("--database", url, "--since", "all").output
    assert rows(output)["short-label"][:2] == ["10 of 20", "90.9 %"]
    assert "Rates weight each pair by the requests that it stands for." in output
    assert "wasted" not in output


def test_by_tag(place: Watched) -> None:
    output = run("--config", place.config, "--by", "tag").output
    assert rows(output)["a (accepted by the cascade)"][0] == "0 of 1"
    assert rows(output)["b"][0] == "15 of 20"
    assert "A pair counts in each of its tags." in output
    assert "observing" not in output


def test_nothing_was_recorded(tmp_path: Path) -> None:
    place = watched(tmp_path)
    assert run("--database", place.url).output.splitlines() == [
        "No pairs were recorded in this time.",
        "With --config FILE: budgets, and the pairs that it still takes to certify.",
    ]
    output = run("--config", place.config).output
    assert "auto: no pairs of what is sent down were recorded in this time." in output
    assert (
        "faq: observing since the beginning. No scored pairs since then. It takes about" in output
    )


def test_names_cannot_command_a_terminal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'names.db'}"
    store_pairs(url, make_pair(time=time.time(), route="[red]x", tags=("\x1b[31mred", "[bold]b")))
    output = run("--database", url, "--by", "tag").output
    assert "\x1b" not in output
    assert {"[31mred", "[bold]b"} == rows(output).keys()
    assert "[red]x: regret of what is sent down" in output


# ── For programs ─────────────────────────────────────────────────────────────────────────────


def test_json(place: Watched) -> None:
    shown = json.loads(run("--config", place.config, "--json").output)
    assert (shown["by"], shown["since"] < time.time() - 29 * 86_400) == ("rule", True)
    [route] = shown["routes"]
    assert (route["route"], route["budget"]) == ("auto", 0.02)
    down, up = route["downgrades"], route["upgrades"]
    assert (down["confidence"], down["confidence_of_each"]) == (0.95, pytest.approx(1 - 0.05 / 3))
    faq, short, accepted = down["groups"]
    assert (accepted["name"], accepted["kind"]) == ("faq", "cascade")
    assert (faq["flips"], faq["judged"], faq["judges_cost"]) == (20, 40, "0.4")
    assert Decimal(faq["answers_cost"]) == 40 * DEAR
    assert (short["regrets"], short["scored"], short["unscored"], short["unpriced"]) == (
        1,
        11,
        1,
        1,
    )
    assert Decimal(short["answers_cost"]) == 11 * CHEAP
    assert short["by_propensity"] == [{"propensity": 0.2, "regrets": 1, "scored": 11}]
    assert (short["estimate"], short["worst_estimate"]) == (
        pytest.approx(1 / 11),
        pytest.approx(2 / 12),
    )
    assert short["low"] < short["estimate"] < short["high"] < short["worst_high"]
    [default] = up["groups"]
    assert (default["kind"], default["regrets"], default["scored"]) == ("upgrade", 5, 20)
    states = {each["rule"]: (each["state"], each["pairs_needed"]) for each in route["guarded"]}
    assert (states["faq"], states["sure"]) == (("active", None), ("trusted", None))
    assert states["short"][1] > 100


def test_of_one_route(place: Watched) -> None:
    assert json.loads(run("--database", place.url, "--route", "auto", "--json").output)["routes"]
    for where in (("--database", place.url), ("--config", place.config)):
        shown = run(*where, "--route", "atuo")
        assert shown.exit_code == 2
        assert "--route: there is no route 'atuo'. Did you mean 'auto'?" in shown.output


def test_a_known_route_without_pairs(place: Watched, tmp_path: Path) -> None:
    unguarded = watched(tmp_path, regret=None, rules="standard")
    output = run("--config", unguarded.config, "--route", "auto").output
    assert output == "No pairs were recorded in this time.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--database", "/nowhere/ledger.db"), "there is no database at /nowhere/ledger.db"),
        (("--since", "yesterday"), "expected 30m, 24h, 7d, 4w or the like, or all"),
        (("--by", "mood"), "'mood' is not one of"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], said: str) -> None:
    shown = run(*arguments)
    assert shown.exit_code == 2
    assert said in " ".join(shown.output.split())


# ── Simulated models ─────────────────────────────────────────────────────────────────────────


def test_rules_whose_models_are_simulated_are_flagged(tmp_path: Path) -> None:
    place = watched(tmp_path, provider="simulated")
    store_pairs(place.url, *recorded(place))
    output = run("--config", place.config).output
    models = "gpt-4o-mini, gpt-4o"
    assert f"Simulated, with made-up answers: {models}. No regret here says anything of" in output
    rules = ("faq: ", "short: ", "sure: ")
    lines = [line for line in output.splitlines() if line.startswith(rules)]
    assert len(lines) == 3
    assert all(line.endswith(f"Simulated: {models}.") for line in lines)
    [route] = json.loads(run("--config", place.config, "--json").output)["routes"]
    assert route["simulated"] == ["gpt-4o-mini", "gpt-4o"]
    assert {each["rule"]: each["simulated"] for each in route["guarded"]} == {
        rule: ["gpt-4o-mini", "gpt-4o"] for rule in ("faq", "short", "sure")
    }


def test_others_are_not(place: Watched) -> None:
    assert "imulated" not in run("--config", place.config).output
    assert "imulated" not in run("--database", place.url).output
    [route] = json.loads(run("--config", place.config, "--json").output)["routes"]
    assert route["simulated"] == []
