"""``stepdown eval``: one file a command, each imported only when it is called."""

import click

from stepdown.cli import LazyGroup

COMMANDS = {
    "init": "stepdown.cli.eval.init",
    "run": "stepdown.cli.eval.run",
    "compare": "stepdown.cli.eval.compare",
    "judge-check": "stepdown.cli.eval.judge_check",
    "gate": "stepdown.cli.eval.gate",
    "watch": "stepdown.cli.eval.watch",
    "advise": "stepdown.cli.eval.advise",
}


@click.group(name="eval", cls=LazyGroup, modules=COMMANDS)
def command() -> None:
    """Measure what a route would save, and how often it would hurt."""
