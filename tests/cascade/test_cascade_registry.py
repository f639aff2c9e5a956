"""The list of validators of a configuration, entry by entry."""

import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from stepdown.cascade.registry import BUILT_IN, build_checks
from stepdown.routing.problems import Problems

OWN = "support.own_checks"


def test_validators_and_graders_in_their_order() -> None:
    problems = Problems()
    entries = [
        {"judge": {"model": "gpt-4o"}},
        {"logprob": {"min": -3}},
        f"{OWN}:polite",
        "self_consistency",
        {f"{OWN}:MaxWords": {"limit": 3}},
        f"{OWN}:Twice",
    ]
    validators, graders = build_checks(entries, "cascade.validators", problems)
    assert problems.lines == []
    assert [check.name for check in validators] == [
        "logprob",
        f"{OWN}:polite",
        f"{OWN}:MaxWords",
    ]
    assert [check.name for check in graders] == ["judge", "self_consistency", f"{OWN}:Twice"]


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ("json", "v: expected a list of validators, got 'json'"),
        ([3], "v[0]: expected a validator's name, or one name with its options, got 3"),
        ([{}], "v[0]: expected a validator's name, or one name with its options, got {}"),
        ([{"a": 1, "b": 2}], "v[0]: expected a validator's name, or one name with its options"),
        ([{3: 4}], "v[0]: expected a validator's name, or one name with its options"),
        (["logprobs"], "v[0]: there is no validator 'logprobs'. Did you mean 'logprob'?"),
        ([{"jugde": {}}], "v[0]: there is no validator 'jugde'. Did you mean 'judge'?"),
        (["x.y:z"], "v[0]: cannot import 'x.y:z': ModuleNotFoundError: No module named 'x'"),
        ([{"logprob": {"mean": 2}}], "v[0].logprob.mean: expected a number of at most 0, got 2"),
        (["judge"], "v[0].model: expected a model_name of the configuration, got none"),
    ],
)
def test_problems(entries: Any, line: str) -> None:
    problems = Problems()
    assert build_checks(entries, "v", problems) == ((), ())
    assert len(problems.lines) == 1
    assert problems.lines[0].startswith(line)


def test_what_is_built_in_exists() -> None:
    for name in BUILT_IN:
        assert find_spec(f"stepdown.cascade.validators.{name}") is not None, name


def test_only_what_is_named_is_imported() -> None:
    code = (
        "import sys; from stepdown.cascade.registry import build_checks;"
        "from stepdown.routing.problems import Problems;"
        "build_checks([{'judge': {'model': 'm'}}], 'v', Problems());"
        "print(*[n for n in sys.modules if n.startswith('stepdown.cascade.validators.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert names == {"base", "custom", "judge", "mapping"}
