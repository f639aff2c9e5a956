"""Tables as RouteLLM keeps them: a prompt, and a column for each model that says whether it was
right.

    prompt,mixtral-8x7b-instruct-v0.1,gpt-4-1106-preview,gpt-4-1106-preview_response
    "Find the degree …",True,True,"The degree is 4."

``<model>_response`` is the model's answer, where there is such a column.
Source: github.com/lm-sys/RouteLLM, routellm/evals/{mmlu,gsm8k}
"""

from stepdown.evals.data.chat import asks, checked
from stepdown.evals.data.faults import BadField
from stepdown.evals.data.figures import Scale, answer, is_score
from stepdown.evals.data.formats.stepdown import FIELDS
from stepdown.evals.data.records import Record
from stepdown.evals.items import Item, Known

PROMPT, ID = "prompt", "id"
RESPONSE = "_response"
FEWEST = 2
"""Models of a table that is taken for one of these: with one there is nothing to route."""


def recognises(record: Record) -> bool:
    """A table of a prompt and scores, with no column that Stepdown's own format would read."""
    names = _models(record)
    if not record.cells or PROMPT not in record.fields or len(names) < FEWEST:
        return False
    values = [record.fields[name] for name in names]
    told = [value for value in values if value is not None and value != ""]
    return bool(told) and all(map(is_score, told)) and not set(FIELDS).intersection(names)


def item(record: Record, scale: Scale) -> Item:
    """Raises BadField."""
    prompt = record.text(PROMPT)
    if prompt is None:
        raise BadField(PROMPT, "expected a text, got nothing")
    names = _models(record)
    if not names:
        raise BadField(PROMPT, "expected a column for each model beside it, got none")
    return Item(
        id=record.id(ID),
        line=record.line,
        body=checked(asks(prompt), PROMPT),
        known={
            name: Known(
                score=scale.score(record.fields[name], name),
                answer=answer(record.fields.get(name + RESPONSE), name + RESPONSE),
            )
            for name in names
        },
    )


def _models(record: Record) -> list[str]:
    """Every other column is a model, or the answers of one."""
    fields = record.fields
    return [
        name
        for name in fields
        if name not in (PROMPT, ID)
        and not (name.endswith(RESPONSE) and name.removesuffix(RESPONSE) in fields)
    ]
