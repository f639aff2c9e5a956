"""Details: what a journey leaves behind, and that it comes back as it was."""

import zlib
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.ledger.detail import (
    TAG_COUNT,
    TAG_LENGTH,
    Detail,
    detail_of,
    encode,
    pack,
    prompt_of,
    tags_of,
    unpack,
    unpack_prompts,
)
from stepdown.types import Attempt, Journey, Reading, Request, Usage
from support.climbs import make_climb, make_try
from support.journeys import make_journey


def back(*details: Detail) -> list[Detail]:
    return unpack(pack([encode(detail) for detail in details]))


def test_a_detail_comes_back() -> None:
    journey = make_journey(cost="0.00001234567890123", tags=["b", "a"])
    (detail,) = back(detail_of(journey))
    assert detail.id == journey.request.id
    assert detail.cost == Decimal("0.00001234567890123")
    assert detail.saved == journey.saved
    assert detail.attempts == journey.attempts
    assert detail.latency == pytest.approx(0.2)
    assert detail.first_byte == pytest.approx(0.1)
    assert detail.readings["task"].value == ["classify"]
    assert detail.tags == '["a","b"]'
    assert (detail.route, detail.decision, detail.downgraded) == ("auto", "short-label", True)


def test_a_request_that_failed_before_anything_was_spent() -> None:
    journey = Journey(make_journey().request, started=5.0, time=100.0)
    (detail,) = back(detail_of(journey))
    assert (detail.cost, detail.reference_cost, detail.saved) == (Decimal(0),) * 3
    assert (detail.model, detail.decision, detail.outcome) == ("", "", "failed")
    assert (detail.latency, detail.first_byte, detail.downgraded) == (0, None, False)


def test_unpriced_is_none_and_never_zero() -> None:
    (detail,) = back(detail_of(make_journey(cost=None)))
    assert detail.cost is None
    assert detail.reference_cost == Decimal("0.0004")
    assert detail.saved is None


def test_the_tokens_of_all_attempts() -> None:
    journey = make_journey(usage=Usage(input=100, output=5))
    failed = Attempt("gpt-4o-mini", "2", 0.0, usage=Usage(input=100, output=1), estimated=True)
    journey.attempts.insert(0, failed)
    journey.attempts.insert(0, Attempt("gpt-4o-mini", "3", 0.0, error="upstream_unreachable"))
    detail = detail_of(journey)
    assert detail.usage == Usage(input=200, output=6)
    assert not detail.estimated


@given(st.sampled_from([{1, 2}, frozenset({"a"}), object(), Decimal(1), 1 + 2j, None, 3.5]))
def test_readings_of_any_type(value: Any) -> None:
    journey = make_journey()
    journey.readings = {"mine": Reading(value)}
    (detail,) = back(detail_of(journey))
    assert "mine" in detail.readings


def test_no_prompt_in_a_detail() -> None:
    assert b"Is this spam" not in encode(detail_of(make_journey()))


def test_the_prompt_is_the_clients_json() -> None:
    journey = make_journey()
    (prompt,) = unpack_prompts(pack([encode(prompt_of(journey))]))
    assert prompt.id == journey.request.id
    assert msgspec.json.decode(prompt.body) == {
        "model": "auto",
        "messages": [{"role": "user", "content": "Is this spam?"}],
    }


def request_with(metadata: dict[str, Any] | None) -> Request:
    request = make_journey().request
    request.prompt = msgspec.structs.replace(request.prompt, metadata=metadata)
    return request


@pytest.mark.parametrize(
    ("metadata", "tags"),
    [
        (None, ""),
        ({}, ""),
        ({"tags": None}, ""),
        ({"tags": 5}, ""),
        ({"tags": []}, ""),
        ({"tags": [1, None, ""]}, ""),
        ({"tags": "team-a"}, '["team-a"]'),
        ({"tags": ["b", "a", "b", 7]}, '["a","b"]'),
    ],
)
def test_tags(metadata: dict[str, Any] | None, tags: str) -> None:
    assert tags_of(request_with(metadata)) == tags


@given(st.lists(st.text()))
def test_tags_are_bounded(given_tags: list[str]) -> None:
    tags = tags_of(request_with({"tags": given_tags}))
    listed = msgspec.json.decode(tags, type=list[str]) if tags else []
    assert len(listed) <= TAG_COUNT
    assert all(0 < len(tag) <= TAG_LENGTH for tag in listed)


def test_damage_is_told() -> None:
    with pytest.raises(ValueError, match="a damaged segment"):
        unpack(b"not zlib")
    with pytest.raises(ValueError):
        unpack(zlib.compress(b"\xdd\x00\x00\x00\x09"))


def test_the_served_attempt_tells_the_model_and_stands_last() -> None:
    hedge = make_try(1, "hedge", model="gpt-4o", cost="0.1")
    hedge.first_byte = None
    served = make_try(0, cost="0.01")
    journey = make_climb(served, hedge, served=0)
    journey.started = served.started
    (detail,) = back(detail_of(journey))
    assert (detail.model, detail.deployment) == ("gpt-4o-mini", "gpt-4o-mini/1")
    assert detail.first_byte == pytest.approx(0.1)
    assert detail.attempts == [hedge, served]
    assert journey.attempts == [served, hedge]  # the journey is left as it was
    assert detail.usage == Usage(input=200, output=20)
    assert (detail.cost, detail.downgraded) == (Decimal("0.11"), True)


def test_a_cascade_without_an_answer_keeps_its_cost() -> None:
    failed = make_try(1, None, model="gpt-4o", error="upstream_timeout", unused=True)
    journey = make_climb(make_try(0, "json", cost="0.01"), failed, served=None)
    journey.usage = None
    (detail,) = back(detail_of(journey))
    assert (detail.model, detail.cost) == ("gpt-4o", Decimal("0.01"))
    assert detail.attempts[0].verdict == "json"


OLD_ATTEMPT = {
    "model": "gpt-4o-mini",
    "deployment": "gpt-4o-mini/1",
    "started": 5.0,
    "first_byte": 5.1,
    "ended": 5.2,
    "status": 200,
    "error": None,
    "usage": {"input": 7, "output": 1},
    "estimated": False,
    "cost": "0.5",
}
"""An attempt as version 0.1.0 wrote it: every field, and none of a cascade's."""


def test_details_from_before_cascades() -> None:
    new = detail_of(make_journey())
    fields = msgspec.msgpack.decode(encode(new))
    fields[Detail.__struct_fields__.index("attempts")] = [OLD_ATTEMPT]
    (detail,) = unpack(pack([msgspec.msgpack.encode(fields)]))
    (attempt,) = detail.attempts
    assert (attempt.model, attempt.status, attempt.cost) == ("gpt-4o-mini", 200, Decimal("0.5"))
    assert (attempt.rung, attempt.role, attempt.verdict) == (None, "answer", None)
    assert (attempt.reason, attempt.early) == (None, False)


def test_a_plain_requests_detail_has_nothing_of_cascades() -> None:
    detail = detail_of(make_journey())
    attempt = msgspec.msgpack.decode(encode(detail))[Detail.__struct_fields__.index("attempts")][0]
    assert attempt.keys() <= OLD_ATTEMPT.keys()
    assert Detail.__struct_fields__[25] == "tags"  # as before; what came later has a default
