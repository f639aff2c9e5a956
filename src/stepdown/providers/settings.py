"""The fleet's settings, with LiteLLM's names and meaning, and what can be wrong with them."""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from stepdown.names import nearest
from stepdown.providers.cooldown import COOLDOWN_TIME
from stepdown.providers.strategies import STRATEGIES

_RETRY_KINDS = (
    "BadRequestError",
    "AuthenticationError",
    "TimeoutError",
    "RateLimitError",
    "ContentPolicyViolationError",
    "InternalServerError",
    "ServiceUnavailableError",
    "BadGatewayError",
    "NotFoundError",
)
RETRY_POLICY = (*(f"{kind}Retries" for kind in _RETRY_KINDS), "DefaultRetries")
ALLOWED_FAILS_POLICY = tuple(f"{kind}AllowedFails" for kind in _RETRY_KINDS)


class FleetSettings(Struct, frozen=True):
    """How deployments are chosen, retried, cooled down and replaced.

    Times are seconds. ``deadline`` bounds the time from the first try to the beginning of the
    last, waits included. ``allowed_fails`` None: LiteLLM's default rules (``cooldown.py``).
    ``fallbacks`` and its two special kinds map a model, or ``*``, to the models asked next.
    ``aliases`` maps further names to models. ``enable_pre_call_checks`` skips deployments for
    prompts that are probably too long; otherwise only those that surely are.
    """

    strategy: str = "simple-shuffle"
    num_retries: int = 2
    retry_after: float = 0.0
    deadline: float = 60.0
    allowed_fails: int | None = None
    cooldown_time: float = COOLDOWN_TIME
    retry_policy: dict[str, int] = {}
    allowed_fails_policy: dict[str, int] = {}
    fallbacks: dict[str, list[str]] = {}
    context_window_fallbacks: dict[str, list[str]] = {}
    content_policy_fallbacks: dict[str, list[str]] = {}
    default_fallbacks: list[str] = []
    aliases: dict[str, str] = {}
    enable_pre_call_checks: bool = False


def problems(
    settings: FleetSettings, models: Iterable[str], serves: Callable[[str], bool]
) -> list[str]:
    """What is wrong, one line each; empty when nothing is.

    ``models`` are the names to suggest, ``serves`` tells whether a model can be called.
    """
    known = list(models)
    found: list[str] = []
    if settings.strategy not in STRATEGIES:
        found.append(
            f"routing_strategy: expected one of {', '.join(STRATEGIES)}, "
            f"got {settings.strategy!r}.{nearest(settings.strategy, STRATEGIES)}"
        )
    found += _negative(settings)
    for key, names in (
        ("retry_policy", RETRY_POLICY),
        ("allowed_fails_policy", ALLOWED_FAILS_POLICY),
    ):
        found += _wrong_counts(key, getattr(settings, key), names)
    found += [
        f"{path}: expected a model of this configuration, got {model!r}.{nearest(model, known)}"
        for path, model in _named_models(settings)
        if not serves(model)
    ]
    return found


def _negative(settings: FleetSettings) -> list[str]:
    keys = ("num_retries", "retry_after", "allowed_fails", "cooldown_time")
    values = ((key, getattr(settings, key)) for key in keys)
    found = (
        [] if settings.deadline > 0 else [f"timeout: expected seconds, got {settings.deadline}."]
    )
    return found + [
        f"{key}: expected a number that is not negative, got {value}."
        for key, value in values
        if value is not None and not value >= 0
    ]


def _wrong_counts(key: str, policy: dict[str, int], names: tuple[str, ...]) -> Iterator[str]:
    for name, count in policy.items():
        if name not in names:
            yield f"{key}.{name}: expected one of {', '.join(names)}.{nearest(name, names)}"
        elif count < 0:
            yield f"{key}.{name}: expected a number that is not negative, got {count}."


def _named_models(settings: FleetSettings) -> Iterator[tuple[str, str]]:
    """Each place that names a model to be called, with its path."""
    for alias, model in settings.aliases.items():
        yield f"model_group_alias.{alias}", model
    for key in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        lists: dict[str, list[str]] = getattr(settings, key)
        for model, others in lists.items():
            for index, other in enumerate(others):
                yield f"{key}.{model}[{index}]", other
    for index, other in enumerate(settings.default_fallbacks):
        yield f"default_fallbacks[{index}]", other
