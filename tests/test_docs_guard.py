"""The page on shadows and the guard: its configuration can be built, and its figures hold."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stepdown.config.build import build_fleet, build_routes, price_of, read_cascades
from stepdown.config.guarding import check
from stepdown.config.reading import interpret
from stepdown.config.wards import wards_of
from stepdown.quality.evidence import Counts
from stepdown.quality.guard.needed import needed
from stepdown.quality.guard.states import STATES, Standing
from stepdown.quality.guard.terms import Terms

PAGE = (Path(__file__).parents[1] / "docs/guard.md").read_text()
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\| ([\d.]+) % \| (\d+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", re.MULTILINE)


def test_its_configuration_guards_rules() -> None:
    text, judged = BLOCK.findall(PAGE)
    models: list[dict[str, Any]] = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "k"}}
        for name in ("gpt-4o-mini", "gpt-4o")
    ]
    for sections in (yaml.safe_load(text), {**yaml.safe_load(text), **yaml.safe_load(judged)}):
        config = interpret({"model_list": models, **sections}, {})
        routes, fleet = build_routes(config, price_of(config)), build_fleet(config)
        assert check(config, routes, fleet)
        assert wards_of(config, routes, read_cascades(config, fleet))
    assert all(ward.terms.judge for ward in wards_of(config, routes, {}))


def test_it_names_every_state() -> None:
    for state in STATES:
        assert f"\n| `{state}` | " in PAGE


@pytest.mark.parametrize("row", ROW.findall(PAGE))
def test_its_numbers_of_pairs(row: tuple[str, ...]) -> None:
    percent, family, *pairs = row
    budget = float(percent) / 100
    terms = Terms(budget, 1.0, family=int(family))
    found = [needed(Standing("k"), Counts(), terms, part * budget) for part in (0.0, 0.25, 0.5)]
    assert found == [int(each.replace(",", "")) for each in pairs]


def test_the_table_is_read() -> None:
    assert len(ROW.findall(PAGE)) == 6
