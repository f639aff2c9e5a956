"""``llmlingua``: a small model strikes words out of documents (LLMLingua-2; extra ``llmlingua``).

The model is fetched from its hub at the first use, in the thread that compresses. Requests that
come meanwhile are sent as they are.
Source: Pan et al. 2024, "LLMLingua-2: Data Distillation for Efficient and Faithful Task-Agnostic
Prompt Compression" (arXiv 2403.12968); github.com/microsoft/LLMLingua
"""

import importlib.util
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from threading import Lock
from typing import Any

from stepdown.compression.draft import Draft, Text
from stepdown.compression.passages import passages
from stepdown.compression.technique import read_options
from stepdown.routing.problems import Problems

PACKAGE = "llmlingua"
MODEL = "microsoft/llmlingua-2-bert-base-multilingual-cased-meetingbank"
DEVICE = "cpu"
LEAST_CHARACTERS = 400
"""Of a stretch of passages; a shorter one is not worth the model's time."""
LEAST_RATE = 0.2
RETRY_AFTER = 300.0
"""Seconds after which a model that could not be loaded is asked for again."""
STRUCTURE = ["\n", ".", "?", "!", ","]
"""Tokens that the model may not strike out."""

Strike = Callable[[str, float], str]
"""A text, and the share of its tokens that is to stay."""


class Llmlingua:
    """Implements ``Technique``. ``load`` gives what strikes words out."""

    name = "llmlingua"
    lossless = False
    by_question = False

    def __init__(self, load: Callable[[], Strike]) -> None:
        self._load = load
        self._strike: Strike | None = None
        self._loading = Lock()
        self._failed_at = float("-inf")

    def apply(self, draft: Draft) -> None:
        if not draft.excess:
            return
        stretches = [(text, list(_free(text))) for text in draft.texts if text.role != "assistant"]
        free = sum(
            draft.count(text.value[start:end]) for text, own in stretches for start, end in own
        )
        strike = self._ready() if free else None
        if strike is None:
            return
        rate = max(LEAST_RATE, 1 - draft.excess / free)
        for text, own in stretches:
            if own:
                draft.change(text, _struck(text.value, own, strike, rate))

    def _ready(self) -> Strike | None:
        """The model; None while another thread loads it, or after that failed. Raises what
        loading it raises."""
        waits = time.monotonic() - self._failed_at < RETRY_AFTER
        if self._strike is None and not waits and self._loading.acquire(blocking=False):
            try:
                self._strike = self._strike or self._load()
            except BaseException:
                self._failed_at = time.monotonic()
                raise
            finally:
                self._loading.release()
        return self._strike


def _free(text: Text) -> Iterator[tuple[int, int]]:
    """Stretches of passages without anything in them that has to stay."""
    start = end = -1
    for passage in passages(text.value, text.pieces):
        if passage.kept or passage.is_data:
            if end - start >= LEAST_CHARACTERS:
                yield start, end
            start = end = -1
        else:
            start, end = (passage.start if start < 0 else start), passage.end
    if end - start >= LEAST_CHARACTERS:
        yield start, end


def _struck(value: str, stretches: list[tuple[int, int]], strike: Strike, rate: float) -> str:
    parts: list[str] = []
    at = 0
    for start, end in stretches:
        stretch = value[start:end]
        space = stretch[len(stretch.rstrip()) :]
        parts += [value[at:start], strike(stretch, rate).strip() + space]
        at = end
    return "".join([*parts, value[at:]])


# ── The model ────────────────────────────────────────────────────────────────────────────────


def is_installed() -> bool:
    return importlib.util.find_spec(PACKAGE) is not None


def load_model(model: str = MODEL, device: str = DEVICE) -> Strike:
    """LLMLingua-2 with this model of the hub. Raises ImportError, and what fetching it raises."""
    library: Any = import_module(PACKAGE)
    compressor = library.PromptCompressor(
        model,
        device_map=device,
        model_config={"trust_remote_code": False},  # its default runs code that a hub serves
        use_llmlingua2=True,
    )

    def strike(text: str, rate: float) -> str:
        made = compressor.compress_prompt_llmlingua2(
            [text], rate=rate, force_tokens=STRUCTURE, force_reserve_digit=True
        )
        struck: str = made["compressed_prompt"]
        return struck

    return strike


def build(options: Any, path: str, problems: Problems) -> Llmlingua | None:
    given = read_options(options, ("model", "device"), path, problems)
    model, device = given.get("model", MODEL), given.get("device", DEVICE)
    for name, value in (("model", model), ("device", device)):
        if not isinstance(value, str) or not value:
            problems.expected(f"{path}.{name}", "a text", value)
    if not is_installed():
        needed = "pip install 'stepdown[llmlingua]'"
        problems.add(path, f"'llmlingua' needs a package that is not installed: {needed}")
        return None
    return Llmlingua(lambda: load_model(str(model), str(device)))
