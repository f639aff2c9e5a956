"""``stepdown eval init``: what it writes, and what it leaves alone."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from stepdown.cli import main
from stepdown.cli.eval import COMMANDS
from stepdown.evals.data.example import example_files


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["eval", "init", *map(str, arguments)])


def test_the_files_and_the_next_command(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "my evals"
    shown = run(folder)
    assert shown.exit_code == 0, shown.output
    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == example_files()
    assert f"Wrote {folder / 'eval.jsonl'}\nWrote {folder / 'stepdown.yaml'}\n" in shown.output
    assert shown.output.splitlines()[-1] == (
        f"Next: stepdown eval run '{folder / 'eval.jsonl'}' "
        f"--config '{folder / 'stepdown.yaml'}' --route auto"
    )


def test_here_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = run()
    assert shown.output.splitlines()[-1] == (
        "Next: stepdown eval run eval.jsonl --config stepdown.yaml --route auto"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eval.jsonl", "stepdown.yaml"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    mine = tmp_path / "stepdown.yaml"
    mine.write_text("mine")
    shown = run(tmp_path)
    assert shown.exit_code == 2
    assert f"{mine} is there already; --force overwrites." in " ".join(shown.output.split())
    assert [path.name for path in tmp_path.iterdir()] == ["stepdown.yaml"]
    assert mine.read_text() == "mine"


def test_unless_it_is_forced(tmp_path: Path) -> None:
    (tmp_path / "stepdown.yaml").write_text("mine")
    assert run(tmp_path, "--force").exit_code == 0
    assert (tmp_path / "stepdown.yaml").read_text("utf-8") == example_files()["stepdown.yaml"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shown = run(tmp_path / "file" / "below")
    assert shown.exit_code == 2
    assert "Not a directory" in shown.output


def test_a_command_that_is_not_there() -> None:
    shown = CliRunner().invoke(main, ["eval", "innit"])
    assert shown.exit_code == 2
    assert "No such command 'innit'" in shown.output


def test_the_group_lists_its_commands() -> None:
    context = click.Context(main)
    group = main.get_command(context, "eval")
    assert isinstance(group, click.Group)
    assert group.list_commands(context) == list(COMMANDS)
