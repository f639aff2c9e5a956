"""The token estimate: near the o200k count, within its stated error, exact where it matters."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.routing import tokens
from stepdown.types import Message, Prompt

TEXTS = {
    "English": (
        "The harbour master keeps a log of every ship that enters the bay. Last winter the storms "
        "were so heavy that two piers had to be closed, and the fishermen moved to the old quay."
    ),
    "mathematics": "Let $f(x) = x^2 - 3x + 2$ and let $g(y) = \\frac{1}{y+1}$. Then $f(g(0)) = 0$.",
    "code": (
        "def median(values: list[float]) -> float:\n    ordered = sorted(values)\n    middle = "
        "len(ordered) // 2\n    return ordered[middle] if len(ordered) % 2 else 0.5 * (\n        "
        "ordered[middle - 1] + ordered[middle]\n    )\n"
    ),
    "JSON": json.dumps([{"id": n * 7919, "name": f"pump {n}", "bar": n / 7} for n in range(12)]),
    "German": (
        "Der Hafenmeister führt ein Buch über jedes Schiff, das in die Bucht einläuft. Im letzten "
        "Winter waren die Stürme so heftig, dass zwei Stege geschlossen werden mussten."
    ),
    "French": (
        "Le capitaine du port tient un registre de chaque navire qui entre dans la baie. L'hiver "
        "dernier, les tempêtes ont été si fortes que deux jetées ont dû être fermées."
    ),
    "Russian": (
        "Начальник порта ведёт журнал каждого судна, которое входит в бухту. Прошлой зимой штормы "
        "были такими сильными, что два причала пришлось закрыть."
    ),
    "Chinese": (
        "港务长记录每一艘进入海湾的船。去年冬天的风暴非"
        "常猛烈，两个码头不得不关闭，渔民们搬到了旧码头。"
    ),
    "Japanese": (
        "港長は湾に入るすべての船の記録をつけています。"
        "去年の冬は嵐がひどく、二つの桟橋を閉鎖しました。"
    ),
    "Korean": (
        "항만장은 만에 들어오는 모든 배를 기록합니다. 지난겨울에는 "
        "폭풍이 심해서 부두 두 곳을 닫아야 했습니다."
    ),
    "Arabic": (
        "يحتفظ رئيس الميناء بسجل لكل سفينة تدخل الخليج. في الشتاء الماضي كانت العواصف شديدة جدا."
    ),
    "Hindi": ("बंदरगाह का प्रमुख खाड़ी में आने वाले हर जहाज का लेखा रखता है। पिछली सर्दियों में तूफान बहुत तेज थे।"),
    "Greek": (
        "Ο λιμενάρχης κρατά αρχείο για κάθε πλοίο που μπαίνει "
        "στον κόλπο. Πέρυσι οι θύελλες ήταν σφοδρές."
    ),
}


def prompt(*texts: str) -> Prompt:
    return Prompt("auto", [Message("user", text) for text in texts])


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("times", [1, 4, 40])
def test_the_count_lies_within_the_error(name: str, times: int) -> None:
    pytest.importorskip("quicktok")
    asked = prompt("\n".join([TEXTS[name]] * times))
    estimated, counted = tokens.estimate(asked), tokens.count(asked)
    assert counted is not None
    assert abs(estimated.value - counted.value) <= estimated.error
    assert estimated.error < 0.5 * estimated.value + 5


def test_known_counts() -> None:
    """o200k_base splits "hello world" in 2; a message adds 4 and the reply 3."""
    pytest.importorskip("quicktok")
    counted = tokens.count(prompt("hello world"))
    assert counted is not None
    assert (counted.value, counted.error) == (9, 0)


@given(st.text(max_size=3000))
def test_any_text_has_a_finite_estimate(text: str) -> None:
    reading = tokens.estimate(prompt(text))
    assert reading.value >= tokens.PER_REPLY
    assert 0 <= reading.error < float("inf")


@given(st.text(min_size=1, max_size=500), st.integers(2, 5))
def test_more_messages_are_more_tokens(text: str, times: int) -> None:
    assert tokens.estimate(prompt(*[text] * times)).value > tokens.estimate(prompt(text)).value


def test_images_and_attachments_widen_the_error(ask: Any) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    sound = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
    text = {"type": "text", "text": "What is this?"}
    plain = tokens.estimate(ask(messages=[{"role": "user", "content": [text]}]).prompt)
    for part, extra in ((picture, tokens.PER_IMAGE), (sound, tokens.PER_ATTACHMENT)):
        seen = tokens.estimate(ask(messages=[{"role": "user", "content": [text, part]}]).prompt)
        assert seen.value == plain.value + extra[0]
        assert seen.error == plain.error + extra[1]


def test_tools_and_schemas_count(ask: Any) -> None:
    tool = {"type": "function", "function": {"name": "light", "description": "on or off " * 50}}
    with_tools = ask("Switch on the light", tools=[tool])
    without = tokens.estimate(with_tools.prompt)
    assert tokens.estimate(with_tools.prompt, with_tools.fields).value > without.value + 100


NEAR = "The valve is open. " * 98
"""About 500 tokens."""


def test_an_exact_count_is_made_only_where_a_rule_hangs_on_it(ask: Any, standard: Any) -> None:
    pytest.importorskip("quicktok")
    counted = standard.read(ask(f"Summarize this note.\n\nNote: {NEAR}"))["tokens"]
    assert (counted.saw, counted.error) == ("counted with o200k", 0)
    for text in (
        f"Prove this.\n\nNote: {NEAR}",
        f"Summarize this note.\n\nNote: {NEAR[:200]}",
        f"Summarize this note.\n\nNote: {NEAR * 20}",
    ):
        assert standard.read(ask(text))["tokens"].saw == "estimated from the characters"


def test_without_the_tokenizer_it_is_borderline_and_strong(
    ask: Any, standard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(f"Summarize this note.\n\nNote: {NEAR[:1800]}")
    assert standard.decide(request, standard.read(request)).model == "cheap"
    monkeypatch.setattr(tokens, "tokenizer", lambda: None)
    readings = standard.read(request)
    assert readings["tokens"].error > 0
    decision = standard.decide(request, readings)
    assert (decision.model, decision.name, decision.ambiguous) == ("strong", "default", True)
