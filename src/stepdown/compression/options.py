"""Reads a route's ``compression``: every problem with its path, and what was expected."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from stepdown.compression.compression import MIN_TOKENS, Plan
from stepdown.compression.shrink import Target
from stepdown.compression.technique import Technique, read_options, read_whole
from stepdown.names import known_names
from stepdown.routing.plugins import read_entry
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_list, is_mapping, is_number

OPTIONS = ("techniques", "target", "tokens", "min_tokens", "pin")
TECHNIQUES = ("minify", "duplicates", "tables", "history", "extract", "llmlingua")
"""Each stands in the module of ``techniques`` that has its name."""


def read_compression(given: Any, path: str, problems: Problems) -> Plan | None:
    """How a route's prompts are shortened; None where they are not.

    ``true`` (lossless only), ``false``, a list of techniques, or ``{techniques, target | tokens,
    min_tokens, pin}``. What is wrong goes to ``problems``.
    """
    if given is None or given is False:
        return None
    if given is True:
        return Plan()
    if is_list(given):
        given = {"techniques": given}
    if not is_mapping(given):
        problems.expected(path, "true, false, a list of techniques, or {techniques: […], …}", given)
        return None
    options = read_options(given, OPTIONS, path, problems)
    techniques = _techniques(options, path, problems)
    if "pin" in options and "history" not in {each.name for each in techniques}:
        problems.add(f"{path}.pin", "goes with the technique 'history'")
    least = read_whole(options, "min_tokens", MIN_TOKENS, path, problems)
    return Plan(techniques, _target(options, path, problems), least)


def _techniques(given: Mapping[str, Any], path: str, problems: Problems) -> tuple[Technique, ...]:
    entries: Any = given.get("techniques", ["minify"])
    at = f"{path}.techniques"
    if not is_list(entries) or not entries:
        problems.expected(at, f"a list of techniques ({', '.join(TECHNIQUES)})", entries)
        return ()
    built: dict[str, Technique] = {}
    for index, entry in enumerate(entries):
        technique = _technique(entry, f"{at}[{index}]", given.get("pin"), path, problems)
        if technique is None:
            continue
        if technique.name in built:
            problems.add(f"{at}[{index}]", f"the technique {technique.name!r} is listed already")
        built[technique.name] = technique
    return tuple(built.values())


def _technique(entry: Any, at: str, pin: Any, path: str, problems: Problems) -> Technique | None:
    """One of the list, of which nothing is imported that is not named there."""
    read = read_entry(entry, at, "technique", problems)
    if read is None:
        return None
    if read.name not in TECHNIQUES:
        near = known_names(read.name, TECHNIQUES)
        problems.add(at, f"there is no technique {read.name!r}.{near}")
        return None
    module: Any = import_module(f"stepdown.compression.techniques.{read.name}")
    pinned = read.name == "history" and read.options is None
    options, where = (pin, f"{path}.pin") if pinned else (read.options, read.path)
    built: Technique | None = module.build(options, where, problems)
    return built


def _target(given: Mapping[str, Any], path: str, problems: Problems) -> Target:
    if "tokens" in given:
        if "target" in given:
            problems.add(f"{path}.tokens", "a target is given in tokens or as a share, not both")
        return Target(None, read_whole(given, "tokens", MIN_TOKENS, path, problems, least=1))
    share = given.get("target", Target().share)
    if not is_number(share) or not 0 < share < 1:
        problems.expected(f"{path}.target", "a share between 0 and 1", share)
        return Target()
    return Target(float(share))
