"""``json_fields``: how many of the expected JSON value's fields the answer has right.

    json_fields
    json_fields: {tolerance: 0.01}

The score is the F1 measure over fields, a field being a value that holds no others, with its path:
the harmonic mean of the share of the answer's fields that are expected and the share of the
expected ones that the answer has. Items of an array are fields by their place. An answer that is no
JSON scores 0. What may be expected is as for ``json``; of several values the nearest counts.
"""

from typing import Any

from stepdown.quality.json_values import leaves, same
from stepdown.quality.scorers.json import OfJson, built
from stepdown.routing.problems import Problems


class JsonFields(OfJson):
    """0 to 1: the F1 measure over fields."""

    name = "json_fields"

    def near(self, value: Any, wanted: Any) -> float:
        got, expected = leaves(value), leaves(wanted)
        hits = sum(
            path in got and same(got[path], leaf, self._tolerance)
            for path, leaf in expected.items()
        )
        return 2 * hits / (len(got) + len(expected))


def build(options: Any, path: str, problems: Problems) -> JsonFields | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    return built(JsonFields, options, path, problems)
