"""The sections that are Stepdown's own; a wrong key or value in them is an error."""

from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from stepdown.config.schema_litellm import Section
from stepdown.config.schema_savers import RouteCacheSettings
from stepdown.config.values import (
    Bytes,
    Count,
    HttpUrl,
    Margin,
    Name,
    Part,
    Positive,
    Rate,
    SecretUrl,
    Share,
    Span,
    Timeout,
)


class RegretSettings(Section):
    """A route's regret budget: what its rules must be shown to stay below.

    ``probation`` is how long a rule that tripped stays so, in seconds; None: until by hand.
    ``probation_requests`` is how many requests it has to have claimed since then, besides.
    """

    budget: Share
    confidence: Share = 0.95
    margin: Margin = 0.1
    auto_promote: bool = True
    probation: Span | None = 86_400.0
    probation_requests: Count = 0

    @model_validator(mode="after")
    def _requests_within_a_probation(self) -> Self:
        if self.probation is None and self.probation_requests:
            raise ValueError("expected a probation beside probation_requests")
        return self


class RouteShadowSettings(Section):
    """The shares of a route's requests that are answered a second time, each 0 to 1."""

    rate: Part = 0.02
    observe_rate: Part = 0.2
    upgrade_rate: Part | None = None
    tags: dict[Name, Part] = Field(default={})
    rules: dict[Name, Part] = Field(default={})


class RouteSettings(Section):
    """One route: a model name of its own for which Stepdown chooses the model.

    What stands in ``rules``, ``signals``, ``sessions`` and ``defer`` is read by
    ``stepdown.routing``, what stands in ``cascade`` (of a rule, too) by ``stepdown.cascade``, and
    what in ``compression`` by ``stepdown.compression``.
    """

    ladder: tuple[Name, ...] = Field(min_length=1)
    rules: Any = "standard"
    match: Literal["all", "first"] = "all"
    router: Name | None = None
    router_timeout: Timeout = 0.05
    signals: dict[str, Any] = Field(default={})
    sessions: bool | dict[str, Any] = True
    cascade: Any = None
    defer: Any = None
    cache: RouteCacheSettings | None = None
    compression: Any = None
    regret: RegretSettings | None = None
    shadow: RouteShadowSettings | None = None

    @field_validator("shadow", mode="before")
    @classmethod
    def _rate_alone(cls, given: Any) -> Any:
        number = isinstance(given, int | float) and not isinstance(given, bool)
        return {"rate": given} if number else given


class LedgerSettings(Section):
    """Where costs are recorded. Without ``url``: a SQLite file in the user's data directory.

    Times are seconds, however they are written.
    """

    url: SecretUrl | None = None
    flush_interval: Span = 0.2
    queue: Positive = 10_000
    store_prompts: bool = False
    retention: Span = 2_592_000.0
    prompt_retention: Span = 604_800.0


class PriceSettings(Section):
    """What a model's tokens cost, in US dollars per ``unit`` (``request``: per call)."""

    input: Rate
    output: Rate
    cached_input: Rate | None = None
    cache_write: Rate | None = None
    audio_input: Rate | None = None
    audio_output: Rate | None = None
    reasoning: Rate | None = None
    request: Rate | None = None
    unit: Literal["per million", "per thousand", "per token"] = "per million"


class ShadowSettings(Section):
    """How requests are answered a second time, for each process. Times are seconds."""

    enabled: bool = True
    queue: Positive = 1000
    concurrency: Positive = 4
    rpm: Positive | None = None
    max_cost: Rate | None = None
    judge_max_cost: Rate | None = None
    pause_in_flight: Positive = 256
    pause_busy: Part = 0.7
    timeout: Span = 120.0
    scorers: tuple[Any, ...] = ()
    exclude_tags: tuple[Name, ...] = ("no-shadow",)
    exclude_tenants: tuple[str, ...] = ()
    store_texts: bool = False
    retention: Span = 7_776_000.0
    alerts: tuple[Name, ...] = ()


class JudgeErrorSettings(Section):
    """How the judge did on pairs that people labelled, as ``eval judge-check`` counts it."""

    false_positives: Count
    negatives: Count
    false_negatives: Count
    positives: Count

    @model_validator(mode="after")
    def _no_more_than_there_were(self) -> Self:
        for wrong, of in (("false_positives", "negatives"), ("false_negatives", "positives")):
            if getattr(self, wrong) > getattr(self, of):
                raise ValueError(f"expected no more {wrong} than {of}")
        return self


class JudgeSettings(Section):
    """The model that says how good answers are, where no other scorer can.

    ``labelled`` is a file of pairs that people judged, beside the configuration's file where the
    path is relative: regret is then corrected for the judge's own errors.
    """

    model: Name
    kind: Literal["pairwise", "rubric", "reference"] = "pairwise"
    criteria: str | None = None
    labelled: Name | None = None
    errors: JudgeErrorSettings | None = None


class ServerSettings(Section):
    """Where the server listens and what it takes. The command line's options win."""

    host: Name = "127.0.0.1"
    port: int = Field(default=4000, ge=0, le=65_535)
    max_body: Bytes = 32_000_000


class WebhookSettings(Section):
    """A target that is told when a job has ended, and the secret that signs what it is told."""

    url: HttpUrl
    secret: SecretStr

    @field_validator("secret")
    @classmethod
    def _usable(cls, secret: SecretStr) -> SecretStr:
        from stepdown.deferral.webhooks import key_of

        key_of(secret.get_secret_value())
        return secret


class JobSettings(Section):
    """Requests that are answered later (header ``x-stepdown-async``), for each process.

    Times are seconds, however they are written.
    """

    enabled: bool = True
    retention: Span = 86_400.0
    max: Positive = 1000
    concurrency: Positive = 8
    deadline: Span = 3600.0
    webhooks: dict[Name, WebhookSettings] = Field(default={})

    @model_validator(mode="after")
    def _kept_until_done(self) -> Self:
        if self.retention < self.deadline:
            raise ValueError("expected a retention no shorter than the deadline")
        return self


LATER = {
    "cascade": "a cascade of its own (it is an option of a route: 'routes.NAME.cascade')",
    "deferral": "a section for deferral (the header x-stepdown-defer puts a call into a batch)",
    "guard": "a guard of its own (a route's regret budget is 'routes.NAME.regret')",
    "storage": "a choice of storage (the ledger's database is 'ledger.url')",
    "state": "state shared by replicas",
}
"""Sections that later versions will know. Taking them in silence would promise what is not done."""
