"""Finds the scorers and judges that are named: built in, the user's own, or a package's."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from stepdown.names import known_names
from stepdown.ports import Judge, Scorer
from stepdown.quality.scorers.custom import GROUP, build_custom
from stepdown.routing.entry_points import offered
from stepdown.routing.plugins import read_entry
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list, is_mapping

SCORERS = (
    "exact",
    "normalised",
    "numeric",
    "regex",
    "contains",
    "json",
    "json_fields",
    "tool_calls",
    "label",
    "bleu",
    "chrf",
    "embedding",
    "code",
)
"""Each stands in the module of ``scorers`` that has its name."""

JUDGES: Mapping[str, str] = {
    "judge": "pairwise",
    "judge_rubric": "rubric",
    "judge_reference": "reference",
}
"""By name, the module of ``judges`` that each stands in."""

BUILT_IN = (*SCORERS, *JUDGES)


def build_scorers(
    entries: Any, path: str, problems: Problems, *, trusted: bool = True
) -> tuple[Scorer | Judge, ...]:
    """The scorers and judges of a list, in its order.

    An entry is a name, or a mapping of one name to its options. A name with a colon is a dotted
    path, ``pkg.module:function``. What is wrong goes to ``problems``; only what is named is
    imported. Not ``trusted``: the entries come from data, which may neither name code of its own
    nor opt into running any.
    """
    if not is_list(entries):
        problems.expected(path, "a list of scorers", entries)
        return ()
    built = (
        _build_entry(entry, f"{path}[{index}]", problems, trusted)
        for index, entry in enumerate(entries)
    )
    return tuple(scorer for scorer in built if scorer is not None)


def _build_entry(entry: Any, path: str, problems: Problems, trusted: bool) -> Scorer | Judge | None:
    read = read_entry(entry, path, "scorer", problems)
    if read is None:
        return None
    name, options, at = read.name, read.options, read.path
    if not trusted and (name == "code" or _names_code(name, options)):
        problems.add(path, f"{name!r:.60} runs code: name it outside of the data")
        return None
    if name in BUILT_IN:
        module: Any = import_module(_module(name))
        built: Scorer | Judge | None = module.build(options, at, problems)
        return built
    if ":" not in name and name not in (packages := offered(GROUP)):
        near = known_names(name, [*BUILT_IN, *packages])
        problems.add(path, f"there is no scorer {name!r:.60}.{near}")
        return None
    return build_custom(name, options, at, problems)


def _names_code(name: str, options: Any) -> bool:
    """Whether a dotted path is among what is named."""
    embedder = options.get("embedder") if is_mapping(options) else None
    return ":" in name or (isinstance(embedder, str) and ":" in embedder)


def _module(name: str) -> str:
    if name in JUDGES:
        return f"stepdown.quality.judges.{JUDGES[name]}"
    return f"stepdown.quality.scorers.{name}"
