"""What a configuration has guarded, by which key, and on which terms."""

from typing import Any

import pytest

from stepdown.config.build import build_routes, read_cascades
from stepdown.config.wards import check_watched, margin_of, rates_of, wards_of
from stepdown.quality.correction import JudgeErrors
from stepdown.quality.guard.hypotheses import too_much
from stepdown.quality.guard.terms import DAY, Probation
from stepdown.quality.guard.wards import Ward
from stepdown.quality.shadow.sampling import Rates
from stepdown.routing.problems import Problems
from support.documents import entry, read
from support.hooks import SECRET

MODELS = [entry("weak", "simulated/weak"), entry("strong", "simulated/strong")]
LOW = {"name": "low", "when": {"turns": 1}, "rung": "cheap"}
OTHER = {"name": "other", "when": {"turns": 2}, "rung": "cheap"}
HIGH = {"name": "high", "when": {"turns": 3}, "rung": "strong"}


def route(*rules: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {
        "ladder": ["weak", "strong"],
        "rules": list(rules) or [LOW, OTHER, HIGH],
        "regret": {"budget": 0.02},
        **options,
    }


def wards(
    *rules: dict[str, Any],
    models: Any = MODELS,
    sections: dict[str, Any] | None = None,
    **opts: Any,
) -> list[Ward]:
    config = read(*models, routes={"auto": route(*rules, **opts)}, **(sections or {}))
    routes = build_routes(config, lambda _: None)
    return wards_of(config, routes, read_cascades(config, None))


def keys(**given: Any) -> list[str]:
    return [ward.key for ward in wards(**given)]


def problems(routes: dict[str, Any], **sections: Any) -> list[str]:
    config = read(*MODELS, routes=routes, **sections)
    found = Problems()
    check_watched(config, build_routes(config, lambda _: None), found)
    return found.lines


# ── What is guarded ──────────────────────────────────────────────────────────────────────────


def test_rules_that_send_down_share_the_error() -> None:
    low, other = wards()
    assert (low.route, low.rule, low.trusted) == ("auto", "low", False)
    assert (other.rule, other.terms.family) == ("other", 2)
    assert low.terms.budget == 0.02
    assert low.terms.error == pytest.approx(0.025)
    assert low.key != other.key


def test_without_a_budget_nothing_is() -> None:
    assert wards(regret=None, shadow=0.1) == []


def test_a_presets_rules_are_guarded() -> None:
    names = [ward.rule for ward in wards(rules=["standard", LOW])]
    assert names == ["small-task", "small-output", "simple-intent", "low"]


def test_what_rules_say() -> None:
    told = [
        {**LOW, "trusted": True},
        {**OTHER, "auto_promote": False},
        {**LOW, "name": "third", "observe": True},
    ]
    trusted, waiting, observed = wards(*told)
    assert (trusted.trusted, trusted.beginning().state) == (True, "trusted")
    assert (waiting.terms.auto_promote, observed.terms.auto_promote) == (False, True)
    assert not observed.trusted
    [own] = wards({**LOW, "auto_promote": True}, regret={"budget": 0.1, "auto_promote": False})
    assert own.terms.auto_promote


def test_the_terms() -> None:
    regret = {"budget": 0.05, "confidence": 0.9, "probation": "2h"}
    [ward] = wards(LOW, regret=regret, shadow={"rate": 0.01, "observe_rate": 0.3})
    assert (ward.terms.budget, ward.terms.confidence) == (0.05, 0.9)
    assert ward.terms.probation == Probation(seconds=7200.0)
    assert (ward.terms.least, ward.observed) == (0.01, 0.3)
    [usual] = wards(LOW)
    assert usual.terms.probation == Probation(seconds=DAY)
    assert (usual.terms.least, usual.observed) == (0.02, 0.2)
    assert wards(LOW, regret={"budget": 0.1, "probation": None})[0].terms.probation is None
    [counted] = wards(LOW, regret={"budget": 0.1, "probation": "1h", "probation_requests": 500})
    assert counted.terms.probation == Probation(requests=500, seconds=3600.0)


def test_tags_may_be_sampled_with_less_and_nothing_may_be_sampled() -> None:
    [tagged] = wards(LOW, shadow={"rate": 0.1, "tags": {"vip": 0.001, "never": 0}})
    assert (tagged.terms.least, tagged.observed) == (0.001, 0.001)
    [never] = wards(LOW, shadow={"rate": 0.1, "rules": {"low": 0}})
    assert (never.terms.least, never.observed) == (1.0, 1.0)


def test_a_router_of_the_users_own_is_guarded() -> None:
    low, router = wards(LOW, router="json:loads")
    assert (router.rule, router.terms.family, router.trusted) == ("router", 2, False)
    assert low.terms.family == 2


CHECKED = {"validators": ["json_schema"]}


def test_a_cascade_that_begins_cheap_is_guarded_and_trusted_at_first() -> None:
    low, cascade = wards(LOW, cascade=CHECKED)
    assert (cascade.rule, cascade.trusted, low.terms.family) == ("cascade", True, 2)
    assert cascade.key != low.key


@pytest.mark.parametrize(
    "cascade", [{**CHECKED, "start": "decided"}, {"validators": ["finish_reason"]}, False]
)
def test_one_that_begins_where_the_rules_say_is_not(cascade: Any) -> None:
    assert [ward.rule for ward in wards(LOW, cascade=cascade)] == ["low"]


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────


def test_what_does_not_change_the_evidence_leaves_the_key() -> None:
    before = keys()
    assert keys(regret={"budget": 0.1, "confidence": 0.8, "probation": "1h"}) == before
    assert keys(shadow=0.5, sessions=False) == before
    assert keys(rules=[{**LOW, "trusted": True}, OTHER]) == before
    assert keys(sections={"shadow": {"max_cost": 3}, "judge": None}) == before
    renamed = [entry("weak", "simulated/weak"), entry("x", "simulated/strong")]
    assert keys(models=renamed, ladder=["weak", "x"]) == before
    alias = {"router_settings": {"model_group_alias": {"best": "strong"}}}
    assert keys(ladder=["weak", "best"], sections=alias) == before


@pytest.mark.parametrize(
    "change",
    [
        {"regret": {"budget": 0.02, "margin": 0.3}},
        {"sections": {"shadow": {"scorers": ["numeric"]}}},
        {"sections": {"judge": {"model": "strong"}}},
        {"models": [entry("weak", "simulated/weaker"), MODELS[1]]},
        {"models": [MODELS[0], entry("strong", "simulated/stronger")]},
    ],
)
def test_what_changes_the_evidence_changes_every_key(change: dict[str, Any]) -> None:
    assert not set(keys(**change)) & set(keys())


def test_a_changed_rule_begins_anew_and_the_others_go_on() -> None:
    before = keys()
    changed = keys(rules=[{**LOW, "when": {"turns": 9}}, OTHER, HIGH])
    assert changed[0] != before[0]
    assert changed[1] == before[1]


def test_another_check_makes_other_evidence_for_what_a_cascade_checks() -> None:
    plain = keys(rules=[LOW])
    decided = {**CHECKED, "start": "decided"}
    checked = keys(rules=[LOW], cascade=decided)
    assert checked != plain
    assert keys(rules=[{**LOW, "cascade": False}], cascade=decided) == plain
    assert keys(rules=[LOW], cascade={**decided, "validators": ["json"]}) != checked
    own = keys(rules=[{**LOW, "cascade": {"validators": ["json"]}}], cascade=decided)
    assert own not in (plain, checked)


def test_with_a_cascade_the_rungs_on_the_way_count_too() -> None:
    def three(middle: str, **given: Any) -> list[str]:
        models = [*MODELS, entry("mid", f"simulated/{middle}")]
        return keys(rules=[LOW], models=models, ladder=["weak", "mid", "strong"], **given)

    assert three("one") == three("other")
    decided = {**CHECKED, "start": "decided"}
    assert three("one", cascade=decided) != three("other", cascade=decided)


def test_a_judge_that_was_measured_anew_is_the_same_judge() -> None:
    judge = {"judge": {"model": "strong"}}
    measured = {"judge": {"model": "strong", "labelled": "pairs.jsonl"}}
    assert keys(sections=judge) == keys(sections=measured)


# ── What goes with it ────────────────────────────────────────────────────────────────────────


def test_rates_and_margins() -> None:
    config = read(
        *MODELS,
        routes={
            "usual": route(),
            "alone": {"ladder": ["weak", "strong"], "shadow": 0.3},
            "own": route(regret={"budget": 0.1, "margin": 0.25}, shadow={"upgrade_rate": 0.5}),
        },
    )
    usual, alone, own = config.routes.values()
    assert rates_of(usual) == Rates()
    assert rates_of(alone) == Rates(rate=0.3)
    assert rates_of(own).upgrade_rate == 0.5
    assert [margin_of(each) for each in (usual, alone, own)] == [0.1, 0.1, 0.25]


def test_a_ladder_of_one_has_nothing_to_compare() -> None:
    options = {"ladder": ["weak"], "regret": {"budget": 0.1}, "shadow": 0.1}
    assert problems({"auto": options}) == [
        f"routes.auto.{option}: expected a ladder of two models or more, got one"
        for option in ("regret", "shadow")
    ]


def test_names_that_lead_nowhere() -> None:
    rates = {"rules": {"lwo": 0.1, "low": 0.2, "cascade": 0.1, "default": 0.1, "router": 0.1}}
    [problem] = problems({"auto": route(shadow=rates)})
    assert problem.startswith("routes.auto.shadow.rules.lwo: the route has no such rule.")
    assert "Did you mean 'low'" in problem
    hook = {"pager": {"url": "http://host/hook", "secret": SECRET}}
    [alert] = problems(
        {"auto": route()}, jobs={"webhooks": hook}, shadow={"alerts": ["pager", "pagr"]}
    )
    assert alert.startswith("shadow.alerts[1]: expected a webhook of jobs.webhooks, got 'pagr'.")
    assert "Did you mean 'pager'" in alert


# ── The judge's errors ───────────────────────────────────────────────────────────────────────


def test_the_judges_errors_are_carried_in_and_begin_nothing_anew() -> None:
    counted = {"false_positives": 3, "negatives": 150, "false_negatives": 5, "positives": 50}
    judge = {"model": "strong"}
    plain, _ = wards(sections={"judge": judge})
    known, _ = wards(sections={"judge": {**judge, "errors": counted}})
    assert plain.terms.judge is None
    assert known.terms.judge == JudgeErrors(**counted)
    assert known.key == plain.key
    assert too_much(known.terms, 1).limit < too_much(plain.terms, 1).limit == 0.02


def test_compression_that_may_lose_something_is_guarded_for_all_of_the_route() -> None:
    *rules, compression = wards(compression=["minify", "duplicates"])
    assert [ward.decided for ward in rules] == ["low", "other"]
    assert (compression.rule, compression.decided) == ("compression", None)
    assert compression.models == ("weak", "strong", "strong")
    assert "compression" not in [ward.rule for ward in wards(compression=["minify"])]
