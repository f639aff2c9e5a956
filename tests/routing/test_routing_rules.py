"""Rules: the stronger rung wins, and doubt never makes a choice cheaper."""

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from stepdown.routing.conditions import Condition
from stepdown.routing.rules import Choice, Policy, Rule

TOP = 3
Answers = dict[str, bool | None]

matches: st.SearchStrategy[Literal["all", "first"]] = st.sampled_from(["all", "first"])
answers = st.sampled_from([True, False, None])
said = st.lists(st.tuples(st.integers(0, TOP), answers), max_size=6)


def rule(name: str, rung: int, answer: bool | None) -> Rule:
    return Rule(name, Condition(lambda readings: answer, lambda readings: "because"), rung)


def choice(rules: list[tuple[int, bool | None]], match: Literal["all", "first"] = "all") -> Choice:
    named = [rule(f"r{index}", rung, answer) for index, (rung, answer) in enumerate(rules)]
    return Policy(named, TOP, match).choose({})


def outcomes(rules: list[tuple[int, bool | None]]) -> list[list[tuple[int, bool | None]]]:
    """Every way in which the borderline answers may turn out."""
    ways: list[list[tuple[int, bool | None]]] = [[]]
    for rung, answer in rules:
        settled = (True, False) if answer is None else (answer,)
        ways = [[*way, (rung, each)] for way in ways for each in settled]
    return ways


@given(said, matches)
def test_the_choice_is_the_strongest_that_any_resolution_of_doubt_gives(
    rules: list[tuple[int, bool | None]], match: Literal["all", "first"]
) -> None:
    assert choice(rules, match).rung == max(choice(way, match).rung for way in outcomes(rules))


@given(said, matches, st.data())
def test_a_reading_that_becomes_uncertain_never_makes_the_choice_cheaper(
    rules: list[tuple[int, bool | None]], match: Literal["all", "first"], data: st.DataObject
) -> None:
    if not rules:
        return
    index = data.draw(st.integers(0, len(rules) - 1))
    doubted = [*rules[:index], (rules[index][0], None), *rules[index + 1 :]]
    assert choice(doubted, match).rung >= choice(rules, match).rung


@given(said, st.integers(0, TOP))
def test_one_more_matching_rule_never_makes_a_matched_choice_cheaper(
    rules: list[tuple[int, bool | None]], rung: int
) -> None:
    before = choice(rules)
    after = choice([*rules, (rung, True)])
    if before.name != "default":
        assert after.rung >= before.rung
    assert after.rung >= rung


@given(said)
def test_the_order_of_rules_does_not_change_the_rung(
    rules: list[tuple[int, bool | None]],
) -> None:
    assert choice(rules).rung == choice(rules[::-1]).rung


@given(said, matches)
def test_no_rule_no_cheap_rung(
    rules: list[tuple[int, bool | None]], match: Literal["all", "first"]
) -> None:
    made = choice(rules, match)
    if not any(answer for _, answer in rules):
        assert made.rung == TOP
    if made.rung < TOP:
        assert any(answer for _, answer in rules)


def test_the_stronger_of_two_wins_and_it_is_ambiguous() -> None:
    assert choice([(0, True), (2, True)]) == Choice("r1", 2, True)
    assert choice([(0, True), (0, True)]) == Choice("r0", 0, False)


def test_a_borderline_rule_counts_for_a_stronger_rung_only() -> None:
    assert choice([(0, True), (2, None)]) == Choice("r1", 2, True)
    assert choice([(2, True), (0, None)]) == Choice("r0", 2, True)
    assert choice([(0, None)]) == Choice("default", TOP, True)
    assert choice([(TOP, None)]) == Choice("default", TOP, False)


def test_the_first_match_wins_where_it_is_asked_for() -> None:
    assert choice([(0, True), (2, True)], "first") == Choice("r0", 0, False)
    assert choice([(0, False), (2, True)], "first") == Choice("r1", 2, False)
    assert choice([(1, None), (0, True)], "first") == Choice("r0", 1, True)
    assert choice([(0, True), (1, None)], "first") == Choice("r0", 0, False)


def test_verdicts_ask_every_rule() -> None:
    policy = Policy([rule("a", 0, True), rule("b", 1, None)], TOP, "first")
    said = [(each.name, each.matched, each.because, each.rung) for each in policy.verdicts({})]
    assert said == [("a", True, "because", 0), ("b", None, "because", 1)]
