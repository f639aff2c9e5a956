"""The file of a report: written whole, read back the same, and refused plainly."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from msgspec import json as msgjson
from msgspec import structs

from stepdown.evals.items import BadRow
from stepdown.evals.report import (
    VERSION,
    Corrected,
    NotAReport,
    Report,
    Source,
    Spent,
    decode,
    read,
    write,
)
from stepdown.evals.rows import Row
from stepdown.quality.shares import Share
from support.eval_rows import mixed, report, rows_of


def full() -> Report:
    share = Share(3, 40, 0.01, 0.2)
    return report(
        mixed(30, 3),
        source=Source("a.csv", "csv", "ab" * 32, 41, (BadRow(7, "prompt: missing"),)),
        corrected=Corrected("rogan-gladen", 0.05, 0.0, 0.2, 80, 12, share, share),
        spent=Spent(9, 1, 2, Decimal("0.123"), 4, Decimal("0.1"), 1, 2.5),
        stopped="the budget",
    )


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write(full(), path)
    assert read(path) == full()
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


@given(rows_of(scored=False, most=6))
def test_any_report_there_and_back(rows: list[Row]) -> None:
    made = report(rows)
    assert decode(msgjson.encode(made)) == made


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write(full(), path)
    (tmp_path / "report.json.part").mkdir()
    with pytest.raises(OSError):
        write(structs.replace(full(), route="other"), path)
    assert read(path).route == "auto"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"{}", b"[" * 5000])
def test_other_files_are_refused(body: bytes) -> None:
    with pytest.raises(NotAReport, match="not a report of 'stepdown eval run --json'"):
        decode(body)


def test_another_version_is_refused() -> None:
    body = msgjson.encode(structs.replace(full(), version=VERSION + 1))
    with pytest.raises(NotAReport, match="version: expected 1, got 2"):
        decode(body)


def test_a_file_without_the_newer_fields_is_read() -> None:
    told = json.loads(msgjson.encode(full()))
    del told["overall"]["unpriced"], told["match"]
    for row in told["rows"]:
        del row["matched"], row["borderline"]
    found = decode(json.dumps(told).encode())
    assert (found.overall.unpriced, found.match) == (0, "all")
    assert {(row.matched, row.borderline) for row in found.rows} == {((), ())}


def test_a_saving_needs_both_costs() -> None:
    known = structs.replace(full().overall, cost=Decimal(1), reference_cost=Decimal(4))
    assert (known.saved, known.share_saved) == (Decimal(3), 0.75)
    assert structs.replace(known, cost=None).saved is None
    assert structs.replace(known, reference_cost=None).saved is None
    assert structs.replace(known, reference_cost=Decimal(0)).share_saved is None
