"""The list of scorers of a configuration, entry by entry."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from typing import Any

import pytest

from stepdown.quality.registry import BUILT_IN, JUDGES, SCORERS, build_scorers
from stepdown.quality.settle import is_judge
from stepdown.routing.problems import Problems

OWN = "support.own_scorers"


def test_scorers_and_judges_in_their_order() -> None:
    problems = Problems()
    entries = [
        {"judge": {"model": "gpt-4o"}},
        {"numeric": {"tolerance": 1}},
        f"{OWN}:polite",
        "exact",
        {f"{OWN}:Brief": {"words": 3}},
        f"{OWN}:Longest",
    ]
    built = build_scorers(entries, "scorers", problems)
    assert problems.lines == []
    names = ["judge", "numeric", f"{OWN}:polite", "exact", f"{OWN}:Brief", f"{OWN}:Longest"]
    assert [scorer.name for scorer in built] == names
    assert [is_judge(scorer) for scorer in built] == [True, False, False, False, False, True]


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ("exact", "s: expected a list of scorers, got 'exact'"),
        ([3], "s[0]: expected a scorer's name, or one name with its options, got 3"),
        ([{}], "s[0]: expected a scorer's name, or one name with its options, got {}"),
        ([{"a": 1, "b": 2}], "s[0]: expected a scorer's name, or one name with its options"),
        (["numeri"], "s[0]: there is no scorer 'numeri'. Did you mean 'numeric'?"),
        ([{"jugde": {}}], "s[0]: there is no scorer 'jugde'. Did you mean 'judge'?"),
        (["x.y:z"], "s[0]: cannot import 'x.y:z': ModuleNotFoundError: No module named 'x'"),
        ([{"exact": {"strip": 1}}], "s[0].exact.strip: expected true or false, got 1"),
        (["code"], "s[0]: runs code that a model wrote"),
    ],
)
def test_problems(entries: Any, line: str) -> None:
    problems = Problems()
    assert build_scorers(entries, "s", problems) == ()
    assert len(problems.lines) == 1
    assert problems.lines[0].startswith(line)


def test_what_can_be_built_is_built_beside_what_cannot() -> None:
    problems = Problems()
    [scorer] = build_scorers(["exact", "absent"], "s", problems)
    assert scorer.name == "exact"
    assert len(problems.lines) == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"code": {"allow_execution": True, "tests": "pass"}},
        "code",
        "os:abort",
        {f"{OWN}:Brief": {"words": 1}},
        {"embedding": {"embedder": f"{OWN}:by_letters"}},
    ],
)
def test_data_may_not_name_code(entry: Any) -> None:
    problems = Problems()
    assert build_scorers([entry], "s", problems, trusted=False) == ()
    assert len(problems.lines) == 1
    assert problems.lines[0].endswith("runs code: name it outside of the data")


def test_data_may_name_what_is_built_in_or_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("polite", f"{OWN}:polite", "stepdown.scorers")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: points)
    problems = Problems()
    entries = [{"regex": "a:b"}, {"numeric": {"tolerance": 1}}, "polite"]
    built = build_scorers(entries, "s", problems, trusted=False)
    assert problems.lines == []
    assert [scorer.name for scorer in built] == ["regex", "numeric", "polite"]


def test_what_is_built_in_exists() -> None:
    for name in SCORERS:
        assert find_spec(f"stepdown.quality.scorers.{name}") is not None, name
    for module in JUDGES.values():
        assert find_spec(f"stepdown.quality.judges.{module}") is not None, module
    assert set(BUILT_IN) == {*SCORERS, *JUDGES}


def test_only_what_is_named_is_imported() -> None:
    code = (
        "import sys; from stepdown.quality.registry import build_scorers;"
        "from stepdown.routing.problems import Problems;"
        "build_scorers(['exact'], 's', Problems());"
        "print(*[n for n in sys.modules if n.startswith('stepdown.quality.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert names == {"registry", "scorers", "base", "custom", "exact", "switches"}
