"""The JSON of files, batches and calls, as OpenAI's own client reads it."""

import json

from msgspec import structs
from openai.types import Batch as OpenAIBatch
from openai.types import FileObject

from stepdown.deferral.batch.forms import (
    batch_object,
    call_object,
    deleted_object,
    encode,
    file_object,
    page_object,
)
from stepdown.deferral.batch.interface import (
    Batch,
    BatchError,
    BatchFile,
    BatchMoney,
    BatchUsage,
    DeferredCall,
    Page,
    RequestCounts,
)

FILE = BatchFile("file-1", "red", "batch", "in.jsonl", 12, 1.5, 9.5)
BATCH = Batch("batch_1", "red", "in_progress", "/v1/chat/completions", "file-1", "24h", 1.9, 99.9)
CALL = DeferredCall("defer_1", "red", "queued", 1.5, 2.5, 3.5)


def test_a_file() -> None:
    shown = json.loads(encode(file_object(FILE)))
    read = FileObject.model_validate(shown, strict=True)
    assert (read.id, read.bytes, read.created_at, read.expires_at) == ("file-1", 12, 1, 9)
    assert "red" not in json.dumps(shown)


def test_a_batch_with_everything() -> None:
    batch = structs.replace(
        BATCH,
        in_progress_at=2.0,
        counts=RequestCounts(3, 1, 1),
        usage=BatchUsage(10, 4, 5, 2),
        money=BatchMoney("0.1", "0.4", "0.1", 1),
        models={"cheap": 3},
        metadata={"k": "v"},
        errors=(BatchError("invalid_json_line", "No.", 7),),
        output_file_id="file-2",
    )
    shown = json.loads(encode(batch_object(batch)))
    read = OpenAIBatch.model_validate(shown)
    assert read.request_counts is not None
    assert (read.request_counts.total, read.request_counts.completed) == (3, 1)
    assert read.usage is not None
    assert (read.usage.total_tokens, read.usage.input_tokens_details.cached_tokens) == (15, 4)
    assert read.errors is not None
    assert read.errors.data is not None
    assert (read.errors.data[0].line, read.errors.data[0].code) == (7, "invalid_json_line")
    assert (read.created_at, read.in_progress_at, read.completed_at) == (1, 2, None)
    assert read.metadata == {"k": "v"}
    assert shown["stepdown"] == {
        "models": {"cheap": 3},
        "cost": "0.1",
        "reference_cost": "0.4",
        "batch_discount": "0.1",
        "unpriced": 1,
    }


def test_a_batch_with_nothing() -> None:
    shown = json.loads(encode(batch_object(BATCH)))
    read = OpenAIBatch.model_validate(shown)
    assert (read.errors, read.output_file_id, read.metadata) == (None, None, None)


def test_webhooks_show_how_far_they_are() -> None:
    batch = structs.replace(BATCH, webhook="mine", delivery="pending", tries=2)
    assert batch_object(batch)["stepdown"]["webhook"] == {
        "name": "mine",
        "status": "pending",
        "tries": 2,
    }
    call = structs.replace(CALL, webhook="mine", delivery="failed", tries=5, delivery_error="x")
    assert call_object(call)["webhook"]["error"] == "x"


def test_a_calls_answer_is_byte_by_byte_as_it_came() -> None:
    answer = b'{ "odd":1.10e+2 }'
    call = structs.replace(CALL, status="succeeded", response=answer, facts=b'{"model":"m"}')
    encoded = encode(call_object(call))
    assert b'"response":' + answer in encoded
    assert json.loads(encoded)["poll_url"] == "/v1/deferred/defer_1"


def test_pages() -> None:
    shown = page_object(Page((BATCH, structs.replace(BATCH, id="batch_2")), True))
    assert (shown["first_id"], shown["last_id"], shown["has_more"]) == ("batch_1", "batch_2", True)
    assert page_object(Page((FILE,), False))["data"][0]["object"] == "file"
    assert page_object(Page((), False))["first_id"] is None
    assert deleted_object("file-1") == {"id": "file-1", "object": "file", "deleted": True}
