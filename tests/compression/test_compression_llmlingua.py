"""``llmlingua``: which stretches the model gets, what becomes of its answers, and how it is loaded.

The model's weights come from a hub, which tests do not ask: a simulated model stands in its place.
"""

import threading

import pytest

from stepdown.compression.techniques import llmlingua
from stepdown.compression.techniques.llmlingua import Llmlingua
from stepdown.routing.problems import Problems
from support.prompts_to_shrink import PROTECTED, applied, document, draft_of, tool, user

ASKED = user("Which note speaks of ice?")


class SimulatedModel:
    """Keeps the first words."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float]] = []

    def __call__(self, text: str, rate: float) -> str:
        self.seen.append((text, rate))
        words = text.split()
        return " ".join(words[: round(rate * len(words))])


def test_the_model_gets_the_documents_and_the_share_that_is_to_stay() -> None:
    model = SimulatedModel()
    draft = draft_of(tool(document(30)), ASKED)
    draft.target = round(draft.tokens * 0.5)
    after = applied(Llmlingua(lambda: model), draft)
    [(text, rate)] = model.seen
    assert text == document(30)
    assert rate == pytest.approx(0.5, abs=0.05)
    assert str(after[0].content).split() == document(30).split()[: round(rate * 30 * 18)]
    assert after[1].content == ASKED["content"]


@pytest.mark.parametrize("protected", PROTECTED)
def test_what_is_protected_never_gets_to_the_model(protected: str) -> None:
    model = SimulatedModel()
    text = f"{document(10)}\n\n{protected}\n\n{document(10, 20)}"
    after = applied(Llmlingua(lambda: model), draft_of(tool(text), ASKED, target=50))
    assert protected in str(after[0].content)
    assert len(model.seen) == 2
    assert not any(protected in seen for seen, _ in model.seen)


def test_without_a_need_or_a_document_no_model_is_loaded() -> None:
    def load() -> SimulatedModel:
        raise AssertionError("loaded")

    applied(Llmlingua(load), draft_of(tool(document(30)), ASKED))
    applied(Llmlingua(load), draft_of(tool("short"), ASKED, target=1))


def test_an_answer_that_is_longer_is_refused() -> None:
    draft = draft_of(tool(document(30)), ASKED, target=50)
    after = applied(Llmlingua(lambda: lambda text, rate: text + " and more words"), draft)
    assert after[0].content == document(30)


def test_one_thread_loads_and_the_others_go_on_without() -> None:
    loading, finish = threading.Event(), threading.Event()
    model = SimulatedModel()

    def load() -> SimulatedModel:
        loading.set()
        assert finish.wait(10)
        return model

    technique = Llmlingua(load)
    first = draft_of(tool(document(30)), ASKED, target=200)
    thread = threading.Thread(target=technique.apply, args=(first,))
    thread.start()
    assert loading.wait(10)
    second = draft_of(tool(document(30)), ASKED, target=200)
    technique.apply(second)
    assert second.made() == {}
    finish.set()
    thread.join(10)
    assert first.made().keys() == {0}
    technique.apply(second)
    assert second.made().keys() == {0}


def test_a_model_that_could_not_be_loaded_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[int] = []

    def load() -> SimulatedModel:
        tries.append(1)
        raise OSError("the hub is out of reach")

    technique = Llmlingua(load)
    draft = draft_of(tool(document(30)), ASKED, target=200)
    with pytest.raises(OSError, match="out of reach"):
        technique.apply(draft)
    technique.apply(draft)
    assert len(tries) == 1
    monkeypatch.setattr(llmlingua, "RETRY_AFTER", 0.0)
    with pytest.raises(OSError, match="out of reach"):
        technique.apply(draft)


def test_without_the_package_the_configuration_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(llmlingua, "is_installed", lambda: False)
    problems = Problems()
    assert llmlingua.build(None, "at", problems) is None
    [line] = problems.lines
    assert line.startswith("at: 'llmlingua' needs a package that is not installed: pip install")


def test_with_it_the_model_and_the_device_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llmlingua, "is_installed", lambda: True)
    problems = Problems()
    assert llmlingua.build({"model": "own/model", "device": "cuda"}, "at", problems) is not None
    assert problems.lines == []
    llmlingua.build({"model": 3}, "at", problems)
    assert problems.lines == ["at.model: expected a text, got 3"]
