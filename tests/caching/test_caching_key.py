"""Requests that ask the same have one key, and all others have different ones."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import Raw, structs

from stepdown.caching.key import LEFT_OUT, Unkeyable, key_of
from stepdown.requests import request_of
from stepdown.types import Request

ASKED: dict[str, Any] = {
    "model": "auto",
    "messages": [{"role": "user", "content": "Is this spam? ✓"}],
    "temperature": 0,
}

texts = st.text(max_size=6)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
fields = st.dictionaries(st.text(max_size=5).map("x_".__add__), values, max_size=4)


def asked(text: str | bytes | None = None, **extra: Any) -> Request:
    body = json.dumps({**ASKED, **extra}) if text is None else text
    return request_of(body.encode() if isinstance(body, str) else body)


def respelt(value: Any, draw: Any) -> str:
    """JSON for the same value: members in another order, numbers and texts in other spellings."""
    if isinstance(value, Mapping):
        members = draw(st.permutations([*value.items()]))
        gap = str(draw(st.sampled_from(["", " ", "\n\t"])))
        inner = f",{gap}".join(f"{gap}{respelt(n, draw)}:{respelt(v, draw)}" for n, v in members)
        return "{" + inner + gap + "}"
    if isinstance(value, list):
        return "[ " + " , ".join(respelt(each, draw) for each in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=bool(draw(st.booleans())))
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(draw(st.sampled_from(spellings(value))))
    return json.dumps(value)


def spellings(number: float) -> list[str]:
    if isinstance(number, float):
        return [repr(number), f"{number:.17e}", f"{number:.17E}"]
    plain = [str(number)]
    if abs(number) < 10**15:
        plain += [f"{number}.0", f"{number}.000e0", f"{number}e+0"]
    return plain


@given(st.data(), fields)
def test_spelling_and_order_do_not_matter(data: st.DataObject, extra: dict[str, Any]) -> None:
    whole = {**ASKED, **extra}
    one, other = (asked(respelt(whole, data.draw)) for _ in range(2))
    assert key_of(one) == key_of(other) == key_of(asked(**extra))


def shape(value: Any) -> Any:
    """What JSON says, told apart by type: 1 and 1.0 are the same, and true is neither."""
    if isinstance(value, Mapping):
        return ("object", frozenset((name, shape(each)) for name, each in value.items()))
    if isinstance(value, list):
        return ("array", tuple(map(shape, value)))
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    whole = isinstance(value, float) and value.is_integer() and abs(value) <= 2**53
    return ("float" if isinstance(value, float) and not whole else "int", value)


@given(fields, fields)
def test_whatever_else_differs_makes_another_key(one: dict[str, Any], two: dict[str, Any]) -> None:
    assume(shape(one) != shape(two))
    assert key_of(asked(**one)) != key_of(asked(**two))


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_tenants_and_targets_never_share(a: str, b: str, c: str, d: str) -> None:
    assume((a, b) != (c, d))
    one, other = (
        structs.replace(asked(), tenant=tenant, route=target or "auto")
        for tenant, target in ((a, b), (c, d))
    )
    assume((a, one.target) != (c, other.target))
    assert key_of(one) != key_of(other)


@pytest.mark.parametrize("name", sorted(LEFT_OUT - {"model", "stream", "stream_options"}))
def test_what_is_not_asked_does_not_matter(name: str) -> None:
    odd: dict[str, Any] = {"metadata": {"a": "b"}, "store": False}
    value = odd.get(name, "something")
    assert key_of(asked(**{name: value})) == key_of(asked())


def test_the_form_and_the_chosen_model_do_not_matter() -> None:
    plain = key_of(asked())
    assert key_of(asked(stream=True, stream_options={"include_usage": True})) == plain
    named = asked(model="something-else")
    named.route = "auto"
    assert key_of(named) == plain


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("messages", [{"role": "user", "content": "a"}], [{"role": "user", "content": "A"}]),
        ("messages", [{"role": "user", "content": "a"}], [{"role": "system", "content": "a"}]),
        ("tools", [{"type": "function", "function": {"name": "f"}}], []),
        ("max_tokens", 10, 11),
        ("seed", 12345678901234567890123, 12345678901234567890124),
        ("seed", 2**53, 2**53 + 1),
        ("temperature", 0.1, 0.10000000000000002),
        ("top_p", None, 1),
        ("logit_bias", {"1": 1}, {"1": True}),
        ("stop", "1", 1),
        ("stop", ["a"], "a"),
        ("reasoning_effort", "low", "high"),
        ("response_format", {"type": "text"}, {"type": "json_object"}),
        ("never_heard_of", {"a": {"b": [1, 2]}}, {"a": {"b": [2, 1]}}),
    ],
)
def test_every_parameter_counts(name: str, one: Any, other: Any) -> None:
    assert key_of(asked(**{name: one})) != key_of(asked(**{name: other}))
    assert key_of(asked(**{name: one})) != key_of(asked(beside=1, **{name: one}))


def test_intent_counts_in_one_spelling() -> None:
    def stated(intent: str | None) -> Request:
        return structs.replace(asked(), intent=intent)

    assert key_of(stated("FAQ lookup")) == key_of(stated("faq_lookup")) != key_of(stated(None))
    assert key_of(stated("")) == key_of(stated(None))


def test_what_a_routes_rules_read_varies_the_key() -> None:
    one = request_of({**ASKED, "metadata": {"plan": "pro"}}, headers={"X-Team": "a"})
    other = request_of({**ASKED, "metadata": {"plan": "free"}}, headers={"X-Team": "b"})
    assert key_of(one) == key_of(other)
    for varies in (["header.X-Team"], ["metadata.plan"]):
        assert key_of(one, varies=varies) != key_of(other, varies=varies)
        assert key_of(one, varies=varies) == key_of(one, varies=varies)


def test_a_policy_has_keys_of_its_own() -> None:
    assert key_of(asked(), policy="a") != key_of(asked(), policy="b")
    assert key_of(asked(), held=["x", "y"]) == key_of(asked(), held=frozenset("yx"))
    assert key_of(asked(), held=["x"]) != key_of(asked()) != key_of(asked(), held=["x,y"])


def test_an_id_is_short_and_goes_by_the_key() -> None:
    key = key_of(asked())
    assert key.id == key.digest.hex()[:32]


@pytest.mark.parametrize("number", ["1e400", "-1e999999999"])
def test_numbers_that_nothing_can_hold_are_not_taken_for_others(number: str) -> None:
    with pytest.raises(Unkeyable):
        key_of(asked(json.dumps(ASKED)[:-1] + f', "seed": {number}}}'))


def test_deep_values_are_refused_rather_than_followed() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    with pytest.raises(Unkeyable):
        key_of(structs.replace(asked(), fields={"deep": Raw(deep.encode())}))
