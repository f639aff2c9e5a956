"""Stepdown's own format: every field, in every kind of file, and what is wrong with one."""

import json
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepdown.evals.data.reading import read_dataset
from stepdown.evals.items import Dataset, Item, Known
from support import datasets

SCHEMA = {
    "type": "object",
    "properties": {"total": {"type": "number"}},
    "required": ["total"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
FULL: dict[str, Any] = {
    "id": "a",
    "messages": [{"role": "system", "content": "Short."}, {"role": "user", "content": "Total?"}],
    "expected": {"total": 41.5},
    "labels": [],
    "scorer": {"numeric": {"tolerance": 0.5}},
    "intent": "invoices",
    "tags": ["x", "y"],
    "tools": [TOOL],
    "schema": SCHEMA,
    "request": {"temperature": 0, "max_tokens": 9},
    "scores": {"cheap": 0, "strong": True},
    "answers": {"strong": "41.5"},
    "costs": {"cheap": 0.00001, "strong": "0.002"},
}


def read(path: Path) -> Dataset:
    dataset = read_dataset(path)
    assert dataset.format == "stepdown"
    return dataset


def bad(tmp_path: Path, row: dict[str, Any]) -> str:
    path = datasets.jsonl(tmp_path / "d.jsonl", [{"prompt": "a good row"}, row])
    dataset = read(path)
    assert len(dataset.items) == 1
    [told] = dataset.bad
    return told.why


def check_full(item: Item) -> None:
    assert item == Item(
        id="a",
        line=item.line,
        body={
            "messages": FULL["messages"],
            "temperature": 0,
            "max_tokens": 9,
            "tools": [TOOL],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "extraction", "strict": True, "schema": SCHEMA},
            },
        },
        expected={"total": 41.5},
        scorer={"numeric": {"tolerance": 0.5}},
        intent="invoices",
        tags=("x", "y"),
        known={
            "cheap": Known(score=0.0, cost=Decimal("0.00001")),
            "strong": Known(score=1.0, answer="41.5", cost=Decimal("0.002")),
        },
    )


def test_every_field(tmp_path: Path) -> None:
    [item] = read(datasets.jsonl(tmp_path / "d.jsonl", [FULL])).items
    check_full(item)


def test_every_field_in_csv(tmp_path: Path) -> None:
    [item] = read(datasets.table(tmp_path / "d.csv", [FULL])).items
    assert item.line == 2
    check_full(item)


def test_every_field_in_parquet(tmp_path: Path) -> None:
    row = {**FULL, "scores": {"cheap": 0.0, "strong": 1.0}}
    row["costs"] = {"cheap": 0.00001, "strong": 0.002}
    row["schema"], row["tools"] = json.dumps(SCHEMA), json.dumps([TOOL])
    [item] = read(datasets.parquet(tmp_path / "d.parquet", [row])).items
    check_full(item)


def test_cells(tmp_path: Path) -> None:
    """Lists are separated by semicolons; only objects and lists are JSON; an empty cell is none."""
    content = (
        "prompt,expected,labels,tags,scorer,scores\n"
        'Spam?,spam,spam; ham ,a;b,label,"{""m"": 1}"\n'
        "17 + 25?,42,,,,\n"
        'Capitals?,"[""Bern"", ""Berne""]",,"[""c;d""]",,\n'
        "Brackets?,[not JSON,,,,\n"
    )
    first, second, third, fourth = read(datasets.text(tmp_path / "d.csv", content)).items
    assert (first.expected, first.labels, first.tags) == ("spam", ("spam", "ham"), ("a", "b"))
    assert (first.scorer, first.known) == ("label", {"m": Known(score=1.0)})
    assert (second.expected, second.labels, second.scorer) == ("42", (), None)
    assert (third.expected, third.tags) == (["Bern", "Berne"], ("c;d",))
    assert fourth.expected == "[not JSON"


def test_json_texts_stay_texts_in_json_lines(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": "a", "expected": '{"b": 1}', "id": 7},
        {"prompt": "a", "expected": ""},
    ]
    first, second = read(datasets.jsonl(tmp_path / "d.jsonl", rows)).items
    assert (first.expected, first.id, second.expected) == ('{"b": 1}', "7", "")


def test_other_forms_of_answers_and_pictures(tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    rows: list[dict[str, Any]] = [
        {"prompt": "a", "response_format": {"type": "json_object"}},
        {"messages": [{"role": "user", "content": [picture]}]},
    ]
    first, second = read(datasets.jsonl(tmp_path / "d.jsonl", rows)).items
    assert first.body["response_format"] == {"type": "json_object"}
    assert second.body["messages"][0]["content"] == [picture]


def test_a_schema_that_cannot_be_strict_is_sent_as_it_is(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    [item] = read(datasets.jsonl(tmp_path / "d.jsonl", [{"prompt": "a", "schema": schema}])).items
    assert item.body["response_format"]["json_schema"] == {"name": "extraction", "schema": schema}


def test_labels_are_compared_as_the_scorer_does(tmp_path: Path) -> None:
    row = {"prompt": "a", "labels": ["in stock", "sold-out"], "expected": ["In_Stock", "sold out"]}
    [item] = read(datasets.jsonl(tmp_path / "d.jsonl", [row])).items
    assert item.expected == ["In_Stock", "sold out"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"expectd": 1}, "expectd: there is no such field. Did you mean 'expected'?"),
        ({"x" * 500: 1}, "xxx"),
        ({"messages": []}, "prompt: expected either prompt or messages, got both"),
        ({"tags": "a"}, "tags: expected a list of texts, got 'a'"),
        ({"tags": [1]}, "tags: expected a list of texts, got a list"),
        ({"tags": [""]}, "tags: expected a list of texts, got a list"),
        ({"tags": [str(n) for n in range(33)]}, "tags: expected at most 32 tags, got 33"),
        ({"tags": ["x" * 65]}, "tags: expected tags of at most 64 characters, got 'xxx"),
        ({"labels": {"a": 1}}, "labels: expected a list of texts, got an object"),
        (
            {"labels": ["billing", "other"], "expected": "biling"},
            "expected: expected one of the labels, got 'biling'. Did you mean 'billing'?",
        ),
        ({"scorer": 5}, "scorer: expected a scorer's name, or one name with its options, got 5"),
        ({"scorer": {"a": 1, "b": 2}}, "scorer: expected a scorer's name, or one name"),
        ({"intent": 5}, "intent: expected a text, got 5"),
        ({"intent": "x" * 65}, "intent: expected a text of at most 64 characters, got 'xxx"),
        ({"tools": 5}, "tools: expected array | null, got int"),
        ({"tools": ["x"]}, "tools[0]: expected object, got str"),
        ({"response_format": 5}, "response_format: expected object"),
        ({"response_format": {}}, "response_format: object missing required field type"),
        ({"response_format": {"type": "text"}, "schema": SCHEMA}, "schema: expected either"),
        ({"schema": 5}, "schema: expected a JSON Schema, an object, got 5"),
        ({"schema": {"type": "array", "items": {}}}, "schema: expected an object at its root"),
        ({"schema": {"type": "objct"}}, "schema: "),
        ({"schema": {"$ref": "https://example.com/s"}}, "schema: "),
        ({"request": 5}, "request: expected an object of chat fields, got 5"),
        ({"request": {"model": "m"}}, "request.model: expected none: each model of the ladder"),
        ({"request": {"stream": True}}, "request.stream: expected none: answers are read whole"),
        ({"request": {"tools": []}}, "request.tools: expected it as a field of the row, 'tools'"),
        ({"request": {"max_tokens": "9"}}, "max_tokens: expected int | null, got str"),
        ({"scores": 1}, "scores: expected an object by the models' names, got 1"),
        ({"scores": {"": 1}}, "scores: expected an object by the models' names, got an object"),
        ({"scores": {"m": 7}}, "scores.m: expected a score in 0..1"),
        ({"answers": {"m": 7}}, "answers.m: expected the answer's text"),
        ({"costs": {"m": -1}}, "costs.m: expected US dollars, 0 or more, got -1"),
    ],
)
def test_what_is_wrong(tmp_path: Path, fields: dict[str, Any], problem: str) -> None:
    why = bad(tmp_path, {"prompt": "a", **fields})
    assert why.startswith(problem)
    assert len(why) < 300


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([{"content": "a"}], "messages[0]: object missing required field role"),
        ([{"role": "usr", "content": "a"}], "messages[0].role: there is no role 'usr'. Did you"),
        ([{"role": "user", "content": ["a"]}], "messages[0].content[0]: expected object, got"),
        ([{"role": "user"}], "messages: expected something to ask, got only empty texts"),
        ([], "messages: expected something to ask"),
        ("a", "messages: expected a list of messages, got 'a'"),
        (["a"], "messages[0]: expected object, got str"),
    ],
)
def test_messages_that_cannot_be_asked(tmp_path: Path, messages: Any, problem: str) -> None:
    assert bad(tmp_path, {"messages": messages}).startswith(problem)


# ── What is written is read ──────────────────────────────────────────────────────────────────

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
prompts = texts.filter(lambda each: bool(each.strip()))
values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(0, 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
scores = st.dictionaries(names, st.floats(0, 1), max_size=3)
dollars = st.decimals(0, 100, allow_nan=False, places=6)
rows = st.fixed_dictionaries(
    {"prompt": prompts},
    optional={
        "expected": values,
        "tags": st.lists(names, max_size=3, unique=True),
        "intent": names,
        "scores": scores,
        "answers": st.dictionaries(names, texts, max_size=3),
        "costs": st.dictionaries(names, dollars.map(str), max_size=3),
    },
)


@given(st.lists(rows, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_a_round_trip(written: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        dataset = read(datasets.jsonl(Path(folder) / "d.jsonl", written))
    assert dataset.bad == ()
    assert len(dataset.items) == len(written)
    for item, row in zip(dataset.items, written, strict=True):
        assert item.body["messages"] == [{"role": "user", "content": row["prompt"]}]
        assert item.expected == row.get("expected")
        assert item.tags == tuple(row.get("tags", ()))
        assert item.intent == row.get("intent")
        for field, kind in (("scores", "score"), ("answers", "answer"), ("costs", "cost")):
            told = {name: getattr(each, kind) for name, each in item.known.items()}
            wanted = row.get(field, {})
            if kind == "cost":
                wanted = {name: Decimal(each) for name, each in wanted.items()}
            assert {name: each for name, each in told.items() if each is not None} == wanted


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_bytes_break_the_reader(body: bytes) -> None:
    """Whatever comes, a good row beside it is read, unless the whole file is refused."""
    with TemporaryDirectory() as folder:
        path = datasets.text(Path(folder) / "d.jsonl", b'{"prompt": "a"}\n' + body)
        dataset = read_dataset(path)
    assert dataset.items[0].id == "line-1"
