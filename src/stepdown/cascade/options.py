"""Reads the ``cascade`` of a route and of its rules: every problem with its path."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from stepdown.cascade.plan import Cascade, Cascades, Patience
from stepdown.cascade.registry import build_checks
from stepdown.names import nearest
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list, is_mapping, is_number

OPTIONS = (
    "validators",
    "timeout",
    "hedge_after",
    "stream",
    "start",
    "early_drop",
    "serve_best_effort",
    "keep_alive",
)
TIMEOUTS = ("first_byte", "total")
KEEP_ALIVE = 5.0

_WRITTEN = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def read_cascades(
    options: Mapping[str, Any], path: str, *, rungs: int, problems: Problems
) -> Cascades | None:
    """The cascades of one route, from its options; None where it has none.

    A rule's own stands in place of the route's; ``false`` switches it off for the rule.
    """
    given = options.get("cascade")
    default = None
    if given is not None and given is not False:
        default = read_cascade(given, f"{path}.cascade", problems)
    by_rule: dict[str, Cascade | None] = {}
    rules = options.get("rules")
    for index, rule in enumerate(rules if is_list(rules) else ()):
        if is_mapping(rule) and "cascade" in rule:
            own, at = rule["cascade"], f"{path}.rules[{index}].cascade"
            by_rule[str(rule.get("name"))] = (
                None if own is False else read_cascade(own, at, problems)
            )
    if default is None and not any(by_rule.values()):
        return None
    if rungs < 2:
        problems.add(f"{path}.cascade", "a cascade needs a ladder of two models or more")
    return Cascades(default, by_rule)


def read_cascade(given: Any, path: str, problems: Problems) -> Cascade | None:
    """One cascade: ``{validators: […], …}``, or the list of validators alone."""
    if is_list(given):
        given = {"validators": given}
    if not is_mapping(given):
        problems.expected(path, "a list of validators, or {validators: […], …}", given)
        return None
    _check_names(given, OPTIONS, path, "a cascade", problems)
    entries = _entries(given, path, problems)
    validators, graders = build_checks(entries, f"{path}.validators", problems)
    cascade = Cascade(
        validators,
        graders,
        patience=_patience(given, path, problems),
        stream=_stream(given, path, problems),
        start=_start(given, path, problems),
        early_drop=_switch(given, "early_drop", path, problems, default=True),
        serve_best_effort=_switch(given, "serve_best_effort", path, problems, default=False),
        keep_alive=_seconds(given, "keep_alive", path, problems) or KEEP_ALIVE,
    )
    if cascade.stream == "optimistic":
        _check_settling(cascade, f"{path}.stream", problems)
    return cascade


def _entries(given: Mapping[str, Any], path: str, problems: Problems) -> Sequence[Any]:
    """The list of validators; a name that is not known may be what it was meant by."""
    entries = given.get("validators")
    if is_list(entries) and entries:
        return entries
    if "validators" in given:
        problems.expected(f"{path}.validators", "a list of validators", entries)
    elif given.keys() <= set(OPTIONS):
        problems.add(path, "expected a list of validators under 'validators', got none")
    return ()


def _patience(given: Mapping[str, Any], path: str, problems: Problems) -> Patience:
    timeout, at = _timeout(given.get("timeout"), f"{path}.timeout", problems), f"{path}.timeout"
    _check_names(timeout, TIMEOUTS, at, "a timeout", problems)
    first_byte = _seconds(timeout, "first_byte", at, problems)
    total = _seconds(timeout, "total", at, problems)
    hedge_after = _seconds(given, "hedge_after", path, problems)
    for where, due in ((f"{at}.first_byte", first_byte), (f"{path}.hedge_after", hedge_after)):
        if due is not None and total is not None and due >= total:
            problems.add(where, f"expected less than timeout.total ({total:g} s), got {due:g} s")
    return Patience(first_byte, total, hedge_after)


def _timeout(given: Any, path: str, problems: Problems) -> Mapping[str, Any]:
    if is_number(given) or isinstance(given, str):
        return {"total": given}
    if given is None or is_mapping(given):
        return given or {}
    problems.expected(path, "seconds, or {first_byte, total}", given)
    return {}


def _check_settling(cascade: Cascade, path: str, problems: Problems) -> None:
    """Only what can no longer fail may be shown before its end."""
    late = [validator.name for validator in cascade.validators if not validator.settles]
    late += [grader.name for grader in cascade.graders]
    if late:
        problems.add(
            path,
            f"'optimistic' cannot be had with {', '.join(late)}: "
            "what such a check says is known at the answer's end only",
        )


def _stream(
    given: Mapping[str, Any], path: str, problems: Problems
) -> Literal["checked", "optimistic"]:
    stream = given.get("stream", "checked")
    if stream not in ("checked", "optimistic"):
        problems.expected(f"{path}.stream", "checked or optimistic", stream)
    return "optimistic" if stream == "optimistic" else "checked"


def _start(given: Mapping[str, Any], path: str, problems: Problems) -> Literal["cheap", "decided"]:
    start = given.get("start", "cheap")
    if start not in ("cheap", "decided"):
        problems.expected(f"{path}.start", "cheap or decided", start)
    return "decided" if start == "decided" else "cheap"


def _switch(
    given: Mapping[str, Any], key: str, path: str, problems: Problems, *, default: bool
) -> bool:
    value = given.get(key, default)
    if not isinstance(value, bool):
        problems.expected(f"{path}.{key}", "true or false", value)
        return default
    return value


def _seconds(given: Mapping[str, Any], key: str, path: str, problems: Problems) -> float | None:
    value = given.get(key)
    if value is None:
        return None
    seconds = value
    if isinstance(value, str) and (written := _WRITTEN.fullmatch(value)):
        seconds = float(written["number"]) * _UNITS[written["unit"] or "s"]
    if not is_number(seconds) or not 0 < seconds < float("inf"):
        problems.expected(f"{path}.{key}", "seconds above 0 (2, 0.5, 200ms, 10m)", value)
        return None
    return float(seconds)


def _check_names(
    given: Mapping[str, Any], known: tuple[str, ...], path: str, what: str, problems: Problems
) -> None:
    for key in given:
        if key not in known:
            problems.add(f"{path}.{key}", f"{what} has no such option.{nearest(str(key), known)}")
