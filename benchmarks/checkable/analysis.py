"""What the recorded replies come to under each policy, over all prompts and by kind."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from checkable import figures
from checkable.cascades import Asked, Checks, Missing, format_checks, logprob_check, replayed
from checkable.curve import Curve, cross_fitted, halves, sweep
from checkable.figures import Outcome, Row
from checkable.recording import Recording, case
from checkable.tasks import Task
from stepdown.pricing.price import TokenPrice

FIXED = -0.5
"""A threshold set down before these prompts were written."""

LEAST = 4
"""Prompts of a section that says anything at all."""

SUBSETS = ("all", "classify", "extract")

FORMAT, LOGPROB, BOTH = "labels / JSON", "logprob, cross-fitted", "both"


Thresholds = dict[str, tuple[float, float]]


class Section(Struct, frozen=True):
    """The figures over some of the prompts, and every threshold's over the same."""

    name: str
    rows: list[Row]
    curve: Curve


class Analysis(Struct, frozen=True):
    """``thresholds`` are by kind those of the two halves, each fit on the other."""

    constrained: bool
    machine: str
    models: dict[str, str]
    thresholds: Thresholds
    sections: list[Section]
    rejections: dict[str, dict[str, int]]
    missing: list[str] = []


class Policies(Struct, frozen=True):
    """The cascades' checks for each task: by policy, then by place."""

    thresholds: Thresholds
    checks: dict[str, list[Checks]]


def asked_of(
    recording: Recording, tasks: Sequence[Task], prices: Mapping[str, TokenPrice]
) -> list[Asked]:
    """The recorded tasks with both answers and what they came to."""
    return [
        Asked(task, recording.answers[task.id], case(task, recording.answers[task.id], prices))
        for task in tasks
        if task.id in recording.answers
    ]


def policies(asked: Sequence[Asked], *, constrained: bool) -> Policies:
    """What each cascade checks.

    A kind of work has a threshold of its own, as it would have a route of its own: log
    probabilities of one kind do not compare with those of another.
    """
    half = halves([each.task.family for each in asked])
    confidence = [each.answers.weak.mean_logprob for each in asked]
    thresholds: Thresholds = {}
    for kind in SUBSETS[1:]:
        members = _members(kind, asked)
        if members:
            thresholds[kind] = cross_fitted(
                [asked[i].case for i in members],
                [confidence[i] for i in members],
                [half[i] for i in members],
            )
    formats = [format_checks(each.task, constrained=constrained) for each in asked]
    fitted = [
        logprob_check(thresholds[each.task.kind][one])
        for each, one in zip(asked, half, strict=True)
    ]
    return Policies(
        thresholds,
        {
            FORMAT: formats,
            f"logprob {FIXED:g}, fixed": [logprob_check(FIXED)] * len(asked),
            LOGPROB: fitted,
            BOTH: [[*one, *other] for one, other in zip(formats, fitted, strict=True)],
        },
    )


def analyse(
    recording: Recording, asked: Sequence[Asked], prices: Mapping[str, TokenPrice]
) -> Analysis:
    """Every policy by replay; one whose validators are not there is named in ``missing``."""
    planned = policies(asked, constrained=recording.constrained)
    outcomes: dict[str, list[Outcome]] = {}
    missing: list[str] = []
    for name, checks in planned.checks.items():
        try:
            outcomes[name] = [
                replayed(each, its, constrained=recording.constrained, prices=prices)
                for each, its in zip(asked, checks, strict=True)
            ]
        except Missing as error:
            missing.append(f"{name}: {error}")
    return Analysis(
        recording.constrained,
        recording.machine,
        recording.models,
        planned.thresholds,
        [_section(name, asked, outcomes) for name in sections_of(asked)],
        {name: _rejections(its) for name, its in outcomes.items()},
        missing,
    )


def sections_of(asked: Sequence[Asked]) -> list[str]:
    """The subsets with enough prompts to be told of."""
    return [name for name in SUBSETS if len(_members(name, asked)) >= LEAST]


def rows_of(
    name: str, asked: Sequence[Asked], outcomes: Mapping[str, Sequence[Outcome]]
) -> list[Row]:
    """The policies' rows over a subset, each compared with random ones."""
    members = _members(name, asked)
    cases = [asked[index].case for index in members]
    return [
        figures.row(policy, cases, [its[index] for index in members], leads=True)
        for policy, its in outcomes.items()
    ]


def _section(
    name: str, asked: Sequence[Asked], outcomes: Mapping[str, Sequence[Outcome]]
) -> Section:
    members = _members(name, asked)
    cases = [asked[index].case for index in members]
    confidence = [asked[index].answers.weak.mean_logprob for index in members]
    rows = figures.controls(cases)
    if LOGPROB in outcomes:
        climbs = sum(outcomes[LOGPROB][index].climbed for index in members)
        rows.append(figures.random_climb(cases, climbs))
    return Section(name, rows + rows_of(name, asked, outcomes), sweep(cases, confidence))


def _members(name: str, asked: Sequence[Asked]) -> list[int]:
    return [i for i, each in enumerate(asked) if name in ("all", each.task.kind)]


def _rejections(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many answers each validator turned down, the busiest first."""
    counts: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.climbed:
            counts[outcome.reason] = counts.get(outcome.reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
