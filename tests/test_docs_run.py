"""What the pages on cascades and the library show: it runs, over HTTP, and prints what they say."""

import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from stepdown import Gateway
from stepdown.cli import main
from stepdown.config.build import build_fleet, read_cascades
from stepdown.config.reading import interpret
from support import faults
from support.configs import deployment
from support.fault_server import FaultServer
from support.pages import ROOT, in_language

PAGES = ("library.md", "cascades.md", "../README.md")
NAMED = re.compile(r"# (\w+\.py)\n")
ADA = '{"name": "Ada Lovelace", "born": 1815}'


@pytest.fixture
def upstream() -> Iterator[FaultServer]:
    with FaultServer() as server:
        for model in ("gpt-4o-mini", "gpt-4o"):
            server.always(model, faults.says(ADA))
        yield server


@pytest.fixture
def folder(upstream: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The modules that the pages write, beside a configuration whose models answer."""
    for text in in_language("python", *PAGES):
        if named := NAMED.match(text):
            (tmp_path / named[1]).write_text(text)
    models = [deployment(upstream, "gpt-4o-mini"), deployment(upstream, "gpt-4o")]
    route = {"ladder": ["gpt-4o-mini", "gpt-4o"], "cascade": ["json_schema"]}
    config = {"model_list": models, "routes": {"auto": route}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("STEPDOWN_DATABASE", f"sqlite:///{tmp_path / 'ledger.db'}")
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "text",
    [text for text in in_language("python", *PAGES) if "stepdown" in text or NAMED.match(text)],
)
def test_python_runs(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(text, "the page", "exec"), {"__name__": "__main__"})
    said = capsys.readouterr().out
    if "print(" in text and "from stepdown" in text:
        assert re.search("1815|Ada Lovelace|Decimal", said)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "text", [text for text in in_language("yaml", *PAGES) if "cascade:" in text]
)
def test_cascades_can_be_built(text: str) -> None:
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "k"}}
        for name in ("gpt-4o-mini", "gpt-4o")
    ]
    config = interpret({"model_list": models, **yaml.safe_load(text)}, {})
    assert read_cascades(config, build_fleet(config)).keys() == config.routes.keys()


def test_the_cascades_page_shows_what_its_commands_print(folder: Path) -> None:
    made = subprocess.run([sys.executable, "make_outcomes.py"], capture_output=True, check=True)
    (folder / "outcomes.jsonl").write_bytes(made.stdout)
    with Gateway.from_config("config.yaml").blocking() as gateway:
        gateway.chat("Hm?")
    said = ""
    for text in in_language("sh", "cascades.md"):
        for line in re.findall(r"^stepdown (.*)$", text, re.MULTILINE):
            result = CliRunner().invoke(main, shlex.split(line))
            assert result.exit_code == 0, result.output
            said += result.output
    [shown] = in_language("text", "cascades.md")
    printed = said[said.index("Threshold") :]
    assert [line.strip() for line in shown.splitlines()] == [
        line.strip() for line in printed.splitlines()
    ]


def test_the_example_script(
    upstream: FaultServer,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = str(ROOT / "examples/extract.py")
    monkeypatch.setattr(sys, "argv", [script, str(folder / "config.yaml")])
    with pytest.raises(SystemExit, match=r"No rung gave data that fits\..* It cost \$0\.0"):
        runpy.run_path(script, run_name="__main__")
    upstream.always("gpt-4o", faults.says(f'{{"value": [{ADA}]}}'))
    runpy.run_path(script, run_name="__main__")
    said = capsys.readouterr().out
    assert said.startswith("Ada Lovelace 1815\nby gpt-4o, for $")
    assert "gpt-4o-mini was turned down: expected the field 'value' and no other" in said


def test_every_validator_is_on_the_page() -> None:
    from stepdown.cascade.options import OPTIONS
    from stepdown.cascade.registry import BUILT_IN

    page = (ROOT / "docs/cascades.md").read_text()
    for name in (*BUILT_IN, *OPTIONS):
        assert f"\n| `{name}` |" in page, name
