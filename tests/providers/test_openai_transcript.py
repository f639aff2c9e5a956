"""A reply that was read can be given whole or as a stream, and says the same in either form."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion

from stepdown.errors import UpstreamMalformed
from stepdown.providers import openai_transcript
from stepdown.providers.openai_transcript import OpenAITranscript
from stepdown.types import Choice, Piece, Token, ToolCall, Usage

DONE = b"data: [DONE]\n\n"
HEAD = {"id": "c-1", "object": "chat.completion.chunk", "created": 7, "model": "m"}


def event(choices: Any, **top: Any) -> bytes:
    return b"data: " + json.encode({**HEAD, "choices": choices, **top}) + b"\n\n"


def delta(index: int = 0, *, finish_reason: str | None = None, **said: Any) -> dict[str, Any]:
    return {"index": index, "delta": said, "logprobs": None, "finish_reason": finish_reason}


def stream_of(*deltas: dict[str, Any]) -> bytes:
    return b"".join(event([each]) for each in deltas) + DONE


def streamed(data: bytes, *, hide_logprobs: bool = False) -> OpenAITranscript:
    transcript = OpenAITranscript(streamed=True, hide_logprobs=hide_logprobs)
    transcript.feed(data)
    return transcript


def whole(data: bytes | dict[str, Any], *, hide_logprobs: bool = False) -> OpenAITranscript:
    transcript = OpenAITranscript(streamed=False, hide_logprobs=hide_logprobs)
    transcript.feed(data if isinstance(data, bytes) else json.encode(data))
    return transcript


def completion(*choices: dict[str, Any], **top: Any) -> dict[str, Any]:
    listed = [{"index": i, "finish_reason": "stop", **each} for i, each in enumerate(choices)]
    return {**HEAD, "object": "chat.completion", "choices": listed, **top}


def body(transcript: OpenAITranscript, usage: Usage | None = None) -> dict[str, Any]:
    read: dict[str, Any] = json.decode(transcript.body(usage))
    return read


def message(transcript: OpenAITranscript) -> dict[str, Any]:
    read: dict[str, Any] = body(transcript)["choices"][0]["message"]
    return read


# ── As the official client reads them ────────────────────────────────────────────────────────


def client(kind: str, data: bytes) -> openai.OpenAI:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": kind}, content=data)

    return openai.OpenAI(
        api_key="sk-test",
        base_url="http://upstream.test/v1",
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
        _strict_response_validation=True,
    )


def parsed_body(data: bytes) -> ChatCompletion:
    with client("application/json", data) as reader:
        return reader.chat.completions.create(model="m", messages=[])


def parsed_events(data: bytes) -> ChatCompletion:
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    with client("text/event-stream", data) as reader:
        for chunk in reader.chat.completions.create(model="m", messages=[], stream=True):
            state.handle_chunk(chunk)
    return ChatCompletion.model_validate(state.current_completion_snapshot.model_dump())


def content(read: ChatCompletion) -> list[Any]:
    """What a caller looks at; without what the client's own accumulator adds to it."""
    return [
        (
            choice.index,
            choice.finish_reason,
            choice.message.role,
            choice.message.content or None,
            choice.message.refusal,
            [
                (c.id, c.type, c.function.name, c.function.arguments)
                for c in choice.message.tool_calls or ()
                if c.type == "function"
            ],
            choice.message.to_dict().get("reasoning_content"),
            choice.logprobs and [t.model_dump() for t in choice.logprobs.content or ()],
        )
        for choice in read.choices
    ]


# ── Whole answers, and the many ways to cut them ─────────────────────────────────────────────

texts = st.text(st.sampled_from('ab é😀"\\\n\r[DONE]data: logprobs{}'), max_size=20)
names = st.sampled_from(["weather", "search"])
logprobs = st.floats(-20, 0)


@st.composite
def tool_calls(draw: st.DrawFn) -> list[dict[str, Any]]:
    functions = draw(st.lists(st.tuples(names, texts), min_size=1, max_size=3))
    return [
        {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": said}}
        for i, (name, said) in enumerate(functions)
    ]


@st.composite
def told_tokens(draw: st.DrawFn) -> dict[str, Any] | None:
    others = st.builds(lambda t, p: {"token": t, "logprob": p, "bytes": None}, texts, logprobs)
    tokens = st.builds(
        lambda t, p, top: {
            "token": t,
            "logprob": p,
            "bytes": list(t.encode()),
            "top_logprobs": top,
        },
        texts,
        logprobs,
        st.lists(others, max_size=3),
    )
    listed = draw(st.none() | st.lists(tokens, min_size=1, max_size=4))
    return None if listed is None else {"content": listed, "refusal": None}


@st.composite
def whole_choices(draw: st.DrawFn) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    kind = draw(st.sampled_from(["text", "refusal", "tools", "text and tools"]))
    if "text" in kind:
        said["content"] = draw(texts if kind == "text" else texts.filter(bool))
    if kind == "refusal":
        said["refusal"] = draw(texts.filter(bool))
    if "tools" in kind:
        said["tool_calls"] = draw(tool_calls())
    if draw(st.booleans()):
        said["reasoning_content"] = draw(texts.filter(bool))
    return {
        "message": said,
        "logprobs": draw(told_tokens()),
        "finish_reason": draw(st.sampled_from(["stop", "length", "tool_calls"])),
    }


@st.composite
def completions(draw: st.DrawFn) -> dict[str, Any]:
    top = draw(
        st.fixed_dictionaries({}, optional={"service_tier": st.just("flex"), "x": st.none()})
    )
    return completion(*draw(st.lists(whole_choices(), min_size=1, max_size=3)), **top)


def parts(draw: st.DrawFn, said: Any) -> list[Any]:
    """A string or a list, cut at random places; the empty one is one part."""
    at = draw(st.lists(st.integers(0, len(said)), max_size=3))
    return [said[a:b] for a, b in pairwise(sorted({0, *at, len(said)}))] or [said]


def deltas_of(draw: st.DrawFn, choice: dict[str, Any]) -> list[dict[str, Any]]:
    """One choice as the deltas of a stream, each member said in order."""
    said, index = choice["message"], choice["index"]
    made = []
    for name in ("reasoning_content", "refusal", "content"):
        if said.get(name) is not None:
            made += [delta(index, **{name: part}) for part in parts(draw, said[name])]
    for i, call in enumerate(said.get("tool_calls", ())):
        function = {**call["function"], "arguments": ""}
        made.append(delta(index, tool_calls=[{**call, "index": i, "function": function}]))
        made += [
            delta(index, tool_calls=[{"index": i, "function": {"arguments": part}}])
            for part in parts(draw, call["function"]["arguments"])
        ]
    if choice["logprobs"]:
        for part in parts(draw, choice["logprobs"]["content"]):
            place = draw(st.integers(0, len(made)))
            earlier = [i for i, each in enumerate(made) if each["logprobs"]]
            place = max(place, earlier[-1] + 1 if earlier else 0)
            told = {"content": part, "refusal": None}
            made.insert(place, {**delta(index), "logprobs": told})
    ends = delta(index, finish_reason=choice["finish_reason"])
    made[0]["delta"]["role"] = "assistant"
    if draw(st.booleans()):
        for each in made:
            each["delta"]["role"] = "assistant"
    return [*made, ends]


@st.composite
def cut(draw: st.DrawFn) -> tuple[dict[str, Any], list[bytes]]:
    """A completion, and a stream of it as what arrives together."""
    answer = draw(completions())
    top = {k: v for k, v in answer.items() if k not in ("choices", "object")}
    waiting = [deltas_of(draw, choice) for choice in answer["choices"]]
    events = []
    while any(waiting):
        spoken = draw(st.sampled_from([each for each in waiting if each]))
        chosen = [spoken.pop(0)]
        events.append(frame(draw, event(chosen, **top)))
        if draw(st.booleans()):
            events.append(draw(st.sampled_from([b": keep-alive\n\n", event([])])))
    return answer, [b"".join(each) for each in parts(draw, [*events, DONE])]


def frame(draw: st.DrawFn, plain: bytes) -> bytes:
    """The event as other upstreams would write it."""
    match draw(st.sampled_from(["plain", "plain", "no space", "CRLF", "lines", "typed"])):
        case "no space":
            return plain.replace(b"data: ", b"data:", 1)
        case "CRLF":
            return plain.replace(b"\n", b"\r\n")
        case "lines":
            return plain.replace(b'"choices":', b'"choices"\ndata: :', 1)
        case "typed":
            return b"event: message\nid: 3\n" + plain
        case _:
            return plain


@given(cut())
def test_a_stream_says_as_a_body_what_the_answer_said(
    cut: tuple[dict[str, Any], list[bytes]],
) -> None:
    answer, arrivals = cut
    transcript = OpenAITranscript(streamed=True, hide_logprobs=False)
    for data in arrivals:
        transcript.feed(data)
    given = body(transcript)
    assert given == {**answer, "choices": given["choices"]}
    for said, meant in zip(given["choices"], answer["choices"], strict=True):
        assert said == meant
    assert transcript.choices == whole(answer).choices


@given(cut())
def test_the_pieces_add_up_to_the_choices(cut: tuple[dict[str, Any], list[bytes]]) -> None:
    answer, arrivals = cut
    transcript = OpenAITranscript(streamed=True, hide_logprobs=False)
    pieces = [piece for data in arrivals for piece in transcript.feed(data)]
    for index, choice in enumerate(whole(answer).choices):
        assert added(p for p in pieces if p.choice == index) == choice


def added(pieces: Any) -> Choice:
    own: list[Piece] = list(pieces)
    calls: dict[int, ToolCall] = {}
    for place, call in (fragment for piece in own for fragment in piece.tool_calls):
        known = calls.get(place, ToolCall(""))
        calls[place] = ToolCall(known.name + call.name, known.arguments + call.arguments)
    return Choice(
        "".join(p.text for p in own),
        "".join(p.refusal for p in own) or None,
        tuple(calls[place] for place in sorted(calls)),
        next((p.finish_reason for p in own if p.finish_reason), None),
        sum((p.tokens for p in own), ()) or None,
    )


@given(cut())
def test_a_stream_is_given_as_it_came(cut: tuple[dict[str, Any], list[bytes]]) -> None:
    transcript = OpenAITranscript(streamed=True, hide_logprobs=False)
    for data in cut[1]:
        transcript.feed(data)
    assert transcript.events() == b"".join(cut[1])


@given(completions())
def test_a_body_says_as_a_stream_what_the_answer_said(answer: dict[str, Any]) -> None:
    transcript = whole(answer)
    again = streamed(transcript.events())
    assert again.choices == transcript.choices
    assert body(again) == answer
    assert transcript.body(None) == json.encode(answer)


@given(cut())
def test_hidden_log_probabilities_are_all_that_changes(
    cut: tuple[dict[str, Any], list[bytes]],
) -> None:
    answer, arrivals = cut
    for choice in answer["choices"]:
        choice["logprobs"] = None
    transcript = streamed(b"".join(arrivals), hide_logprobs=True)
    assert body(transcript) == answer
    assert b'"top_logprobs"' not in transcript.events()
    assert body(streamed(transcript.events())) == answer
    given_whole = whole(streamed(b"".join(arrivals)).body(None), hide_logprobs=True)
    assert body(given_whole) == answer
    assert body(streamed(given_whole.events())) == answer
    assert transcript.choices == given_whole.choices == streamed(b"".join(arrivals)).choices


@settings(max_examples=30)
@given(completions())
def test_the_official_client_reads_both_forms_alike(answer: dict[str, Any]) -> None:
    transcript = whole(answer)
    meant = content(parsed_body(json.encode(answer)))
    assert content(parsed_events(transcript.events())) == meant
    again = streamed(transcript.events())
    assert content(parsed_body(again.body(Usage(3, 4)))) == meant


# ── Streams as their upstreams write them ────────────────────────────────────────────────────


def test_pieces_carry_what_checks_look_at() -> None:
    told = {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": []}], "refusal": None}
    transcript = OpenAITranscript(streamed=True, hide_logprobs=False)
    assert transcript.feed(event([delta(role="assistant", content="")])) == []
    assert transcript.feed(event([{**delta(content="a"), "logprobs": told}])) == [
        Piece(text="a", tokens=(Token("a", -0.5),))
    ]
    assert transcript.feed(event([delta(1, refusal="no")])) == [Piece(refusal="no", choice=1)]
    call = {"index": 0, "id": "x", "function": {"name": "f", "arguments": ""}}
    assert transcript.feed(event([delta(tool_calls=[call])])) == [
        Piece(tool_calls=((0, ToolCall("f")),))
    ]
    assert transcript.feed(event([delta(finish_reason="stop")])) == [Piece(finish_reason="stop")]
    assert transcript.choices == (
        Choice("a", None, (ToolCall("f"),), "stop", (Token("a", -0.5),)),
        Choice("", "no"),
    )


@pytest.mark.parametrize(
    ("top", "runner_up"),
    [
        ([("yes", -0.1), ("no", -2.5), ("maybe", -3.0)], -2.5),
        ([("no", -0.05), ("yes", -0.1)], -0.05),
        ([("yes", -0.1)], None),
        ([("yes", -0.1), ("no", None)], -9999.0),
        (None, None),
    ],
)
def test_the_runner_up_is_the_best_other_token(top: Any, runner_up: float | None) -> None:
    others = None if top is None else [{"token": t, "logprob": p} for t, p in top]
    told = {"content": [{"token": "yes", "logprob": -0.1, "top_logprobs": others}]}
    assert whole(completion({"message": {"content": "yes"}, "logprobs": told})).choices[
        0
    ].tokens == (Token("yes", -0.1, runner_up),)


def test_empty_log_probabilities_tell_nothing() -> None:
    nothing: list[Any] = [{"content": []}, {"content": None}, -0.25, None]
    for told in nothing:
        sent = event([{**delta(content="a"), "logprobs": told}])
        assert streamed(sent).choices[0].tokens is None


def test_azure_begins_with_a_chunk_about_the_prompt() -> None:
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
    filters = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}]
    sent = b"data: " + json.encode({**first, "prompt_filter_results": filters}) + b"\n\n"
    safe = {"hate": {"filtered": False, "severity": "safe"}}
    sent += event([{**delta(content="a"), "content_filter_results": safe}])
    sent += event([{**delta(content="b"), "content_filter_results": safe}])
    sent += event([{**delta(finish_reason="stop"), "content_filter_results": {}}]) + DONE
    given = body(streamed(sent))
    assert (given["id"], given["created"], given["model"]) == ("c-1", 7, "m")
    assert given["prompt_filter_results"] == filters
    assert given["choices"][0]["message"]["content"] == "ab"


def test_vllm_states_usage_in_every_chunk() -> None:
    usages = [
        {"prompt_tokens": 5, "completion_tokens": n, "total_tokens": 5 + n} for n in (0, 1, 2)
    ]
    sent = event([delta(role="assistant", content="")], usage=usages[0])
    sent += event([{**delta(role="assistant", content="a"), "stop_reason": None}], usage=usages[1])
    sent += event([{**delta(finish_reason="stop"), "stop_reason": 7}], usage=None)
    sent += b'data: {"choices":[],"usage":{"prompt_tokens": 5, "completion_tokens": 2}}\n\n' + DONE
    raw = streamed(sent).body(Usage(1, 1))
    assert raw.endswith(b'"usage":{"prompt_tokens": 5, "completion_tokens": 2}}')
    assert json.decode(raw)["choices"][0]["stop_reason"] == 7


def test_llama_cpp_adds_its_timings_at_the_end() -> None:
    sent = event([delta(content="a")]) + event([delta(finish_reason="stop")], timings={"n": 1.5})
    assert body(streamed(sent + DONE))["timings"] == {"n": 1.5}


def test_mistral_says_content_in_parts() -> None:
    def thought(text: str) -> dict[str, Any]:
        return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}

    sent = stream_of(
        delta(role="assistant", content=""),
        delta(content=[thought("h")]),
        delta(content=[thought("m")]),
        delta(content="a"),
        delta(content=[{"type": "text", "text": "b"}]),
    )
    transcript = streamed(sent)
    thinking = [*thought("h")["thinking"], *thought("m")["thinking"]]
    assert transcript.choices[0].text == "ab"
    assert message(transcript)["content"] == [
        {"type": "thinking", "thinking": thinking},
        {"type": "text", "text": "ab"},
    ]
    given = whole(completion({"message": message(transcript)}))
    assert given.choices[0].text == "ab"
    assert message(streamed(given.events())) == message(transcript)


def test_text_parts_alone_are_text() -> None:
    listed = [{"type": "text", "text": "a"}]
    assert (
        message(streamed(stream_of(delta(content=listed), delta(content=listed))))["content"]
        == "aa"
    )


def test_a_name_that_is_said_again_is_said_once() -> None:
    call = {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": "{"}}
    again = {**call, "function": {"name": "f", "arguments": "}"}}
    nameless = {"index": 0, "id": "", "type": None, "function": {"name": "", "arguments": " "}}
    transcript = streamed(stream_of(*(delta(tool_calls=[c]) for c in (call, again, nameless))))
    assert transcript.choices[0].tool_calls == (ToolCall("f", "{} "),)
    assert message(transcript)["tool_calls"] == [
        {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{} "}}
    ]


def test_tool_calls_without_an_index_follow_each_other() -> None:
    calls = [
        {"id": "x", "function": {"name": "f", "arguments": "1"}},
        {"function": {"arguments": "2"}},
        {"id": "y", "function": {"name": "g", "arguments": "3"}},
    ]
    transcript = streamed(stream_of(*(delta(tool_calls=[call]) for call in calls)))
    assert transcript.choices[0].tool_calls == (ToolCall("f", "12"), ToolCall("g", "3"))
    assert [(c["id"], c["function"]["arguments"]) for c in message(transcript)["tool_calls"]] == [
        ("x", "12"),
        ("y", "3"),
    ]


def test_tools_alone_leave_the_content_null() -> None:
    call = {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = message(streamed(stream_of(delta(content=""), delta(tool_calls=[call]))))
    assert said["content"] is None
    assert message(streamed(stream_of(delta(content=""))))["content"] == ""


def test_a_custom_tools_input_is_free_text() -> None:
    begun = {"index": 0, "id": "x", "type": "custom", "custom": {"name": "sh", "input": "l"}}
    more = {"index": 0, "custom": {"input": "s"}}
    transcript = streamed(stream_of(delta(tool_calls=[begun]), delta(tool_calls=[more])))
    assert transcript.choices[0].tool_calls == (ToolCall("sh", "ls"),)
    assert message(transcript)["tool_calls"] == [
        {"type": "custom", "id": "x", "custom": {"name": "sh", "input": "ls"}}
    ]


def test_a_legacy_function_call_is_a_tool_call() -> None:
    transcript = streamed(
        stream_of(
            delta(role="assistant", content=None, function_call={"name": "f", "arguments": "{"}),
            delta(function_call={"arguments": "}"}),
            delta(finish_reason="function_call"),
        )
    )
    assert transcript.choices[0].tool_calls == (ToolCall("f", "{}"),)
    assert message(transcript)["function_call"] == {"name": "f", "arguments": "{}"}
    assert streamed(whole(transcript.body(None)).events()).choices == transcript.choices


def test_members_never_heard_of_are_joined_or_kept() -> None:
    first = {**delta(content="a", reasoning="x", cites=[1], audio={"id": "i"}), "token_ids": [1]}
    second = {**delta(reasoning="y", cites=[2], audio={"data": "p"}, level=1), "token_ids": [2]}
    third = delta(audio={"data": "q", "expires_at": 9}, level=2)
    sent = event([first], system_fingerprint="f", obfuscation="zz", sources=["s"])
    sent += event([second], system_fingerprint=None, sources=["s", "t"]) + event([third]) + DONE
    given = body(streamed(sent))
    assert given["system_fingerprint"] == "f"
    assert given["sources"] == ["s", "t"]
    assert "obfuscation" not in given
    assert given["choices"][0]["token_ids"] == [1, 2]
    assert given["choices"][0]["message"] == {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "reasoning": "xy",
        "cites": [1, 2],
        "audio": {"id": "i", "data": "pq", "expires_at": 9},
        "level": 2,
    }


def test_an_error_event_is_left_to_the_tap() -> None:
    sent = event([delta(content="a")]) + b'data: {"error":{"message":"out"}}\n\n'
    transcript = streamed(sent)
    assert transcript.choices == (Choice("a"),)
    assert "error" not in body(transcript)


# ── A stream's end ───────────────────────────────────────────────────────────────────────────

SAID = event([delta(content='data: [DONE] "[DONE]"')])


@pytest.mark.parametrize(
    "end",
    [
        b"",
        DONE,
        b"data: [DONE]",
        b"data:[DONE]\r\n\r\n",
        DONE + DONE,
        DONE + event([delta(content="late")]),
    ],
)
def test_a_stream_ends_once(end: bytes) -> None:
    transcript = streamed(SAID + end)
    assert transcript.events() == SAID + DONE
    assert transcript.choices[0].text == 'data: [DONE] "[DONE]"'


def test_what_comes_behind_the_end_is_not_read() -> None:
    transcript = streamed(SAID + DONE)
    assert transcript.feed(b"no event") == []
    assert transcript.events() == SAID + DONE


def test_a_last_event_without_its_blank_line_is_ended() -> None:
    assert streamed(SAID.rstrip()).events() == SAID + DONE
    carriage = SAID.replace(b"\n", b"\r\n")
    assert streamed(carriage).events() == carriage + DONE


# ── Usage ────────────────────────────────────────────────────────────────────────────────────


def test_usage_that_was_not_in_the_stream_is_stated() -> None:
    transcript = streamed(stream_of(delta(content="a", finish_reason="stop")))
    assert "usage" not in body(transcript)
    assert body(transcript, Usage(3, 4))["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
    }
    detailed = body(transcript, Usage(3, 4, cached_input=2, reasoning=1))["usage"]
    assert detailed["prompt_tokens_details"]["cached_tokens"] == 2
    assert detailed["completion_tokens_details"]["reasoning_tokens"] == 1
    assert parsed_body(transcript.body(Usage(3, 4, 2))).usage is not None


def test_a_bodys_usage_comes_last_where_it_is_asked_for() -> None:
    transcript = whole(completion({"message": {"content": "a"}}, usage={"prompt_tokens": 1}))
    assert b'"usage"' not in transcript.events()
    *_, last, done, rest = transcript.events(with_usage=True).split(b"\n\n")
    assert json.decode(last[6:]) == {**HEAD, "choices": [], "usage": {"prompt_tokens": 1}}
    assert (done, rest) == (b"data: [DONE]", b"")


# ── A body as a stream ───────────────────────────────────────────────────────────────────────


def test_a_body_becomes_a_chunk_for_each_thing_said() -> None:
    call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = {"role": "assistant", "content": "a", "tool_calls": [call], "annotations": [1]}
    transcript = whole(completion({"message": said}, citations=["s"]))
    chunks = [json.decode(e[6:]) for e in transcript.events().split(b"\n\n")[:-2]]
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": ""},
        {"annotations": [1]},
        {"content": "a"},
        {"tool_calls": [{"index": 0, **call}]},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * 4 + ["stop"]
    assert ["citations" in chunk for chunk in chunks] == [True] + [False] * 4
    assert all(HEAD.items() <= chunk.items() for chunk in chunks)


@pytest.mark.parametrize(
    ("stated", "meant"),
    [([1, 0], [1, 0]), ([None, None], [0, 1]), ([0, 0], [0, 1]), ([None, 1], [0, 1])],
)
def test_indices_are_kept_where_they_tell_choices_apart(
    stated: Sequence[int | None], meant: list[int]
) -> None:
    choices = [{"index": i, "message": {"content": "ab"[n]}} for n, i in enumerate(stated)]
    transcript = whole({**HEAD, "choices": choices})
    said = {index: "ab"[n] for n, index in enumerate(meant)}
    assert [choice.text for choice in transcript.choices] == [said[0], said[1]]
    assert streamed(transcript.events()).choices == transcript.choices


def test_a_message_may_be_missing() -> None:
    transcript = whole(completion({"message": None}, {}))
    assert transcript.choices == (Choice(finish_reason="stop"),) * 2
    assert streamed(transcript.events()).choices == transcript.choices


# ── Hidden log probabilities ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("came", "shown"),
    [
        (
            b'{ "x":"\\"logprobs\\":", "choices" : [ {"logprobs" : {"content":[]} , "index":0}\t]}',
            b'{ "x":"\\"logprobs\\":", "choices" : [ {"logprobs" : null , "index":0}\t]}',
        ),
        (
            b'{"logprobs":1,"choices":[{"y":{"logprobs":2},"logprobs":3},{"logprobs":4}]}',
            b'{"logprobs":1,"choices":[{"y":{"logprobs":2},"logprobs":null},{"logprobs":null}]}',
        ),
        (
            b'{"choices":[{"a":1,"a":12,"logprobs":3}]}',
            b'{"choices":[{"a":1,"a":12,"logprobs":null}]}',
        ),
        (
            b'{"choices":[{"logprobs":3,"logprobs":3}]}',
            b'{"choices":[{"logprobs":null}]}',
        ),
        (
            b'{"choices":[{"logprobs":{"content":[{"token":"logprobs","logprob":-1}]},"x":1.50}]}',
            b'{"choices":[{"logprobs":null,"x":1.50}]}',
        ),
        (
            b'{"choices":[{"message":{"logprobs":2},"logprobs":2}]}',
            b'{"choices":[{"message":{"logprobs":2},"logprobs":null}]}',
        ),
    ],
)
def test_nothing_else_is_touched(came: bytes, shown: bytes) -> None:
    assert whole(came, hide_logprobs=True).body(None) == shown
    stream = b": hi\r\n\r\nid: 1\r\ndata:" + came + b"\r\n\r\n"
    hidden = streamed(stream, hide_logprobs=True).events()
    assert hidden == b": hi\r\n\r\nid: 1\r\ndata:" + shown + b"\r\n\r\n" + DONE


def test_an_answer_without_log_probabilities_is_kept_as_it_is() -> None:
    came = json.encode(completion({"message": {"content": "logprobs"}, "logprobs": None}))
    assert whole(came, hide_logprobs=True).body(None) == came


# ── What is no reply ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "data",
    [
        b"data: {",
        b"data: 1\n\n",
        b"data: hello\n\n",
        b'data: {"choices":1}\n\n',
        b'data: {"choices":[{"delta":{"content":1}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
        b'data: {"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n\n",
    ],
)
def test_a_stream_of_something_else_is_malformed(data: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        streamed(data)


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"[]", b"{}", b'{"choices":null}', b'{"choices":2}']
)
def test_a_body_of_something_else_is_malformed(data: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        whole(data)


def test_a_member_that_only_the_other_form_has_to_read_may_be_malformed_too() -> None:
    transcript = streamed(b'data: {"choices":[{"delta":{"x":"\xff"}}]}\n\n')
    with pytest.raises(UpstreamMalformed):
        transcript.body(None)


def test_a_reply_without_choices_has_no_form() -> None:
    transcript = streamed(b": hello\n\n" + DONE)
    assert transcript.choices == ()
    with pytest.raises(UpstreamMalformed):
        transcript.events()
    with pytest.raises(UpstreamMalformed):
        transcript.body(None)


def test_a_reply_too_large_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_transcript, "MAX_REPLY", 3 * len(SAID))
    transcript = streamed(SAID * 3)
    with pytest.raises(UpstreamMalformed, match="too large"):
        transcript.feed(SAID)
    with pytest.raises(UpstreamMalformed, match="too large"):
        whole(SAID * 4)


def test_a_body_comes_once() -> None:
    transcript = whole(completion())
    with pytest.raises(UpstreamMalformed):
        transcript.feed(b"{}")
