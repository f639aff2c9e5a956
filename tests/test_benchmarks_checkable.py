import json
import math
import re
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # they are scripts, not a package

from checkable import analysis, cascades, curve, figures, outcomes, recording, tasks  # noqa: E402
from checkable.figures import Case, Outcome  # noqa: E402
from checkable.recording import Answers, Event, Recording, Reply  # noqa: E402
from checkable.tasks import Task, is_right  # noqa: E402
from stepdown.pricing.price import TokenPrice  # noqa: E402
from stepdown.types import Choice  # noqa: E402

TASKS = tasks.load()
TYPES: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
PRICES = {
    "weak": TokenPrice(input=Decimal(1), output=Decimal(1)),
    "strong": TokenPrice(input=Decimal(10), output=Decimal(10)),
}


# ── The prompts ──────────────────────────────────────────────────────────────────────────────


def test_there_are_enough_tasks_of_each_kind() -> None:
    kinds = [task.kind for task in TASKS]
    assert len(TASKS) >= 140
    assert kinds.count("classify") >= 65
    assert kinds.count("extract") >= 65


def test_ids_and_prompts_are_unique() -> None:
    assert len({task.id for task in TASKS}) == len(TASKS)
    assert len({task.messages[-1]["content"] for task in TASKS}) == len(TASKS)


@pytest.mark.parametrize("task", TASKS, ids=[task.id for task in TASKS])
def test_an_answer_fits_its_own_labels_or_schema(task: Task) -> None:
    assert 0 < task.max_tokens <= 60
    if task.kind == "classify":
        assert task.schema is None
        assert task.labels is not None
        assert task.answer in task.labels
        assert is_right(str(task.answer), task)
    else:
        assert task.labels is None
        assert task.schema is not None
        assert isinstance(task.answer, dict)
        assert 1 <= len(task.answer) <= 4
        assert list(task.answer) == task.schema["required"] == list(task.schema["properties"])
        for name, form in task.schema["properties"].items():
            assert_fits(task.answer[name], form)
        assert is_right(json.dumps(task.answer), task)


def assert_fits(value: object, form: dict[str, Any]) -> None:
    assert isinstance(value, TYPES[form["type"]])
    assert isinstance(value, bool) == (form["type"] == "boolean")
    if "pattern" in form:
        assert re.search(form["pattern"], str(value))
    if "enum" in form:
        assert value in form["enum"]


@pytest.mark.parametrize("task", TASKS, ids=[task.id for task in TASKS])
def test_a_prompt_is_short_and_well_formed(task: Task) -> None:
    roles = [message["role"] for message in task.messages]
    assert roles[0] == "system"
    assert roles[1:] == ["user", "assistant"] * (len(roles) // 2 - 1) + ["user"]
    # 120 tokens: English has about four characters to one, and each turn three or four beside.
    assert sum(len(message["content"]) for message in task.messages) <= 480


@pytest.mark.parametrize("task", TASKS, ids=[task.id for task in TASKS])
def test_an_example_is_not_the_task(task: Task) -> None:
    asked = [message["content"] for message in task.messages if message["role"] == "user"]
    assert asked[-1] not in asked[:-1]


def test_a_family_shares_its_labels_or_schema() -> None:
    forms: dict[str, set[str]] = {}
    for task in TASKS:
        forms.setdefault(task.family, set()).add(json.dumps([task.labels, task.schema]))
    assert all(len(each) == 1 for each in forms.values())


@pytest.mark.parametrize("task", TASKS, ids=[task.id for task in TASKS])
def test_the_cascade_accepts_the_right_answer(task: Task) -> None:
    try:
        checks = cascades.validators(cascades.format_checks(task, constrained=False))
    except cascades.Missing as missing:
        pytest.skip(str(missing))
    right = task.answer if isinstance(task.answer, str) else json.dumps(task.answer)
    request = recording.request(task, constrained=False)
    for check in checks:
        assert check.applies(request)
        assert check.check(Choice(right), request) is None
        assert check.check(Choice("I am not sure"), request) is not None


# ── Scoring ──────────────────────────────────────────────────────────────────────────────────

LABEL = Task("x-1", "classify", [], "ham", 8, labels=["spam", "ham"])
OBJECT = Task("y-1", "extract", [], {"name": "Ann", "n": 2, "paid": True}, 60, schema={})


@pytest.mark.parametrize("text", ["ham", "Ham", " ham.\n", '"ham"', "**HAM**"])
def test_a_label_is_right_whatever_stands_around_it(text: str) -> None:
    assert is_right(text, LABEL)


@pytest.mark.parametrize("text", ["spam", "", "it is ham", "ham, spam"])
def test_another_text_is_no_right_label(text: str) -> None:
    assert not is_right(text, LABEL)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ann", "n": 2, "paid": true}',
        ' {"paid": true, "n": 2.0, "name": " ANN ", "more": 1}\n',
    ],
)
def test_an_object_is_right_field_by_field(text: str) -> None:
    assert is_right(text, OBJECT)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ann", "n": 2, "paid": 1}',
        '{"name": "Ann", "n": "2", "paid": true}',
        '{"name": "Anna", "n": 2, "paid": true}',
        '{"name": "Ann", "n": 2}',
        '```json\n{"name": "Ann", "n": 2, "paid": true}\n```',
        '{"name": "Ann", "n": 2, "paid": true} done',
        '["Ann", 2, true]',
        "[" * 100_000,
        '"\ud800"',
        "",
    ],
)
def test_an_object_with_a_wrong_field_or_company_is_wrong(text: str) -> None:
    assert not is_right(text, OBJECT)


# ── Figures ──────────────────────────────────────────────────────────────────────────────────


def cases_of(weak: str, strong: str) -> list[Case]:
    return [Case(float(w), float(s), 1.0, 10.0) for w, s in zip(weak, strong, strict=True)]


def test_the_mean_has_the_usual_standard_error() -> None:
    values = [1.0, 0.0, 1.0, 1.0]
    estimate = figures.mean(values)
    assert estimate.value == 0.75
    assert estimate.error == pytest.approx(math.sqrt(0.25 * 0.75 / 3))


def test_climbing_at_random_has_no_lead() -> None:
    """Every fourth climbs, whatever its answer: the lead is a covariance of exactly zero."""
    cases = cases_of("0011" * 8, "1111" * 8)
    made = [figures.climbing(case, climbed=i // 4 % 2 == 0) for i, case in enumerate(cases)]
    lead = figures.row("blind", cases, made, leads=True).over_climb
    assert lead is not None
    assert lead.value == pytest.approx(0.0)
    assert lead.error > 0


def test_the_oracle_leads_and_pays_for_both() -> None:
    cases = cases_of("0011", "1101")
    row = figures.row("oracle", cases, [figures.oracle(case) for case in cases], leads=True)
    assert row.accuracy.value == 1.0
    assert row.strong_calls == 2
    assert row.cost == pytest.approx((11 + 11 + 1 + 1) / 4)
    assert row.over_climb is not None
    assert row.over_climb.value == pytest.approx(1.0 - (0.5 + 0.5 * 0.25))


def test_a_random_router_of_the_same_cost_asks_the_strong_model_more_often() -> None:
    cases = cases_of("0011", "1111")
    made = [figures.climbing(case, climbed=i % 2 == 0) for i, case in enumerate(cases)]
    row = figures.row("half", cases, made, leads=True)
    assert row.over_climb is not None
    assert row.over_router is not None
    # Costs 6 on average: a router mixing 1 and 10 can send 5/9 to the strong model.
    assert row.over_router.value == pytest.approx(0.75 - (0.5 + 5 / 9 * 0.5))
    assert row.over_router.value < row.over_climb.value


def test_random_draws_come_out_at_their_expectation() -> None:
    cases = cases_of("0011" * 10, "1111" * 10)
    row = figures.random_climb(cases, 20, draws=400)
    assert row.accuracy.value == pytest.approx(0.75, abs=0.01)
    assert row.cost == pytest.approx(1 + 5)
    assert row.spread is not None
    assert row.spread > 0.0
    assert row == figures.random_climb(cases, 20, draws=400)


# ── Thresholds ───────────────────────────────────────────────────────────────────────────────


def test_a_threshold_separates_what_can_be_separated() -> None:
    cases = cases_of("0011", "1111")
    confidence = [-3.0, -2.0, -1.0, -0.5]
    assert curve.best_threshold(cases, confidence) == -1.5
    swept = curve.sweep(cases, confidence)
    assert swept.auc.value == 1.0
    assert [point.accuracy for point in swept.points] == [0.5, 0.75, 1.0, 1.0, 1.0]
    assert [point.random_accuracy for point in swept.points] == [0.5, 0.625, 0.75, 0.875, 1.0]
    assert swept.area.value == pytest.approx(0.125)
    assert swept.recovered.value == pytest.approx(0.75)
    assert [point.cost for point in swept.points] == [1.0, 3.5, 6.0, 8.5, 11.0]


def test_confidence_that_says_nothing_has_no_area() -> None:
    assert curve.area(cases_of("1111", "1111"), [-4.0, -3.0, -2.0, -1.0]) == pytest.approx(0.0)
    assert curve.area(cases_of("0110", "1111"), [-4.0, -3.0, -2.0, -1.0]) == pytest.approx(0.0)


def test_equal_confidences_are_not_cut_apart() -> None:
    cases = cases_of("0101", "1111")
    assert curve.best_threshold(cases, [-1.0] * 4) == -2.0


def test_without_a_prompt_to_fit_on_nothing_climbs() -> None:
    assert curve.best_threshold([], []) == curve.NOTHING_BELOW


def test_halves_split_every_group() -> None:
    half = curve.halves(["a"] * 6 + ["b"] * 5)
    assert sum(half[:6]) == 3
    assert sum(half[6:]) in (2, 3)


def test_a_threshold_never_sees_the_half_it_is_reported_on() -> None:
    confidence = [-3.0, -2.0, -1.0, -0.5] * 2
    half = [0] * 4 + [1] * 4
    first = curve.cross_fitted(cases_of("00110011", "11111111"), confidence, half)
    changed = curve.cross_fitted(cases_of("11000011", "11111111"), confidence, half)
    assert first[0] == changed[0]  # fit on the second half, which is as it was
    assert first[1] != changed[1]


# ── Replay ───────────────────────────────────────────────────────────────────────────────────


def reply(words: list[str], logprob: float = -0.1) -> Reply:
    """One streamed event a word, a second apart."""
    events = [Event(at + 1.0, word, [(word, logprob, None)]) for at, word in enumerate(words)]
    last = Event(len(words) + 1.0, finish_reason="stop")
    return Reply([*events, last], 10, len(words) + 1, len(words) + 1.0)


def asked(weak: Reply, strong: Reply) -> cascades.Asked:
    answers = Answers(weak, strong)
    return cascades.Asked(LABEL, answers, recording.case(LABEL, answers, PRICES))


def test_an_accepted_answer_costs_the_weak_call_alone() -> None:
    each = asked(reply(["ham"]), reply(["ham"]))
    got = cascades.replayed(each, [{"one_of": ["spam", "ham"]}], constrained=False, prices=PRICES)
    assert got == Outcome(1.0, False, 12.0, 2.0)


def test_an_answer_dropped_early_is_paid_for_as_far_as_it_was_heard() -> None:
    each = asked(reply(["eggs", " and", " more", " eggs"]), reply(["ham"]))
    got = cascades.replayed(each, [{"one_of": ["spam", "ham"]}], constrained=False, prices=PRICES)
    assert got.early
    assert got.reason == "one_of"
    assert got.right == 1.0
    assert got.cost == (10 + 1) + (10 + 2) * 10
    assert got.seconds == 1.0 + 2.0


def test_an_unsure_answer_climbs_at_its_end() -> None:
    each = asked(reply(["spam"], logprob=-2.0), reply(["ham"]))
    got = cascades.replayed(each, cascades.logprob_check(-1.0), constrained=False, prices=PRICES)
    assert got == Outcome(1.0, True, 12.0 + 120.0, 4.0, reason="logprob")


def test_a_validator_that_is_not_there_is_named() -> None:
    with pytest.raises(cascades.Missing, match="clairvoyance"):
        cascades.validators(["clairvoyance"])


def test_a_recording_is_kept_and_refused_for_other_prompts(tmp_path: Path) -> None:
    made = Recording(
        False,
        {"weak": "w", "strong": "s"},
        "here",
        recording.prompts_sha256(),
        {TASKS[0].id: Answers(reply(["a"]), reply(["b"]))},
    )
    made.save(tmp_path / "r.json")
    assert recording.read(tmp_path / "r.json") == made
    structs.replace(made, prompts_sha256="0").save(tmp_path / "r.json")
    with pytest.raises(recording.StaleRecording):
        recording.read(tmp_path / "r.json")


def test_every_policy_is_analysed_over_a_recording() -> None:
    some = TASKS[::12]
    answers = {
        task.id: Answers(reply(["no", "thing"], -1.0 - index), reply([told(task)]))
        for index, task in enumerate(some)
    }
    made = Recording(False, {"weak": "w", "strong": "s"}, "here", "", answers)
    asked = analysis.asked_of(made, some, PRICES)
    got = analysis.analyse(made, asked, PRICES)
    assert [section.name for section in got.sections] == ["all", "classify", "extract"]
    rows = {row.policy: row for row in got.sections[0].rows}
    assert rows["weak alone"].accuracy.value == 0.0
    assert rows["strong alone"].accuracy.value == 1.0
    assert rows["oracle climb"].strong_calls == len(some)
    if not got.missing:
        assert rows[analysis.FORMAT].accuracy.value == 1.0
        assert rows[analysis.BOTH].early_drops == len(some)


def told(task: Task) -> str:
    return task.answer if isinstance(task.answer, str) else json.dumps(task.answer)


# ── Recorded outcomes ────────────────────────────────────────────────────────────────────────


def test_the_fence_that_a_prompt_asked_for_is_taken_off() -> None:
    assert outcomes.unfenced('```json\n{"a": 1}\n```') == '{"a": 1}'
    assert outcomes.unfenced('So: ```json\n{"a": 1}\n```') == 'So: ```json\n{"a": 1}\n```'


def test_the_letters_of_a_question_are_read() -> None:
    row = outcomes.Recorded("Which?\nA. one\nB. two\nC. three", "", Case(1, 1, 1, 1))
    (check,) = cascades.validators(outcomes.letter_offered(row))
    request = recording.request(LABEL, constrained=False)
    assert check.check(Choice("So the answer is (C)."), request) is None
    assert check.check(Choice("The answer is (D)."), request) is not None


@pytest.mark.parametrize("one", outcomes.SETS, ids=[one.title for one in outcomes.SETS])
def test_every_check_of_a_set_can_be_built(one: outcomes.Set) -> None:
    row = outcomes.Recorded("1.5 or 2.5?\nA. one\nB. two", "", Case(1, 1, 1, 1))
    for made in one.checks.values():
        try:
            assert cascades.validators(made(row))
        except cascades.Missing as missing:
            pytest.skip(str(missing))
