"""What was sent lately is known again, by tenant and model, within its time and its bounds."""

from typing import Any

import msgspec
from msgspec import Raw, structs

from stepdown.compression.draft import Form
from stepdown.compression.sent import Sent, keys_of
from stepdown.types import Message
from support.prompts_to_shrink import request, said, user

FIRST, SECOND, THIRD = user("one"), said("two"), user("three")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def form(text: str, *techniques: str) -> Form:
    raw = Raw(msgspec.json.encode({"role": "user", "content": text}))
    return Form(Message("user", text), raw, dict.fromkeys(techniques, 3))


def keys(*messages: dict[str, Any], model: str = "m", **fields: Any) -> list[bytes]:
    return keys_of(request(*messages, **fields), model)


def test_a_longer_conversation_has_the_beginnings_of_the_shorter_one() -> None:
    assert keys(FIRST, SECOND, THIRD)[:2] == keys(FIRST, SECOND)
    assert keys(FIRST, SECOND)[1] != keys(FIRST, user("two"))[1]
    assert len(set(keys(FIRST, FIRST))) == 2


def test_tenants_models_and_tools_are_kept_apart() -> None:
    own = request(FIRST)
    others = [
        keys_of(structs.replace(own, tenant="b"), "m"),
        keys_of(own, "other"),
        keys(FIRST, tools=[{"type": "function", "function": {"name": "f"}}]),
    ]
    assert keys_of(own, "m") not in others
    assert len({each[0] for each in others}) == 3


def test_what_was_sent_is_sent_so_again() -> None:
    sent = Sent()
    shorter = form("1", "minify")
    sent.remember(keys(FIRST, SECOND), {0: shorter}, set(), set())
    assert sent.beginning(keys(FIRST, SECOND, THIRD), lossy=False) == [shorter, None]
    assert sent.beginning(keys(THIRD), lossy=False) == []


def test_a_lossy_form_is_used_only_where_that_is_allowed() -> None:
    sent = Sent()
    cut = form("1", "minify", "history")
    sent.remember(keys(FIRST, SECOND), {1: cut}, {"history"}, set())
    assert sent.beginning(keys(FIRST, SECOND), lossy=False) == [None]
    assert sent.beginning(keys(FIRST, SECOND), lossy=True) == [None, cut]


def test_what_depends_on_the_question_ends_what_is_known() -> None:
    sent = Sent()
    forms = {0: form("1", "minify"), 1: form("2", "extract")}
    sent.remember(keys(FIRST, SECOND, THIRD), forms, {"extract"}, {"extract"})
    assert sent.beginning(keys(FIRST, SECOND, THIRD), lossy=True) == [forms[0]]


def test_providers_forget() -> None:
    clock = Clock()
    sent = Sent(lifetime=300.0, clock=clock)
    sent.remember(keys(FIRST), {}, set(), set())
    clock.now += 300.0
    assert sent.beginning(keys(FIRST), lossy=False) == [None]
    clock.now += 0.1
    assert sent.beginning(keys(FIRST), lossy=False) == []
    sent.remember(keys(THIRD), {}, set(), set())
    assert len(sent) == 1


def test_it_is_bounded_in_number_and_in_bytes() -> None:
    sent = Sent(most=3, most_bytes=300)
    for number in range(10):
        sent.remember(keys(user(str(number))), {}, set(), set())
    assert len(sent) == 3
    for number in range(10):
        sent.remember(keys(user(str(number))), {0: form("x" * 50)}, set(), set())
        assert sent.size <= 300
    assert 0 < len(sent) < 3
    assert sent.beginning(keys(user("9")), lossy=False) == [form("x" * 50)]
    assert sent.beginning(keys(user("0")), lossy=False) == []


def test_saying_it_again_takes_no_more_room() -> None:
    sent = Sent()
    for _ in range(5):
        sent.remember(keys(FIRST), {0: form("x" * 50)}, set(), set())
    assert len(sent) == 1
    size = sent.size
    sent.remember(keys(FIRST), {}, set(), set())
    assert size > 0 == sent.size
