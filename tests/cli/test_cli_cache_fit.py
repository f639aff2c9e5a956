"""``stepdown cache fit`` on pairs that the project makes itself."""

import gzip
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from stepdown.caching.semantic import generate
from stepdown.caching.semantic.verifier import read_verifier
from stepdown.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["cache", "fit", *map(str, arguments)])


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    lines = [msgspec.json.encode(pair) for pair in generate.generate(700, seed=2)]
    path.write_bytes(b"\n".join(lines))
    return path


def test_writes_a_verifier_that_can_be_read(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "own.json"
    shown = run(pairs, "--out", out, "--max-error", "0.1")
    assert shown.exit_code == 0, shown.output
    assert "AUC of the verifier" in shown.output
    assert "At most 10.0% of hits wrong" in shown.output
    assert read_verifier(out).about["source"] == "pairs.jsonl"


def test_json_and_gzip(pairs: Path, tmp_path: Path) -> None:
    packed = tmp_path / "pairs.jsonl.gz"
    packed.write_bytes(gzip.compress(pairs.read_bytes()))
    out = tmp_path / "own.json"
    told = json.loads(run(packed, "--out", out, "--json").output)
    assert told["trained"] + told["held_out"] == 700
    assert told["written"] == str(out)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2"),
        ('{"a": "x", "b": "y"}', "line 2: Object missing required field `label`"),
        ('{"a": "x", "b": 3, "label": 1}', "line 2: Expected `str`, got `int`"),
        ('{"a": "x", "b": "y", "label": 2}', "line 2: label: expected 0 or 1, got 2"),
        ('{"a": "\udcff", "b": "y", "label": 1}', "line 2: 'utf-8' codec can't decode"),
    ],
)
def test_a_line_that_is_no_pair_is_named(tmp_path: Path, line: str, says: str) -> None:
    data = tmp_path / "bad.jsonl"
    data.write_text('{"a": "x", "b": "y", "label": 1}\n' + line, "utf-8", "surrogateescape")
    shown = run(data, "--out", tmp_path / "own.json")
    assert shown.exit_code == 2
    assert says in shown.output
    assert not (tmp_path / "own.json").exists()


def test_a_file_that_was_cut_short_is_told(tmp_path: Path) -> None:
    data = tmp_path / "cut.jsonl.gz"
    data.write_bytes(gzip.compress(b'{"a": "x", "b": "y", "label": 1}\n' * 9)[:-9])
    shown = run(data, "--out", tmp_path / "own.json")
    assert shown.exit_code == 2
    assert "cannot be unpacked" in shown.output


def test_too_few_pairs(tmp_path: Path) -> None:
    data = tmp_path / "few.jsonl"
    data.write_text('{"a": "x", "b": "y", "label": 1}\n', "utf-8")
    shown = run(data, "--out", tmp_path / "own.json")
    assert shown.exit_code == 2
    assert "at least 100 pairs with label 1, got 1" in shown.output


def test_the_data_of_the_shipped_one_can_be_made_again(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    generate.main(["3", "7"])
    lines = capfdbinary.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [
        msgspec.to_builtins(pair) for pair in generate.generate(3, 7)
    ]
