"""What the pages on evaluations, data sets and scorers show: it runs, over HTTP, and exits so."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from stepdown import Gateway
from stepdown.cli import main
from stepdown.evals.data.example import CONFIG, DATA, example_files
from stepdown.evals.data.reading import read_dataset
from stepdown.evals.pairs import TO_LABEL
from stepdown.evals.report import read
from support.datasets import jsonl, table
from support.eval_place import asked, replying
from support.fault_server import FaultServer
from support.pages import ROOT, blocks, check_command, commands_in, in_language

EVALS, DATASETS, SCORERS = "evals.md", "datasets.md", "scorers.md"
TOO_LITTLE_EVIDENCE = 3
LABELLED = "labelled.jsonl"
CHEAP, STRONG = "gpt-4o-mini", "gpt-4o"
OUTCOMES = [
    {
        "id": f"row-{number}",
        "prompt": f"Is {number} odd? Answer yes or no.",
        "scores": {name: 1.0 for names in ((CHEAP, STRONG), ("small", "large")) for name in names},
        "costs": {CHEAP: 0.001, STRONG: 0.01, "small": 0.001, "large": 0.01},
    }
    for number in range(30)
]


@pytest.fixture
def folder(tmp_path: Path, upstream: FaultServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of the reader's, whose models know the example's answers; the cheap one errs
    once."""
    (tmp_path / DATA).write_text(example_files()[DATA])
    known = {
        json.dumps(row.body["messages"][-1]): row.expected
        for row in read_dataset(tmp_path / DATA).items
    }
    (tmp_path / DATA).unlink()

    def says(body: dict[str, Any]) -> str:
        if "better" in json.dumps(body.get("response_format")):
            return '{"better": "tie"}'
        expected = known.get(json.dumps(body["messages"][-1]), asked(body))
        if isinstance(expected, list):
            return str(expected[0])
        return json.dumps(expected) if isinstance(expected, dict) else str(expected)

    upstream.always(STRONG, replying(says))
    hard = "Since the refund was booked"
    upstream.always(CHEAP, replying(lambda b: "billing" if hard in asked(b) else says(b)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OPENAI_BASE_URL", upstream.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("STEPDOWN_DATABASE", f"sqlite:///{tmp_path / 'ledger.db'}")
    return tmp_path


def run(line: str) -> Result:
    """A command of a page, with the exit status that it has here."""
    words = shlex.split(line)[1:]
    if words[:2] == ["eval", "watch"] and not {"--once", "--show"} & set(words):
        words += ["--runs", "1"]
    result = CliRunner().invoke(main, words)
    expected = TOO_LITTLE_EVIDENCE if words[:2] == ["eval", "gate"] else 0
    assert result.exit_code == expected, f"{line}\n{result.output}"
    return result


def label(path: Path) -> None:
    """As people would fill it in."""
    if path.exists():
        path.write_text(path.read_text().replace(TO_LABEL, "reference"))


def configure(folder: Path, section: str) -> None:
    """Put sections into the reader's configuration, in place of those of their names."""
    whole = yaml.safe_load((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(yaml.safe_dump({**whole, **yaml.safe_load(section)}))


# ── Evaluations ──────────────────────────────────────────────────────────────────────────────


def test_the_page_on_evaluations_from_top_to_bottom(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jsonl(folder / "outcomes.jsonl", OUTCOMES)
    said: dict[str, str] = {}
    for language, text in blocks(EVALS):
        if language == "yaml":
            configure(folder, text)
        elif language == "python":
            exec(compile(text, "the page", "exec"), {})
        for line in commands_in(text) if language == "" else ():
            if "cheaper.yaml" in line:
                cheaper = (folder / CONFIG).read_text().replace("rung: cheap", "rung: strong")
                (folder / "cheaper.yaml").write_text(cheaper)
            said[line] = run(line).output
            label(folder / LABELLED)
    assert "Share(events=" in capsys.readouterr().out
    assert len(said) == 12
    told = "\n".join(said.values())
    for part in (
        "Wrote eval.jsonl",
        "auto answered ",
        "Too little evidence",
        "auto: regret of at most 2.0 %",
        "agrees with people",
        "B less A",
        "auto on eval.jsonl, run 1",
        "is recorded already",
        "In 1 run nothing is shown to have moved.",
    ):
        assert part in told, part
    assert read(folder / "report.json").corrected is None, "its judge scored no downgrade"


def test_the_workflow_runs_its_commands(folder: Path) -> None:
    [text] = in_language("yml", EVALS)
    [job] = yaml.safe_load(text)["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands.pop(0) == "pip install stepdown"
    run("stepdown eval init")
    for command in commands:
        check_command(command)
        run(command)
    files = [step["with"].get("path", "") for step in job["steps"] if "with" in step]
    for name in " ".join(files).split():
        assert (folder / name).exists(), name


# ── Data sets ────────────────────────────────────────────────────────────────────────────────


def test_the_commands_of_the_page_on_data_sets(folder: Path) -> None:
    table(folder / "export.csv", [{"input_question": "2+2?", "output_answer": "4"}])
    header = {"prompt": "Find the degree of x.", CHEAP: "4.5", STRONG: "10"}
    table(folder / "mtbench.csv", [header])
    [text] = [text for language, text in blocks(DATASETS) if not language]
    for line in commands_in(text):
        if "--from-ledger" in line:
            configure(folder, "ledger: {store_prompts: true}")
            with Gateway.from_config(CONFIG).blocking() as gateway:
                gateway.chat("Is this spam? Win a prize.")
        run(line)


def test_the_python_of_the_page_on_data_sets(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("stepdown eval init")
    [text] = in_language("python", DATASETS)
    exec(compile(text, "the page", "exec"), {})
    assert capsys.readouterr().out.startswith("12 stepdown [{'role': 'user'")


# ── Scorers ──────────────────────────────────────────────────────────────────────────────────


def test_the_command_of_the_page_on_scorers(folder: Path) -> None:
    run("stepdown eval init")
    (folder / CONFIG).rename(folder / "config.yaml")
    [rows] = in_language("jsonl", SCORERS)
    more = (
        '{"prompt": "What is 7 * 6?", "expected": 42}\n{"prompt": "Say hi.", "expected": "Hi!"}\n'
    )
    (folder / DATA).write_text(rows + more)
    [text] = in_language("sh", SCORERS)
    [line] = commands_in(text)
    run(f"{line} --json report.json")
    scorers = {"numeric": 2, "label": 1, "contains": 1, "normalised": 1}
    assert read(folder / "report.json").scorers == scorers


def test_a_scorer_of_ones_own(folder: Path) -> None:
    run("stepdown eval init")
    [module] = in_language("python", SCORERS)
    (folder / "scores.py").write_text(module)
    run(f"stepdown eval run {DATA} --config {CONFIG} --scorer scores:polite --json report.json")
    assert read(folder / "report.json").scorers["scores:polite"] > 0


# ── All of them ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", [EVALS, DATASETS, SCORERS])
def test_options_in_the_text_exist(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    spans = re.findall(r"`(stepdown eval [^`\n]+)`", text)
    for span in spans:
        check_command(span)


def test_every_command_is_on_the_page() -> None:
    from stepdown.cli.eval import COMMANDS

    page = (ROOT / "docs" / EVALS).read_text("utf-8")
    for name in COMMANDS:
        assert f"\n| `{name}` |" in page, name
