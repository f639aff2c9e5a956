"""What Prometheus reads: the caches, the shadows and the guard of this process, in its text format.

Source: prometheus.io/docs/instrumenting/exposition_formats (text-based format, 0.0.4).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("observing", "active", "trusted", "tripped")

Samples = Iterator[tuple[Mapping[str, str], Any]]
"""Labels and a value each."""


def exposition(status: Mapping[str, Any]) -> str:
    """The metrics of a gateway's status (``Live.status``); none of what is not switched on."""
    return "".join(
        f"# HELP {name} {help_}\n# TYPE {name} {kind}\n"
        + "".join(f"{name}{_labels(labels)} {value}\n" for labels, value in samples)
        for name, kind, help_, samples in _metrics(status)
    )


Metric = tuple[str, Literal["gauge", "counter"], str, Samples]


def _metrics(status: Mapping[str, Any]) -> Iterator[Metric]:
    for section, metrics in (
        ("cache", _cache),
        ("guard", _guard),
        ("shadow", _shadow),
        ("pairs", _pairs),
    ):
        if (told := status.get(section)) is not None:
            yield from metrics(told)


def _cache(caches: Mapping[str, Any]) -> Iterator[Metric]:
    help_ = "Requests by what a cache had for them."
    yield "stepdown_cache_requests_total", "counter", help_, _of_caches(caches)
    for what in ("stored", "dropped", "failures"):
        help_ = f"Answers or calls of a cache's store: {what}."
        samples = (({"cache": name}, cache[what]) for name, cache in caches.items())
        yield f"stepdown_cache_{what}_total", "counter", help_, samples
    held = [(name, cache["held"]) for name, cache in caches.items() if cache["held"]]
    for what, help_ in (("entries", "Entries held."), ("size", "Bytes held.")):
        told = (({"cache": name}, each[what]) for name, each in held)
        yield f"stepdown_cache_{what}", "gauge", help_, told
    if (semantic := caches.get("semantic")) is not None:
        compared = {what: semantic[what] for what in ("right", "wrong", "untold")}
        help_ = "Would-be hits that were asked afresh, by what came of it."
        yield "stepdown_cache_compared_total", "counter", help_, _by("outcome", compared)


def _guard(guard: Mapping[str, Any]) -> Iterator[Metric]:
    wards = guard["wards"]
    yield "stepdown_guard_state", "gauge", "1 for the state of a rule.", _states(wards)
    for what in ("pairs", "regrets"):
        help_ = f"Scored {what} in a rule's present state."
        yield f"stepdown_guard_{what}", "gauge", help_, _of_wards(wards, what)
    events = _by("cause", guard["events"])
    yield "stepdown_guard_events_total", "counter", "Changes that the guard made.", events
    failures = _one(guard["failures"])
    yield "stepdown_guard_failures_total", "counter", "Looks that failed.", failures
    alerts = {what: guard["alerts"][what] for what in ("delivered", "failed", "dropped")}
    help_ = "Alerts by what became of them."
    yield "stepdown_guard_alerts_total", "counter", help_, _by("outcome", alerts)


def _shadow(shadow: Mapping[str, Any]) -> Iterator[Metric]:
    for what in ("sampled", "paired"):
        help_ = f"Requests that were {what}."
        yield f"stepdown_shadow_{what}_total", "counter", help_, _one(shadow[what])
    for what, name in (("skips", "skipped"), ("unscored", "unscored")):
        help_ = f"Sampled requests that were {name}, by reason."
        yield f"stepdown_shadow_{name}_total", "counter", help_, _by("reason", shadow[what])
    for what in ("queued", "running"):
        help_ = f"Shadow requests that are {what}."
        yield f"stepdown_shadow_{what}", "gauge", help_, _one(shadow[what])
    spent = {"answers": shadow["spent"], "judges": shadow["judges_spent"]}
    help_ = "US dollars spent today (UTC) by all processes."
    yield "stepdown_shadow_spent_dollars", "gauge", help_, _by("on", spent)


def _pairs(pairs: Mapping[str, Any]) -> Iterator[Metric]:
    for what in ("written", "dropped"):
        help_ = f"Pairs that were {what}."
        yield f"stepdown_pairs_{what}_total", "counter", help_, _one(pairs[what])


def _of_caches(caches: Mapping[str, Any]) -> Samples:
    for name, cache in caches.items():
        yield {"cache": name, "outcome": "hit"}, cache["hits"]
        yield {"cache": name, "outcome": "miss"}, cache["misses"]
        yield {"cache": name, "outcome": "bypass"}, sum(cache["bypasses"].values())


def _states(wards: Any) -> Samples:
    for ward in wards:
        for state in STATES:
            labels = {"route": ward["route"], "rule": ward["rule"], "state": state}
            yield labels, int(ward["state"] == state)


def _of_wards(wards: Any, what: str) -> Samples:
    return (({"route": ward["route"], "rule": ward["rule"]}, ward[what]) for ward in wards)


def _by(label: str, values: Mapping[str, Any]) -> Samples:
    return (({label: name}, value) for name, value in values.items())


def _one(value: Any) -> Samples:
    yield {}, value


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{','.join(pairs)}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
