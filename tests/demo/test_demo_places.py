"""The demo's files stand under the user's cache directory, and runs do not pile up."""

from pathlib import Path

import pytest

from stepdown.demo import places


def test_the_models_lie_in_the_cache_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert places.models_directory() == tmp_path / "stepdown" / "models"


def test_only_the_latest_runs_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    runs = tmp_path / "stepdown" / "demo"
    for hour in range(10, 20):
        (runs / f"20250101-{hour}0000-1").mkdir(parents=True)
    made = places.new_run_directory()
    kept = sorted(path.name for path in runs.iterdir())
    assert kept == [*(f"20250101-{hour}0000-1" for hour in range(16, 20)), made.name]
