"""Reads the usage that OpenAI-dialect upstreams state, each in its own shade of the dialect."""

from msgspec import DecodeError, Raw, Struct, json

from stepdown.types import Usage


class _InputDetails(Struct):
    cached_tokens: int | None = None
    audio_tokens: int | None = None


class _OutputDetails(Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Stated(Struct):
    """OpenAI's usage; ``prompt_cache_hit_tokens`` is DeepSeek's word for cached tokens."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    prompt_cache_hit_tokens: int | None = None


_read = json.Decoder(_Stated).decode


def stated(value: Raw) -> bool:
    """Whether a member is there and is not null."""
    return bytes(value) not in (b"", b"null")


def usage_of(usage: Raw) -> Usage | None:
    """The usage in the ledger's words, or None where the upstream stated none that can be read."""
    if not stated(usage):
        return None
    try:
        said = _read(usage)
    except DecodeError:
        return None
    if said.prompt_tokens is None and said.completion_tokens is None:
        return None
    given, made = said.prompt_tokens_details, said.completion_tokens_details
    return Usage(
        input=said.prompt_tokens or 0,
        output=said.completion_tokens or 0,
        cached_input=(given and given.cached_tokens) or said.prompt_cache_hit_tokens or 0,
        reasoning=(made and made.reasoning_tokens) or 0,
        audio_input=(given and given.audio_tokens) or 0,
        audio_output=(made and made.audio_tokens) or 0,
    )
