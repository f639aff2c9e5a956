"""What tracing tools export: LangSmith's and Langfuse's data sets, OpenAI's evals."""

import json
from pathlib import Path
from typing import Any

import pytest

from stepdown.evals.data.detection import named
from stepdown.evals.data.figures import Scale
from stepdown.evals.data.reading import BadDataset, _Reading, read_dataset
from stepdown.evals.data.records import Record
from stepdown.evals.items import BadRow, Dataset, Item
from support import datasets

TURNS = [{"role": "system", "content": "Short."}, {"role": "user", "content": "Capital?"}]
TOOL = {"type": "function", "function": {"name": "look"}}


def only(dataset: Dataset, format: str) -> Item:  # noqa: A002  the word of the code under test
    assert (dataset.format, dataset.bad) == (format, ())
    [item] = dataset.items
    return item


def said(item: Item) -> Any:
    return [message["content"] for message in item.body["messages"]]


# ── LangSmith ────────────────────────────────────────────────────────────────────────────────


def langsmith(tmp_path: Path, **row: Any) -> Item:
    return only(read_dataset(datasets.jsonl(tmp_path / "d.jsonl", [row])), "langsmith")


def test_langsmith(tmp_path: Path) -> None:
    item = langsmith(
        tmp_path,
        id="6f1c",
        inputs={"question": "Largest mammal?"},
        outputs={"answer": "The blue whale"},
        metadata={"source": "Wikipedia", "tags": ["animals"], "dataset_split": ["base", "test"]},
        created_at="2026-01-02T03:04:05Z",
    )
    assert (item.id, said(item), item.expected) == ("6f1c", ["Largest mammal?"], "The blue whale")
    assert item.tags == ("animals", "base", "test")


def test_langsmith_in_csv(tmp_path: Path) -> None:
    content = (
        "id,input_question,output_answer,output_notes,metadata,split\n"
        'a,Largest?,Whale,,"{""tags"": ""animals""}",test\n'
        'b,"{""text"": ""Smallest?""}",,,,\n'
    )
    dataset = read_dataset(datasets.text(tmp_path / "d.csv", content))
    assert (dataset.format, dataset.bad) == ("langsmith", ())
    first, second = dataset.items
    assert (said(first), first.expected, first.tags) == (["Largest?"], "Whale", ("test", "animals"))
    assert (said(second), second.expected) == (["Smallest?"], None)


def test_langsmith_with_json_in_cells(tmp_path: Path) -> None:
    row = {"inputs": {"messages": TURNS}, "outputs": {"answer": "Bern"}}
    for path in (
        datasets.table(tmp_path / "d.csv", [row]),
        datasets.parquet(tmp_path / "d.parquet", [row]),
    ):
        item = only(read_dataset(path), "langsmith")
        assert (item.body, item.expected) == ({"messages": TURNS}, "Bern")


@pytest.mark.parametrize(
    "messages",
    [
        TURNS,
        [TURNS],
        [{"type": "system", "content": "Short."}, {"type": "human", "content": "Capital?"}],
        [
            {"type": "system", "data": {"content": "Short."}},
            {"type": "human", "data": {"content": "Capital?", "example": False}},
        ],
        [
            {
                "lc": 1,
                "type": "constructor",
                "id": ["langchain", "schema", "messages", f"{kind}Message"],
                "kwargs": {"content": text, "additional_kwargs": {}},
            }
            for kind, text in (("System", "Short."), ("Human", "Capital?"))
        ],
    ],
)
def test_messages_of_langsmith(tmp_path: Path, messages: Any) -> None:
    item = langsmith(tmp_path, inputs={"messages": messages, "tools": [TOOL], "model": "gpt-4o"})
    assert item.body == {"messages": TURNS, "tools": [TOOL]}


def test_tool_calls_of_langchain(tmp_path: Path) -> None:
    call = {"name": "look", "args": {"at": "map"}, "id": "c1", "type": "tool_call"}
    openai = {
        "id": "c1",
        "type": "function",
        "function": {"name": "look", "arguments": '{"at":"map"}'},
    }
    messages = [
        {"type": "human", "content": "Where?"},
        {"type": "ai", "content": "", "tool_calls": [call]},
        {"type": "tool", "content": "There.", "tool_call_id": "c1"},
        {"type": "ai", "content": "", "additional_kwargs": {"tool_calls": [openai]}},
    ]
    turns = langsmith(tmp_path, inputs={"messages": messages}).body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool", "assistant"]
    assert turns[1]["tool_calls"] == turns[3]["tool_calls"] == [openai]
    assert turns[2]["tool_call_id"] == "c1"


ANSWER = {"role": "assistant", "content": "Bern"}


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (None, None),
        ({}, None),
        ({"answer": "Bern"}, "Bern"),
        ({"city": "Bern"}, "Bern"),
        ({"answer": "Bern", "sources": ["atlas"]}, "Bern"),
        ({"city": "Bern", "country": "CH"}, {"city": "Bern", "country": "CH"}),
        ({"output": {"city": "Bern"}}, {"city": "Bern"}),
        ({"output": ["Bern", "Berne"]}, ["Bern", "Berne"]),
        ({"label": 7}, 7),
        ({"label": 0}, 0),
        (False, False),
        ({"messages": [*TURNS, ANSWER]}, "Bern"),
        ({"output": ANSWER}, "Bern"),
        (ANSWER, "Bern"),
        ({"output": {"type": "ai", "content": "Bern"}}, "Bern"),
        ({"generations": [[{"text": "Bern", "message": {}}]]}, "Bern"),
        ({"choices": [{"index": 0, "message": ANSWER}]}, "Bern"),
        ({"output": [{"name": "a"}, {"name": "b"}]}, [{"name": "a"}, {"name": "b"}]),
    ],
)
def test_answers_of_langsmith(tmp_path: Path, outputs: Any, expected: Any) -> None:
    assert langsmith(tmp_path, inputs={"input": "?"}, outputs=outputs).expected == expected


def test_what_some_model_said_is_not_expected(tmp_path: Path) -> None:
    """An experiment's export has the reference beside the model's output."""
    outputs = {"outputs": {"answer": "Basel"}, "reference_outputs": {"answer": "Bern"}}
    assert langsmith(tmp_path, inputs={"input": "?"}, **outputs).expected == "Bern"


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({}, "inputs: expected a text, messages, or an object with either, got an empty object"),
        ({"a": "x", "b": "y"}, "inputs: expected messages, or a text under 'prompt', 'input', "),
        (
            {"question": "x", "context": "y"},
            "inputs: expected one text to ask, got 'question' and 'context'. Write the whole",
        ),
        ({"messages": TURNS, "documents": ["y"]}, "inputs: expected one text to ask, got 'mess"),
        ({"messages": []}, "inputs.messages: expected messages, got an empty list"),
        ({"messages": [{"type": "robot", "content": "x"}]}, "inputs.messages[0]: expected a mess"),
        ({"question": 5}, "inputs.question: expected a text, messages, or an object with eit"),
        ({"question": " "}, "inputs: expected something to ask, got only empty texts"),
    ],
)
def test_inputs_that_are_no_prompt(tmp_path: Path, inputs: Any, problem: str) -> None:
    rows = [{"inputs": {"input": "good"}}, {"inputs": inputs}]
    [bad] = read_dataset(datasets.jsonl(tmp_path / "d.jsonl", rows)).bad
    assert bad.why.startswith(problem)


def test_deep_nesting_is_a_bad_row() -> None:
    """Deeper than this version's decoder goes."""
    deep: Any = "x"
    for _ in range(5_000):
        deep = {"input": deep}
    reading = _Reading(named("langsmith"), Scale())
    reading.take(Record(7, {"inputs": deep}))
    assert reading.bad == [BadRow(7, "nested too deeply")]


# ── Langfuse ─────────────────────────────────────────────────────────────────────────────────

FUSE: dict[str, Any] = {
    "id": "item-1",
    "datasetId": "d",
    "datasetName": "tickets",
    "status": "ACTIVE",
    "input": {"question": "Which label?"},
    "expectedOutput": {"label": "billing"},
    "metadata": {"tags": ["mail"]},
    "sourceTraceId": None,
}


def test_langfuse(tmp_path: Path) -> None:
    archived = {**FUSE, "id": "item-2", "status": "ARCHIVED"}
    for path in (
        datasets.jsonl(tmp_path / "d.jsonl", [FUSE, archived]),
        datasets.text(tmp_path / "d.json", json.dumps([FUSE, archived])),
        datasets.text(tmp_path / "api.json", json.dumps({"data": [FUSE], "meta": {"page": 1}})),
    ):
        item = only(read_dataset(path), "langfuse")
        assert (item.id, said(item)) == ("item-1", ["Which label?"])
        assert (item.expected, item.tags) == ("billing", ("tickets", "mail"))


def test_langfuse_in_csv(tmp_path: Path) -> None:
    """Every cell is the JSON of its value; a later version writes texts as they are."""
    content = (
        '"id","datasetName","status","input","expectedOutput","metadata"\n'
        '"""a""","""tickets""","""ACTIVE""","""Say \\""hi\\""""","""hi""","""x"""\n'
        '"b","tickets","ARCHIVED","Old?","",""\n'
        '"c","tickets","ACTIVE","{""messages"":[{""role"":""user"",""content"":""Total?""}]}",'
        '"18",""\n'
    )
    dataset = read_dataset(datasets.text(tmp_path / "d.csv", content))
    assert (dataset.format, dataset.bad) == ("langfuse", ())
    first, third = dataset.items
    assert (said(first), first.expected, first.tags) == (['Say "hi"'], "hi", ("tickets",))
    assert (third.id, said(third), third.expected) == ("c", ["Total?"], "18")


def test_langfuses_python_names(tmp_path: Path) -> None:
    row = {"id": "a", "input": TURNS, "expected_output": "Bern", "dataset_name": "cities"}
    item = only(read_dataset(datasets.jsonl(tmp_path / "d.jsonl", [row])), "langfuse")
    assert (item.body, item.expected, item.tags) == ({"messages": TURNS}, "Bern", ("cities",))


def test_langfuse_without_an_item_in_use(tmp_path: Path) -> None:
    path = datasets.jsonl(tmp_path / "d.jsonl", [{**FUSE, "status": "ARCHIVED"}])
    with pytest.raises(BadDataset, match="expected a row in use, got 1 archived"):
        read_dataset(path)
    rows = [FUSE, {**FUSE, "id": "b", "input": None}]
    [bad] = read_dataset(datasets.jsonl(tmp_path / "e.jsonl", rows)).bad
    assert bad.why.startswith("input: expected a text, messages, or an object with either")


# ── OpenAI's evals ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("row", "texts", "expected"),
    [
        ({"input": TURNS, "ideal": "Bern"}, ["Short.", "Capital?"], "Bern"),
        ({"input": "Capital?", "ideal": ["Bern", "Berne"]}, ["Capital?"], ["Bern", "Berne"]),
        (
            {"item": {"ticket_text": "No sound!", "correct_label": "Hardware"}},
            ["No sound!"],
            "Hard",
        ),
        ({"item": {"input": "x", "ground_truth": "y", "id": "7"}, "sample": {}}, ["x"], "y"),
        ({"item": {"messages": TURNS}}, ["Short.", "Capital?"], None),
        ({"item": {"ticket": "No sound!", "priority": 1, "open": True}}, ["No sound!"], None),
    ],
)
def test_openai_evals(tmp_path: Path, row: Any, texts: list[str], expected: Any) -> None:
    item = only(read_dataset(datasets.jsonl(tmp_path / "d.jsonl", [row])), "openai-evals")
    assert said(item) == texts
    assert item.expected == ("Hardware" if expected == "Hard" else expected)


def test_named_turns_stay_named(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "2+2?", "name": "example_user"}, TURNS[1]]
    path = datasets.jsonl(tmp_path / "d.jsonl", [{"input": turns, "ideal": "Bern"}])
    assert only(read_dataset(path), "openai-evals").body == {"messages": turns}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"input": "a", "ideal": 5}, "ideal: expected a text or a list of texts, got 5"),
        ({"input": ["a"], "ideal": "b"}, "input[0]: expected a message with a role and a content"),
        ({"ideal": "b"}, "input: expected a text or messages, got nothing"),
        ({"item": {}}, "item: expected a text, messages, or an object with either"),
        ({"item": 5}, "item: expected an object, got 5"),
        ({"item": {"first": "a", "second": "b"}}, "item: expected messages, or a text under"),
    ],
)
def test_bad_samples(tmp_path: Path, row: Any, problem: str) -> None:
    path = datasets.jsonl(tmp_path / "d.jsonl", [{"input": "a", "ideal": "b"}, row])
    [bad] = read_dataset(path, format="openai-evals").bad
    assert bad.why.startswith(problem)
