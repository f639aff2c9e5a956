"""Turns a document into a configuration: variables, keys, values, endpoints, cross-references."""

import os
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stepdown.config.document import Config, Document, Placed
from stepdown.config.endpoints import Unserved, locate
from stepdown.config.environment import Resolver, with_file_variables
from stepdown.config.includes import read_with_includes
from stepdown.config.known_litellm import SECTIONS, note_on
from stepdown.config.notes import CAUTION, LEFT_OUT, Note, join
from stepdown.config.problems import problems_of
from stepdown.config.references import check_references
from stepdown.config.schema import LATER
from stepdown.config.schema_litellm import ModelEntry
from stepdown.config.shapes import is_mapping
from stepdown.config.sift import Sieve
from stepdown.errors import ConfigError
from stepdown.names import nearest

OURS = (
    "routes",
    "cache",
    "compression",
    "batch",
    "prices",
    "ledger",
    "jobs",
    "judge",
    "shadow",
    "server",
)
"""Sections in which every wrong key and every unset variable is an error."""
THEIRS = ("router_settings", "litellm_settings", "general_settings")
_SLIP = 0.8
"""Names as alike as this (1: the same) are taken for slips of one another."""
_MUST_BE_SET = ("general_settings.master_key",)
"""Left open, the gateway would admit everybody while its file says otherwise."""


def load(path: str | Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check a configuration file.

    ``environ`` is the process's environment unless given. Raises ConfigError with one line for
    each thing wrong.
    """
    document, _ = read_with_includes(Path(path))
    return interpret(document, os.environ if environ is None else environ)


def interpret(document: Mapping[str, Any], environ: Mapping[str, str]) -> Config:
    """Check a document that has been read. Raises ConfigError."""
    sections = dict(document)
    variables = sections.pop("environment_variables", None)
    environ = with_file_variables(environ, variables)
    resolver, sieve = Resolver(environ), Sieve()
    resolved = resolver.resolve(sections)
    problems, notes = _unknown_sections(resolved)
    if variables is not None and not is_mapping(variables):
        problems.append("environment_variables: expected a mapping, got another kind of value")
    problems += _unset_where_needed(resolver.notes)
    known = {
        name: _sifted(sieve, name, section)
        for name, section in resolved.items()
        if name in Document.model_fields and section is not None
    }
    checked = _checked(known, problems)
    notes += sieve.notes
    notes += [note for note in resolver.notes if not _within(note.path, notes)]
    unset = {note.path for note in resolver.notes}
    semantic = checked.cache.semantic
    embedder = None if semantic is None else semantic.embedder
    deployments, embedders = _place_all(checked.model_list, environ, unset, notes, embedder)
    config = Config(
        **dict(checked), deployments=deployments, embedders=embedders, notes=tuple(notes)
    )
    return config.model_copy(update={"notes": (*notes, *check_references(config))})


def _checked(sections: Mapping[str, Any], problems: list[str]) -> Document:
    """The document by its schema. Raises ConfigError with the earlier problems and the new."""
    try:
        checked = Document.model_validate(sections)
    except ValidationError as error:
        found = problems_of(error, Document)
    else:
        if not problems:
            return checked
        found = []
    # Raised out here, for pydantic's own error carries the values, keys and all.
    raise ConfigError([*problems, *found])


def _sifted(sieve: Sieve, name: str, section: Any) -> Any:
    if name == "model_list":
        return sieve.model_list(section)
    return sieve.settings(name, section) if name in THEIRS else section


def _unknown_sections(document: Mapping[str, Any]) -> tuple[list[str], list[Note]]:
    """A slip in the name of a section of ours must not pass as a key of LiteLLM's."""
    problems: list[str] = []
    notes: list[Note] = []
    ours = list(Document.model_fields)
    for name in document:
        if name in Document.model_fields:
            continue
        if name in SECTIONS:
            notes.append(note_on("", "", name, ours))
        elif name in LATER:
            problems.append(f"{name}: not available in this version: {LATER[name]}")
        elif meant := get_close_matches(name, ours, n=1, cutoff=_SLIP):
            listed = ", ".join(ours)
            problems.append(
                f"{name}: expected one of {listed}, got {name!r}.{nearest(name, meant)}"
            )
        else:
            notes.append(note_on("", "", name, ours))
    return problems, notes


def _within(path: str, notes: Collection[Note]) -> bool:
    """Whether a path lies in what the notes say is not read anyway."""
    return any(
        path == note.path or path.startswith((f"{note.path}.", f"{note.path}[")) for note in notes
    )


def _unset_where_needed(notes: Collection[Note]) -> list[str]:
    return [
        f"{note.path}: expected a value, got an unset variable: {note.why}"
        for note in notes
        if note.path in _MUST_BE_SET or note.path.split(".")[0].split("[")[0] in OURS
    ]


def _place_all(
    entries: tuple[ModelEntry, ...],
    environ: Mapping[str, str],
    unset: Collection[str],
    notes: list[Note],
    embedder: str | None,
) -> tuple[tuple[Placed, ...], tuple[Placed, ...]]:
    """The deployments that can be served, and those of the model that embeds; the others are
    noted."""
    placed: list[Placed] = []
    embedding: list[Placed] = []
    for index, entry in enumerate(entries):
        path = f"model_list[{index}]"
        embeds = entry.model_info.mode == "embedding" and entry.model_name == embedder
        mode = "embedding" if embeds else "chat"
        try:
            place = _place(path, entry, environ, unset, notes, mode)
        except Unserved as reason:
            notes.append(Note(path, LEFT_OUT, f"{entry.model_name}: {reason}"))
        else:
            (embedding if embeds else placed).append(place)
    return _with_ids(placed), _with_ids(embedding)


def _place(
    path: str,
    entry: ModelEntry,
    environ: Mapping[str, str],
    unset: Collection[str],
    notes: list[Note],
    served: str,
) -> Placed:
    mode = entry.model_info.mode
    if mode not in (None, served):
        raise Unserved(f"this version serves chat completions only, its mode is {mode!r}")
    params = join(path, "litellm_params")
    endpoint = locate(
        entry.litellm_params,
        environ,
        unset=[key for key in ("api_base", "api_key") if join(params, key) in unset],
        remark=lambda key, why: notes.append(Note(join(params, key), CAUTION, why)),
    )
    if "@" in endpoint.base_url:
        why = "a user and password in a URL are not sent; use api_key or extra_headers"
        notes.append(Note(join(params, "api_base"), CAUTION, why))
    return Placed(id=entry.model_info.id or "", path=path, entry=entry, endpoint=endpoint)


def _with_ids(placed: list[Placed]) -> tuple[Placed, ...]:
    """Each deployment's id: its own, else the model's name, numbered where there are several."""
    names = [deployment.model for deployment in placed]
    numbered: list[Placed] = []
    for index, deployment in enumerate(placed):
        name = deployment.model
        number = f"#{names[: index + 1].count(name)}" if names.count(name) > 1 else ""
        numbered.append(deployment.model_copy(update={"id": deployment.id or f"{name}{number}"}))
    return tuple(numbered)
