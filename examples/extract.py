"""Extracts people from a text with the cheapest model whose answer fits, and tells what it cost.

python examples/extract.py [CONFIG] [TEXT]
"""

# ruff: noqa: T201  an example prints
import sys
from pathlib import Path

from pydantic import BaseModel, Field

from stepdown import ExtractionFailed, Gateway

TEXT = "Ada Lovelace, born in 1815, wrote the first program; Grace Hopper a compiler."


class Person(BaseModel):
    """Somebody whom the text names."""

    name: str = Field(description="first and last name")
    born: int | None = Field(ge=1000, le=2100, description="the year, null where it is not said")


def main(config: str, text: str) -> None:
    with Gateway.from_config(config).blocking() as gateway:
        try:
            found = gateway.extract_with_cascade(f"List the people in: {text}", list[Person])
        except ExtractionFailed as failed:
            sys.exit(f"{failed} It cost ${failed.cost}.")
    for person in found.value:
        print(person.name, person.born or "")
    print(f"by {found.model}, for ${found.cost} (saved ${found.saved})")
    for attempt in found.attempts:
        if attempt.reason:
            print(f"{attempt.model} was turned down: {attempt.reason}")


if __name__ == "__main__":
    default = [str(Path(__file__).with_name("cascade.yaml")), TEXT]
    given = sys.argv[1:3]
    main(*(given + default[len(given) :]))
