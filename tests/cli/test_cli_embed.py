"""``stepdown embed``: what it says where it cannot work."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stepdown.cli import main


def test_the_recipe_is_a_command_with_help() -> None:
    said = CliRunner().invoke(main, ["embed", "distil", "--help"])
    assert said.exit_code == 0
    assert "INTO" in said.output


def test_without_the_packages_it_says_what_pip_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    said = CliRunner().invoke(main, ["embed", "distil", str(tmp_path / "made")])
    assert said.exit_code == 1
    assert "could not download" in said.stderr
    assert not (tmp_path / "made").exists()


def test_without_numpy_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stepdown.embedding.distil", None)
    said = CliRunner().invoke(main, ["embed", "distil", str(tmp_path / "made")])
    assert said.exit_code == 1
    assert "stepdown[minilm]" in said.stderr
