"""A grader's request: the client's id and tenant, another body."""

from msgspec import Raw, json

from stepdown.cascade.requests import derive
from stepdown.types import Message, Prompt
from support.answers import asking


def test_what_is_kept_and_what_is_new() -> None:
    asked = asking()
    prompt = Prompt("judge", [Message("user", "Is it good?")])
    fields = {"model": Raw(b'"judge"'), "temperature": Raw(b"0")}
    request = derive(asked, prompt, fields)
    assert (request.id, request.tenant, request.route) == (asked.id, asked.tenant, None)
    assert request.target == "judge"
    assert request.fields == fields
    assert request.fields is not fields
    assert request.size == len(json.encode(fields))
    assert asked.route == "auto"
