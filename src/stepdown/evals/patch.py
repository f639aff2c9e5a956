"""A route's rules with other rungs, as YAML to be pasted into a configuration."""

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from stepdown.evals.whatif import ALWAYS, Rules
from stepdown.routing.rules import DEFAULT

_WIDTH = 88


def patched(rules: Rules, rungs: Mapping[str, int]) -> list[dict[str, Any]]:
    """The rules as they would be written: every one, in its order, with these rungs.

    One for ``default`` adds a last rule that matches every request. It takes what no other rule is
    sure of: where every rule is asked (``match: all``), the stronger rung still wins.
    """
    written = [
        {**rule, "rung": _named(rungs[rule["name"]], rules.top)} if rule["name"] in rungs else rule
        for rule in map(dict, rules.written)
    ]
    if DEFAULT in rungs:
        rung = _named(rungs[DEFAULT], rules.top)
        written.append({"name": rules.rest, "when": dict(ALWAYS), "rung": rung})
    return written


def as_yaml(route: str, rules: Rules, rungs: Mapping[str, int], why: Mapping[str, str]) -> str:
    """A patch of the route's rules. ``why`` is a comment for each rule that is changed."""
    lines = [
        f"# The rules of {_line(route)}, in place of those it has. Nothing else changes.",
        "routes:",
        f"  {_scalar(route)}:",
        "    rules:",
    ]
    for rule in patched(rules, rungs):
        changed = DEFAULT if rule["name"] == rules.rest else rule["name"]
        if changed in rungs:
            lines += [f"      # {line}" for line in _wrapped(why[changed])]
        dumped = yaml.safe_dump(
            [rule], sort_keys=False, default_flow_style=None, allow_unicode=True, width=_WIDTH
        )
        lines += [f"      {line}" for line in dumped.splitlines()]
    return "\n".join(lines) + "\n"


def _named(rung: int, top: int) -> str | int:
    if rung == 0:
        return "cheap"
    return "strong" if rung == top else rung


def _scalar(text: str) -> str:
    """A text as YAML writes it, quoted where it must be."""
    [line, *_] = yaml.safe_dump(text, allow_unicode=True, width=10**6).splitlines()
    return line


def _wrapped(text: str) -> list[str]:
    """A number stays with its per cent sign."""
    together = _line(text).replace(" %", "\N{NO-BREAK SPACE}%")
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in textwrap.wrap(together, _WIDTH)]


def _line(text: str) -> str:
    """A comment ends with its line."""
    return " ".join(text.split())
