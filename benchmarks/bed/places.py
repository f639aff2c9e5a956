"""Where the bed keeps what it builds and installs, and how it builds its two C programs."""

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def cache() -> Path:
    """``$STEPDOWN_BED``, or a folder of the user's cache directory."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = Path(os.environ.get("STEPDOWN_BED") or base / "stepdown-bed")
    place.mkdir(parents=True, exist_ok=True)
    return place


def compiled(name: str) -> Path:
    """The program built from ``name.c``, newer than its source. Raises CalledProcessError."""
    source, program = HERE / f"{name}.c", cache() / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["gcc", "-O2", "-o", program, source], check=True)
    return program
