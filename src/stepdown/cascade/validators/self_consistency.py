"""``self_consistency``: the same question asked several times; the answers have to agree.

    self_consistency: {samples: 5, share: 0.6, temperature: 0.7, field: NAME}

``samples`` counts the served answer too. At least ``share`` of them have to say what it says, and
no larger group something else. Source: Wang et al. 2022, "Self-Consistency Improves Chain of
Thought Reasoning in Language Models", arXiv 2203.11171.
"""

from collections import Counter
from collections.abc import Generator, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any

from msgspec import Raw, json, structs

from stepdown.cascade.answers import meaning
from stepdown.cascade.requests import derive
from stepdown.cascade.validators.mapping import read_mapping, read_number, read_text
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Consult, Request

MOST_SAMPLES = 20
_LEFT_OUT = frozenset(
    {"n", "seed", "stream", "stream_options", "logprobs", "top_logprobs", "best_of"}
)
"""What would make the samples equal, several or streams, or serves the client only."""


class SelfConsistency:
    """A grader: asks the cheap model again and counts who agrees with the answer."""

    name = "self_consistency"

    def __init__(
        self,
        samples: int = 5,
        share: float = 0.6,
        temperature: float = 0.7,
        field: str | None = None,
    ) -> None:
        self.samples = samples
        self.needed = max(2, int((Decimal(str(share)) * samples).to_integral_value(ROUND_CEILING)))
        self._temperature = Raw(json.encode(temperature))
        self._field = field

    def applies(self, request: Request) -> bool:
        return True

    def grade(
        self, choice: Choice, request: Request
    ) -> Generator[Consult, Sequence[Choice | None], str | None]:
        served = meaning(choice, self._field)
        if served is None:
            what = "text" if self._field is None else f"field {self._field!r:.40}"
            return f"the answer has no {what} to compare"
        told = yield Consult((self._sample(request),) * (self.samples - 1), "sample")
        others = Counter(meaning(each, self._field) for each in told if each is not None)
        del others[None]
        agreeing = 1 + others.pop(served, 0)
        if agreeing < self.needed:
            return f"{agreeing} of {self.samples} samples agree, {self.needed} are needed"
        largest = max(others.values(), default=0)
        if largest > agreeing:
            return f"{largest} of {self.samples} samples agree on another answer"
        return None

    def _sample(self, request: Request) -> Request:
        fields = {name: raw for name, raw in request.fields.items() if name not in _LEFT_OUT}
        fields["temperature"] = self._temperature
        prompt = structs.replace(request.prompt, stream=None, stream_options=None, n=None)
        return derive(request, prompt, fields)


def build(options: Any, path: str, problems: Problems) -> SelfConsistency | None:
    """A grader from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = read_mapping(options, ("samples", "share", "temperature", "field"), path, problems)
    samples = given.get("samples", 5)
    if not isinstance(samples, int) or not 2 <= samples <= MOST_SAMPLES:
        problems.expected(f"{path}.samples", f"a whole number from 2 to {MOST_SAMPLES}", samples)
    share = read_number(given, "share", path, problems, low=0.0, high=1.0)
    if share == 0:
        problems.expected(f"{path}.share", "a number above 0", share)
    temperature = read_number(given, "temperature", path, problems, low=0.0, high=2.0)
    if temperature == 0:
        problems.expected(f"{path}.temperature", "a number above 0, or all samples agree", 0)
    field = read_text(given, "field", path, problems)
    if len(problems.lines) > known:
        return None
    return SelfConsistency(
        samples,
        0.6 if share is None else share,
        0.7 if temperature is None else temperature,
        field,
    )
