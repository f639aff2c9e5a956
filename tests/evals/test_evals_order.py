"""The order of rows: by no property of theirs, and always the same."""

from stepdown.evals.order import shuffled
from support.eval_series import make_row


def test_it_is_the_same_whatever_the_file_s() -> None:
    rows = [make_row(f"row {n}", n, [1.0, 1.0]) for n in range(100)]
    found = shuffled(rows)
    assert found == shuffled(reversed(rows))
    assert {row.id for row in found} == {row.id for row in rows}


def test_what_is_sorted_is_mixed() -> None:
    found = shuffled(make_row(f"row {n}", n, [1.0, 1.0]) for n in range(400))
    early = sum(row.line < 200 for row in found[:200])
    assert 70 < early < 130


def test_any_id_has_a_place() -> None:
    rows = [make_row(name, n, [1.0, 1.0]) for n, name in enumerate(["", "é", "\ud800"])]
    assert len(shuffled(rows)) == 3
