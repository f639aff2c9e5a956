"""Plays a judge by hand: what it asks, what its model replies, the scores that come of it."""

import re
from collections.abc import Callable, Sequence

from stepdown.ports import Judge
from stepdown.types import Choice, Request, Scores, Task
from support.answers import asking

Model = Callable[[Request], Choice | None]
TASK = Task(asking("What is 2+2?"))


def play(
    judge: Judge, choices: Sequence[Choice | str | None], model: Model, task: Task = TASK
) -> tuple[Scores, tuple[Request, ...]]:
    """The scores, and what was asked: at once, in the judge's role."""
    judging = judge.judge(
        [Choice(each) if isinstance(each, str) else each for each in choices], task
    )
    asked: tuple[Request, ...] = ()
    try:
        wish = next(judging)
        assert (wish.role, wish.model) == ("judge", judge.model)
        asked = wish.requests
        judging.send([model(request) for request in asked])
    except StopIteration as end:
        scores: Scores = end.value
        return scores, asked
    raise AssertionError("asked a second time")


def user_text(request: Request) -> str:
    """What the judge's model is shown beside its instructions."""
    return request.prompt.messages[1].text


def code_of(request: Request) -> str:
    """The code of the marks."""
    found = re.match(r"The code of the marks is ([0-9a-f]{16})\.\n", user_text(request))
    assert found is not None
    return found[1]


def between_marks(request: Request) -> dict[str, str]:
    """The texts by their names, as the marks with the request's code divide them."""
    code = code_of(request)
    found = re.findall(
        rf"^<([a-zA-Z ]+) {code}>\n(.*?)\n</\1 {code}>$",
        user_text(request),
        re.DOTALL | re.MULTILINE,
    )
    assert user_text(request).count(code) == 1 + 2 * len(found)
    return dict(found)
