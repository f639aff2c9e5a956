"""The shipped table is what the recipe makes."""

from pathlib import Path

import numpy as np
import pytest

from stepdown.cli.embed import sources
from stepdown.demo.progress import Silent
from stepdown.embedding.distil import Table, distil
from stepdown.embedding.static import FIRST_WORD, NAME, StaticTable, static, vocabulary

QUESTIONS = [
    f"{ask} the {thing} {when}?"
    for ask in ("How do I return", "Why is there an error in", "Who made", "What costs")
    for thing in ("kettle", "invoice 403", "Kubernetes cluster", "contract")
    for when in ("", "before Monday", "without a password")
]
TOLERANCE = 0.05
"""Another processor's arithmetic may round the quantised model's outputs otherwise."""


@pytest.mark.real
def test_the_recipe_gives_the_shipped_table(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra minilm")
    model, words = sources(tmp_path, Silent())
    done: list[int] = []
    table = distil(model, words, lambda at, _: done.append(at))
    assert table.vocabulary == vocabulary()
    assert done == list(range(1, len(vocabulary()) - FIRST_WORD + 1))
    made = StaticTable(NAME, table.vocabulary, table.directions, table.scales)
    rows, shipped = made.vectors(QUESTIONS), static().vectors(QUESTIONS)
    assert np.abs(rows @ rows.T - shipped @ shipped.T).max() < TOLERANCE


def test_a_table_is_written_as_it_is_read(tmp_path: Path) -> None:
    words = ["[UNK]", *map(str, range(FIRST_WORD - 1)), "käse", "wurst"]
    rows = np.array([[127, 0], [0, -127]], np.int8)
    Table(words, rows, np.array([0.5, 1], np.float32)).write(tmp_path / "new")
    read = (tmp_path / "new" / "vocabulary.txt").read_text("utf-8").split("\n")
    assert read == words
    assert np.array_equal(np.load(tmp_path / "new" / "directions.npy"), rows)
    table = StaticTable("mine", words, rows, np.load(tmp_path / "new" / "scales.npy"))
    assert np.allclose(table.vectors(["wurst", "wurst käse"])[0], [0, -1])
