"""Reading a data set: the kinds of files, how a format is told, and what is said of bad input."""

import gzip
import hashlib
import json
import pickle
from pathlib import Path

import pytest

from stepdown.evals.data import files, reading
from stepdown.evals.data.reading import BadDataset, read_dataset
from stepdown.evals.items import BadRow
from support import datasets

GOOD = '{"prompt": "Is this spam?"}\n'


def refused(path: Path, name: str | None = None) -> str:
    with pytest.raises(BadDataset) as told:
        read_dataset(path, format=name)
    message = str(told.value)
    assert message.startswith(f"{path.name}: ")
    assert len(message) < 600
    return message.removeprefix(f"{path.name}: ")


@pytest.mark.parametrize(
    "name", ["d.jsonl", "d.ndjson", "D.JSONL", "d.jsonl.gz", "d.csv", "d.csv.gz", "d.tsv", "d.json"]
)
def test_kinds_of_files(tmp_path: Path, name: str) -> None:
    ending = name.lower().removesuffix(".gz").rpartition(".")[2]
    content = {
        "csv": "id,prompt\na,One?\nb,Two?\n",
        "tsv": "id\tprompt\na\tOne?\nb\tTwo?\n",
        "json": '[{"id": "a", "prompt": "One?"}, {"id": "b", "prompt": "Two?"}]',
    }.get(ending, '{"id": "a", "prompt": "One?"}\n{"id": "b", "prompt": "Two?"}')
    path = datasets.text(tmp_path / name, content)
    dataset = read_dataset(path)
    assert (dataset.name, dataset.format, dataset.bad) == (name, "stepdown", ())
    assert [item.id for item in dataset.items] == ["a", "b"]
    assert dataset.items[1].body == {"messages": [{"role": "user", "content": "Two?"}]}
    assert dataset.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_bad_rows_are_listed_and_good_ones_kept(tmp_path: Path) -> None:
    lines = [
        GOOD,
        "nonsense\n",
        '{"prompt": "Two?"}\r\n',
        "[1, 2]\n",
        '{"prompt": 5}\n',
        '{"prompt": "  "}\n',
        '{"expected": 1}\n',
        '{"prompt": "Three?"}',
    ]
    dataset = read_dataset(datasets.text(tmp_path / "d.jsonl", "".join(lines)))
    assert [(item.id, item.line) for item in dataset.items] == [
        ("line-1", 1),
        ("line-3", 3),
        ("line-8", 8),
    ]
    assert [row.line for row in dataset.bad] == [2, 4, 5, 6, 7]
    assert dataset.bad[1:] == (
        BadRow(4, "expected a JSON object, got a list"),
        BadRow(5, "prompt: expected a text, got 5"),
        BadRow(6, "prompt: expected something to ask, got only empty texts"),
        BadRow(7, "prompt: expected either prompt or messages, got neither"),
    )


def test_a_second_row_of_an_id_is_bad(tmp_path: Path) -> None:
    rows = [{"id": name, "prompt": "?"} for name in ("a", "b", "a", "line-5")]
    dataset = read_dataset(datasets.jsonl(tmp_path / "d.jsonl", [*rows, {"prompt": "?"}]))
    assert [item.id for item in dataset.items] == ["a", "b", "line-5"]
    assert dataset.bad == (
        BadRow(3, "id: expected one row of each id, got 'a' as in line 1"),
        BadRow(5, "id: expected one row of each id, got 'line-5' as in line 4"),
    )


@pytest.mark.parametrize(
    "line",
    [
        b'{"prompt": "a", "expected": NaN}',
        b'{"prompt": "a", "expected": Infinity}',
        b'{"prompt": "a", "expected": 1e999}',
        b'{"prompt": "a\x00b"}',
        b'{"prompt": "\xff"}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "a", "expected": ' + b"[" * 100_000,
        b'{"prompt": "a", "expected": ' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        b'{"prompt": "a"} {"prompt": "b"}',
        b'{"prompt": "a", "expected": ' + b"1" * 5_000 + b"}",
        b'{"messages": [{"role": "user", "content": 5}]}',
        b'{"messages": [{"role": "usr", "content": "a"}]}',
        b'{"messages": []}',
        b'{"messages": {}}',
        b'{"prompt": "a", "messages": []}',
        b'{"prompt": ["a"]}',
        b'{"prompt": null}',
        b'{"id": 1.5, "prompt": "a"}',
        b'{"id": true, "prompt": "a"}',
        b'{"id": [], "prompt": "a"}',
        b'{"id": "a\\nb", "prompt": "a"}',
        b'{"id": "' + b"i" * 257 + b'", "prompt": "a"}',
        b'"prompt"',
        b"null",
        b"{",
    ],
)
def test_a_hostile_row_is_bad_and_told_briefly(tmp_path: Path, line: bytes) -> None:
    path = datasets.text(tmp_path / "d.jsonl", GOOD.encode() + line + b"\n" + GOOD.encode())
    dataset = read_dataset(path)
    assert [item.line for item in dataset.items] == [1, 3]
    [bad] = dataset.bad
    assert bad.line == 2
    assert len(bad.why) < 200


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    lines = datasets.text(tmp_path / "d.jsonl", mark + GOOD.encode())
    cells = datasets.text(tmp_path / "d.csv", mark + b"prompt\r\nOne?\r\n")
    document = datasets.text(tmp_path / "d.json", mark + b"[" + GOOD.encode() + b"]")
    assert [len(read_dataset(path).items) for path in (lines, cells, document)] == [1, 1, 1]


# ── Nothing to use ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("d.jsonl", b"", "expected a row, got none"),
        ("d.jsonl", b"\n# only a comment\n// another\n", "expected a row, got none"),
        ("d.csv", b"", "line 1: expected the columns' names, got none"),
        ("d.csv", b"prompt\n", "expected a row, got none"),
        ("d.json", b"", "expected a JSON list of objects, got: "),
        ("d.json", b"[]", "expected a row, got none"),
        ("d.json", b'{"rows": 1}', "expected a list of objects, or one under 'data', 'examples'"),
        ("d.jsonl", GOOD.encode("utf-16"), "expected text in UTF-8, got UTF-16"),
        ("d.csv", gzip.compress(b"prompt\na\n"), "expected text in UTF-8, got gzip, whose name"),
        ("d.jsonl", b"PAR1....", "expected text in UTF-8, got Parquet"),
        ("d.csv", b"PK\x03\x04....", "expected text in UTF-8, got a zip archive or a spreadsheet"),
        ("d.csv", b"a\xff,b\n", "line 1: expected the columns' names, got: expected UTF-8, got by"),
        ("d.jsonl.gz", b"plain", "expected gzip, got: Not a gzipped file"),
        ("d.jsonl.gz", gzip.compress(GOOD.encode() * 99)[:-9], "expected gzip, got: "),
        ("d.parquet", b"nonsense", "expected Parquet, got: "),
        ("d.txt", b"x", "expected a name that ends in .parquet, or in .jsonl, .ndjson, .json, "),
        ("d.parqet", b"x", "got .parqet. Did you mean '.parquet'?"),
        ("d.parquet.gz", b"x", "got .parquet.gz."),
        ("data", b"x", "got no ending."),
        ("d.pkl", pickle.dumps([1]), "a pickle runs code when it is opened"),
        ("d.jsonl", b'{"question": "a?"}\n', "expected rows of one of the formats outcomes, "),
        (
            "d.jsonl",
            b'x\n{"prompt": 1}\n{"prompt": 2}\n{"prompt": 3}\n{"prompt": 4}\n',
            "(and 2 more)",
        ),
    ],
)
def test_nothing_to_use(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert problem in refused(path)


def test_the_reasons_are_told(tmp_path: Path) -> None:
    path = datasets.text(tmp_path / "d.jsonl", '{"prompt": 1}\n{"promt": "a"}\n')
    assert refused(path) == (
        "no row can be used. line 1: prompt: expected a text, got 1; line 2: promt: there is no "
        "such field. Did you mean 'prompt'?"
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_dataset(tmp_path / "absent.jsonl")
    with pytest.raises(FileNotFoundError):
        read_dataset(tmp_path / "absent.parquet")


def test_an_unknown_format(tmp_path: Path) -> None:
    path = datasets.text(tmp_path / "d.jsonl", GOOD)
    assert refused(path, "langsmit") == (
        "there is no format 'langsmit'. Did you mean 'langsmith' or 'langfuse'?"
    )


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, 1.0), (0.0, float("inf")), (float("nan"), 1.0)])
def test_no_range(tmp_path: Path, ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="score_range: expected a lowest and a highest score"):
        read_dataset(datasets.text(tmp_path / "d.jsonl", GOOD), score_range=ends)


# ── Limits ───────────────────────────────────────────────────────────────────────────────────


def test_too_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_ROWS", 3)
    assert len(read_dataset(datasets.text(tmp_path / "d.jsonl", GOOD * 3)).items) == 3
    path = datasets.text(tmp_path / "e.jsonl", GOOD * 2 + "x\n" + GOOD)
    assert refused(path) == "expected at most 3 rows, got more"


@pytest.mark.parametrize("name", ["d.jsonl", "d.jsonl.gz"])
def test_too_long_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 50)
    long = json.dumps({"prompt": "x" * 1_000})
    path = datasets.text(tmp_path / name, f"{GOOD}{long}\n{GOOD}{long}")
    dataset = read_dataset(path)
    assert [item.line for item in dataset.items] == [1, 3]
    why = "expected at most 50 bytes, got more"
    assert dataset.bad == (BadRow(2, why), BadRow(4, why))


@pytest.mark.parametrize("name", ["d.jsonl", "d.jsonl.gz", "d.json", "d.csv"])
def test_too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A gzip bomb is some bytes long."""
    monkeypatch.setattr(files, "MOST_BYTES", 10_000)
    path = datasets.text(tmp_path / name, "prompt\n" + GOOD * 1_000)
    assert refused(path) == "expected at most 10,000 bytes, got more"


# ── How a format is told ─────────────────────────────────────────────────────────────────────


def test_most_of_the_first_rows_decide(tmp_path: Path) -> None:
    ours = {"prompt": "a"}
    theirs = {"input": "a", "ideal": "b"}
    path = datasets.jsonl(tmp_path / "d.jsonl", [ours, theirs, theirs, {"other": 1}])
    dataset = read_dataset(path)
    assert dataset.format == "openai-evals"
    assert len(dataset.items) == 2
    forced = read_dataset(path, format="stepdown")
    assert (forced.format, len(forced.items), len(forced.bad)) == ("stepdown", 1, 3)


def test_later_rows_do_not_decide(tmp_path: Path) -> None:
    rows = [{"prompt": "a"}] * 20 + [{"input": "a", "ideal": "b"}] * 30
    dataset = read_dataset(datasets.jsonl(tmp_path / "d.jsonl", rows))
    assert (dataset.format, len(dataset.items), len(dataset.bad)) == ("stepdown", 20, 30)
