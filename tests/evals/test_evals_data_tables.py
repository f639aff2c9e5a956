"""Tables of known outcomes: our rows of outcomes, RouteLLM's and RouterBench's tables."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stepdown.evals.data.reading import BadDataset, read_dataset
from stepdown.evals.items import BadRow, Item, Known
from support import datasets


def asked(item: Item) -> Any:
    [message] = item.body["messages"]
    return message["content"]


# ── Rows of outcomes ─────────────────────────────────────────────────────────────────────────

OUTCOME: dict[str, Any] = {
    "id": "mmlu/7",
    "dataset": "mmlu",
    "subset": "law",
    "split": "test",
    "prompt": "Which one?",
    "answer": "B",
    "contaminated": True,
    "models": {
        "cheap": {"score": 0, "ans": "A", "in_tok": 90, "out_tok": 4},
        "strong": {"score": 1, "response": "It is B.", "cost": 0.002},
    },
}


def check_outcome(item: Item) -> None:
    assert (item.id, asked(item), item.expected) == ("mmlu/7", "Which one?", "B")
    assert item.tags == ("mmlu", "law", "test", "contaminated")
    assert item.known == {
        "cheap": Known(score=0.0, input_tokens=90, output_tokens=4),
        "strong": Known(score=1.0, answer="It is B.", cost=Decimal("0.002")),
    }


def test_outcomes(tmp_path: Path) -> None:
    rows = [OUTCOME, {**OUTCOME, "id": "mmlu/8", "contaminated": False, "turn2": "And then?"}]
    dataset = read_dataset(datasets.jsonl(tmp_path / "d.jsonl", rows))
    assert (dataset.format, dataset.bad) == ("outcomes", ())
    check_outcome(dataset.items[0])
    assert dataset.items[1].tags == ("mmlu", "law", "test")
    assert len(dataset.items[1].body["messages"]) == 1


@pytest.mark.parametrize("write", [datasets.table, datasets.parquet])
def test_outcomes_in_tables(tmp_path: Path, write: Any) -> None:
    """A Parquet struct has every member in every row: those without a value are none."""
    name = "d.csv" if write is datasets.table else "d.parquet"
    row = OUTCOME if write is datasets.parquet else {**OUTCOME, "contaminated": None}
    dataset = read_dataset(write(tmp_path / name, [row]))
    assert dataset.format == "outcomes"
    [item] = dataset.items
    if write is datasets.parquet:
        check_outcome(item)
    assert item.known["strong"] == Known(score=1.0, answer="It is B.", cost=Decimal("0.002"))


def test_scores_of_another_range(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"{score}?", "models": {"m": {"score": score}}} for score in (1, 5.5, 10, 11)
    ]
    path = datasets.jsonl(tmp_path / "d.jsonl", rows)
    dataset = read_dataset(path, score_range=(1, 10))
    assert [item.known["m"].score for item in dataset.items] == [0.0, 0.5, 1.0]
    assert dataset.bad == (BadRow(4, "models.m.score: expected a score in 1..10, got 11"),)
    assert [row.line for row in read_dataset(path).bad] == [2, 3, 4]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"prompt": None}, "prompt: expected a text, got nothing"),
        ({"prompt": ""}, "prompt: expected something to ask"),
        ({"models": {}}, "models: expected an object by the models' names, got an empty object"),
        ({"models": {"m": 1}}, "models.m: expected an object with a score, got 1"),
        ({"models": {"m": {"score": "good"}}}, "models.m.score: expected a number, true or false"),
        ({"models": {"m": {"cost": -1}}}, "models.m.cost: expected US dollars"),
        ({"models": {"m": {"in_tok": 1.5}}}, "models.m.in_tok: expected a whole number of tokens"),
        ({"models": {"m": {"response": 5}}}, "models.m.response: expected the answer's text"),
    ],
)
def test_bad_outcomes(tmp_path: Path, fields: dict[str, Any], problem: str) -> None:
    rows = [OUTCOME, {**OUTCOME, "id": "other", **fields}]
    dataset = read_dataset(datasets.jsonl(tmp_path / "d.jsonl", rows), format="outcomes")
    assert len(dataset.items) == 1
    assert dataset.bad[0].why.startswith(problem)


# ── RouteLLM ─────────────────────────────────────────────────────────────────────────────────


def test_routellm(tmp_path: Path) -> None:
    content = (
        "prompt,cheap-1,strong-1,cheap-1_response,strong-1_response\n"
        '"Two and two?\nA. 3\nB. 4\nAnswer:",False,True,A,"{""not"": ""parsed""}"\n'
        "Blank?,,1,,\n"
    )
    dataset = read_dataset(datasets.text(tmp_path / "d.csv", content))
    assert (dataset.format, dataset.bad) == ("routellm", ())
    first, second = dataset.items
    assert (first.id, asked(first)) == ("line-2", "Two and two?\nA. 3\nB. 4\nAnswer:")
    assert first.known == {
        "cheap-1": Known(score=0.0, answer="A"),
        "strong-1": Known(score=1.0, answer='{"not": "parsed"}'),
    }
    assert (second.id, second.known["cheap-1"].score) == ("line-6", None)


def test_routellm_with_an_index_and_graded_scores(tmp_path: Path) -> None:
    content = ",id,prompt,a,b\n0,x,One?,8,9.5\n1,y,Two?,10,good\n"
    dataset = read_dataset(datasets.text(tmp_path / "d.csv", content), score_range=(0, 10))
    assert dataset.format == "routellm"
    assert [item.id for item in dataset.items] == ["x"]
    assert dataset.items[0].known == {"a": Known(score=0.8), "b": Known(score=0.95)}
    assert dataset.bad == (BadRow(3, "b: expected a number, true or false, got 'good'"),)


def test_routellm_in_parquet(tmp_path: Path) -> None:
    rows: list[dict[str, Any]]
    rows = [{"prompt": "One?", "a": True, "b": False}, {"prompt": "Two?", "a": None, "b": True}]
    dataset = read_dataset(datasets.parquet(tmp_path / "d.parquet", rows))
    assert dataset.format == "routellm"
    assert dataset.items[1].known == {"a": Known(), "b": Known(score=1.0)}


@pytest.mark.parametrize("content", ["prompt,expectd,a\nOne?,x,1\n", "prompt,a\nOne?,1\n"])
def test_a_misspelt_column_does_not_make_a_table_routellms(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadDataset, match="there is no such field"):
        read_dataset(datasets.text(tmp_path / "d.csv", content))


def test_routellm_without_models(tmp_path: Path) -> None:
    path = datasets.text(tmp_path / "d.csv", "prompt,id\nOne?,a\n,b\n")
    with pytest.raises(BadDataset, match="expected a column for each model"):
        read_dataset(path, format="routellm")


# ── RouterBench ──────────────────────────────────────────────────────────────────────────────

BENCH: dict[str, Any] = {
    "sample_id": "mbpp.dev.325",
    "prompt": r"""['Write code.', "It's \"for\" n.\nGo."]""",
    "eval_name": "mbpp",
    "org/a": 0.75,
    "b": 1.0,
    "b|model_response": "['def …']",
    "org/a|total_cost": 7.5e-05,
    "b|total_cost": 0.00074,
    "oracle_model_to_route_to": "b",
}


@pytest.mark.parametrize("write", [datasets.table, datasets.parquet, datasets.jsonl])
def test_routerbench(tmp_path: Path, write: Any) -> None:
    names = {datasets.table: "d.csv", datasets.parquet: "d.parquet", datasets.jsonl: "d.jsonl"}
    dataset = read_dataset(write(tmp_path / names[write], [BENCH]))
    assert (dataset.format, dataset.bad) == ("routerbench", ())
    [item] = dataset.items
    assert (item.id, item.tags) == ("mbpp.dev.325", ("mbpp",))
    assert asked(item) == 'Write code.\n\nIt\'s "for" n.\nGo.'
    assert item.known == {
        "org/a": Known(score=0.75, cost=Decimal("0.000075")),
        "b": Known(score=1.0, answer="def …", cost=Decimal("0.00074")),
    }


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("plain", "plain"),
        ("['one']", "one"),
        ('["one", "two"]', "one\n\ntwo"),
        (r"['a \d b\x41']", r"a \d bA"),
        ("['a', 5]", "['a', 5]"),
        ("['a'] and more", "['a'] and more"),
        ("['unclosed", "['unclosed"),
        ("[" * 5_000, "[" * 5_000),
        ("[__import__('os')]", "[__import__('os')]"),
        ("['" + "\\'" * 50_000 + "']", "'" * 50_000),
    ],
)
def test_prompts_of_routerbench(tmp_path: Path, prompt: str, said: str) -> None:
    dataset = read_dataset(datasets.jsonl(tmp_path / "d.jsonl", [{**BENCH, "prompt": prompt}]))
    assert asked(dataset.items[0]) == said


def test_answers_of_routerbench_are_not_read_as_json(tmp_path: Path) -> None:
    row = {**BENCH, "b|model_response": '{"a": 1}'}
    dataset = read_dataset(datasets.table(tmp_path / "d.csv", [row]))
    assert dataset.items[0].known["b"].answer == '{"a": 1}'


def test_routerbench_without_answers_and_costs(tmp_path: Path) -> None:
    row = {
        "sample_id": "1",
        "prompt": "a",
        "eval_name": "e",
        "m": 1,
        "oracle_model_to_route_to": "",
    }
    dataset = read_dataset(datasets.table(tmp_path / "d.csv", [row]))
    assert dataset.format == "routerbench"
    assert dataset.items[0].known == {"m": Known(score=1.0)}


def test_bad_rows_of_routerbench(tmp_path: Path) -> None:
    rows = [BENCH, {**BENCH, "sample_id": "2", "prompt": 5}, {**BENCH, "sample_id": "3", "b": "x"}]
    dataset = read_dataset(datasets.jsonl(tmp_path / "d.jsonl", rows))
    assert [row.why.partition(", got")[0] for row in dataset.bad] == [
        "prompt: expected a text, or a list of texts",
        "b: expected a number, true or false",
    ]
    bare = datasets.jsonl(tmp_path / "e.jsonl", [{"sample_id": "1", "prompt": "a"}])
    with pytest.raises(BadDataset, match="expected models beside it"):
        read_dataset(bare, format="routerbench")
