"""``stepdown shadow`` over a record: what became of samples, and pairs written to a file."""

import json
import time
from pathlib import Path

import msgspec
import pytest
import yaml
from click.testing import CliRunner, Result

from stepdown.cli import main
from stepdown.cli.shadow import SKIPPED, UNSCORED
from stepdown.quality.pairs import UNSETTLED, Pair
from stepdown.quality.records.pair_rows import row_of
from stepdown.quality.records.pair_store import Batch, PairStore
from stepdown.quality.records.pair_texts import FORMAT, Texts, encode, pack
from stepdown.quality.shadow import (
    admission,
    comparison,
    excluded,
    pairing,
    shadow,
    tally,
)
from stepdown.storage.address import parse
from stepdown.types import Choice
from support.pairs import make_pair, store_pairs
from support.recorded import store_counters

MODELS = [{"model_name": "m", "litellm_params": {"model": "openai/gpt-4o", "api_key": "k"}}]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["shadow", *arguments])


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A record of the last hour."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    now = time.time()
    store_counters(
        url,
        (now, "auto", "sampled", 1200, "0"),
        (now, "auto", "paired", 1150, "1.5"),
        (now, "auto", "judged", 80, "0.25"),
        (now, "auto", "budget", 40, "0"),
        (now, "auto", "brand_new", 2, "0"),
        (now, "bot", "sampled", 1, "0"),
        (now, "bot", "cancelled", 1, "0"),
    )
    store_pairs(
        url,
        *[make_pair(time=now, regret=None, why="unscored: no scorer could tell") for _ in range(3)],
        make_pair(time=now, regret=None, why="shadow_failed: upstream_error: 500"),
    )
    return url


@pytest.fixture
def config(tmp_path: Path, url: str) -> str:
    path = tmp_path / "config.yaml"
    shadow = {"max_cost": 2, "judge_max_cost": 0.5}
    path.write_text(
        yaml.safe_dump({"model_list": MODELS, "ledger": {"url": url}, "shadow": shadow})
    )
    return str(path)


# ── Status ───────────────────────────────────────────────────────────────────────────────────


def test_what_became_of_samples(url: str) -> None:
    shown = run("status", "--database", url)
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert lines[:-1] == [
        "auto: 1,200 requests sampled",
        "  1,150 became pairs (95.8 %), 4 of them without scores",
        "    unscored: 3 × no scorer could tell; free text needs a judge or a scorer of yours "
        "[unscored]",
        "    unscored: 1 × the second answer failed [shadow_failed]",
        "  skipped: 40 × it did not fit in the day's budget (shadow.max_cost) [budget]",
        "  skipped: 2 × brand_new",
        "  8 requests not accounted for: still under way, or lost when a gateway was killed",
        "  spent: $1.50 for second answers, $0.25 for 80 calls of judges",
        "bot: 1 request sampled",
        "  0 became pairs",
        "  skipped: 1 × the client went away [cancelled]",
        "  spent: $0 for second answers",
        "Spent by day (UTC), all routes",
    ]
    assert lines[-1].endswith(": $1.50 for second answers, $0.25 for judges")


def test_spending_against_its_budgets(config: str) -> None:
    shown = run("status", "--config", config, "--route", "bot").output
    assert "auto" not in shown
    assert "$1.50 of $2 for second answers, $0.25 of $0.50 for judges" in shown


def test_status_as_json(config: str) -> None:
    shown = json.loads(run("status", "--config", config, "--json").output)
    auto, bot = shown["routes"]
    assert auto == {
        "route": "auto",
        "sampled": 1200,
        "paired": 1150,
        "skips": {"budget": 40, "brand_new": 2},
        "unscored": {"unscored": 3, "shadow_failed": 1},
        "unaccounted": 8,
        "judge_calls": 80,
        "answers_cost": "1.5",
        "judges_cost": "0.25",
    }
    assert (bot["route"], bot["unaccounted"]) == ("bot", 0)
    [day] = shown["days"]
    assert (day["answers_cost"], day["judges_cost"]) == ("1.5", "0.25")
    assert (shown["budget"], shown["judges_budget"]) == ("2", "0.5")
    assert shown["since"] % 3600 == 0


def test_nothing_was_sampled(url: str) -> None:
    shown = run("status", "--database", url, "--route", "other", "--since", "all").output
    assert "Nothing was sampled in this time of 'other'." in shown


def test_every_reason_has_words() -> None:
    skips = {
        *(excluded.NO_SHADOW, excluded.PROVIDER_STATE, excluded.PROVIDER_TOOLS, excluded.TOO_LARGE),
        *(admission.QUEUE_FULL, admission.RATE_LIMITED, admission.UNPRICED, admission.BUDGET),
        *(admission.JUDGE_BUDGET, comparison.FALLBACK, comparison.CLIMBED, comparison.UNACCEPTED),
        *(shadow.PAUSED, shadow.STOPPED, tally.ERROR, "failed", "cancelled"),
    }
    assert SKIPPED.keys() == skips
    assert UNSCORED.keys() == {
        *(pairing.SHADOW_FAILED, pairing.UNREADABLE, UNSETTLED, pairing.TOO_LARGE)
    }


# ── Export ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    """Two pairs, the texts of the later one stored."""
    url = f"sqlite:///{tmp_path / 'pairs.db'}"
    now = time.time()
    old, new = make_pair(id="old", time=now - 7200), make_pair(id="new", time=now)
    texts = Texts(
        b'{"model":"auto","messages":[{"role":"user","content":"6 x 7?"}]}',
        (Choice("41"),),
        (Choice("42"),),
    )
    body = pack(encode(texts))
    store = PairStore(parse(url))
    store.write(Batch([row_of(old), row_of(new)], [(new.id, new.saver, new.time, FORMAT, body)]))
    store.close()
    return url


def written(path: Path) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_pairs_as_lines(pairs: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    shown = run("export", str(path), "--database", pairs)
    assert shown.output == f"2 pairs written to {path}.\n"
    old, new = written(path)
    assert (old["id"], old["prompt"], new["candidate_answer"]) == ("old", None, "41")
    assert set(old) > set(Pair.__struct_fields__)


def test_pairs_of_a_time_and_a_route(pairs: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    assert run("export", str(path), "--database", pairs, "--since", "1h").exit_code == 0
    assert [row["id"] for row in written(path)] == ["new"]
    shown = run("export", str(path), "--database", pairs, "--route", "bot")
    assert shown.exit_code == 2
    assert "nothing was written: there is no pair to write" in " ".join(shown.output.split())
    assert [row["id"] for row in written(path)] == ["new"]


def test_a_data_set_has_pairs_with_texts(pairs: str, tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    options = ("--format", "langfuse", "--dataset", "ours")
    shown = run("export", str(path), "--database", pairs, *options)
    assert shown.output.splitlines() == [
        f"1 pairs written to {path}.",
        "1 more are left out: their texts were not stored.",
    ]
    [row] = written(path)
    assert (row["datasetName"], row["id"], row["expectedOutput"]) == ("ours", "new", "42")


def test_a_table_by_its_ending(pairs: str, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "pairs.parquet"
    assert run("export", str(path), "--database", pairs).exit_code == 0
    assert parquet.read_table(path).column("id").to_pylist() == ["old", "new"]


# ── Bad input ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status", "--database", "/nowhere/l.db"), "there is no database at /nowhere/l.db"),
        (("status", "--since", "yesterday"), "expected 30m, 24h, 7d, 4w or the like, or all"),
        (("status", "--config", "/nowhere.yaml"), "'/nowhere.yaml' does not exist"),
        (("export", "pairs.csv", "--format", "csv"), "'csv' is not one of"),
        (("export", "/nowhere/pairs.jsonl"), "cannot be written: No such file"),
    ],
)
def test_bad_input(
    url: str, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("STEPDOWN_DATABASE", url)
    shown = run(*arguments)
    assert shown.exit_code == 2
    assert said in " ".join(shown.output.replace("│", " ").split())


def test_a_wrong_configuration_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"model_list": MODELS, "shadow": {"max_costs": 2}}))
    shown = run("status", "--config", str(path))
    assert shown.exit_code == 2
    assert "shadow.max_costs" in shown.output
