"""Which answers are a model's own, and which stood in for another's."""

from typing import Any

import pytest

from stepdown.caching.exact.storable import is_of_its_own, reason_against
from stepdown.caching.exact.terms import ExactTerms
from stepdown.types import Attempt, Decision
from support.exact_caches import asked

TERMS = ExactTerms(ladder=("small", "large"), aliases={"big": "large"})


def attempt(model: str, **parts: Any) -> Attempt:
    return Attempt(model, f"{model}/1", 0.0, **parts)


@pytest.mark.parametrize(
    ("decided", "served", "own"),
    [
        ("small", attempt("small"), True),
        ("small", attempt("large"), False),  # a fallback
        ("large", attempt("small"), False),
        ("big", attempt("large"), True),  # the same by its own name
        ("large", attempt("big"), True),
        ("small", attempt("small", rung=0, verdict="accepted"), True),
        ("small", attempt("large", rung=1), True),  # climbed
        ("small", attempt("large", rung=1, verdict="accepted"), True),
        ("small", attempt("elsewhere", rung=1), False),
        ("small", attempt("small", rung=0, verdict="json"), False),  # for want of a better one
        ("small", attempt("small", rung=7), True),
    ],
)
def test_whose_answer_it_is(decided: str, served: Attempt, own: bool) -> None:
    assert is_of_its_own(served, Decision("rule", decided), TERMS) is own


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({}, None),
        ({"temperature": 0.0}, None),
        ({"temperature": -0.0}, None),
        ({"temperature": 1e-9}, "nondeterministic"),
        ({"temperature": "hot"}, "nondeterministic"),
        ({"temperature": [0]}, "nondeterministic"),
        ({"n": 1}, None),
        ({"n": 3, "temperature": 0}, "nondeterministic"),
        ({"store": False}, None),
        ({"store": True, "temperature": 1}, "provider_state"),
        ({"web_search_options": None}, None),
        ({"web_search_options": {"search_context_size": "low"}}, "provider_tools"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, None),
        ({"tools": [{"type": "code_interpreter"}]}, "provider_tools"),
    ],
)
def test_why_a_request_goes_past_the_cache(extra: dict[str, Any], reason: str | None) -> None:
    assert reason_against(asked(**extra), TERMS) == reason
