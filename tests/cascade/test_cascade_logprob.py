"""``logprob``: thresholds, the tokens that count, and the watch's early word."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.cascade.validators.logprob import LogProb, build
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Token
from support.answers import asking, evenly, said

REQUEST = asking()


def made(**options: Any) -> LogProb:
    problems = Problems()
    check = build(options, "v", problems)
    assert check is not None, problems.lines
    return check


def reason(check: LogProb, choice: Choice) -> str:
    said = check.check(choice, REQUEST)
    assert said is not None
    return said


def test_mean() -> None:
    choice = said(("yes", -0.2), (".", -0.6))
    assert made(mean=-0.41).check(choice, REQUEST) is None
    assert reason(made(mean=-0.3), choice) == (
        "mean log probability -0.4 of the answer is below -0.3"
    )


def test_min() -> None:
    choice = said(("yes", -0.2), (".", -2.5))
    assert made(min=-2.5).check(choice, REQUEST) is None
    assert reason(made(min=-2.0), choice) == (
        "log probability -2.5 of a token of the answer is below -2"
    )


def test_margin() -> None:
    choice = said(("yes", -0.2, -3.0), (".", -0.6, -0.9))
    assert made(margin=0.25).check(choice, REQUEST) is None
    assert reason(made(margin=0.5), choice) == (
        "a token of the answer leads its runner-up by 0.3, less than 0.5"
    )
    untold = said(("yes", -0.2, None))
    assert "no alternative" in reason(made(margin=0.5), untold)


@pytest.mark.parametrize("options", [{"mean": -9}, {"min": -9}, {"margin": 0}])
def test_numbers_that_are_none_are_rejected(options: dict[str, float]) -> None:
    assert made(**options).check(said(("a", math.nan, -5.0), ("b", -0.1, -5.0)), REQUEST)


@pytest.mark.parametrize("tokens", [None, ()])
def test_an_upstream_that_told_none_is_rejected(tokens: tuple[Token, ...] | None) -> None:
    choice = Choice("yes", tokens=tokens)
    assert reason(made(mean=-1), choice) == "the upstream told no log probabilities"


def test_what_the_upstream_is_asked_for() -> None:
    assert made(mean=-1, min=-2).top_logprobs == 0
    assert made(margin=1).top_logprobs == 2


def test_a_label_is_read_without_what_stands_around_it() -> None:
    texts = (' "', "not", "_", "spam", '"', ".\n")
    around = {' "': -9.0, '"': -9.0, ".\n": -9.0}
    check = made(min=-1, over="label")
    assert check.check(evenly(texts, **around), REQUEST) is None
    assert "label" in reason(check, evenly(texts, **around, _=-9.0))
    assert reason(check, evenly(("..", " "))) == "no token carries the label"


@pytest.mark.parametrize(
    ("texts", "carriers"),
    [
        (('{"', "a", '": "', "x", '", "', "label", '":"', "spam", "my", '"}'), {"spam", "my"}),
        (('{"label":', "5", " ", ', "a":', "1}"), {"5"}),
        (('{"label":', " {", '"b"', ":1", "}", "}"), {" {", '"b"', ":1", "}"}),
        (('{"label": ', '""', "}"), {'""'}),
        (('{"x":{"label":', "1", '},"label":', "2", "}"), {"2"}),
        (('```json\n{"la', '\\u0062el":', "tr", "ue", "}", "\n```"), {"tr", "ue"}),
        (('{"label":"', "a\\", '"', "b", '"}'), {"a\\", '"', "b"}),
    ],
)
def test_a_field_is_its_value(texts: tuple[str, ...], carriers: set[str]) -> None:
    check = made(min=-1, over="field", field="label")
    for text in texts:
        low = evenly(texts, **{text: -9.0})
        assert (check.check(low, REQUEST) is not None) == (text in carriers), text


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ('{"other": 1}', "no token carries the field 'label'"),
        ('{"label": "sp', "the answer ends before the field 'label' does"),
        ("spam", "the answer ends before the field 'label' does"),
        ('{"label": }', "no token carries the field 'label'"),
    ],
)
def test_a_field_that_is_not_there(answer: str, why: str) -> None:
    check = made(mean=-1, field="label")
    assert reason(check, evenly(tuple(answer))) == why


def test_a_field_settles_at_its_end() -> None:
    check = made(mean=-1, field="label")
    watch = check.watch(REQUEST)
    assert watch is not None
    assert check.settles
    pieces = [Piece(tokens=(token,)) for token in evenly(tuple('{"label":"x"')).tokens or ()]
    for piece in pieces[:-1]:
        assert watch.feed(piece) is None
        assert not watch.settled
    assert watch.feed(pieces[-1]) is None
    assert watch.settled
    assert watch.feed(Piece(tokens=(Token("}", -99.0),))) is None


def test_min_drops_at_the_first_token_below() -> None:
    watch = made(min=-1).watch(REQUEST)
    assert watch is not None
    assert watch.feed(Piece("a", tokens=(Token("a", -0.5),))) is None
    assert watch.feed(Piece("b")) is None
    assert watch.feed(Piece("c", tokens=(Token("c", -1.5),))) is not None


def test_a_mean_cannot_be_told_early() -> None:
    assert made(mean=-1).watch(REQUEST) is None


TEXTS = st.sampled_from(['"', "{", "}", ":", ",", "a", "label", "\\", " ", ".", "[", "]", "", '":'])
TOKENS = st.lists(
    st.builds(
        Token, TEXTS, st.floats(-3, 0), st.one_of(st.none(), st.floats(-6, 0), st.just(-9.0))
    ),
    max_size=30,
)
WHOLE = st.sampled_from([[], [Token('{"label":', -0.1, -5.0)]])
OPTIONS = st.fixed_dictionaries(
    {},
    optional={"mean": st.floats(-2, 0), "min": st.floats(-3, 0), "margin": st.floats(0, 3)},
).filter(bool)
OVER = st.sampled_from([{}, {"over": "label"}, {"field": "label"}])


@given(WHOLE, TOKENS, OPTIONS, OVER, st.integers(1, 4))
def test_a_watch_rejects_nothing_that_would_pass(
    begin: list[Token], rest: list[Token], options: dict[str, float], over: Any, cut: int
) -> None:
    tokens = (*begin, *rest)
    check = made(**options, **over)
    why = check.check(Choice(tokens=tokens), REQUEST)
    watch = check.watch(REQUEST)
    if watch is None:
        return
    pieces = [Piece(tokens=tokens[at : at + cut]) for at in range(0, len(tokens), cut)]
    early = next((early for piece in pieces if (early := watch.feed(piece))), None)
    if early is not None:
        assert why is not None
    elif watch.settled:
        assert why is None


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (None, "v: expected a threshold (mean, min or margin), got none"),
        ({"over": "label"}, "v: expected a threshold (mean, min or margin), got none"),
        (-0.5, "v: expected a mapping of mean, min, margin, over, field, got -0.5"),
        ({"mean": 0.5}, "v.mean: expected a number of at most 0, got 0.5"),
        ({"mean": True}, "v.mean: expected a number of at most 0, got True"),
        ({"margin": -1}, "v.margin: expected a number of at least 0, got -1"),
        ({"mean": -1, "fild": 2}, "v.fild: no such option. Did you mean 'field'?"),
        ({"mean": -1, "over": "lable"}, "v.over: no such choice. Did you mean 'label'?"),
        ({"mean": -1, "over": "field"}, "v: expected both over: field and field: NAME, or neither"),
        ({"mean": -1, "field": 3}, "v.field: expected a text, got 3"),
    ],
)
def test_wrong_options(options: Any, line: str) -> None:
    problems = Problems()
    assert build(options, "v", problems) is None
    assert line in problems.lines
