"""A file is written whole, or what was there stays."""

from pathlib import Path

import pytest

from stepdown.evals.whole import write_whole


def test_the_file_alone_is_left(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    for body in (b"first", b"second"):
        write_whole(path, body)
        assert path.read_bytes() == body
    assert list(tmp_path.iterdir()) == [path]


def test_where_it_cannot_be_written_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_whole(path, b"first")
    (tmp_path / "report.json.part").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"


def test_no_part_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(path, b"body")
    assert list(tmp_path.iterdir()) == [path]
