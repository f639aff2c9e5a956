"""Signals that count what a request is made of: turns, tools, images, code."""

import re

from stepdown.routing.signals.kinds import Kind
from stepdown.types import Reading, Request

CODE_LINE = re.compile(
    r"(?:^|\n)[ \t]*(?:def \w+\(|class \w+[:({]|import \w|from \w+ import|#include|function \w*\("
    r"|(?:public|private|static) \w|(?:const|let|var) \w+ ?=|SELECT .{1,80} FROM|\w+\(.{0,80}\);)"
)
LIKELY = 0.7
"""Confidence in code that is known by one line's look."""
LOOKED_AT = 4000


class TurnsSignal:
    """How many user turns there are."""

    name = "turns"
    kind = Kind.NUMBER
    values = None

    def read(self, request: Request) -> Reading:
        turns = sum([message.role == "user" for message in request.prompt.messages])
        return Reading(turns, saw="messages of the user")


class ToolsSignal:
    """How many tools the model may call."""

    name = "tools"
    kind = Kind.NUMBER
    values = None

    def read(self, request: Request) -> Reading:
        return Reading(len(request.prompt.tools or ()), saw="tools")


class ImagesSignal:
    """How many images the messages carry."""

    name = "images"
    kind = Kind.NUMBER
    values = None

    def read(self, request: Request) -> Reading:
        images = 0
        for message in request.prompt.messages:
            if isinstance(message.content, list):
                images += sum([part.type == "image_url" for part in message.content])
        return Reading(images, saw="image_url parts")


class CodeSignal:
    """Whether the last user turn holds code: a fence, or a line that looks like it."""

    name = "code"
    kind = Kind.BOOLEAN
    values = None

    def read(self, request: Request) -> Reading:
        text = request.prompt.last_user_text()
        if "```" in text:
            return Reading(True, saw="a code fence")
        line = CODE_LINE.search(text[:LOOKED_AT])
        if line is None:
            return Reading(False, saw="no code fence and no line of code")
        return Reading(True, confidence=LIKELY, saw=line[0].strip()[:40])
