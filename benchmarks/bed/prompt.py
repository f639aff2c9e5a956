"""The request that the bed asks: a short conversation about code, 1.5 KB as the usual chat is."""

import json

MESSAGES = [
    {
        "role": "system",
        "content": "You review small Python services. Be brief, name the line you mean, and say "
        "when you are not sure. Do not invent functions that were not shown to you.",
    },
    {
        "role": "user",
        "content": "This consumer stops now and then and its queue grows until the process is "
        "killed. What is wrong with it?\n\n```python\nasync def consume(queue, store):\n"
        "    while True:\n        event = await queue.get()\n        async with store.session() "
        "as session:\n            await session.add(event.key, event.amount, event.at)\n"
        "        queue.task_done()\n```\n\nThe store times out a few times a day, at the full "
        "hour, when the reports are made. There is one such task for each of four partitions.",
    },
    {
        "role": "assistant",
        "content": "When `session.add` raises, the task ends: `task_done` is not called, nobody "
        "starts the task again, and the partition is not read any more. Catch the error inside "
        "the loop, put the event aside, and go on; and watch the tasks so that one that ends is "
        "noticed.",
    },
    {
        "role": "user",
        "content": "Thanks. Show me the loop with those changes in at most twenty lines. Events "
        "may be stored twice but none may be lost. Then tell me in two sentences which number I "
        "should raise an alarm on, given that the length of the queue alone has misled us twice "
        "during the nightly import, when it is long although everything is well.",
    },
]

KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "stream": {"stream": True, "stream_options": {"include_usage": True}},
    "hidden": {"stream": True},
}
"""``hidden``: the client asks for no usage, so a gateway that wants it must ask and hide it."""


def body(kind: str, model: str) -> bytes:
    """The bytes to post."""
    fields = {"model": model, "messages": MESSAGES, "temperature": 0.2, "max_tokens": 300}
    return json.dumps({**fields, **KINDS[kind]}).encode()
