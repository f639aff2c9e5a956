"""Finds the checks that a configuration names: built in, the user's own, or a package's."""

from importlib import import_module
from typing import Any, TypeGuard, cast

from stepdown.cascade.validators.custom import GROUP, build_custom
from stepdown.names import known_names
from stepdown.ports import Grader, Validator
from stepdown.routing.entry_points import offered
from stepdown.routing.plugins import read_entry
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list

BUILT_IN = (
    "json",
    "json_schema",
    "fields",
    "regex",
    "one_of",
    "range",
    "length",
    "language",
    "code",
    "tool_calls",
    "refusal",
    "finish_reason",
    "logprob",
    "self_consistency",
    "judge",
)
"""Each stands in the module of ``validators`` that has its name."""

Checks = tuple[tuple[Validator, ...], tuple[Grader, ...]]


def build_checks(entries: Any, path: str, problems: Problems) -> Checks:
    """The validators and the graders of a list, each in its order there.

    An entry is a name, or a mapping of one name to its options. A name with a colon is a dotted
    path, ``pkg.module:function``. What is wrong goes to ``problems``; only what is named is
    imported.
    """
    validators: list[Validator] = []
    graders: list[Grader] = []
    if not is_list(entries):
        problems.expected(path, "a list of validators", entries)
        entries = ()
    for index, entry in enumerate(entries):
        check = _build_entry(entry, f"{path}[{index}]", problems)
        if check is None:
            continue
        if _is_grader(check):
            graders.append(check)
        else:
            validators.append(cast("Validator", check))
    return tuple(validators), tuple(graders)


def _is_grader(check: Validator | Grader) -> TypeGuard[Grader]:
    return hasattr(check, "grade")


def _build_entry(entry: Any, path: str, problems: Problems) -> Validator | Grader | None:
    read = read_entry(entry, path, "validator", problems)
    if read is None:
        return None
    name, options, at = read.name, read.options, read.path
    if name in BUILT_IN:
        module: Any = import_module(f"stepdown.cascade.validators.{name}")
        built: Validator | Grader | None = module.build(options, at, problems)
        return built
    if ":" not in name and name not in (packages := offered(GROUP)):
        near = known_names(name, [*BUILT_IN, *packages])
        problems.add(path, f"there is no validator {name!r}.{near}")
        return None
    return build_custom(name, options, at, problems)
