"""The rungs of cascades in ``stepdown savings``, and their call-outs for ``stepdown explain``."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stepdown.cli import main
from stepdown.cli.cascades import climbs
from stepdown.ledger.writer import Ledger
from stepdown.types import Attempt, Journey, Usage
from support.climbs import make_climb, make_try
from support.journeys import make_journey

LADDER = ["gpt-4o-mini", "gpt-4o"]


class PerToken:
    def __init__(self, price: str) -> None:
        self.price = Decimal(price)

    def cost(self, usage: Usage) -> Decimal:
        return self.price * (usage.input + usage.output)


PRICES = {"gpt-4o-mini": PerToken("0.06"), "gpt-4o": PerToken("1"), "dear": PerToken("2")}


def strong() -> Attempt:
    return make_try(1, model="gpt-4o", cost="0.1")


def climbed(*, early: bool = False, cost: str | None = "0.01") -> Journey:
    seconds, output = (0.25, 2) if early else (1.0, 10)
    cheap = make_try(0, "json", cost=cost, early=early, seconds=seconds, output=output)
    return make_climb(cheap, strong())


def written(folder: Path, *journeys: Journey) -> Path:
    path = folder / "ledger.db"
    ledger = Ledger(str(path))
    for journey in journeys:
        ledger.record(journey)
    ledger.close()
    return path


def savings_of(path: Path, *arguments: str) -> Result:
    shown = CliRunner().invoke(
        main, ["savings", "--by", "rung", "--database", str(path), *arguments]
    )
    assert shown.exit_code == 0, shown.output
    return shown


@pytest.fixture(scope="module")
def saving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rung that saves: 7 of 10 accepted, 2 dropped early."""
    return written(
        tmp_path_factory.mktemp("saving"),
        *(make_climb(make_try(0)) for _ in range(7)),
        *(climbed(early=True) for _ in range(2)),
        climbed(),
        make_journey(),
    )


def test_the_table(saving: Path) -> None:
    output = savings_of(saving).output
    rows = [line for line in output.splitlines() if "│" in line]
    cells = [[cell.strip() for cell in row.split("│")[1:-1]] for row in rows]
    assert cells == [
        ["auto", "0 gpt-4o-mini", "10", "70.0 %", "20.0 %", "$0.07", "$0.03", "$0.60"],
        ["auto", "1 gpt-4o", "3", "100.0 %", "0.0 %", "$0.30", "$0", "$0"],
    ]
    assert "loses money" not in output
    assert (
        "auto, gpt-4o-mini: 2 tries dropped early, after 2.0 tokens and 0.25 s on average; whole "
        "tries took 10.0 tokens and 1.00 s on average. Early drop saved about 16 tokens and 2 s.\n"
    ) in output
    assert "What early drop saved is an estimate" in output


def test_json(saving: Path) -> None:
    shown: dict[str, Any] = json.loads(savings_of(saving, "--json").output)
    assert shown["by"] == "rung"
    cheap, top = shown["rows"]
    assert cheap == {
        "route": "auto",
        "rung": 0,
        "model": "gpt-4o-mini",
        "last": False,
        "tries": 10,
        "accepted": 7,
        "abandoned": 0,
        "dropped_early": 2,
        "gradings": 0,
        "estimated": 2,
        "unpriced": 0,
        "accept_rate": 0.7,
        "climb_rate": pytest.approx(0.3),
        "break_even": 0.9,
        "loses": False,
        "spent_on_accepted": "0.07",
        "spent_on_rejected": "0.03",
        "spent_on_abandoned": "0",
        "net": "0.6",
        "mean_cost": "0.01",
        "mean_reference": "0.1",
        "whole_tries": {"output_tokens": 10.0, "seconds": 1.0},
        "dropped_tries": {"output_tokens": 2.0, "seconds": 0.25},
        "early_drop_saved_estimate": {"output_tokens": 16.0, "seconds": 1.5},
    }
    assert (top["last"], top["early_drop_saved_estimate"]) == (True, None)


def test_a_loss_is_called_out(tmp_path: Path) -> None:
    path = written(tmp_path, make_climb(make_try(0)), *(climbed() for _ in range(19)))
    assert (
        "auto, gpt-4o-mini loses money: 95.0 % climb; above 90.0 % it costs more than it saves.\n"
    ) in savings_of(path).output


def test_a_rung_as_dear_as_the_strong_one(tmp_path: Path) -> None:
    path = written(tmp_path, make_climb(make_try(0, cost="0.2")), climbed(cost="0.2"))
    assert (
        "loses money: 50.0 % climb, and a try costs as much as it can save, or more."
        in savings_of(path).output
    )


def test_what_is_unknown_is_said(tmp_path: Path) -> None:
    left = make_climb(make_try(0, None, error="cancelled"), served=None)
    path = written(tmp_path, make_climb(make_try(0, cost=None)), climbed(cost=None), left)
    output = savings_of(path).output
    assert "unknown" in next(line for line in output.splitlines() if "0 gpt-4o-mini" in line)
    assert (
        "auto, gpt-4o-mini: 2 tries or gradings have an unknown price; they are not in the net "
        "saving. The break-even is unknown.\n"
    ) in output
    assert "1 tries were left by their client" in output
    shown = json.loads(savings_of(path, "--json").output)["rows"][0]
    assert (shown["net"], shown["break_even"], shown["mean_cost"]) == (None, None, None)


def test_no_cascade(tmp_path: Path) -> None:
    assert "No tries of a cascade" in savings_of(written(tmp_path, make_journey())).output


# ── for explain ──────────────────────────────────────────────────────────────────────────────


def test_the_observed_climb_rate(saving: Path) -> None:
    found = climbs(str(saving), "auto", LADDER, PRICES.get)
    assert found.lines == [
        "auto, gpt-4o-mini: 30.0 % climb; above 90.0 % it would cost more than it saves. "
        "(10 tries in 7 days)"
    ]
    assert found.as_json() == {
        "days": 7,
        "rungs": [
            {
                "rung": 0,
                "model": "gpt-4o-mini",
                "tries": 10,
                "climb_rate": pytest.approx(0.3),
                "break_even": 0.9,
                "loses": False,
            }
        ],
        "unread": None,
    }


def test_an_observed_loss(tmp_path: Path) -> None:
    path = written(tmp_path, make_climb(make_try(0)), *(climbed() for _ in range(19)))
    (line,) = climbs(str(path), "auto", LADDER, PRICES.get).lines
    assert line.startswith("auto, gpt-4o-mini loses money: 95.0 % climb; above 90.0 %")


def test_prices_stand_in_for_what_the_ledger_does_not_know(tmp_path: Path) -> None:
    path = written(tmp_path, make_climb(make_try(0, cost=None)), climbed(cost=None))
    (line,) = climbs(str(path), "auto", LADDER, PRICES.get).lines
    assert "50.0 % climb; above 94.0 % it would" in line
    (line,) = climbs(str(path), "auto", LADDER, lambda _: None).lines
    assert "from where on it loses money is unknown, since a price is" in line


@pytest.mark.parametrize(
    ("ladder", "said"),
    [
        (LADDER, "by its prices it saves while fewer than 94.0 % climb."),
        (["dear", "gpt-4o"], "by its prices it saves nothing, however few climb."),
        (["local", "gpt-4o"], "the break-even is unknown, since a price is."),
    ],
)
def test_nothing_recorded_yet(tmp_path: Path, ladder: list[str], said: str) -> None:
    line, unread = climbs(str(tmp_path / "none.db"), "auto", ladder, PRICES.get).lines
    assert line == f"auto, {ladder[0]}: no tries are known of the last 7 days; {said}"
    assert unread.startswith("Nothing is recorded yet")


def test_old_tries_and_other_routes_do_not_count(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        make_climb(make_try(0), at=1000.0),
        make_climb(make_try(0), route="bot"),
    )
    found = climbs(str(path), "auto", LADDER, PRICES.get)
    assert (found.rungs[0].observed, found.unread) == (None, None)
