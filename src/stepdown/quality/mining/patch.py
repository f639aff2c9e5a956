"""Suggested rules as YAML to be pasted into a configuration: candidates under observation."""

import json
import textwrap
from collections.abc import Sequence
from typing import Any

import yaml

from stepdown.pricing.amounts import dollars
from stepdown.quality.mining.suggest import Suggestion, Suggestions

_WIDTH = 88
_INDENT = " " * 6


def patch(
    route: str, found: Suggestions, rules: Sequence[Any] = (), *, guarded: bool = False
) -> str | None:
    """The route's ``rules`` as they are written, and the suggested ones behind them; None without
    any.

    ``observe: true``: a candidate serves nobody until the guard has certified it. ``guarded``: the
    route has a regret budget already; otherwise it gets one.
    """
    if not found.rules:
        return None
    lines = [
        f"# Candidates for the rules of {_line(route)}. Under observation they serve nobody: the",
        "# guard lets a rule serve once it has certified it on pairs of its own.",
        "routes:",
        f"  {_scalar(route)}:",
        *([] if guarded else [f"    regret: {{budget: {found.budget!r}}}"]),
        "    rules:",
    ]
    for rule in rules:
        lines += _item(rule)
    for suggestion in found.rules:
        lines += [f"{_INDENT}# {line}" for line in textwrap.wrap(told(suggestion), _WIDTH)]
        lines += _item(
            {
                "name": suggestion.name,
                "when": suggestion.when,
                "rung": "cheap",
                "observe": True,
            }
        )
    return "\n".join(lines) + "\n"


def told(suggestion: Suggestion) -> str:
    """What is known of it, in one line."""
    held = suggestion.held
    regret = "unknown" if held.regret is None else _percent(held.regret)
    return (
        f"{_percent(suggestion.share)} of the requests, saves {dollars(suggestion.saving)}; regret "
        f"{regret}, at most {_percent(held.high)}, on {held.pairs:,} held-out pairs"
        f"{': within the budget' if suggestion.certified else ''}"
    )


def _item(rule: Any) -> list[str]:
    if isinstance(rule, str):
        return [f"{_INDENT}- {_scalar(rule)}"]
    dumped = yaml.safe_dump(
        [rule], sort_keys=False, default_flow_style=None, allow_unicode=True, width=_WIDTH
    )
    return [f"{_INDENT}{line}" for line in dumped.splitlines()]


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if 0.0 < share < 0.1 else f"{100 * share:.1f} %"


def _scalar(text: str) -> str:
    """A text as YAML writes it, on one line, quoted where it must be."""
    [line, *more] = yaml.safe_dump(text, allow_unicode=True, width=10**6).splitlines()
    return line if more in ([], ["..."]) else json.dumps(text)


def _line(text: str) -> str:
    """A comment ends with its line."""
    return " ".join(text.split())
