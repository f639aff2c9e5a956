"""The file of what bounds have learned: written whole, and never a reason not to start."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stepdown.caching.semantic.bound import State
from stepdown.caching.semantic.evidence_file import EvidenceFile, Kept, encoded


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"\xff": {}}', b'{"auto": {"under": "\xff"}}']
)
def test_what_cannot_be_read_is_nothing(tmp_path: Path, data: bytes) -> None:
    file = EvidenceFile(tmp_path / "evidence.json")
    file.path.write_bytes(data)
    assert file.load() == {}


def test_two_writings_at_once_leave_one_of_them_whole(tmp_path: Path) -> None:
    file = EvidenceFile(tmp_path / "evidence.json")
    states = [{"auto": Kept("x" * 1000 * number, State(epoch=number))} for number in range(1, 9)]
    with ThreadPoolExecutor(8) as threads:
        for saving in [threads.submit(file.save, encoded(kept)) for kept in states]:
            saving.result()
    assert file.load() in states
    assert list(tmp_path.iterdir()) == [file.path]
