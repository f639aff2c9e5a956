"""The metrics are in Prometheus's text format, and there are none where nothing is shadowed."""

import re
from itertools import pairwise
from typing import Any

from stepdown.server.metrics import exposition

LINE = re.compile(r'^[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\.)*"(,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? \S+$')

STATUS: dict[str, Any] = {
    "shadow": {
        "sampled": 9,
        "paired": 6,
        "skips": {"budget": 2, "failed": 1},
        "unscored": {"unscored": 3},
        "queued": 4,
        "running": 1,
        "spent": "0.00125",
        "judges_spent": "0",
    },
    "pairs": {"written": 5, "dropped": 0},
    "guard": {
        "wards": [
            {"route": "auto", "rule": "easy", "state": "active", "pairs": 40, "regrets": 1},
            {"route": 'a "b"\\\n', "rule": "x", "state": "tripped", "pairs": 3, "regrets": 3},
        ],
        "events": {"above budget": 1},
        "failures": 0,
        "alerts": {"waiting": 1, "delivered": 2, "failed": 0, "dropped": 0},
    },
}


def samples(status: dict[str, Any]) -> dict[str, str]:
    lines = exposition(status).splitlines()
    plain = [line for line in lines if not line.startswith("#")]
    assert all(LINE.match(line) for line in plain)
    return dict(line.rsplit(" ", 1) for line in plain)


def test_what_is_told() -> None:
    found = samples(STATUS)
    easy = 'route="auto",rule="easy"'
    assert found[f'stepdown_guard_state{{{easy},state="active"}}'] == "1"
    assert found[f'stepdown_guard_state{{{easy},state="tripped"}}'] == "0"
    assert found[f"stepdown_guard_pairs{{{easy}}}"] == "40"
    assert found[f"stepdown_guard_regrets{{{easy}}}"] == "1"
    assert found['stepdown_guard_events_total{cause="above budget"}'] == "1"
    assert found['stepdown_guard_alerts_total{outcome="delivered"}'] == "2"
    assert found["stepdown_shadow_sampled_total"] == "9"
    assert found['stepdown_shadow_skipped_total{reason="budget"}'] == "2"
    assert found['stepdown_shadow_unscored_total{reason="unscored"}'] == "3"
    assert found['stepdown_shadow_spent_dollars{on="answers"}'] == "0.00125"
    assert found["stepdown_pairs_written_total"] == "5"
    assert found["stepdown_shadow_queued"] == "4"


def test_the_caches() -> None:
    cache = {
        "hits": 3,
        "misses": 2,
        "bypasses": {"no_store": 1, "fresh": 4},
        "stored": 2,
        "dropped": 0,
        "failures": 1,
        "held": {"entries": 2, "size": 900, "evicted": 0},
    }
    semantic = {**cache, "right": 7, "wrong": 1, "untold": 0}
    found = samples({"cache": {"exact": {**cache, "held": None}, "semantic": semantic}})
    requests = "stepdown_cache_requests_total"
    assert found[f'{requests}{{cache="exact",outcome="hit"}}'] == "3"
    assert found[f'{requests}{{cache="semantic",outcome="bypass"}}'] == "5"
    assert found['stepdown_cache_failures_total{cache="exact"}'] == "1"
    assert found['stepdown_cache_size{cache="semantic"}'] == "900"
    assert 'stepdown_cache_size{cache="exact"}' not in found
    assert found['stepdown_cache_compared_total{outcome="wrong"}'] == "1"


def test_labels_are_escaped() -> None:
    labels = 'route="a \\"b\\"\\\\\\n",rule="x"'
    assert samples(STATUS)[f"stepdown_guard_pairs{{{labels}}}"] == "3"


def test_each_metric_says_what_it_is_before_its_samples() -> None:
    lines = exposition(STATUS).splitlines()
    told: set[str] = set()
    for first, second in pairwise(lines):
        if first.startswith("# HELP "):
            name = first.split(" ")[2]
            assert second.split(" ")[:3] == ["#", "TYPE", name]
            assert name not in told
            told.add(name)
            assert name.endswith("_total") == second.endswith(" counter")
    named = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    assert named <= told
    assert exposition(STATUS).endswith("\n")


def test_where_nothing_is_shadowed_or_only_guarded() -> None:
    assert exposition({"routes": {}}) == ""
    found = samples({**STATUS, "shadow": None})
    assert not any(name.startswith("stepdown_shadow") for name in found)
    assert "stepdown_guard_failures_total" in found
