"""Every error that Stepdown raises, each with its code, its HTTP status and whether to retry.

StepdownError
├── ConfigError                 the configuration file is wrong
├── RequestError                the client's request is wrong
│   ├── InvalidJSON             400 invalid_json
│   ├── InvalidField            400 invalid_field
│   ├── Unauthorized            401 invalid_api_key
│   ├── UnknownModel            404 model_not_found
│   ├── UnknownPath             404 unknown_url
│   ├── BodyTooLarge            413 body_too_large
│   └── PromptTooLong           400 context_length_exceeded
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


class BodyTooLarge(RequestError):
    code = "body_too_large"
    status = 413


class PromptTooLong(RequestError):
    code = "context_length_exceeded"


class ExtractionFailed(StepdownError):
    code = "extraction_failed"
    status = 502


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
