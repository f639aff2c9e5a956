"""The command line: one file a command, each imported only when it is called."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

COMMANDS = {
    "serve": "stepdown.cli.serve",
    "demo": "stepdown.cli.demo",
    "check": "stepdown.cli.check",
    "explain": "stepdown.cli.explain",
    "savings": "stepdown.cli.savings",
    "regret": "stepdown.cli.regret",
    "guard": "stepdown.cli.guard",
    "shadow": "stepdown.cli.shadow",
    "replay": "stepdown.cli.replay",
    "suggest": "stepdown.cli.suggest",
    "cascade": "stepdown.cli.cascade",
    "eval": "stepdown.cli.eval",
    "batch": "stepdown.cli.batch",
    "cost": "stepdown.cli.cost",
    "cache": "stepdown.cli.cache",
    "prices": "stepdown.cli.prices",
    "embed": "stepdown.cli.embed",
}


class LazyGroup(click.Group):
    """Lists every command, imports the one that runs. ``modules`` are by the commands' names."""

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = self._modules.get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(module).command
        return command


@click.group(cls=LazyGroup, modules=COMMANDS)
@click.version_option(package_name="stepdown")
def main() -> None:
    """Answer each prompt with the cheapest model that is good enough, and prove it."""
