"""Reads a route's options: every problem is collected, with its path and what was expected.

What stands under ``cascade``, the route's or a rule's, is read by ``stepdown.cascade.options``;
what says how rules are shadowed and guarded is read by ``stepdown.quality``.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from stepdown.names import nearest
from stepdown.routing.conditions import compile_condition
from stepdown.routing.lexicon import Lexicon, extended
from stepdown.routing.presets import PRESETS
from stepdown.routing.problems import Problems
from stepdown.routing.rules import RESERVED, Match, Policy, Rule
from stepdown.routing.shapes import is_list, is_mapping, is_number
from stepdown.routing.signals import SignalSet
from stepdown.routing.vocabulary import OUTPUTS, TASKS

OPTIONS = (
    "ladder",
    "rules",
    "match",
    "router",
    "router_timeout",
    "signals",
    "sessions",
    "cascade",
    "cache",
    "compression",
    "defer",
    "regret",
    "shadow",
)
GUARD_KEYS = ("observe", "trusted", "auto_promote")
"""Of a rule, where its route has a regret budget."""
RULE_KEYS = ("name", "when", "rung", "cascade", *GUARD_KEYS)
_BESIDE = ("cache", "compression", "defer", "regret", "shadow")
"""Options that stand beside the decisions, and decide nothing by themselves."""
LEXICONS: Mapping[str, Mapping[str, Sequence[str]]] = {"task": TASKS, "output": OUTPUTS}


class SessionOptions(Struct, frozen=True):
    """``max`` conversations are known at most; one is forgotten after ``ttl`` seconds."""

    max: int = 10_000
    ttl: float = 3600.0


def read_ladder(given: Any, path: str, problems: Problems) -> tuple[str, ...]:
    """Model names, cheapest first."""
    if not is_list(given) or not given:
        problems.expected(path, "a list of model names, cheapest first", given)
        return ()
    for index, model in enumerate(given):
        if not isinstance(model, str) or not model:
            problems.expected(f"{path}[{index}]", "a model's name", model)
        elif model in given[:index]:
            problems.add(f"{path}[{index}]", f"the model {model!r} is already on the ladder")
    return tuple(str(model) for model in given)


def read_lexicons(given: Any, path: str, problems: Problems) -> dict[str, Lexicon]:
    """The built-in phrases with the route's own: ``{task: {classify: ["sort into"]}}``."""
    phrases: dict[str, Mapping[str, Any]] = dict(LEXICONS)
    if given is not None and not is_mapping(given):
        problems.expected(path, "a mapping of signals to phrases", given)
        given = None
    for signal, labels in (given or {}).items():
        at = f"{path}.{signal}"
        if signal not in LEXICONS:
            problems.add(
                at,
                f"expected a signal that has phrases ({', '.join(LEXICONS)}), got {signal!r}."
                f"{nearest(str(signal), LEXICONS)}",
            )
        elif _are_phrases(labels, at, problems):
            phrases[str(signal)] = extended(LEXICONS[str(signal)], labels)
    return {signal: Lexicon(labels) for signal, labels in phrases.items()}


def _are_phrases(labels: Any, path: str, problems: Problems) -> bool:
    if not is_mapping(labels):
        problems.expected(path, "a mapping of names to lists of phrases", labels)
        return False
    good = True
    for label, texts in labels.items():
        if not is_list(texts) or not all(isinstance(text, str) and text.strip() for text in texts):
            problems.expected(f"{path}.{label}", "a list of phrases", texts)
            good = False
    return good


def read_policy(
    options: Mapping[str, Any],
    ladder: Sequence[str],
    signals: SignalSet,
    path: str,
    problems: Problems,
) -> Policy:
    """The rules, in order; a preset's name among them stands for its rules."""
    given = options.get("rules", "standard")
    entries: Any = [given] if isinstance(given, str) else given
    rules: list[Rule] = []
    if not is_list(entries):
        problems.expected(f"{path}.rules", "a preset's name or a list of rules", given)
        entries = []
    for index, entry in enumerate(entries):
        at = f"{path}.rules" if isinstance(given, str) else f"{path}.rules[{index}]"
        for rule, where in _expanded(entry, at, problems):
            read = _read_rule(rule, where, ladder, signals, problems)
            _check_guarded(rule, where, options, read.rung < len(ladder) - 1, problems)
            if read.name in {known.name for known in rules}:
                problems.add(f"{where}.name", f"there is already a rule {read.name!r}")
            rules.append(read)
    return Policy(rules, max(0, len(ladder) - 1), _read_match(options, path, problems))


def _check_guarded(
    rule: Mapping[str, Any], path: str, options: Mapping[str, Any], saves: bool, problems: Problems
) -> None:
    """``saves``: whether the rule picks a rung below the last."""
    given = [key for key in GUARD_KEYS if key in rule]
    for key in given:
        at = f"{path}.{key}"
        if options.get("regret") is None:
            problems.add(at, "goes with a regret budget of the route ('regret')")
        elif not isinstance(rule[key], bool):
            problems.expected(at, "true or false", rule[key])
        elif not saves:
            problems.add(at, "a rule that picks the last rung saves nothing that is to be guarded")
    if rule.get("observe") is True and rule.get("trusted") is True:
        problems.add(f"{path}.trusted", "a rule is either observed or trusted")


def _read_match(options: Mapping[str, Any], path: str, problems: Problems) -> Match:
    match = options.get("match", "all")
    if match not in ("all", "first"):
        problems.expected(f"{path}.match", "all or first", match)
    return "first" if match == "first" else "all"


def _expanded(entry: Any, path: str, problems: Problems) -> list[tuple[Mapping[str, Any], str]]:
    """A rule with its path, or the rules of a preset."""
    if isinstance(entry, str):
        if entry not in PRESETS:
            known = f"a preset ({', '.join(PRESETS)}) or a rule"
            problems.add(path, f"expected {known}, got {entry!r}.{nearest(entry, PRESETS)}")
            return []
        return [(rule, f"{path} ({rule['name']})") for rule in PRESETS[entry]]
    if not is_mapping(entry):
        problems.expected(path, "a rule {name, when, rung} or a preset's name", entry)
        return []
    return [(entry, path)]


def _read_rule(
    given: Mapping[str, Any],
    path: str,
    ladder: Sequence[str],
    signals: SignalSet,
    problems: Problems,
) -> Rule:
    for key in given:
        if key not in RULE_KEYS:
            problems.add(f"{path}.{key}", f"a rule has no such key.{nearest(str(key), RULE_KEYS)}")
    name = given.get("name")
    if not isinstance(name, str) or not name or not name.isprintable() or not name.isascii():
        problems.expected(f"{path}.name", "a name in printable ASCII", name)
    elif name in RESERVED:
        problems.add(f"{path}.name", f"{name!r} is the name of a built-in decision")
    condition = compile_condition(given.get("when"), f"{path}.when", signals, problems)
    rung = read_rung(given.get("rung"), f"{path}.rung", ladder, problems)
    return Rule(str(name), condition, rung)


def read_rung(given: Any, path: str, ladder: Sequence[str], problems: Problems) -> int:
    """``cheap``, ``strong``, a model of the ladder, or its index."""
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < len(ladder):
        return given
    if given == "cheap":
        return 0
    if given == "strong":
        return max(0, len(ladder) - 1)
    if given in ladder:
        return ladder.index(given)
    suggestion = nearest(str(given), ["cheap", "strong", *ladder])
    known = f"cheap, strong, a model of the ladder, or an index below {len(ladder)}"
    problems.add(path, f"expected {known}, got {given!r}.{suggestion}")
    return max(0, len(ladder) - 1)


def read_sessions(given: Any, path: str, problems: Problems) -> SessionOptions | None:
    """``true``, ``false``, or ``{max: N, ttl: seconds}``. On, unless switched off."""
    if given is None or given is True:
        return SessionOptions()
    if given is False:
        return None
    if not is_mapping(given):
        problems.expected(path, "true, false or {max, ttl}", given)
        return None
    for key in given:
        if key not in ("max", "ttl"):
            suggestion = nearest(str(key), ("max", "ttl"))
            problems.add(f"{path}.{key}", f"sessions have no such option.{suggestion}")
    most, ttl = given.get("max", 10_000), given.get("ttl", 3600.0)
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        problems.expected(f"{path}.max", "a whole number above 0", most)
        most = 1
    if not is_number(ttl) or not 0 < ttl < float("inf"):
        problems.expected(f"{path}.ttl", "seconds above 0", ttl)
        ttl = 1.0
    return SessionOptions(most, float(ttl))


def policy_hash(options: Mapping[str, Any], lexicons: Mapping[str, Lexicon]) -> str:
    """Twelve hexadecimal digits that change when what decides changes: the options, with presets
    written out, and the phrases."""
    given = options.get("rules", "standard")
    entries: Any = [given] if isinstance(given, str) else given
    rules: list[Any] = []
    for entry in entries:
        rules.extend(PRESETS[entry] if isinstance(entry, str) else [entry])
    shown = {
        **{key: value for key, value in options.items() if key not in _BESIDE},
        "rules": rules,
        "match": options.get("match", "all"),
        "signals": {name: lexicon.phrases for name, lexicon in lexicons.items()},
    }
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
