"""Rule sets that ship with Stepdown, written as a user would write them."""

from collections.abc import Mapping, Sequence
from typing import Any

from stepdown.routing.vocabulary import HARD_TASKS, SMALL_TASKS

STANDARD: Sequence[Mapping[str, Any]] = (
    {
        "name": "small-task",
        "when": {"tokens": {"lt": 500}, "task": {"only": list(SMALL_TASKS)}},
        "rung": "cheap",
    },
    {
        "name": "small-output",
        "when": {"output": {"in": ["label", "json_field", "yes_no"]}},
        "rung": "cheap",
    },
    {
        "name": "simple-intent",
        "when": {"intent": {"in": ["faq", "faq_lookup", "tool_call", "simple_tool_call"]}},
        "rung": "cheap",
    },
    {"name": "long-prompt", "when": {"tokens": {"gt": 2000}}, "rung": "strong"},
    {"name": "hard-task", "when": {"task": {"in": list(HARD_TASKS)}}, "rung": "strong"},
    {
        "name": "long-output",
        "when": {"output": {"in": ["multi_paragraph", "open_ended"]}},
        "rung": "strong",
    },
    {
        "name": "hard-intent",
        "when": {"intent": {"in": ["planning", "complex_planning", "creative_writing"]}},
        "rung": "strong",
    },
)
"""The table of ``docs/rules.md``. What is borderline, and what no rule knows, goes to strong."""

PRESETS: Mapping[str, Sequence[Mapping[str, Any]]] = {"standard": STANDARD}
