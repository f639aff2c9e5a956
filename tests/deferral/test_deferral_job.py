"""What a caller is shown of a job."""

import json

from msgspec import structs

from stepdown.deferral.job import answered, failed, is_id, new_id, shown
from stepdown.errors import UpstreamRefused
from stepdown.storage.jobs import JobRow
from support.journeys import make_journey

ROW = JobRow("job_1", "red", "host:1", "queued", 10.9, 20.0, 30.9)
ANSWER = b'{ "id":"x",\n  "odd":1.10e+2, "text":"\\u00e9\\/"}\n'


def test_a_job_that_waits() -> None:
    assert json.loads(shown(ROW)) == {
        "id": "job_1",
        "object": "stepdown.job",
        "status": "queued",
        "created_at": 10,
        "expires_at": 30,
        "poll_url": "/v1/jobs/job_1",
    }


def test_an_answer_is_shown_byte_by_byte() -> None:
    journey = make_journey(cost="0.00000012", reference_cost="0.0004")
    journey.served = structs.replace(journey.attempts[0], verdict="json")
    end = answered(journey, ANSWER)
    row = structs.replace(ROW, status=end.status, response=end.response, facts=end.facts)
    assert b'"response":' + ANSWER + b"}" in shown(row)
    assert json.loads(shown(row))["stepdown"] == {
        "request_id": journey.request.id,
        "model": "gpt-4o-mini",
        "decision": "short-label",
        "cost": "0.00000012",
        "saved": "0.00039988",
        "attempts": 1,
        "rejected_by": "json",
    }


def test_what_an_unpriced_answer_cost() -> None:
    journey = make_journey(cost=None)
    facts = json.loads(answered(journey, ANSWER).facts or "")
    assert (facts["cost"], facts["saved"]) == (None, None)


def test_a_failure_is_openais_error() -> None:
    error = UpstreamRefused('No "no".', param="messages")
    error.upstream_status = 422
    row = structs.replace(ROW, status="failed", error=failed(error).error)
    assert json.loads(shown(row))["error"] == {
        "message": 'No "no".',
        "type": "invalid_request_error",
        "param": "messages",
        "code": "upstream_refused",
        "upstream_status": 422,
    }


def test_a_lost_job_says_so() -> None:
    said = json.loads(shown(structs.replace(ROW, status="lost")))
    assert said["error"]["code"] == "job_lost"
    assert "response" not in said


def test_the_webhook() -> None:
    row = structs.replace(ROW, webhook="mine", delivery="pending")
    told = {"name": "mine", "status": "pending", "tries": 0}
    assert json.loads(shown(row))["webhook"] == told
    row = structs.replace(row, delivery="failed", tries=5, delivery_error="status 500")
    told = {"name": "mine", "status": "failed", "tries": 5, "error": "status 500"}
    assert json.loads(shown(row))["webhook"] == told


def test_ids_cannot_be_guessed() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(is_id(name) for name in ids)
    assert not any(is_id(name) for name in ("", "job_", "job_\x00", "\ud800", new_id() + "\n"))
    assert all(len(bytes.fromhex(name.removeprefix("job_"))) == 20 for name in ids)
