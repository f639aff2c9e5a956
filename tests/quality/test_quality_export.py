"""Pairs written to files: whole, and as data sets that are read back."""

import json
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from stepdown.evals.data.reading import read_dataset
from stepdown.evals.items import Dataset
from stepdown.quality import pair_table
from stepdown.quality.export import FORMATS, Exported, NothingToExport, export
from stepdown.quality.pairs import Pair
from stepdown.quality.records.pair_texts import Texts
from stepdown.types import Choice, ToolCall
from support.pairs import make_pair

MESSAGES = [{"role": "user", "content": "Is this spam? Win!"}]
PROMPT = json.dumps(
    {"model": "auto", "messages": MESSAGES, "temperature": 0, "stream": True, "user": "u1"}
).encode()
TEXTS = Texts(PROMPT, (Choice("no"),), (Choice("yes"),))
CALL = Choice(tool_calls=(ToolCall("search", '{"q": "x"}'),))


def pair(**changes: Any) -> Pair:
    return make_pair(
        id="a", tags=("team",), readings={"tokens": 12, "task": ["classify"]}, **changes
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def dataset(path: Path) -> Dataset:
    return read_dataset(path)


# ── Whole pairs ──────────────────────────────────────────────────────────────────────────────


def test_json_lines_hold_all_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    told = [(pair(), TEXTS), (make_pair(id="b", regret=None, why="unscored: no"), None)]
    assert export(told, "jsonl", path) == Exported(2, 0)
    first, second = lines(path)
    assert set(first) == {*Pair.__struct_fields__, "prompt", "candidate_answer", "reference_answer"}
    assert first["readings"] == {"tokens": 12, "task": ["classify"]}
    assert (first["reference_cost"], first["regret"], first["tags"]) == (0.0004, False, ["team"])
    assert first["prompt"]["messages"] == MESSAGES
    assert (first["candidate_answer"], first["reference_answer"]) == ("no", "yes")
    assert (second["prompt"], second["why"]) == (None, "unscored: no")


def test_amounts_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    export([(pair(candidate_cost=Decimal("0.000000000123")), None)], "jsonl", path)
    [line] = path.read_text().splitlines()
    assert json.loads(line, parse_float=Decimal)["candidate_cost"] == Decimal("0.000000000123")


def test_parquet_holds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_table, "AT_ONCE", 2)
    parquet: Any = import_module("pyarrow.parquet")
    path = tmp_path / "pairs.parquet"
    told = [
        (pair(), TEXTS),
        (make_pair(id="b", regret=None, candidate_cost=None), None),
        (make_pair(id="c"), Texts(PROMPT, (CALL,), (Choice("yes"),))),
    ]
    assert export(told, "parquet", path) == Exported(3, 0)
    first, second, third = parquet.read_table(path).to_pylist()
    assert set(first) == {*Pair.__struct_fields__, "prompt", "candidate_answer", "reference_answer"}
    assert (first["reference_cost"], first["regret"]) == (Decimal("0.0004"), False)
    assert (first["tags"], json.loads(first["readings"])["task"]) == (["team"], ["classify"])
    assert json.loads(first["prompt"])["messages"] == MESSAGES
    assert first["candidate_answer"] == "no"
    assert (second["regret"], second["candidate_cost"], second["prompt"]) == (None, None, None)
    assert json.loads(third["candidate_answer"])["tool_calls"][0]["function"]["name"] == "search"


# ── Data sets of other tools ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("format", ["langfuse", "langsmith"])
def test_data_sets_are_read_back(format: str, tmp_path: Path) -> None:  # noqa: A002
    path = tmp_path / "set.jsonl"
    told = [(pair(), TEXTS), (make_pair(id="b"), None), (pair(saver="cascade"), TEXTS)]
    assert export(told, format, path, dataset="tickets") == Exported(2, 1)
    found = dataset(path)
    assert (found.format, found.bad) == (format, ())
    first, second = found.items
    assert first.body == {"messages": MESSAGES, "temperature": 0}
    assert (first.id, second.id, first.expected) == ("a", "a-cascade", "yes")
    assert "team" in first.tags
    assert ("tickets" in first.tags) == (format == "langfuse")


@pytest.mark.parametrize("format", ["langfuse", "langsmith"])
def test_what_is_known_of_the_cheaper_answer_goes_with_it(
    format: str,  # noqa: A002
    tmp_path: Path,
) -> None:
    path = tmp_path / "set.jsonl"
    export([(pair(), TEXTS)], format, path)
    [row] = lines(path)
    metadata = row["metadata"]
    assert metadata["candidate_answer"] == "no"
    assert (metadata["regret"], metadata["rule"]) == (False, "short-label")
    assert metadata["candidate_model"] == "gpt-4o-mini"


def test_an_answer_that_calls_tools(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    export([(pair(), Texts(PROMPT, (), (CALL,)))], "langfuse", path)
    [row] = lines(path)
    assert row["expectedOutput"]["tool_calls"][0]["function"] == {
        "name": "search",
        "arguments": '{"q": "x"}',
    }
    assert row["metadata"]["candidate_answer"] is None


# ── What cannot be written ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_to_write(format: str, tmp_path: Path) -> None:  # noqa: A002
    path = tmp_path / "out"
    path.write_text("as it was")
    with pytest.raises(NothingToExport, match="there is no pair to write"):
        export([], format, path)
    assert path.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [path]


def test_a_data_set_needs_texts(tmp_path: Path) -> None:
    with pytest.raises(NothingToExport, match=r"none of the 2 pairs has its texts.*store_texts"):
        export([(pair(), None), (make_pair(), None)], "langsmith", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no 'langfus'. Did you mean 'langfuse'"):
        export([(pair(), None)], "langfus", tmp_path / "out")


@pytest.mark.parametrize("prompt", [b"[]", b"{", b"\xff"])
def test_a_prompt_that_cannot_be_read_leaves_nothing_half_written(
    prompt: bytes, tmp_path: Path
) -> None:
    told = [(pair(), TEXTS), (pair(), Texts(prompt, (), ()))]
    with pytest.raises(ValueError, match=r"pair a: .*prompt"):
        export(told, "jsonl", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"pip install 'stepdown\[parquet\]'"):
        export([(pair(), None)], "parquet", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        export([(pair(), None)], "jsonl", tmp_path / "none" / "out")
