"""Which requests the exact cache has nothing to do with, and which answers it may keep."""

from msgspec import DecodeError, json

from stepdown.caching.exact.terms import ExactTerms
from stepdown.errors import UpstreamMalformed
from stepdown.quality.shadow.excluded import PROVIDER_TOOLS, Exclusions
from stepdown.quality.shadow.kept import Answer, Transcripts
from stepdown.types import ACCEPTED, Attempt, Choice, Decision, Request, Usage

NONDETERMINISTIC = "nondeterministic"
NO_STORE = "no_store"
NO_CACHE = "no_cache"
UNREADABLE = "unreadable"
"""Said of requests that go past the cache."""

_UNSAID = (b"null", b"false")
_nobody = Exclusions(tags=frozenset())
_FINISHED = ("stop", "tool_calls", "function_call")
"""Why a whole answer ends. Source: platform.openai.com/docs/api-reference/chat/object."""


def reason_against(request: Request, terms: ExactTerms) -> str | None:
    """Why the same request may rightly get another answer, or None.

    A request that states no temperature asks for no variety, though the provider may well sample:
    most clients never state one, and some models refuse it. A ``seed`` changes nothing: no provider
    promises more by it than to try.
    """
    excluded = _nobody.reason(request, frozenset())
    if excluded is not None:
        return excluded
    if bytes(request.fields.get("web_search_options", b"null")) not in _UNSAID:
        return PROVIDER_TOOLS
    if not terms.nondeterministic and _asks_for_variety(request):
        return NONDETERMINISTIC
    return None


def _asks_for_variety(request: Request) -> bool:
    if (request.prompt.n or 1) > 1:
        return True
    stated = request.fields.get("temperature")
    if stated is None:
        return False
    try:
        temperature = json.decode(stated)
    except (DecodeError, ValueError):
        return True
    return temperature is not None and temperature != 0


def is_of_its_own(served: Attempt, decision: Decision, terms: ExactTerms) -> bool:
    """Whether the model answered that was to: none that stood in while it was away, and in a
    cascade none whose answer was served for want of a better one."""
    if served.verdict not in (None, ACCEPTED):
        return False
    meant = decision.model
    if served.rung is not None and served.rung < len(terms.ladder):
        meant = terms.ladder[served.rung]
    return terms.own_name(served.model) == terms.own_name(meant)


def whole_answer(transcripts: Transcripts, answer: Answer, usage: Usage | None) -> bytes | None:
    """The answer as one object, or None where it must not be given again.

    Truncated, filtered and refused answers must not, nor what cannot be read.
    """
    if answer.data is None:
        return None
    try:
        transcript = transcripts.transcript(streamed=answer.streamed, hide_logprobs=False)
        transcript.feed(answer.data)
        choices = transcript.choices
        if not choices or not all(map(_is_whole, choices)):
            return None
        return transcript.body(usage)
    except UpstreamMalformed:
        return None


def _is_whole(choice: Choice) -> bool:
    return choice.finish_reason in _FINISHED and not choice.refusal


def as_stream(transcripts: Transcripts, body: bytes, *, with_usage: bool) -> bytes:
    """A whole answer's events. Raises UpstreamMalformed."""
    transcript = transcripts.transcript(streamed=False, hide_logprobs=False)
    transcript.feed(body)
    return transcript.events(with_usage=with_usage)
