"""What is shown holds: the example of ``stepdown eval init``, and the page on data sets."""

import re
from pathlib import Path

import pytest
import yaml

from stepdown.config.reading import interpret
from stepdown.evals.data.detection import FORMATS
from stepdown.evals.data.example import CONFIG, DATA, example_files
from stepdown.evals.data.reading import read_dataset
from support import datasets
from support.pages import ROOT, in_language


def test_the_data_set(tmp_path: Path) -> None:
    path = tmp_path / DATA
    path.write_text(example_files()[DATA], "utf-8")
    dataset = read_dataset(path)
    assert (dataset.format, dataset.bad) == ("stepdown", ())
    assert len(dataset.items) == 12
    kinds = {tag for item in dataset.items for tag in item.tags}
    assert kinds >= {"tickets", "extraction", "numbers", "facts", "replies"}
    formats = [item.body.get("response_format", {}).get("type") for item in dataset.items]
    assert formats.count("json_schema") == 2


def test_the_configuration() -> None:
    text = example_files()[CONFIG]
    config = interpret(yaml.safe_load(text), {"OPENAI_API_KEY": "k"})
    assert list(config.routes) == ["auto"]
    assert config.judge is None


def test_the_configuration_with_the_judge() -> None:
    """What is commented out can be uncommented."""
    text = example_files()[CONFIG]
    start = text.index("# judge:")
    judge = text[start:].replace("# ", "", 1).replace("\n#", "\n")
    config = interpret(yaml.safe_load(text[:start] + judge), {"OPENAI_API_KEY": "k"})
    assert config.judge is not None
    assert config.judge.model == "gpt-4o"


# ── What docs/datasets.md shows ──────────────────────────────────────────────────────────────

PAGE = ROOT / "docs" / "datasets.md"


def shown(kind: str) -> list[str]:
    return in_language(kind, PAGE.name)


@pytest.mark.parametrize("line", [line for block in shown("jsonl") for line in block.splitlines()])
def test_each_line_of_the_page_is_a_row(tmp_path: Path, line: str) -> None:
    dataset = read_dataset(datasets.text(tmp_path / "d.jsonl", line))
    assert (len(dataset.items), dataset.bad) == (1, ())
    assert dataset.items[0].expected is not None or dataset.items[0].known


@pytest.mark.parametrize(
    ("block", "name"), list(zip(shown("csv"), ("stepdown", "routellm"), strict=True))
)
def test_each_table_of_the_page_is_one(tmp_path: Path, block: str, name: str) -> None:
    dataset = read_dataset(datasets.text(tmp_path / "d.csv", block))
    assert (dataset.format, len(dataset.items), dataset.bad) == (name, 1, ())


def test_every_format_stands_on_the_page() -> None:
    headings = " ".join(re.findall("^### (.*)$", PAGE.read_text("utf-8"), re.MULTILINE))
    assert sorted(headings.replace(",", "").split()) == sorted(FORMATS)
