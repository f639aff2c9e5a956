"""Where LiteLLM's ``provider/model`` prefixes lead: endpoint, key and header of each provider.

Only providers that take OpenAI's chat requests are here.
Sources: docs.litellm.ai/docs/providers, and each provider's own reference.
"""

from msgspec import Struct


class Provider(Struct, frozen=True):
    """How a provider is reached.

    ``base_url`` is None where each user has an own one. ``key_variables`` and ``base_variables``
    are looked up in this order. ``header`` carries the key: ``authorization`` as a bearer token,
    any other as it is. ``needs_key`` is False for servers that people run without one.
    ``rooted`` servers have their API under ``/v1`` whatever else the URL leaves out.
    ``unsupported`` are request fields that the provider refuses; ``stream_usage`` is whether it
    takes ``stream_options``.
    """

    base_url: str | None = None
    key_variables: tuple[str, ...] = ()
    base_variables: tuple[str, ...] = ()
    header: str = "authorization"
    needs_key: bool = True
    rooted: bool = False
    unsupported: frozenset[str] = frozenset()
    stream_usage: bool = True
    caution: str = ""


def _cloud(base_url: str, *keys: str, base: str = "", caution: str = "") -> Provider:
    return Provider(base_url, keys, (base,) if base else (), caution=caution)


def _own(base_url: str | None, prefix: str) -> Provider:
    """A server of the user's own: the environment may say where it is, and give a key."""
    keys, bases = (f"{prefix}_API_KEY",), (f"{prefix}_API_BASE",)
    return Provider(base_url, keys, bases, needs_key=False, rooted=base_url is not None)


_OPENAI = Provider(
    "https://api.openai.com/v1", ("OPENAI_API_KEY",), ("OPENAI_BASE_URL", "OPENAI_API_BASE")
)
_LIKE = Provider(None, ("OPENAI_LIKE_API_KEY",), ("OPENAI_LIKE_API_BASE",), needs_key=False)
_OLLAMA = _own("http://localhost:11434/v1", "OLLAMA")
_VLLM = _own("http://localhost:8000/v1", "HOSTED_VLLM")


def _mistral(base_url: str, prefix: str) -> Provider:
    """Mistral refuses fields that it does not know, with status 422; it states usage unasked.

    Sources: github.com/BerriAI/litellm/issues/8978, mistralai/platform-docs-public/issues/7
    """
    refused = "logit_bias logprobs top_logprobs user store service_tier stream_options"
    return Provider(
        base_url,
        (f"{prefix}_API_KEY",),
        (f"{prefix}_API_BASE",),
        unsupported=frozenset(refused.split()),
        stream_usage=False,
    )


PROVIDERS: dict[str, Provider] = {
    "openai": _OPENAI,
    "aiohttp_openai": _OPENAI,
    "custom_openai": _LIKE,
    "openai_like": _LIKE,
    "azure": Provider(None, ("AZURE_API_KEY",), ("AZURE_API_BASE",), header="api-key"),
    "azure_ai": Provider(None, ("AZURE_AI_API_KEY",), ("AZURE_AI_API_BASE",), header="api-key"),
    "anthropic": Provider(  # source: platform.claude.com/docs/en/api/openai-sdk
        "https://api.anthropic.com/v1",
        ("ANTHROPIC_API_KEY",),
        ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
        rooted=True,
        caution="served by Anthropic's OpenAI-compatible endpoint, which knows no prompt caching "
        "and ignores strict tool schemas",
    ),
    "gemini": _cloud(
        "https://generativelanguage.googleapis.com/v1beta/openai",
        *("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        caution="served by Gemini's OpenAI-compatible endpoint",
    ),
    "groq": Provider(  # source: console.groq.com/docs/openai
        "https://api.groq.com/openai/v1",
        ("GROQ_API_KEY",),
        ("GROQ_API_BASE",),
        unsupported=frozenset({"logprobs", "logit_bias", "top_logprobs"}),
    ),
    "together_ai": _cloud(
        "https://api.together.ai/v1",
        *("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
        base="TOGETHER_AI_API_BASE",
    ),
    "mistral": _mistral("https://api.mistral.ai/v1", "MISTRAL"),
    "codestral": _mistral("https://codestral.mistral.ai/v1", "CODESTRAL"),
    "deepseek": _cloud("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", base="DEEPSEEK_API_BASE"),
    "openrouter": _cloud(
        "https://openrouter.ai/api/v1",
        *("OPENROUTER_API_KEY", "OR_API_KEY"),
        base="OPENROUTER_API_BASE",
    ),
    "xai": _cloud("https://api.x.ai/v1", "XAI_API_KEY", base="XAI_API_BASE"),
    "fireworks_ai": _cloud(
        "https://api.fireworks.ai/inference/v1",
        *("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY"),
        base="FIREWORKS_API_BASE",
    ),
    "perplexity": _cloud(
        "https://api.perplexity.ai",
        *("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
        base="PERPLEXITY_API_BASE",
    ),
    "cerebras": _cloud("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", base="CEREBRAS_API_BASE"),
    "nvidia_nim": _cloud(
        "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY", base="NVIDIA_NIM_API_BASE"
    ),
    "deepinfra": _cloud(
        "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY", base="DEEPINFRA_API_BASE"
    ),
    "sambanova": _cloud(
        "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY", base="SAMBANOVA_API_BASE"
    ),
    "moonshot": _cloud("https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", base="MOONSHOT_API_BASE"),
    "dashscope": _cloud(
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY",
        base="DASHSCOPE_API_BASE",
    ),
    "novita": _cloud("https://api.novita.ai/v3/openai", "NOVITA_API_KEY", base="NOVITA_API_BASE"),
    "nebius": _cloud("https://api.studio.nebius.ai/v1", "NEBIUS_API_KEY", base="NEBIUS_API_BASE"),
    "hyperbolic": _cloud("https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY"),
    "meta_llama": _cloud("https://api.llama.com/compat/v1", "LLAMA_API_KEY", base="LLAMA_API_BASE"),
    "hosted_vllm": _VLLM,
    "vllm": _VLLM,
    "ollama": _OLLAMA,
    "ollama_chat": _OLLAMA,
    "llamafile": _own("http://127.0.0.1:8080/v1", "LLAMAFILE"),
    "lm_studio": _own("http://localhost:1234/v1", "LM_STUDIO"),
    "litellm_proxy": _own(None, "LITELLM_PROXY"),
}

_UNSUPPORTED = (
    "text-completion-openai azure_text text-completion-codestral anthropic_text bedrock "
    "bedrock_mantle amazon_nova sagemaker sagemaker_chat sagemaker_nova vertex_ai vertex_ai_beta "
    "cohere cohere_chat replicate huggingface ai21 ai21_chat watsonx watsonx_text databricks "
    "predibase snowflake sap oci gigachat cloudflare triton petals nlp_cloud oobabooga maritalk "
    "clarifai baseten github_copilot chatgpt jina_ai voyage infinity auto_router custom "
    "black_forest_labs recraft fal_ai stability deepgram elevenlabs assemblyai aws_polly "
    "langgraph langflow a2a dotprompt bytez gradient_ai datarobot xinference"
)
UNSUPPORTED = frozenset(_UNSUPPORTED.split())
"""Providers that LiteLLM speaks to in other dialects, or for other purposes than chat."""

BY_NAME = {"claude-": "anthropic", "gemini-": "gemini"}
"""Models that LiteLLM gives to a provider by the start of their name; the others go to OpenAI."""
