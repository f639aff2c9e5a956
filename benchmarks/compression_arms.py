"""One prompt in the forms that are compared: whole, truncated, and extracted by relevance."""

from collections.abc import Mapping

from compression_documents import Question, prompt
from stepdown.compression.counting import Count, load
from stepdown.compression.draft import rewritten
from stepdown.compression.shrink import Target, shrink
from stepdown.compression.techniques.extract import Extract
from stepdown.requests import request_of
from stepdown.routing.tokens import count
from stepdown.types import Request

TRUNCATED = "truncation"
EXTRACTED: Mapping[str, bool] = {"TF-IDF": False, "TF-IDF + static": True}
"""Ways of extracting, and whether they use the shipped vectors."""


def shortened(asked: Question, way: str, share: float, extract: Extract | None) -> str:
    """The user's turn at this share of the prompt's tokens, or as much above as it takes.

    ``extract`` None truncates: the document's beginning is kept, and the question.
    """
    request = request_of(
        {"model": "auto", "messages": [{"role": "user", "content": prompt(asked)}]}
    )
    tokens, counted = exact_tokens(request), load()
    if extract is None:
        return truncated(asked, round(share * tokens) - tokens, counted)
    made = shrink(request, [extract], counted, tokens, target=Target(share))
    if made.failed:
        raise RuntimeError(f"{way}: {made.failed[0]}")
    return rewritten(request, made.forms).prompt.last_user_text()


def truncated(asked: Question, more: int, counted: Count) -> str:
    """The prompt with its document cut at a word, so that ``more`` (below 0) tokens are more."""
    words = asked.document.split(" ")
    whole = counted(asked.document)
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if counted(" ".join(words[:middle])) - whole <= more:
            low = middle
        else:
            high = middle - 1
    return prompt(asked, " ".join(words[:low]))


def exact_tokens(request: Request) -> int:
    """The prompt's o200k tokens. Raises RuntimeError without the extra ``tokens``."""
    counted = count(request.prompt, request.fields)
    if counted is None:
        raise RuntimeError("the benchmarks of compression need the extra 'tokens'")
    tokens: int = round(counted.value)
    return tokens


def extracts() -> dict[str, Extract | None]:
    """Every way of shortening, by its name."""
    from stepdown.embedding.static import static

    vectors = static().vectors
    made = {name: Extract(vectors if uses else None) for name, uses in EXTRACTED.items()}
    return {TRUNCATED: None, **made}
