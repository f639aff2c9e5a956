"""OpenAI's chat dialect, on the side that faces the upstream: bodies, usage, failures, streams.

Sources: platform.openai.com/docs/api-reference/chat, /docs/guides/error-codes.
"""

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from stepdown.errors import (
    ContentRefused,
    ContextWindowExceeded,
    UpstreamDenied,
    UpstreamError,
    UpstreamFailed,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimedOut,
)
from stepdown.ports import Deployment, Reply
from stepdown.providers.openai_stream import OpenAITap
from stepdown.providers.openai_transcript import OpenAITranscript
from stepdown.providers.openai_usage import stated, usage_of
from stepdown.types import Request, Usage

_encode = json.encode
_USAGE_ASKED = Raw(b'{"include_usage":true}')


class _Whole(Struct):
    """The members of a whole reply that tell what it is; the rest is skipped unread."""

    choices: Raw = Raw()
    usage: Raw = Raw()
    error: Raw = Raw()


class _ErrorBody(Struct):
    message: str | None = None
    param: str | None = None
    code: str | int | None = None


class _ErrorReply(Struct):
    error: _ErrorBody | str | None = None
    message: str | None = None


_whole = json.Decoder(_Whole).decode
_options = json.Decoder(dict[str, Raw]).decode
_error_reply = json.Decoder(_ErrorReply).decode


class OpenAIDialect:
    """Speaks to any upstream that takes OpenAI's chat requests."""

    def encode(self, request: Request, deployment: Deployment) -> bytes:
        fields = {**request.fields, "model": Raw(_encode(deployment.upstream_model))}
        if deployment.dropped:
            fields = {k: v for k, v in fields.items() if k not in deployment.dropped}
        if request.streams and deployment.stream_usage and not request.prompt.wants_usage:
            fields["stream_options"] = _asking_for_usage(request)
        return _encode(fields)

    def usage(self, body: bytes) -> Usage | None:
        try:
            whole = _whole(body)
        except DecodeError as error:
            raise UpstreamMalformed(f"The upstream's reply cannot be read: {error}.") from error
        if not stated(whole.choices):
            if stated(whole.error):
                raise UpstreamFailed(_explanation(body)[0])
            raise UpstreamMalformed("The upstream's reply has no choices.")
        return usage_of(whole.usage)

    def failure(self, status: int, body: bytes, retry_after: bytes | None) -> UpstreamError:
        message, param, code = _explanation(body)
        kind = _KINDS.get(status) or (UpstreamFailed if status >= 500 else UpstreamRefused)
        if kind is UpstreamRefused:
            kind = _refusal(message, code)
        error = kind(message or f"The upstream answered with status {status}.", param=param)
        error.upstream_status = status
        error.upstream_code = code
        error.retry_after = _seconds(retry_after)
        if isinstance(error, UpstreamRefused):
            error.status = status
        return error

    def tap(self, request: Request, reply: Reply) -> OpenAITap:
        kind = reply.header(b"content-type") or b""
        if kind.startswith(b"application/json"):
            raise UpstreamMalformed("The upstream answered a streamed request without a stream.")
        return OpenAITap(hide_usage=not request.prompt.wants_usage)

    def transcript(self, *, streamed: bool, hide_logprobs: bool) -> OpenAITranscript:
        return OpenAITranscript(streamed=streamed, hide_logprobs=hide_logprobs)


_KINDS: dict[int, type[UpstreamError]] = {
    401: UpstreamDenied,
    403: UpstreamDenied,
    408: UpstreamTimedOut,
    429: UpstreamRateLimited,
    504: UpstreamTimedOut,
}
_CONTEXT_CODES = {"context_length_exceeded", "string_above_max_length"}
_CONTEXT_WORDS = (
    "maximum context length",
    "context window",
    "exceed_context_size",
    "too many tokens",
)
_CONTENT_CODES = {"content_filter", "content_policy_violation", "moderation_blocked"}


def _refusal(message: str, code: str | None) -> type[UpstreamRefused]:
    """Two refusals have fallbacks of their own. Not every upstream gives them OpenAI's codes."""
    words = message.lower()
    if code in _CONTEXT_CODES or any(phrase in words for phrase in _CONTEXT_WORDS):
        return ContextWindowExceeded
    if code in _CONTENT_CODES or "content management policy" in words:
        return ContentRefused
    return UpstreamRefused


def _explanation(body: bytes) -> tuple[str, str | None, str | None]:
    """An error reply's message, param and code, as far as it has them."""
    try:
        reply = _error_reply(body)
    except DecodeError:
        return "", None, None
    error = reply.error
    if isinstance(error, _ErrorBody):
        code = None if error.code is None else str(error.code)
        return error.message or reply.message or "", error.param, code
    return error or reply.message or "", None, None


def _seconds(retry_after: bytes | None) -> float | None:
    """Retry-After in seconds; its form as a date is rare here and left to the backoff."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        return None


def _asking_for_usage(request: Request) -> Raw:
    """The client's stream options, with the usage asked for as well."""
    given = request.fields.get("stream_options")
    if given is None:
        return _USAGE_ASKED
    try:
        return Raw(_encode({**_options(given), "include_usage": True}))
    except ValidationError:
        return _USAGE_ASKED
