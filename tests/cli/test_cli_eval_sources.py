"""Where reports come from: files of ``eval run --json``, and what else a file may be."""

from pathlib import Path

import click
import pytest

from stepdown.cli.eval.sources import report_of
from stepdown.evals.report import write
from support.eval_series import make_report, make_row


def test_a_report_is_read(tmp_path: Path) -> None:
    report = make_report([make_row("a", 1, [1.0, 1.0])])
    write(report, tmp_path / "report.json")
    assert report_of(tmp_path / "report.json") == report


@pytest.mark.parametrize("body", [b"", b"{}", b'{"prompt": "Hi"}\n', b"\xff\xfe", b"[" * 10_000])
def test_what_is_no_report(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(body)
    with pytest.raises(click.UsageError, match=r"data\.jsonl: not a report of 'stepdown eval run"):
        report_of(path)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="cannot be read: Is a directory"):
        report_of(tmp_path)
    with pytest.raises(click.UsageError, match="cannot be read: No such file"):
        report_of(tmp_path / "absent.json")
