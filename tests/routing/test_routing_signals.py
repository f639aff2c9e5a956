"""Signals: what each reads, how sure it is, and what it saw."""

import sys
from pathlib import Path
from typing import Any

import pytest

from stepdown.routing.asked import Asked
from stepdown.routing.lexicon import Lexicon, extended
from stepdown.routing.route import build_route
from stepdown.routing.signals import BUILT_IN, KnownSignal, SignalSet, plugin
from stepdown.routing.vocabulary import TASKS
from stepdown.types import Reading, Request


def signal(name: str) -> KnownSignal:
    found = SignalSet(Asked()).named(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "tasks", "confidence"),
    [
        ("Summarize the text", {"summarize"}, 1.0),
        ("Please summarise it.", {"summarize"}, 1.0),
        ("Read the note and summarize it", {"summarize"}, 1.0),
        ("I need to classify this ticket", {"classify"}, 1.0),
        ("She can summarize well", {"summarize"}, 0.4),
        ("tl;dr", {"summarize"}, 1.0),
        ("What is a trade-off?", {"compare"}, 1.0),
        ("Write a summary", {"summarize"}, 1.0),
        ("Write a summary and an analysis", {"summarize", "analyze"}, 1.0),
        ("misclassify unformatted reanalyze", set(), 1.0),
        ("Hello", set(), 1.0),
    ],
)
def test_task(ask: Any, text: str, tasks: set[str], confidence: float) -> None:
    reading = signal("task").read(ask(text))
    assert (reading.value, reading.confidence) == (frozenset(tasks), confidence)


def test_task_says_which_words_it_saw_and_where(ask: Any) -> None:
    assert signal("task").read(ask("Please extract the date")).saw == "'extract' at 7"
    standing = signal("task").read(ask("The valve is shut", system="Classify the note."))
    assert standing.saw == "'classify' at 0 of the system prompt"


def test_task_words_can_be_added_in_any_language(ask: Any) -> None:
    more = {"classify": ["sort into", "ordne zu"], "extract": ["提取"], "invoice": ["buche"]}
    asked = Asked(Lexicon(extended(TASKS, more)))
    named = BUILT_IN["task"](asked)
    assert named.values is not None
    assert "invoice" in named.values
    for text, task in [
        ("Sort into three groups: a, b, c", "classify"),
        ("Ordne zu: Rechnung oder Mahnung", "classify"),
        ("提取日期", "extract"),
        ("Buche diese Rechnung", "invoice"),
    ]:
        reading = named.read(ask(text))
        assert (reading.value, reading.confidence) == (frozenset({task}), 1.0), text


@pytest.mark.parametrize(
    ("text", "fields", "output"),
    [
        ("True or false: the sea is deep", {}, "yes_no"),
        ("Reply with one word", {}, "label"),
        ("Return JSON with keys a and b", {}, "json_field"),
        ("Return JSON", {}, "json"),
        ("Answer in one sentence", {}, "short"),
        ("Write a detailed report", {}, "multi_paragraph"),
        ("Any suggestions for a name?", {}, "open_ended"),
        ("Yes or no, and explain in detail", {}, "multi_paragraph"),
        ("Hello", {}, "unstated"),
        ("Hello", {"max_tokens": 5}, "short"),
        ("Hello", {"max_tokens": 500}, "unstated"),
        ("Hello", {"response_format": {"type": "json_object"}}, "json"),
        ("Hello", {"response_format": {"type": "text"}}, "unstated"),
        (
            "Dim the light",
            {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"},
            "tool_call",
        ),
        (
            "Dim the light",
            {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"},
            "unstated",
        ),
    ],
)
def test_output(ask: Any, text: str, fields: dict[str, Any], output: str) -> None:
    assert signal("output").read(ask(text, **fields)).value == output


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("Describe the sea as a caption", "caption"),
        ("Reply with one word, as a caption", "caption"),
        ("Explain the sea in detail, as a caption", "multi_paragraph"),
        ("Describe the sea as a caption or as a slogan", "caption"),
    ],
)
def test_a_kind_of_output_of_ones_own(ask: Any, text: str, output: str) -> None:
    """It is never less than the built-in kinds that are short, and never hides a long one."""
    options = {
        "ladder": ["cheap", "strong"],
        "signals": {"output": {"caption": ["as a caption"], "slogan": ["as a slogan"]}},
        "rules": [{"name": "verse", "when": {"output": "caption"}, "rung": "cheap"}],
    }
    route = build_route("auto", options, price_of=lambda model: None)
    readings = route.read(ask(text))
    assert readings["output"].value == output
    assert route.decide(ask(text), readings).name == ("verse" if output == "caption" else "default")


def test_output_words_of_a_document_do_not_count(ask: Any) -> None:
    text = "Name the sender.\n\n```\nAnswer yes or no, in detail: why?\n```"
    assert signal("output").read(ask(text)).value == "unstated"


def test_intent_has_one_spelling(ask: Any) -> None:
    for request in (
        ask("Hi", intent="FAQ lookup"),
        ask("Hi", intent="faq-Lookup"),
        ask("Hi", metadata={"intent": "faq_lookup"}),
    ):
        assert signal("intent").read(request).value == "faq_lookup"
    assert signal("intent").read(ask("Hi")).value is None
    assert signal("intent").read(ask("Hi", metadata={"intent": 5})).value is None


def test_counts(ask: Any) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    request = ask(
        messages=[
            {"role": "user", "content": "One"},
            {"role": "assistant", "content": "Two"},
            {"role": "user", "content": [{"type": "text", "text": "Three"}, picture, picture]},
        ],
        tools=[{"type": "function", "function": {"name": "f"}}],
    )
    read = {name: signal(name).read(request).value for name in ("turns", "images", "tools")}
    assert read == {"turns": 2, "images": 2, "tools": 1}


@pytest.mark.parametrize(
    ("text", "code", "confidence"),
    [
        ("```\nx = 1\n```", True, 1.0),
        ("def f(x):\n    return x", True, 0.7),
        ("Look:\n  const a = 5", True, 0.7),
        ("import duties are high", True, 0.7),
        ("The class of 2020 was large.", False, 1.0),
    ],
)
def test_code(ask: Any, text: str, code: bool, confidence: float) -> None:
    reading = signal("code").read(ask(text))
    assert (reading.value, reading.confidence) == (code, confidence)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the height of the tower?", "en"),
        ("Wie hoch ist der Turm und wer hat ihn gebaut?", "de"),
        ("Quelle est la hauteur de la tour et qui est dans les plans ?", "fr"),
        ("¿Cómo es la torre y qué hay en los planos del puerto?", "es"),
        ("Какова высота башни?", "ru"),
        ("塔有多高？", "zh"),
        ("塔の高さはどのくらいですか", "ja"),
        ("탑의 높이는 얼마입니까", "ko"),
        ("كم يبلغ ارتفاع البرج", "ar"),
        ("xyzzy", None),
    ],
)
def test_language(ask: Any, text: str, language: str | None) -> None:
    reading = signal("language").read(ask(text))
    assert reading.value == language
    assert (reading.confidence > 0) == (language is not None)


def test_a_system_prompt_has_one_hash_everywhere(ask: Any) -> None:
    first = signal("system_prompt").read(ask("Hi", system="Be brief."))
    assert first.value == "1dc69e447c17301c"  # printf "Be brief." | b2sum -l 64
    assert signal("system_prompt").read(ask("Bye", system="Be brief.")) == first
    assert signal("system_prompt").read(ask("Hi", system="Be brief!")).value != first.value
    assert signal("system_prompt").read(ask("Hi")).value is None


def test_tags(ask: Any) -> None:
    request = ask("Hi", metadata={"tier": 3}, headers={"x-team": "blue"}, tenant="acme")
    read = {
        name: signal(name).read(request).value
        for name in ("metadata.tier", "metadata.none", "header.X-Team", "header.none", "key")
    }
    assert read == {
        "metadata.tier": 3,
        "metadata.none": None,
        "header.X-Team": "blue",
        "header.none": None,
        "key": "acme",
    }


def test_the_read_request_is_let_go(ask: Any) -> None:
    asked = Asked()
    request = ask("Summarize the text")
    assert asked.user(request) is asked.user(request)
    asked.forget()
    assert asked.user(ask("Other words")).words == {"other", "words"}


def test_system_prompts_that_come_again_are_read_once_and_few_are_kept(ask: Any) -> None:
    asked = Asked()
    again = ask("Hi", system="Classify the note.")
    assert asked.standing(again) is asked.standing(again)
    for number in range(1000):
        asked.standing(ask("Hi", system=f"Be number {number}."))
    assert len(asked._standing) == 256


class Moon:
    """A plug-in's signal."""

    name = "moon"

    def read(self, request: Request) -> Reading:
        if request.intent == "eclipse":
            raise LookupError(request.intent)
        return Reading("full", saw="the sky")


def test_a_plug_in_is_found_by_its_entry_point_and_cannot_fail_a_request(
    ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    package = tmp_path / "moon-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: moon\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[stepdown.signals]\nmoon = moon_signal:Moon\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "moon_signal", sys.modules[__name__])
    moon = SignalSet(Asked()).named("moon")
    assert isinstance(moon, plugin.PluginSignal)
    assert moon.read(ask("Hi")).value == "full"
    for _ in range(3):
        failed = moon.read(ask("Hi", intent="eclipse"))
        assert (failed.value, failed.confidence) == (None, 0.0)
        assert failed.saw == "the signal raised LookupError"
    assert moon.failures == {"LookupError": 3}
    assert len(caplog.records) == 1
    assert SignalSet(Asked()).named("sun") is None
    assert "moon" in plugin.plugin_names()
