"""Languages: prose in another one is rejected, what is too short or no prose passes."""

import json
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators import language as module
from stepdown.cascade.validators.language import READ, Language, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, ToolCall
from support.watching import ANY_REQUEST, cut, keeps_the_law

SAID = {
    "en": "Your parcel left our warehouse yesterday and should arrive on Thursday morning.",
    "de": "Ihr Paket hat unser Lager gestern verlassen und sollte am Donnerstag ankommen.",
    "fr": "Votre colis a quitté notre entrepôt hier et devrait arriver jeudi dans la matinée.",
    "es": "Su paquete salió ayer de nuestro almacén y debería llegar el jueves por la mañana.",
    "pt": "A sua encomenda saiu ontem do nosso armazém e deve chegar na quinta-feira de manhã.",
    "it": "Il suo pacco ha lasciato ieri il nostro magazzino e dovrebbe arrivare giovedì mattina.",
    "nl": "Uw pakket heeft gisteren ons magazijn verlaten en komt donderdagochtend aan.",
    "da": "Din pakke forlod vores lager i går og bør ankomme torsdag formiddag.",
    "ru": "Ваша посылка вчера покинула наш склад и должна прибыть в четверг утром.",
    "ja": "お客様の荷物は昨日倉庫を出ましたので、木曜日の朝に届く予定でございます。",
    "zh": "您的包裹昨天已经离开我们的仓库，预计星期四上午送达，请您耐心等待，谢谢。",
}


def built(options: object) -> Language:
    problems = Problems()
    language = build(options, "at", problems)
    assert language is not None, problems.lines
    return language


@pytest.mark.parametrize("code", SAID)
def test_an_answer_in_the_language_passes_and_in_another_does_not(code: str) -> None:
    language = built(code)
    passes = {
        other for other, text in SAID.items() if language.check(Choice(text), ANY_REQUEST) is None
    }
    assert passes == {code}


def test_several_languages_may_be_allowed() -> None:
    both = built(["en", "de"])
    assert both.check(Choice(SAID["de"]), ANY_REQUEST) is None
    assert both.check(Choice(SAID["fr"]), ANY_REQUEST) == "expected de, en, got fr"


@pytest.mark.parametrize(
    "text",
    [
        *("", "Oui, bien sûr.", "42", "C'est la vie", "3.14159 " * 50),
        f"```\n{SAID['fr']}\n```\nThis is the text that you asked for, in French.",
        f"```\n{SAID['fr']}",
        json.dumps({"antwort": SAID["en"], "begründung": SAID["en"]}, ensure_ascii=False),
        json.dumps([{"la réponse à la question": 1, "le nombre de colis livrés": 2}]),
        '{"' + '\\"' * 3000,
    ],
)
def test_what_is_too_short_or_no_prose_passes(text: str) -> None:
    assert built("en").check(Choice(text), ANY_REQUEST) is None


def test_the_values_of_json_are_read() -> None:
    answer = json.dumps({"answer": SAID["fr"]}, ensure_ascii=False)
    assert built("en").check(Choice(answer), ANY_REQUEST) == "expected en, got fr"


def test_tool_calls_without_a_text_pass() -> None:
    choice = Choice(tool_calls=(ToolCall("f", "{}"),))
    assert built("en").check(choice, ANY_REQUEST) is None


@pytest.mark.parametrize("text", ["`" * READ, "\n\t```" * READ, '"\\' * READ, "[" + '"' * READ])
def test_hostile_answers_are_read_quickly(text: str) -> None:
    language = built("en")
    began = time.process_time()
    language.check(Choice(text), ANY_REQUEST)
    assert time.process_time() - began < 0.3


def test_within_decides_early() -> None:
    language = built({"languages": "en", "within": 60})
    assert language.settles
    settled, dropped = language.watch(ANY_REQUEST), language.watch(ANY_REQUEST)
    assert settled is not None
    assert dropped is not None
    assert settled.feed(Piece(f"  {SAID['en'][:59]}")) is None
    assert not settled.settled
    assert settled.feed(Piece(SAID["en"][59:])) is None
    assert settled.settled
    assert settled.feed(Piece(SAID["fr"])) is None
    assert dropped.feed(Piece(SAID["fr"])) == "expected en, got fr"
    assert not dropped.settled


def test_without_it_only_the_whole_is_checked() -> None:
    assert built("en").watch(ANY_REQUEST) is None
    assert not built("en").settles
    assert not built("en").vouches


@given(
    st.sampled_from(sorted(SAID)),
    st.sampled_from(sorted(SAID)),
    st.sampled_from(["", " ", "\n```\n", '{"a": "']),
    st.integers(1, 30),
)
def test_a_watch_drops_and_settles_as_the_whole_is_judged(
    first: str, second: str, before: str, every: int
) -> None:
    text = before + SAID[first]
    language = built({"languages": ["en", "de", "fr"], "within": 50})
    keeps_the_law(language, cut(text, every), Choice(text + SAID[second]))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (None, "at.languages: expected a language or a list of them, as ISO 639 codes, got None"),
        ([], "at: expected a language or a list of them, as ISO 639 codes, got []"),
        ("english", "at: there is no language 'english' to tell. Did you mean 'en'?"),
        (["en", False], "at[1]: expected a language's code, got False; quote 'no' in YAML"),
        (7, "at: expected a mapping of languages, within, got 7"),
        ({"languages": 7}, "at.languages: expected a language or a list of them, as ISO 639 codes"),
        ({"languages": "en", "within": 5}, "at.within: expected characters from 20 to 4000, got 5"),
        ({"language": "en"}, "at.language: no such option. Did you mean 'languages'?"),
    ],
)
def test_wrong_options_are_told(options: object, line: str) -> None:
    problems = Problems()
    assert build(options, "at", problems) is None
    assert any(said.startswith(line) for said in problems.lines), problems.lines


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    monkeypatch.setattr(module, "identifier", module.identifier.__wrapped__)
    problems = Problems()
    assert build("en", "at", problems) is None
    assert problems.lines == ["at: needs `pip install 'stepdown[language]'`"]
