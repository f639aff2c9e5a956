"""The simulated provider over HTTP, in OpenAI's and in Anthropic's form, for tests and drills.

An ASGI application; it answers to any key, and holds everything in memory.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stepdown.errors import StepdownError
from stepdown.providers.batch.simulated import SimulatedBatch, SimulatedProvider
from stepdown.providers.simulated_answer import failure

Answer = Callable[[Request], Awaitable[Response]]


def simulated_app(provider: SimulatedProvider) -> Starlette:
    """The application. Its paths begin with ``/v1``."""
    openai, anthropic = _OpenAI(provider), _Anthropic(provider)
    own = "/v1/messages/batches"
    return Starlette(
        routes=[
            Route("/v1/files", _safe(openai.upload), methods=["POST"]),
            Route("/v1/files", _safe(openai.files), methods=["GET"]),
            Route("/v1/files/{file}/content", _safe(openai.content), methods=["GET"]),
            Route("/v1/files/{file}", _safe(openai.delete), methods=["DELETE"]),
            Route("/v1/batches", _safe(openai.create), methods=["POST"]),
            Route("/v1/batches", _safe(openai.batches), methods=["GET"]),
            Route("/v1/batches/{batch}", _safe(openai.show), methods=["GET"]),
            Route("/v1/batches/{batch}/cancel", _safe(openai.cancel), methods=["POST"]),
            Route(own, _safe(anthropic.create), methods=["POST"]),
            Route(own, _safe(anthropic.batches), methods=["GET"]),
            Route(own + "/{batch}", _safe(anthropic.show), methods=["GET"]),
            Route(own + "/{batch}", _safe(anthropic.delete), methods=["DELETE"]),
            Route(own + "/{batch}/cancel", _safe(anthropic.cancel), methods=["POST"]),
            Route(own + "/{batch}/results", _safe(anthropic.results), methods=["GET"]),
        ]
    )


class _OpenAI:
    """Source: platform.openai.com/docs/api-reference/batch, /files"""

    def __init__(self, provider: SimulatedProvider) -> None:
        self._provider = provider

    async def upload(self, request: Request) -> Response:
        async with request.form() as form:
            file = form["file"]
            if isinstance(file, str):
                return _error(400, "file: expected a file.")
            name, body = file.filename or "", await file.read()
        return _json(self._file(self._provider.upload(name, body)))

    async def files(self, request: Request) -> Response:
        names = list(self._provider.files)
        if request.query_params.get("order", "desc") == "desc":
            names.reverse()
        return _json(_page([self._file(name) for name in names], request))

    async def content(self, request: Request) -> Response:
        found = self._provider.files.get(request.path_params["file"])
        if found is None:
            return _error(404, "No such file.")
        return Response(found[1], media_type="application/jsonl")

    async def delete(self, request: Request) -> Response:
        name = request.path_params["file"]
        gone = self._provider.files.pop(name, None) is not None
        return _json({"id": name, "object": "file", "deleted": gone})

    async def create(self, request: Request) -> Response:
        wanted: dict[str, Any] = json.decode(await request.body())
        made = self._provider.create(wanted["input_file_id"], wanted.get("metadata") or {})
        return _json(self._provider.shown(made))

    async def batches(self, request: Request) -> Response:
        newest = reversed(self._provider.batches.values())
        return _json(_page([self._provider.shown(batch) for batch in newest], request))

    async def show(self, request: Request) -> Response:
        found = self._provider.batches.get(request.path_params["batch"])
        return _error(404, "No such batch.") if found is None else self._shown(found)

    async def cancel(self, request: Request) -> Response:
        found = self._provider.batches.get(request.path_params["batch"])
        if found is None:
            return _error(404, "No such batch.")
        if self._provider.status(found) != "in_progress":
            return _error(409, "Only a batch in progress can be cancelled.")
        self._provider.cancel(found)
        return self._shown(found)

    def _shown(self, batch: SimulatedBatch) -> Response:
        return _json(self._provider.shown(batch))

    def _file(self, name: str) -> dict[str, Any]:
        filename, body = self._provider.files[name]
        return {
            "id": name,
            "object": "file",
            "bytes": len(body),
            "created_at": 0,
            "filename": filename,
            "purpose": "batch",
            "status": "processed",
        }


class _Anthropic:
    """Source: platform.claude.com/docs/en/api/messages/batches"""

    def __init__(self, provider: SimulatedProvider) -> None:
        self._provider = provider

    async def create(self, request: Request) -> Response:
        wanted: dict[str, Any] = json.decode(await request.body())
        lines = [
            json.encode({"custom_id": each["custom_id"], "body": _chat(each["params"])})
            for each in wanted["requests"]
        ]
        file = self._provider.upload("messages", b"\n".join(lines))
        return _json(self._shown(self._provider.create(file, {})))

    async def batches(self, request: Request) -> Response:
        newest = list(reversed(self._provider.batches.values()))
        shown = [self._shown(batch) for batch in newest]
        return _json(_page(shown, request, cursor="after_id"))

    async def show(self, request: Request) -> Response:
        found = self._provider.batches.get(request.path_params["batch"])
        return _error(404, "No such batch.") if found is None else _json(self._shown(found))

    async def delete(self, request: Request) -> Response:
        self._provider.batches.pop(request.path_params["batch"], None)
        return _json({"id": request.path_params["batch"], "type": "message_batch_deleted"})

    async def cancel(self, request: Request) -> Response:
        found = self._provider.batches[request.path_params["batch"]]
        self._provider.cancel(found)
        return _json(self._shown(found))

    async def results(self, request: Request) -> Response:
        found = self._provider.batches[request.path_params["batch"]]
        self._provider.status(found)
        lines: list[bytes] = []
        for file in (found.error_file, found.output_file):  # in another order than was asked
            data = b"" if file is None else self._provider.files[file][1]
            lines += [json.encode(_message_result(json.decode(line))) for line in data.splitlines()]
        return Response(b"\n".join(lines), media_type="application/x-jsonl")

    def _shown(self, batch: SimulatedBatch) -> dict[str, Any]:
        ended = self._provider.status(batch) != "in_progress"
        counts = {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        if ended:
            counts["succeeded"] = batch.counts.get("completed", 0)
            counts["errored"] = len(batch.entries) - counts["succeeded"]
        else:
            counts["processing"] = len(batch.entries)
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
            "created_at": datetime.fromtimestamp(batch.created_at, UTC).isoformat(),
            "results_url": f"https://simulated.invalid/{batch.id}" if ended else None,
        }


def _chat(params: dict[str, Any]) -> dict[str, Any]:
    """A message's parameters as a chat request, which is what the simulated provider reads."""
    system = params.get("system")
    first = [] if system is None else [{"role": "system", "content": system}]
    return {
        "model": params["model"],
        "messages": [*first, *params["messages"]],
        "max_tokens": params["max_tokens"],
    }


def _message_result(line: dict[str, Any]) -> dict[str, Any]:
    reply = line["response"]
    if reply is None:
        kind = {"batch_expired": "expired", "batch_cancelled": "canceled"}[line["error"]["code"]]
        outcome: dict[str, Any] = {"type": kind}
    elif reply["status_code"] != 200:
        names = {400: "invalid_request_error", 429: "rate_limit_error", 500: "api_error"}
        said = {
            "type": names.get(reply["status_code"], "api_error"),
            "message": reply["body"]["error"]["message"],
        }
        outcome = {"type": "errored", "error": {"type": "error", "error": said}}
    else:
        outcome = {"type": "succeeded", "message": _message(reply["body"])}
    return {"custom_id": line["custom_id"], "result": outcome}


def _message(completion: dict[str, Any]) -> dict[str, Any]:
    choice, used = completion["choices"][0], completion["usage"]
    cut = choice["finish_reason"] == "length"
    return {
        "id": completion["id"].replace("chatcmpl", "msg"),
        "type": "message",
        "role": "assistant",
        "model": completion["model"],
        "content": [{"type": "text", "text": choice["message"]["content"]}],
        "stop_reason": "max_tokens" if cut else "end_turn",
        "usage": {
            "input_tokens": used["prompt_tokens"],
            "output_tokens": used["completion_tokens"],
        },
    }


def _page(items: list[dict[str, Any]], request: Request, cursor: str = "after") -> dict[str, Any]:
    after, limit = request.query_params.get(cursor), int(request.query_params.get("limit", 20))
    if after is not None:
        places = [place for place, item in enumerate(items) if item["id"] == after]
        items = items[places[0] + 1 :] if places else []
    shown = items[:limit]
    return {
        "object": "list",
        "data": shown,
        "has_more": len(items) > limit,
        "last_id": shown[-1]["id"] if shown else None,
    }


def _safe(answer: Answer) -> Answer:
    """An answer whose errors become OpenAI's."""

    async def safe(request: Request) -> Response:
        try:
            return await answer(request)
        except StepdownError as error:
            return _error(500 if error.retryable else error.status, error.message)
        except (KeyError, TypeError, ValueError) as error:
            return _error(400, f"The simulated provider cannot read this: {error!r}.")

    return safe


def _error(status: int, message: str) -> Response:
    return Response(failure(status, message), status, media_type="application/json")


def _json(shown: dict[str, Any]) -> Response:
    return Response(json.encode(shown), media_type="application/json")
