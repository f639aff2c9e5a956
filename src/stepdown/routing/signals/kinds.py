"""What kinds of values signals have, so that rules can be checked when they are read."""

from enum import Enum


class Kind(Enum):
    """A signal's kind of value; ``ANY`` is what only the request knows (a tag, a plug-in)."""

    NUMBER = "a number"
    TEXT = "a text"
    BOOLEAN = "true or false"
    SET = "a set of names"
    ANY = "anything"
