"""Writes pairs to a file: for training (JSON lines, Parquet), or as a data set of other tools.

    jsonl, parquet   a pair a row, all its fields; prompt and answers where they were stored
    langfuse         {"datasetName", "id", "input", "expectedOutput", "metadata", "status"} a line
    langsmith        {"id", "inputs", "outputs", "metadata"} a line

In a data set the prompt is the input and the reference's answer the expected output, so that only
pairs whose texts were stored can be in it; what is known of the cheaper answer is in the metadata.
The file is complete or not there: it takes its name when it is.

Sources: api.reference.langfuse.com (POST /api/public/dataset-items);
docs.langchain.com/langsmith/manage-datasets-programmatically (examples).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct, structs

from stepdown.names import known_names
from stepdown.quality.pair_table import write_parquet
from stepdown.quality.pairs import Pair
from stepdown.quality.records.pair_texts import Texts
from stepdown.routing.shapes import is_mapping
from stepdown.types import Choice

Format = Literal["jsonl", "parquet", "langfuse", "langsmith"]
FORMATS: tuple[Format, ...] = get_args(Format)
DATASET = "stepdown"
"""What a data set is called, unless another name is given."""

Told = tuple[Pair, Texts | None]
Row = dict[str, Any]

_NOT_ASKED = frozenset(
    ("model", "stream", "stream_options", "store", "user", "metadata", "service_tier")
)
"""Fields of a request that say nothing of what is asked."""
_TOLD = (
    *("route", "rule", "policy", "candidate_model", "reference_model", "candidate_score"),
    *("reference_score", "regret", "scorer", "why", "propensity", "saver", "time"),
)
"""What a data set's row tells of its pair."""

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


class NothingToExport(ValueError):
    """No pair can be written in this format; says why."""


class Exported(Struct, frozen=True):
    """So many pairs were written, and so many left out since their texts were not stored."""

    written: int
    left_out: int


def export(
    pairs: Iterable[Told],
    format: str,  # noqa: A002  as the tools call it
    path: Path,
    *,
    dataset: str = DATASET,
) -> Exported:
    """Write pairs, as ``records.history.pairs_with_texts`` gives them, to a file of this format.

    ``format`` is one of ``FORMATS``; ``dataset`` is the data set's name. Parquet needs the extra
    ``parquet``. Raises NothingToExport, ValueError for an unknown format, a missing extra or a pair
    that cannot be read, OSError where the file cannot be written.
    """
    if format not in FORMATS:
        raise ValueError(f"format: there is no {format!r}.{known_names(format, FORMATS)}")
    counted = _Counted(pairs, _shape(format, dataset))
    part = path.with_name(path.name + ".part")
    try:
        if format == "parquet":
            write_parquet(counted, part)
        else:
            _write_lines(counted, part)
        if not counted.written:
            raise NothingToExport(_why_none(counted.left_out))
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return Exported(counted.written, counted.left_out)


class _Counted:
    """The rows of pairs, and how many there were."""

    def __init__(self, pairs: Iterable[Told], shape: Callable[[Told], Row | None]) -> None:
        self.written = 0
        self.left_out = 0
        self._pairs = pairs
        self._shape = shape

    def __iter__(self) -> Iterator[Row]:
        for told in self._pairs:
            row = self._shape(told)
            if row is None:
                self.left_out += 1
            else:
                self.written += 1
                yield row


def _write_lines(rows: Iterable[Row], path: Path) -> None:
    with path.open("wb") as file:
        for row in rows:
            file.write(_encode(row) + b"\n")


def _why_none(left_out: int) -> str:
    if not left_out:
        return "there is no pair to write"
    return (
        f"none of the {left_out:,} pairs has its texts. They are stored with "
        "`shadow: {store_texts: true}` in the configuration"
    )


# ── The shapes ───────────────────────────────────────────────────────────────────────────────


def _shape(format: str, dataset: str) -> Callable[[Told], Row | None]:  # noqa: A002
    if format == "langfuse":
        return lambda told: _langfuse(told, dataset)
    return _langsmith if format == "langsmith" else _whole


def _whole(told: Told) -> Row:
    pair, texts = told
    row = structs.asdict(pair)
    if texts is None:
        return {**row, "prompt": None, "candidate_answer": None, "reference_answer": None}
    return {
        **row,
        "prompt": _prompt(pair, texts),
        "candidate_answer": _answer(texts.candidate),
        "reference_answer": _answer(texts.reference),
    }


def _langfuse(told: Told, dataset: str) -> Row | None:
    pair, texts = told
    if texts is None:
        return None
    return {
        "datasetName": dataset,
        "id": _name(pair),
        "input": _asked(pair, texts),
        "expectedOutput": _answer(texts.reference),
        "metadata": _metadata(pair, texts),
        "status": "ACTIVE",
    }


def _langsmith(told: Told) -> Row | None:
    pair, texts = told
    if texts is None:
        return None
    return {
        "id": _name(pair),
        "inputs": _asked(pair, texts),
        "outputs": {"answer": _answer(texts.reference)},
        "metadata": _metadata(pair, texts),
    }


def _name(pair: Pair) -> str:
    """A request may have a pair for each saver."""
    return pair.id if pair.saver == "route" else f"{pair.id}-{pair.saver}"


def _metadata(pair: Pair, texts: Texts) -> Row:
    told = {name: getattr(pair, name) for name in _TOLD}
    return {**told, "tags": pair.tags, "candidate_answer": _answer(texts.candidate)}


def _asked(pair: Pair, texts: Texts) -> Row:
    prompt = _prompt(pair, texts)
    return {name: value for name, value in prompt.items() if name not in _NOT_ASKED}


def _prompt(pair: Pair, texts: Texts) -> Mapping[str, Any]:
    try:
        prompt: Any = msgspec.json.decode(texts.prompt)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(f"pair {pair.id}: its prompt cannot be read: {error}") from error
    if not is_mapping(prompt):
        raise ValueError(f"pair {pair.id}: prompt: expected an object, got {type(prompt).__name__}")
    return prompt


def _answer(choices: tuple[Choice, ...]) -> Any:
    """The first choice's text or, where it calls tools, its message as OpenAI writes it."""
    if not choices:
        return None
    choice = choices[0]
    text = choice.text or choice.refusal or ""
    if not choice.tool_calls:
        return text
    calls = [
        {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in choice.tool_calls
    ]
    return {"role": "assistant", "content": text or None, "tool_calls": calls}
