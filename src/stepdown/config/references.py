"""Checks that names lead somewhere: ladders, fallbacks and aliases to models that are served."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from stepdown.config.document import Config
from stepdown.config.notes import CAUTION, LEFT_OUT, Note
from stepdown.errors import ConfigError
from stepdown.names import nearest

_FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


def check_references(config: Config) -> list[Note]:
    """Notes on names that are of no use. Raises ConfigError for those that lead nowhere."""
    served = Served(config)
    problems: list[str] = []
    if not config.deployments:
        problems.append("model_list: expected at least one model that can be served, got none")
        problems += [str(note) for note in config.notes if note.what == LEFT_OUT]
    else:
        problems += [
            f"{path}: expected a model of model_list, got {name!r}.{served.hint(name)}"
            for path, name in _named(config)
            if name not in served
        ]
    problems += _double_ids(config)
    if problems:
        raise ConfigError(problems)
    return [*_hidden_models(config, served), *_useless_fallbacks(config, served)]


class Served:
    """The names that a call can go to: models, aliases, and what a pattern such as ``*`` fits."""

    def __init__(self, config: Config) -> None:
        self._names = {*config.models(), *config.router_settings.model_group_alias}
        self._patterns = [_pattern(name) for name in self._names if "*" in name]
        self._left_out = {
            note.why.partition(": ")[0]: note.why.partition(": ")[2]
            for note in config.notes
            if note.what == LEFT_OUT
        }

    def __contains__(self, name: str) -> bool:
        return name in self._names or any(p.fullmatch(name) for p in self._patterns)

    def hint(self, name: str) -> str:
        """Why a name is not there, or which one was meant."""
        if name in self._left_out:
            return f" Its deployment was left out: {self._left_out[name]}."
        return nearest(name, sorted(self._names))


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in name.split("*")), re.DOTALL)


def _named(config: Config) -> Iterator[tuple[str, str]]:
    """Every name that must be served, with its place."""
    for route, settings in config.routes.items():
        yield from _each(f"routes.{route}.ladder", settings.ladder)
    if config.judge is not None:
        yield "judge.model", config.judge.model
    for alias, model in config.router_settings.model_group_alias.items():
        yield f"router_settings.model_group_alias.{alias}", model
    for section in ("router_settings", "litellm_settings"):
        settings_of = getattr(config, section)
        for key in _FALLBACKS:
            for model, targets in getattr(settings_of, key).items():
                yield from _each(f"{section}.{key}.{model}", targets)
        yield from _each(f"{section}.default_fallbacks", settings_of.default_fallbacks)


def _each(path: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((f"{path}[{index}]", name) for index, name in enumerate(names))


def _double_ids(config: Config) -> list[str]:
    counts = Counter(deployment.id for deployment in config.deployments)
    return [
        f"{deployment.path}.model_info.id: expected an id of its own, got {deployment.id!r} again"
        for deployment in config.deployments
        if counts[deployment.id] > 1
    ]


def _hidden_models(config: Config, served: Served) -> list[Note]:
    return [
        Note(f"routes.{name}", CAUTION, "clients that ask for the model of this name get the route")
        for name in config.routes
        if name in config.models()
    ]


def _useless_fallbacks(config: Config, served: Served) -> list[Note]:
    return [
        Note(f"{section}.{key}.{model}", CAUTION, f"never used: no such model.{served.hint(model)}")
        for section in ("router_settings", "litellm_settings")
        for key in _FALLBACKS
        for model in getattr(getattr(config, section), key)
        if model != "*" and model not in served and model not in config.routes
    ]
