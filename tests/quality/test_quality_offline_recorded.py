"""Recorded requests: their readings as rules see them, and who was to answer."""

from stepdown.ledger.detail import Detail, encode, pack, unpack
from stepdown.quality.offline.recorded import (
    Recorded,
    begun,
    cascaded,
    readings_of,
    served_usage,
    shuffled_by,
    tags_of,
)
from stepdown.quality.shadow.sampling import uniform
from stepdown.types import Attempt, Reading, Usage
from support.replays import CHEAP, STRONG, make_detail


def stored(detail: Detail) -> Recorded:
    """As the ledger gives it back."""
    return unpack(pack([encode(detail)]))[0]


def test_storage_makes_lists_of_sets_and_they_become_sets_again() -> None:
    task = Reading(frozenset({"classify", "extract"}), 0.4, "at 0")
    listed = Reading(["a", "b"])
    readings = {"task": task, "metadata.parts": listed, "tokens": Reading(12, error=3.0)}
    found = readings_of(stored(make_detail(readings=readings)))
    assert found["task"] == task
    assert found["metadata.parts"] == listed
    assert found["tokens"] == Reading(12, error=3.0)


def test_intent_and_key_are_known_of_every_request() -> None:
    found = readings_of(make_detail(intent="FAQ lookup", tenant="acme"))
    assert (found["intent"].value, found["key"].value) == ("faq_lookup", "acme")
    found = readings_of(make_detail())
    assert (found["intent"].value, found["key"].value) == (None, None)
    read = {"intent": Reading("as_read")}
    assert readings_of(make_detail(intent="other", readings=read))["intent"].value == "as_read"


def test_tags() -> None:
    assert tags_of(make_detail()) == ()
    assert tags_of(make_detail(tags='["a","b"]')) == ("a", "b")


def test_the_model_that_the_decision_picked() -> None:
    fell_back = [Attempt(CHEAP, "d1", 0.0, error="down"), Attempt(STRONG, "d2", 1.0)]
    assert begun(make_detail(model=STRONG, attempts=fell_back)) == CHEAP
    assert begun(make_detail(attempts=[])) == STRONG
    judged = [
        Attempt("judge", "d0", 0.0, rung=0, role="judge"),
        Attempt(STRONG, "d2", 1.0, rung=1),
        Attempt(CHEAP, "d1", 0.0, rung=0, verdict="accepted"),
    ]
    climbed = make_detail(rung=0, model=CHEAP, attempts=judged)
    assert begun(climbed) == CHEAP
    assert cascaded(climbed)
    assert not cascaded(make_detail())


def test_the_usage_of_the_served_answer_alone() -> None:
    tries = [
        Attempt(CHEAP, "d1", 0.0, usage=Usage(input=10, output=5)),
        Attempt(STRONG, "d2", 1.0, usage=Usage(input=10, output=7)),
    ]
    whole = Usage(input=20, output=12)
    assert served_usage(make_detail(attempts=tries, usage=whole)) == Usage(input=10, output=7)
    assert served_usage(make_detail(attempts=[], usage=whole)) == whole


def test_a_shuffle_has_nothing_to_do_with_the_sampling() -> None:
    names = [f"req_{number}" for number in range(2_000)]
    sampled = [name for name in names if uniform(name) < 0.1]
    halves = [shuffled_by(name, "suggest")[-1] % 2 for name in sampled]
    assert 0.4 < sum(halves) / len(halves) < 0.6
    assert shuffled_by("a", "replay") != shuffled_by("a", "suggest")
