"""``stepdown guard``: where rules stand, what happened to them, and setting them by hand."""

import getpass
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from stepdown.cli import main
from stepdown.cli.guarded import wards_in
from stepdown.config import load
from stepdown.config.build import build
from stepdown.quality.evidence import Counts
from stepdown.quality.guard.needed import needed
from stepdown.quality.guard.recorded import standing_after
from stepdown.quality.pairs import Pair
from stepdown.quality.records.guard_store import GuardStore
from stepdown.storage.address import parse
from support.pairs import NOON, make_pair, store_pairs
from support.recorded import store_events
from support.wards import certified, set_by_hand, tripped
from support.watched import ROUTE, Watched, watched

DAY = 86_400


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["guard", *arguments], env=env)


@pytest.fixture
def place(tmp_path: Path) -> Watched:
    return watched(tmp_path)


def pairs_of(
    place: Watched, rule: str, count: int, days: float = 4, **changes: object
) -> list[Pair]:
    """So many pairs of a rule that is observed, spread over the last days."""
    now = time.time()
    return [
        make_pair(
            rule=rule,
            key=place.wards[rule].key,
            served=1,
            propensity=0.2,
            time=now - days * DAY * number / max(1, count - 1),
            **changes,
        )
        for number in range(count)
    ]


def more_pairs(place: Watched, rule: str, pairs: int) -> int:
    """How many more pairs without a regret it takes, after so many."""
    ward, counts = place.wards[rule], Counts({0.2: (0, pairs)})
    found = needed(ward.beginning(), counts, ward.terms_in("observing", counts), 0.0)
    assert found is not None
    return found


# ── The list ─────────────────────────────────────────────────────────────────────────────────


def test_every_rule_of_the_configuration(place: Watched) -> None:
    event = certified(place.wards["faq"], NOON)
    store_events(place.url, event)
    store_pairs(
        place.url,
        *pairs_of(place, "short", 100),
        *pairs_of(place, "faq", 2, stint=2, regret=True),
    )
    shown = run("--config", place.config)
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    more = more_pairs(place, "short", 100)
    assert [re.sub(r"[\d.]+ to [\d.]+ %", "… %", line) for line in lines] == [
        "auto",
        "  faq: active since 2025-10-09 12:00 UTC",
        f"    why: {event.why}",
        "    2 regrets in 2 scored pairs since then; the regret is … % (98.33 % interval).",
        "  short: observing since the beginning",
        "    0 regrets in 100 scored pairs since then; the regret is … % (98.33 % interval).",
        f"    It takes about {more} more pairs to certify a budget of 2 %, if none is regretted: "
        f"{more / 25:.0f} days at 25 pairs a day.",
        "  sure: trusted since the beginning",
        "    No scored pairs since then.",
    ]
    assert run("list", "--config", place.config).output == shown.output


def test_what_has_to_come(tmp_path: Path) -> None:
    probation = {"probation": "12h", "probation_requests": 1500}
    place = watched(tmp_path, regret={"budget": 0.02, "auto_promote": False, **probation})
    wards = place.wards
    store_events(
        place.url,
        certified(wards["faq"]),
        tripped(wards["short"]),
        set_by_hand(wards["sure"], "tripped"),
    )
    lines = run("--config", place.config).output.splitlines()
    assert "    It is certified, and waits for: stepdown guard set faq active --why TEXT" in lines
    again = "    It is observed again 12.0 h after that, once 1,500 more requests were its own."
    assert again in lines
    assert "    It stays so until somebody sets it to something else." in lines
    assert "    why (set by ada): I know it" in lines


@pytest.mark.parametrize(
    ("count", "days", "regrets", "said"),
    [
        (0, 0.0, 0, "if none is regretted; how long that is cannot be told from its traffic yet."),
        (19, 4.0, 1, "if none is regretted: "),
        (251, 0.25, 3, "at 1,004 pairs a day."),
        (400, 4.0, 2, "if its regret stays at 0.5 %: "),
        (100, 4.0, 3, "If its regret stays at 3 %, as in these pairs, it will not be certified"),
        (600, 4.0, 0, "Its pairs are enough to certify a budget of 2 %."),
        (3, 6.9, 0, " days at 0.435 pairs a day."),
    ],
)
def test_how_far_it_is(place: Watched, count: int, days: float, regrets: int, said: str) -> None:
    shown = pairs_of(place, "short", count, days)
    for number in range(regrets):
        shown[number] = structs.replace(shown[number], regret=True)
    store_pairs(place.url, *shown)
    assert said in run("--config", place.config).output


def test_the_record_alone(place: Watched) -> None:
    wards = place.wards
    assert run("--database", place.url).output.startswith("The state of no rule was ever changed.")
    event = tripped(wards["faq"], NOON)
    store_events(place.url, event)
    store_pairs(place.url, *pairs_of(place, "faq", 1, stint=2), *pairs_of(place, "short", 1))
    shown = run("--database", place.url, "--route", "auto").output
    assert shown.splitlines() == [
        "auto",
        "  faq: tripped since 2025-10-09 12:00 UTC",
        f"    why: {event.why}",
        "    0 regrets in 1 scored pair since then.",
        "With --config FILE: every guarded rule, and what it takes to certify it.",
    ]
    nothing = run("--database", place.url, "--route", "bot").output
    assert nothing.startswith("The state of no rule was ever changed in the route 'bot'.")


def test_another_attempt_is_told(place: Watched) -> None:
    faq = place.wards["faq"]
    first = tripped(faq, NOON)
    again = set_by_hand(faq, "observing", before=standing_after(first), seq=2)
    store_events(place.url, first, again)
    assert (
        "  faq: observing since 2025-10-09 12:00 UTC, attempt 2"
        in run("--config", place.config).output
    )


def test_the_list_as_json(place: Watched) -> None:
    store_events(place.url, certified(place.wards["faq"], NOON))
    store_pairs(place.url, *pairs_of(place, "short", 100))
    more = more_pairs(place, "short", 100)
    faq, short, sure = json.loads(run("--config", place.config, "--json").output)
    assert (faq["state"], faq["since"], faq["who"], faq["certified"]) == (
        *("active", NOON),
        *("guard", True),
    )
    assert (faq["pairs_needed"], faq["days_needed"]) == (None, None)
    assert (short["state"], short["since"], short["pairs"], short["regrets"]) == (
        *("observing", None),
        *(100, 0),
    )
    assert (short["budget"], short["low"], short["pairs_needed"]) == (0.02, 0.0, more)
    assert short["confidence"] == pytest.approx(1 - 0.05 / 3)
    assert short["days_needed"] == pytest.approx(more / 25, rel=0.001)
    assert short["key"] == place.wards["short"].key
    assert sure["state"] == "trusted"


def test_nothing_is_guarded(tmp_path: Path) -> None:
    place = watched(tmp_path, regret=None, rules=ROUTE["rules"][:2])
    assert run("--config", place.config).output == "No rule is guarded.\n"


def test_the_rules_are_those_of_the_server(tmp_path: Path) -> None:
    checks = [{"one_of": ["yes", "no"]}]
    place = watched(tmp_path, cascade=checks, shadow={"rate": 0.1, "tags": {"a": 0.05}})
    config = load(Path(place.config))
    guarding = build(config, price_of=lambda model: None).guarding
    assert guarding is not None
    assert wards_in(config) == guarding.wards
    assert [ward.rule for ward in guarding.wards] == ["faq", "short", "sure", "cascade"]


# ── Events ───────────────────────────────────────────────────────────────────────────────────


def test_what_happened_to_a_rule(place: Watched) -> None:
    faq = place.wards["faq"]
    first = tripped(faq, NOON)
    second = set_by_hand(faq, "observing", NOON + 60, before=standing_after(first), seq=2)
    store_events(place.url, first, second, set_by_hand(place.wards["short"], "trusted"))
    shown = run("show", "faq", "--config", place.config)
    assert shown.output.splitlines() == [
        f"2025-10-09 12:00 UTC  observing → tripped, by guard: {first.why}",
        "2025-10-09 12:01 UTC  tripped → observing, by ada, attempt 2: I know it",
    ]
    told = json.loads(run("show", "faq", "--config", place.config, "--json").output)
    assert [(event["seq"], event["to_state"]) for event in told] == [
        (1, "tripped"),
        (2, "observing"),
    ]
    assert told[0]["evidence"]["cause"] == "above budget"


def test_rules_of_one_name_are_told_apart(place: Watched) -> None:
    faq = place.wards["faq"]
    before = structs.replace(faq, key="0123456789abcdef")
    store_events(place.url, tripped(before, NOON - 60), tripped(faq, NOON))
    first, second = run("show", "faq", "--database", place.url).output.splitlines()
    assert first.startswith("auto 01234567  2025-10-09 11:59 UTC  observing → tripped")
    assert second.startswith(f"auto {faq.key[:8]}  2025-10-09 12:00 UTC")


def test_a_rule_to_which_nothing_happened(place: Watched) -> None:
    store_events(place.url, tripped(place.wards["faq"]))
    shown = run("show", "fqa", "--database", place.url)
    assert shown.exit_code == 2
    assert "Nothing ever happened to a rule 'fqa'. Did you mean 'faq'?" in shown.output
    shown = run("show", "faq", "--database", place.url, "--route", "bot")
    assert "Nothing ever happened to a rule 'faq' in the route 'bot'." in shown.output


# ── By hand ──────────────────────────────────────────────────────────────────────────────────


def events_in(place: Watched) -> list[tuple[str, str, str, str]]:
    store = GuardStore(parse(place.url))
    found = store.standings().values()
    store.close()
    return [(event.rule, event.to_state, event.who, event.why) for event in found]


def test_a_state_is_set(place: Watched) -> None:
    why = ("--why", "seen it by eye")
    shown = run("set", "faq", "trusted", *why, "--config", place.config, env={"LOGNAME": "ada"})
    assert shown.output == (
        "faq of auto: observing → trusted. Running gateways take it within seconds.\n"
    )
    assert events_in(place) == [("faq", "trusted", "ada", "seen it by eye")]
    shown = run("set", "faq", "tripped", *why, "--database", place.url, env={"LOGNAME": "bob"})
    assert shown.output.startswith("faq of auto: trusted → tripped.")
    assert events_in(place) == [("faq", "tripped", "bob", "seen it by eye")]


def test_somebody_without_a_name(place: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert run("set", "faq", "trusted", "--why", "x", "--config", place.config).exit_code == 0
    assert events_in(place) == [("faq", "trusted", "unknown", "x")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fqa", "trusted"), "No rule 'fqa' is guarded. Did you mean 'faq'?"),
        (("faq", "trusted", "--route", "atuo"), "route 'atuo' is guarded. Did you mean 'auto'?"),
        (("faq", "active"), "the rule 'faq' is not certified"),
        (("sure", "trusted"), "the rule 'sure' is trusted already"),
        (("faq", "trussed"), "'trussed' is not one of"),
        (("faq", "trusted", "--why", " "), "expected why the rule 'faq' becomes trusted"),
    ],
)
def test_what_cannot_be_set(place: Watched, arguments: tuple[str, ...], said: str) -> None:
    shown = run("set", "--why", "x", "--config", place.config, *arguments)
    assert shown.exit_code == 2
    assert said in " ".join(shown.output.split())
    assert events_in(place) == []


def test_a_reason_is_needed(place: Watched) -> None:
    shown = run("set", "faq", "trusted", "--config", place.config)
    assert shown.exit_code == 2
    assert "Missing option '--why'" in shown.output


@pytest.mark.parametrize("command", [("list",), ("show", "faq"), ("set", "faq", "trusted")])
def test_nothing_is_recorded_yet(tmp_path: Path, command: tuple[str, ...]) -> None:
    missing = tmp_path / "none.db"
    why = ("--why", "x") if command[0] == "set" else ()
    shown = run(*command, *why, "--database", f"sqlite:///{missing}")
    assert shown.exit_code == 2
    assert "Nothing is recorded yet" in " ".join(shown.output.split())
    assert not missing.exists()


def test_a_wrong_configuration_is_told(tmp_path: Path) -> None:
    place = watched(tmp_path)
    text = Path(place.config).read_text()
    Path(place.config).write_text(text.replace("task: classify", "tsak: classify"))
    shown = run("--config", place.config)
    assert shown.exit_code == 2
    assert "routes.auto.rules[0].when" in shown.output


def test_the_help_lists_the_commands() -> None:
    shown = run("--help").output
    assert all(f"  {name}  " in shown for name in ("list", "show", "set"))
