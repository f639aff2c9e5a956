"""What can keep the demo from running, each in words for the person at the terminal."""


class DemoError(Exception):
    """The demo cannot go on. The message says why and what can be done."""


class WeightsError(DemoError):
    """The models' weights could not be fetched, or are not the ones expected."""


class PromptsError(DemoError):
    """The prompts file cannot be used. ``problems`` is one line for each thing wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
