"""What the layers beside routing would do with a request: for ``stepdown explain``."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stepdown.config import Config
from stepdown.ports import Price
from stepdown.routing.route import PolicyRoute
from stepdown.types import Journey, Request, Shrunk


def savers(
    config: Config, route: PolicyRoute, request: Request, price_of: Callable[[str], Price | None]
) -> dict[str, Any]:
    """By layer, of those that are on for the route; ready for JSON.

    ``bypass`` says why a cache is not asked, null where it is. Tokens are counted as compression
    counts them; what the provider has in its cache is not known here. Raises ConfigError.
    """
    found: dict[str, Any] = {}
    if config.is_cached():
        found |= _caches(config, route, request)
    if config.is_compressed():
        found |= _compression(config, route, request, price_of)
    within = None if request.streams else route.deferred(request)
    if within is not None:
        found["deferred"] = {"within": within}
    return found


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The same for people."""
    for name in ("exact_cache", "semantic_cache"):
        if name in found:
            reason = found[name]["bypass"]
            said = "is asked first" if reason is None else f"is passed by: {reason}"
            yield f"{name.replace('_', ' ')}: {said}"
    if "compression" in found:
        for name, words in (
            ("lossless", "without a loss"),
            ("lossy", "with what a guard has to allow"),
        ):
            told = found["compression"][name]
            if told is not None:
                techniques = ", ".join(told["techniques"])
                before, after = told["tokens_before"], told["tokens_after"]
                yield f"compression {words}: {before:,} to {after:,} tokens by {techniques}"
        if not any(found["compression"].values()):
            yield "compression: nothing to take away"
    if "deferred" in found:
        yield f"answered later, within {found['deferred']['within']:g} s"


def _caches(config: Config, route: PolicyRoute, request: Request) -> dict[str, Any]:
    from stepdown.caching.exact.storable import reason_against
    from stepdown.config.caching import exact_terms

    found: dict[str, Any] = {}
    terms = exact_terms(config, route.name)
    if terms is not None:
        found["exact_cache"] = {"bypass": reason_against(request, terms)}
    if config.is_semantically_cached():
        from stepdown.caching.semantic.freshness import Freshness
        from stepdown.caching.semantic.question import question_of
        from stepdown.config.caching import every_exact_terms
        from stepdown.config.semantic_caching import terms_of

        exact = dict(every_exact_terms(config, {route.name: route}))
        semantic = dict(terms_of(config, exact)).get(route.name)
        if semantic is not None:
            said = question_of(request, semantic, Freshness(semantic.fresh_words))
            found["semantic_cache"] = {"bypass": said if isinstance(said, str) else None}
    return found


def _compression(
    config: Config, route: PolicyRoute, request: Request, price_of: Callable[[str], Price | None]
) -> dict[str, Any]:
    from stepdown.compression.compression import Compression
    from stepdown.config.compressing import build_compressors

    compressor = build_compressors(config, {route.name: route}, price_of).get(route.name)
    if compressor is None:
        return {}
    lossy = asyncio.run(compressor.lossy(request)) if compressor.is_lossy else None
    held = Compression(compressor.plan, price_of=price_of, allowed=lambda: False)
    lossless = asyncio.run(held.compress(Journey(request, started=0.0, time=0.0)))
    return {"compression": {"lossless": _told(lossless), "lossy": _told(lossy)}}


def _told(shrunk: Shrunk | None) -> dict[str, Any] | None:
    if shrunk is None:
        return None
    techniques = list(shrunk.techniques)
    return {
        "techniques": techniques,
        "tokens_before": shrunk.before,
        "tokens_after": shrunk.after,
    }
