"""Says how far figures can be trusted: by what the judge errs, and whether models are simulated."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from stepdown.config.endpoints import SIMULATED
from stepdown.providers.groups import Catalogue, build_group
from stepdown.quality.correction import JudgeErrors

if TYPE_CHECKING:
    from stepdown.config import Config


def judge_line(judge: JudgeErrors) -> str:
    """That regrets are corrected, and by which counts."""
    return (
        "Regrets are without the judge's errors: of pairs that people labelled, it found "
        f"{judge.positives - judge.false_negatives:,} of {judge.positives:,} regrets, and made up "
        f"{judge.false_positives:,} on {judge.negatives:,} others."
    )


def note_unmeasured(config: "Config") -> None:
    """Say on standard error where people labelled pairs and the judge's errors on them are not in
    the configuration: to count them would ask the judge."""
    judge = config.judge
    if judge is not None and judge.labelled is not None and judge.errors is None:
        click.echo(
            "judge.labelled alone corrects nothing here, where nobody is asked: put what "
            "`stepdown eval judge-check` counts on it into judge.errors.",
            err=True,
        )


def simulated_of(config: "Config", models: Iterable[str]) -> tuple[str, ...]:
    """Those of these models that a simulated deployment answers for, in their order; an alias, or a
    name that fits a pattern, is what it stands for."""
    made_up = {each.model for each in config.deployments if each.endpoint.provider == SIMULATED}
    groups = [build_group(name, ()) for name in config.models()]
    catalogue = Catalogue(groups, config.router_settings.model_group_alias)
    found = {name: catalogue.find(name) for name in models}
    return tuple(name for name, each in found.items() if each and each.group.name in made_up)


def simulated_line(names: Iterable[str]) -> str:
    """That regrets of these models say nothing of quality."""
    return (
        f"Simulated, with made-up answers: {', '.join(names)}. No regret here says anything of "
        "quality."
    )
