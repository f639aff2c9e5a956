"""Guesses how many tokens an answer will have, for estimates of cost made before the call."""

from collections.abc import Mapping

from stepdown.types import Prompt, Reading

TYPICAL = {
    "yes_no": 3,
    "label": 5,
    "short": 60,
    "json_field": 60,
    "tool_call": 60,
    "json": 200,
    "multi_paragraph": 800,
    "open_ended": 500,
}
UNSTATED = 250


def expected_output(prompt: Prompt, readings: Mapping[str, Reading]) -> int:
    """Output tokens of one answer: typical for the signal ``output``, within the client's limit."""
    reading = readings.get("output")
    typical = UNSTATED if reading is None else TYPICAL.get(str(reading.value), UNSTATED)
    limit = prompt.output_limit
    return typical if limit is None else min(limit, typical)
