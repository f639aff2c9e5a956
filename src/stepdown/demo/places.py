"""Where the demo keeps its files: all of them under the user's cache directory."""

import os
import shutil
import time
from pathlib import Path

from stepdown.places import cache_directory

RUNS_KEPT = 5


def models_directory() -> Path:
    """Where the models' weights lie; it may not exist yet."""
    return cache_directory() / "models"


def new_run_directory() -> Path:
    """A fresh directory for one run's configuration, ledger and log; old ones are removed."""
    runs = cache_directory() / "demo"
    runs.mkdir(parents=True, exist_ok=True)
    earlier = sorted(run for run in runs.iterdir() if run.is_dir())
    for run in earlier[: max(0, len(earlier) - RUNS_KEPT + 1)]:
        shutil.rmtree(run, ignore_errors=True)
    made = runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    made.mkdir()
    return made
