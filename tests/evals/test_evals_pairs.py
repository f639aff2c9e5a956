"""Pairs for people to label: which ones, and that they are known again once labelled."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import json, structs

from stepdown.evals.items import Item
from stepdown.evals.pairs import TO_LABEL, pairs_to_label
from stepdown.evals.rows import TEXT_SHOWN, Row
from stepdown.evals.store import Store
from stepdown.quality.labelled import NotLabelled, read_pairs
from support.eval_series import make_row
from support.evaluations import Bench, Speaker, item, saying, text_of


def evaluated(folder: Path, items: Sequence[Item], **options: Any) -> tuple[Row, ...]:
    with Store(folder / "answers.db") as store:
        return Bench(store, **options).run(*items).rows


def written(pairs: Sequence[Mapping[str, Any]], better: str | None = None) -> io.BytesIO:
    labelled = [pair if better is None else {**pair, "better": better} for pair in pairs]
    return io.BytesIO(b"".join(json.encode(pair) + b"\n" for pair in labelled))


def test_a_labelled_pair_is_known_as_the_rows(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "Sois bref. 🙂"},
        {"role": "user", "content": " 1 + 1 ? "},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": [{"type": "text", "text": "Et 2 + 2 ?"}]},
    ]
    items = [item(1, " 1?\n", expected="4"), item(2, body={"messages": turns}), item(3)]
    cheap = Speaker(lambda body: " the «answer»\n" if text_of(body) != "3?" else "fine")
    rows = evaluated(tmp_path, items, cheap=cheap, scorers=["support.own_scorers:polite"])
    pairs = list(pairs_to_label(rows, items, 10))
    assert [pair["id"] for pair in pairs] == ["row-1", "row-2", "row-3"]
    assert [pair.get("expected") for pair in pairs] == ["4", None, None]
    read = read_pairs(written(pairs, "tie"))
    assert read.bad == ()
    assert [pair.key for pair in read.pairs] == [row.pair for row in rows]
    assert [pair.expected for pair in read.pairs] == ["4", None, None]


def test_a_row_that_is_not_labelled_yet_is_no_pair(tmp_path: Path) -> None:
    items = [item(1, expected="fine")]
    pairs = list(pairs_to_label(evaluated(tmp_path, items), items, 10))
    assert pairs[0]["better"] == TO_LABEL
    with pytest.raises(NotLabelled, match="better: expected served, tie, reference, got"):
        read_pairs(written(pairs))


def row(number: int, **fields: Any) -> Row:
    made = make_row(f"row-{number}", number, fields.pop("scores", (0.0, 1.0)))
    return structs.replace(made, **{"pair": f"pair {number}", "scorer": "exact", **fields})


def lines(rows: Sequence[Row], most: int = 100, seed: int = 0) -> list[int]:
    items = [item(each.line) for each in rows]
    return [int(pair["id"][4:]) for pair in pairs_to_label(rows, items, most, seed)]


def answered(number: int, text: str | None) -> Row:
    made = row(number)
    cheap, strong = made.rungs
    return structs.replace(made, rungs=(structs.replace(cheap, answer=text), strong))


def test_only_scored_downgrades_that_are_shown_whole() -> None:
    rows = [
        row(1),
        row(2, rung=1),
        row(3, scores=(None, 1.0)),
        answered(4, "x" * TEXT_SHOWN),
        answered(5, "x" * (TEXT_SHOWN - 1)),
        answered(6, None),
        row(7),
    ]
    assert lines(rows) == [1, 5, 7]


def test_where_a_judge_scored_any_its_rows_alone() -> None:
    rows = [row(1), row(2, scorer="judge"), row(3, scorer="judge_rubric"), row(4, judged=1)]
    assert lines(rows) == [2, 3, 4]


def test_a_pair_stands_there_once() -> None:
    assert lines([row(1), row(2, pair="pair 1"), row(3)]) == [1, 3]


def test_a_random_part_the_same_again() -> None:
    rows = [row(number) for number in range(1, 50)]
    part = lines(rows, 10)
    assert len(part) == 10
    assert part == lines(rows, 10) == sorted(part)
    assert part != list(range(1, 11))
    assert lines(rows, 10, seed=1) != part


def test_an_answer_that_says_nothing_is_a_pair_too(tmp_path: Path) -> None:
    items = [item(1, expected="fine")]
    rows = evaluated(tmp_path, items, cheap=Speaker(saying("")))
    [pair] = read_pairs(written(list(pairs_to_label(rows, items, 1)), "reference")).pairs
    assert (pair.served, pair.key) == ("", rows[0].pair)
