"""``history``: what is old is cut to its beginning; what is pinned or has to stay is not."""

import json
from typing import Any

from stepdown.compression.passages import GAP
from stepdown.compression.techniques.history import KEPT, History, Pins
from support.prompts_to_shrink import applied, document, draft_of, said, tool, user

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def turns(count: int, size: int = 12) -> list[dict[str, Any]]:
    """So many user turns with answers, and a last question."""
    found: list[dict[str, Any]] = []
    for turn in range(count):
        found += [user(f"Tell me about part {turn}."), said(document(size, 20 * turn))]
    return [*found, user("And what follows from all that?")]


def cut(messages: list[dict[str, Any]], pins: Pins, target: int | None = 1) -> list[bool]:
    """Whether each message was cut."""
    draft = draft_of(*messages, target=target)
    after = applied(History(pins), draft)
    return [
        message.content != before["content"]
        for message, before in zip(after, messages, strict=True)
    ]


def test_old_answers_are_cut_to_their_beginning() -> None:
    messages = turns(5)
    after = applied(History(Pins(first=0, last=1)), draft_of(*messages, target=1))
    for message, before in zip(after, messages, strict=True):
        if message.role == "assistant":
            content = str(message.content)
            assert content.endswith(GAP)
            assert before["content"].startswith(content.removesuffix(GAP))
            assert len(content) <= KEPT + len(GAP)
        else:
            assert message.content == before["content"]


def test_pinned_turns_stay() -> None:
    answers = [False, True]
    assert cut(turns(5), Pins(first=1, last=2)) == [False, False, *answers * 3, False, False, False]
    assert cut(turns(3), Pins(first=0, last=99)) == [False] * 7


def test_a_turn_with_a_pinned_text_stays() -> None:
    pins = Pins(first=0, last=1, containing=("about part 1.",))
    assert cut(turns(3), pins) == [False, True, False, False, False, True, False]


def test_the_oldest_go_first_and_no_more_than_needed() -> None:
    draft = draft_of(*turns(6))
    draft.target = draft.tokens - 100
    after = applied(History(Pins(first=0, last=1)), draft)
    assert [str(each.content).endswith(GAP) for each in after].count(True) == 1
    assert str(after[1].content).endswith(GAP)
    assert draft.excess == 0


def outputs(count: int) -> list[dict[str, Any]]:
    """One user turn, and a loop of calls of tools."""
    found: list[dict[str, Any]] = [user("Find the broken bridge.")]
    for step in range(count):
        found += [said(None, tool_calls=[CALL]), tool(document(10, 20 * step))]
    return found


def test_stale_outputs_are_cut_within_the_running_turn() -> None:
    found = cut(outputs(6), Pins(outputs=2))
    assert found == [False, *[False, True] * 4, *[False, False] * 2]


def test_calls_and_roles_stay_as_they_are() -> None:
    messages = outputs(6)
    draft = draft_of(*messages, target=1)
    applied(History(Pins(outputs=1)), draft)
    for form in draft.made().values():
        members = json.loads(bytes(form.raw))
        assert members["role"] == "tool"
        assert members["tool_call_id"] == "c1"


def test_code_and_quotations_in_old_turns_stay() -> None:
    code = "```\nx   =   1\n```"
    old = f'{document(8)}\n\n{code}\n\n{document(8, 30)} She said "never   again" to all of us.'
    messages = [user("Fix it."), said(old), user("Now?"), said("Done."), user("Thanks, and?")]
    after = applied(History(Pins(first=0, last=1)), draft_of(*messages, target=1))
    content = str(after[1].content)
    assert code in content
    assert '"never   again"' in content
    assert len(content) < len(old) / 2


def test_long_data_goes_whole() -> None:
    data = json.dumps([{"id": at, "name": f"name {at}"} for at in range(40)])
    short = '{"status": "ok", "found": 40, "more": false}'
    messages = [tool(f"{short}\n{data}"), user("Which?"), *turns(2)]
    after = applied(History(Pins(first=0, last=1, outputs=0)), draft_of(*messages, target=1))
    assert after[0].content == f"{short}\n{GAP}"


def test_what_is_short_already_stays() -> None:
    assert not any(cut(turns(5, size=1), Pins(first=0, last=1)))
