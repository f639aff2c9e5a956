"""Works out where a deployment is and how to speak to it, from what its entry says."""

from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from stepdown.config.litellm_providers import BY_NAME, PROVIDERS, UNSUPPORTED, Provider
from stepdown.config.proxies import proxy_for
from stepdown.config.schema_litellm import LitellmParams, Section
from stepdown.config.values import SecretUrl
from stepdown.names import nearest

SIMULATED = "simulated"
_AZURE_V1 = (None, "v1", "latest", "preview")
_AZURE_KEY_HOSTS = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")

Remark = Callable[[str, str], None]
"""Takes a key of ``litellm_params`` and a caution about it."""


class Unserved(Exception):
    """This version cannot serve the deployment; the message says why."""


class Endpoint(Section):
    """A deployment's address and credentials."""

    provider: str
    upstream_model: str
    base_url: SecretUrl
    headers: dict[str, SecretStr] = Field(default={})
    query: dict[str, SecretStr] = Field(default={})
    proxy: SecretUrl | None = None
    unsupported: frozenset[str] = frozenset()
    stream_usage: bool = True


def split_model(params: LitellmParams) -> tuple[str, str]:
    """The provider and its own name for the model, as LiteLLM reads ``model``.

    Raises Unserved for a provider that this version does not speak to.
    """
    prefix, slash, rest = params.model.partition("/")
    provider = params.custom_llm_provider
    if provider is not None:
        name = rest if prefix == provider and rest else params.model
    elif slash and (prefix == SIMULATED or prefix in PROVIDERS or prefix in UNSUPPORTED):
        provider, name = prefix, rest
    elif slash and params.api_base is None:
        known = [*PROVIDERS, SIMULATED]
        raise Unserved(f"the provider {prefix!r} is not known here.{nearest(prefix, known)}")
    else:
        starts = (p for start, p in BY_NAME.items() if params.model.startswith(start))
        provider, name = next(starts, "openai"), params.model
    if provider not in PROVIDERS and provider != SIMULATED:
        raise Unserved(f"the provider {provider!r} does not speak OpenAI's chat dialect")
    return provider, name


def locate(
    params: LitellmParams,
    environ: Mapping[str, str],
    *,
    unset: Collection[str] = (),
    remark: Remark,
) -> Endpoint:
    """The deployment's endpoint. Raises Unserved when it has none.

    ``unset`` are the keys whose variables are not set: for these nothing else steps in, lest a
    key or a prompt goes where the file did not send it.
    """
    name, model = split_model(params)
    if name == SIMULATED:
        return Endpoint(
            provider=name, upstream_model=model, base_url=SecretUrl(f"simulated://{model}")
        )
    if "api_base" in unset:
        raise Unserved("its api_base names a variable that is not set")
    provider = PROVIDERS[name]
    if provider.caution:
        remark("model", provider.caution)
    base = params.api_base or _first(environ, provider.base_variables) or provider.base_url
    if base is None:
        raise Unserved(f"the provider {name!r} needs an api_base")
    query = dict(params.extra_query)
    if name in ("azure", "azure_ai"):
        base, version = _azure(name, base, model, params.api_version)
        if version is not None:
            query.setdefault("api-version", SecretStr(version))
    elif provider.rooted and urlsplit(base).path.strip("/") == "":
        base = base.rstrip("/") + "/v1"
    headers = {} if "api_key" in unset else _credentials(provider, params, base, environ, remark)
    if params.organization:
        headers["openai-organization"] = SecretStr(params.organization)
    headers |= {key.lower(): value for key, value in params.extra_headers.items()}
    return Endpoint(
        provider=name,
        upstream_model=model,
        base_url=SecretUrl(base.rstrip("/").removesuffix("/chat/completions")),
        headers=headers,
        query=query,
        proxy=params.proxy or proxy_for(base, environ),
        unsupported=provider.unsupported,
        stream_usage=provider.stream_usage and params.stream_usage,
    )


def _azure(name: str, base: str, model: str, version: str | None) -> tuple[str, str | None]:
    """Azure's base URL, and the API version that its query needs.

    A dated version belongs to the older API, which has a path for each deployment; without one
    the v1 API is meant. Source: learn.microsoft.com/azure/foundry/openai/api-version-lifecycle
    """
    stem = base.rstrip("/")
    dated = None if version in _AZURE_V1 else version
    if urlsplit(stem).path.strip("/") not in ("", "openai"):
        return stem, dated
    stem = stem.removesuffix("/openai")
    if dated is None:
        return f"{stem}/openai/v1", None
    if name == "azure_ai":
        return f"{stem}/models", dated
    return f"{stem}/openai/deployments/{model}", dated


def _credentials(
    provider: Provider,
    params: LitellmParams,
    base: str,
    environ: Mapping[str, str],
    remark: Remark,
) -> dict[str, SecretStr]:
    if params.azure_ad_token is not None:
        return _bearer(params.azure_ad_token.get_secret_value())
    key = params.api_key.get_secret_value() if params.api_key else None
    if key is None:
        key = _key_from_environment(provider, base, params.api_base is not None, environ, remark)
    if not key:
        return {}
    host = urlsplit(base).hostname or ""
    if provider.header == "api-key" and host.endswith(_AZURE_KEY_HOSTS):
        return {"api-key": SecretStr(key)}
    return _bearer(key)


def _bearer(key: str) -> dict[str, SecretStr]:
    return {"authorization": SecretStr(f"Bearer {key}")}


def _key_from_environment(
    provider: Provider, base: str, moved: bool, environ: Mapping[str, str], remark: Remark
) -> str | None:
    """The provider's usual variable, but only for the provider: no key goes to another host."""
    key = _first(environ, provider.key_variables)
    elsewhere = moved and provider.base_url is not None and not _same_host(base, provider.base_url)
    if key is not None and elsewhere and provider.needs_key:
        variable = next(v for v in provider.key_variables if environ.get(v))
        host = urlsplit(base).hostname
        remark("api_key", f"none given; the key in {variable} is not sent to another host ({host})")
        return None
    if key is None and provider.needs_key and not elsewhere:
        variables = " or ".join(provider.key_variables)
        remark("api_key", f"none given, and {variables} is not set")
    return key


def _same_host(one: str, other: str) -> bool:
    return urlsplit(one).hostname == urlsplit(other).hostname


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)
