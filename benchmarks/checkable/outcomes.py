"""Reads large models' recorded outcomes, and says which validators can be run on them."""

import gzip
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from checkable.cascades import Checks
from checkable.figures import Case
from stepdown.pricing.price import TokenPrice
from stepdown.routing.tokens import tokenizer
from stepdown.types import Usage

CHARS_PER_TOKEN = 4.0
"""Where the exact tokenizer (the extra ``tokens``) is not installed."""

_FENCED = re.compile(r"\A\s*```[a-zA-Z]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_OPTION = re.compile(r"^([A-P])\. ", re.MULTILINE)
_NUMBERS = re.compile(r"\d+\.\d+")

REASONED: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reasoning": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["reasoning", "answer"],
}
NUMBER = r"^-?\$?[0-9][0-9,]*(\.[0-9]+)?$"
INTEGER = r"^-?[0-9][0-9,]*$"


class Recorded(Struct, frozen=True):
    """One row: the question, the weak model's answer, and both models' outcomes."""

    prompt: str
    answer: str
    case: Case


class Set(Struct, frozen=True):
    """One recorded set and pair. ``checks`` are a cascade's validators, for each row of the set."""

    title: str
    file: str
    weak: str
    strong: str
    weak_priced_as: str
    strong_priced_as: str
    checks: dict[str, Callable[[Recorded], Checks]]
    left_out: str


def read(one: Set, data: Path, prices: Mapping[str, TokenPrice]) -> list[Recorded]:
    """The rows of a set that have both outcomes and the weak answer's text."""
    rows: list[Recorded] = []
    with gzip.open(data / one.file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            weak, strong = row["models"].get(one.weak), row["models"].get(one.strong)
            if weak is None or strong is None or "response" not in weak:
                continue
            rows.append(_recorded(row["prompt"], weak, strong, one, prices))
    return rows


def _recorded(
    prompt: str,
    weak: Mapping[str, Any],
    strong: Mapping[str, Any],
    one: Set,
    prices: Mapping[str, TokenPrice],
) -> Recorded:
    asked, said = tokens(prompt), tokens(weak["response"])
    per_char = said / max(1, len(weak["response"]))
    # A strong answer whose text was not kept has its length at least.
    told = (
        tokens(strong["response"])
        if "response" in strong
        else round(strong["out_chars"] * per_char)
    )
    return Recorded(
        prompt,
        unfenced(weak["response"]),
        Case(
            float(weak["score"]),
            float(strong["score"]),
            float(prices[one.weak_priced_as].cost(Usage(input=asked, output=said))),
            float(prices[one.strong_priced_as].cost(Usage(input=asked, output=told))),
        ),
    )


def tokens(text: str) -> int:
    exact = tokenizer()
    return round(len(text) / CHARS_PER_TOKEN) if exact is None else exact.count(text)


def unfenced(answer: str) -> str:
    """An answer that is one Markdown fence, without it: its prompt had asked for one."""
    fenced = _FENCED.match(answer)
    return fenced[1] if fenced else answer


# ── Which validators apply ───────────────────────────────────────────────────────────────────


def always(*checks: str | Mapping[str, Any]) -> Callable[[Recorded], Checks]:
    return lambda row: checks


def answer_matches(pattern: str) -> Callable[[Recorded], Checks]:
    """The JSON answer's field ``answer`` has this form."""
    schema = {**REASONED, "properties": {"answer": {"type": "string", "pattern": pattern}}}
    return always({"json_schema": {"schema": schema}})


def answer_of_the_question(row: Recorded) -> Checks:
    """The field ``answer`` is one of the numbers that the question names."""
    return [{"one_of": {"labels": sorted(set(_NUMBERS.findall(row.prompt))), "field": "answer"}}]


def letter_offered(row: Recorded) -> Checks:
    """The answer names one of the letters that the question offers."""
    last = max(_OPTION.findall(row.prompt), default="J")
    return [{"regex": {"pattern": rf"answer is \(?[A-{last}]\)?", "search": True}}]


def _reasoned(form: str, pattern: str) -> dict[str, Callable[[Recorded], Checks]]:
    return {
        "json": always("json"),
        "json_schema: both fields": always({"json_schema": {"schema": REASONED}}),
        f"json_schema: answer is {form}": answer_matches(pattern),
        f"regex: ends in {form}": always(
            {"regex": {"pattern": rf'"answer":\s*"{pattern[1:-1]}"\s*\}}', "search": True}}
        ),
        "refusal": always("refusal"),
    }


_LETTERS: dict[str, Callable[[Recorded], Checks]] = {
    "regex: names an offered letter": letter_offered,
    "refusal": always("refusal"),
}
_NO_FINISH = "finish_reason: it was not recorded."
_NO_RANGE = f"range: these answers are texts within JSON, not numbers. {_NO_FINISH}"
_NO_LABEL = f"one_of: the answers reason before they name their letter. {_NO_FINISH}"
_MINI, _4O_AUGUST, _4O_MAY = "gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06", "gpt-4o-2024-05-13"
_FLASH, _PRO = "gemini-1.5-flash-002", "gemini-1.5-pro-002"
_LLAMA = "Meta-Llama-3.1-8B-Instruct"

SETS = (
    Set(
        "ZeroEval GSM8K",
        "zeroeval_gsm.jsonl.gz",
        _MINI,
        _4O_AUGUST,
        _MINI,
        _4O_AUGUST,
        _reasoned("a number", NUMBER),
        _NO_RANGE,
    ),
    Set(
        "ZeroEval MATH level 5",
        "zeroeval_math_l5.jsonl.gz",
        _MINI,
        _4O_AUGUST,
        _MINI,
        _4O_AUGUST,
        _reasoned("an integer", INTEGER),
        _NO_RANGE,
    ),
    Set(
        "ZeroEval NumerSense v2",
        "zeroeval_numersense_v2.jsonl.gz",
        _MINI,
        _4O_MAY,
        _MINI,
        _4O_MAY,
        {
            **_reasoned("a number", NUMBER),
            "one_of: a number of the question": answer_of_the_question,
        },
        _NO_RANGE,
    ),
    Set(
        "MMLU-Pro, Gemini",
        "mmlu_pro_responses_2k.jsonl.gz",
        _FLASH,
        _PRO,
        _FLASH,
        _PRO,
        _LETTERS,
        _NO_LABEL,
    ),
    Set(
        "MMLU-Pro, Llama 8B to GPT-4o",
        "mmlu_pro_responses_2k.jsonl.gz",
        _LLAMA,
        _4O_MAY,
        "groq/llama-3.1-8b-instant",
        _4O_MAY,
        _LETTERS,
        _NO_LABEL,
    ),
)
