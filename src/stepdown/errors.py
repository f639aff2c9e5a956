"""Every error that Stepdown raises, each with its code, its HTTP status and whether to retry.

StepdownError
├── ConfigError                 the configuration file is wrong
├── RequestError                the client's request is wrong
│   ├── InvalidJSON             400 invalid_json
│   ├── InvalidField            400 invalid_field
│   ├── Unauthorized            401 invalid_api_key
│   ├── UnknownModel            404 model_not_found
│   ├── UnknownPath             404 unknown_url
│   ├── UnknownJob              404 job_not_found
│   ├── UnknownFile             404 file_not_found
│   ├── UnknownBatch            404 batch_not_found
│   ├── TooManyJobs             429 too_many_jobs
│   ├── TooManyBatches          429 too_many_batches
│   ├── RequestTimedOut         408 request_timeout
│   ├── BodyTooLarge            413 body_too_large
│   └── PromptTooLong           400 context_length_exceeded
├── JobsUnavailable             503 the database that keeps jobs is away, or the server is stopping
│   └── BatchesUnavailable      503 the same, of batches
├── JobTimedOut                 504 a job was not answered within its deadline
├── JobLost                     500 the process that ran a job ended before it did
├── ExtractionFailed            502 no rung gave data of the wanted shape
└── UpstreamError               a model's deployment did not answer
    ├── UpstreamRefused         the upstream's own 4xx, its message passed on
    │   ├── ContextWindowExceeded
    │   └── ContentRefused
    ├── UpstreamDenied          502 the gateway's own credentials were refused
    ├── UpstreamRateLimited     429, with the upstream's Retry-After
    ├── UpstreamFailed          502 a 5xx
    ├── UpstreamUnreachable     502 no connection, or one that broke
    ├── UpstreamTimedOut        504
    ├── UpstreamMalformed       502 a reply that cannot be read
    └── NoDeployment            503 every deployment is cooling down or over its limit
"""

from decimal import Decimal
from typing import Any


class StepdownError(Exception):
    """The root. ``param`` names the request field at fault, where there is one."""

    code = "internal_error"
    status = 500
    type = "api_error"
    retryable = False

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class ConfigError(StepdownError):
    """The configuration cannot be used. ``problems`` is one line for each thing wrong."""

    code = "invalid_config"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RequestError(StepdownError):
    status = 400
    type = "invalid_request_error"


class InvalidJSON(RequestError):
    code = "invalid_json"


class InvalidField(RequestError):
    code = "invalid_field"


class Unauthorized(RequestError):
    code = "invalid_api_key"
    status = 401
    type = "authentication_error"


class UnknownModel(RequestError):
    code = "model_not_found"
    status = 404


class UnknownPath(RequestError):
    code = "unknown_url"
    status = 404


class UnknownJob(RequestError):
    code = "job_not_found"
    status = 404


class UnknownFile(RequestError):
    code = "file_not_found"
    status = 404


class UnknownBatch(RequestError):
    code = "batch_not_found"
    status = 404


class TooManyJobs(RequestError):
    """``retry_after`` is in seconds."""

    code = "too_many_jobs"
    status = 429
    type = "rate_limit_error"
    retry_after = 10.0


class TooManyBatches(RequestError):
    """``retry_after`` is in seconds."""

    code = "too_many_batches"
    status = 429
    type = "rate_limit_error"
    retry_after = 60.0


class RequestTimedOut(RequestError):
    code = "request_timeout"
    status = 408


class BodyTooLarge(RequestError):
    code = "body_too_large"
    status = 413


class PromptTooLong(RequestError):
    code = "context_length_exceeded"


class JobsUnavailable(StepdownError):
    code = "jobs_unavailable"
    status = 503
    retryable = True


class BatchesUnavailable(JobsUnavailable):
    code = "batches_unavailable"


class JobTimedOut(StepdownError):
    code = "job_timeout"
    status = 504


class JobLost(StepdownError):
    code = "job_lost"


class ExtractionFailed(StepdownError):
    """The last rung's answer does not fit either.

    ``model`` gave it; ``attempts`` (``types.Attempt``) are all calls that were made, and ``cost``
    is what they cost together, in US dollars, or None where a price is unknown.
    """

    code = "extraction_failed"
    status = 502

    def __init__(
        self, message: str, *, model: str, cost: Decimal | None, attempts: tuple[Any, ...]
    ) -> None:
        super().__init__(message)
        self.model = model
        self.cost = cost
        self.attempts = attempts


class UpstreamError(StepdownError):
    """A deployment did not answer. ``kind`` is LiteLLM's exception name, for retry policies."""

    code = "upstream_error"
    status = 502
    retryable = True
    kind = "InternalServerErrorRetries"
    upstream_status: int | None = None
    upstream_code: str | None = None
    retry_after: float | None = None


class UpstreamRefused(UpstreamError):
    """The upstream found the request itself wrong: trying again cannot help."""

    code = "upstream_refused"
    status = 400
    type = "invalid_request_error"
    retryable = False
    kind = "BadRequestErrorRetries"


class ContextWindowExceeded(UpstreamRefused):
    code = "context_length_exceeded"


class ContentRefused(UpstreamRefused):
    code = "content_policy_violation"
    kind = "ContentPolicyViolationErrorRetries"


class UpstreamDenied(UpstreamError):
    code = "upstream_denied"
    retryable = False
    kind = "AuthenticationErrorRetries"


class UpstreamRateLimited(UpstreamError):
    code = "upstream_rate_limited"
    status = 429
    type = "rate_limit_error"
    kind = "RateLimitErrorRetries"


class UpstreamFailed(UpstreamError):
    code = "upstream_failed"


class UpstreamUnreachable(UpstreamError):
    code = "upstream_unreachable"


class UpstreamTimedOut(UpstreamError):
    code = "upstream_timeout"
    status = 504
    kind = "TimeoutErrorRetries"


class UpstreamMalformed(UpstreamError):
    code = "upstream_malformed"


class NoDeployment(UpstreamError):
    code = "no_deployment"
    status = 503
