"""Runs one job: sends its request through the pipeline, and says how it ended."""

import asyncio
import logging

from msgspec import Struct

from stepdown.deferral.job import Ending, answered, failed
from stepdown.deferral.webhooks import Notice
from stepdown.errors import JobTimedOut, StepdownError
from stepdown.pipeline import Pipeline
from stepdown.types import Journey, Request

log = logging.getLogger("stepdown.deferral")


class Job(Struct, eq=False):
    """A job of this process. ``deadline`` is on the event loop's clock.

    ``ending`` is set once its end is being written: from then on it cannot be cancelled.
    """

    id: str
    request: Request
    deadline: float
    notice: Notice | None
    task: "asyncio.Task[None] | None" = None
    ending: bool = False


async def answer(job: Job, pipeline: Pipeline) -> Ending:
    """The end of a job by this pipeline, within the job's deadline. Raises nothing."""
    keeper = Keeper()
    left = job.deadline - asyncio.get_running_loop().time()
    late = JobTimedOut("The job was not answered within its deadline (jobs.deadline).")
    if left <= 0:
        return failed(late)
    try:
        async with asyncio.timeout(left):
            journey = await pipeline.handle(job.request, keeper)
    except TimeoutError:
        return failed(late)
    except StepdownError as error:
        return failed(error)
    except Exception:
        log.exception("a request failed in the gateway itself")
        return failed(StepdownError("The gateway failed; its log says why."))
    return answered(journey, keeper.body)


class Keeper:
    """The client that stands for a caller who is not there: it keeps the answer."""

    body = b""

    async def answer(self, journey: Journey, body: bytes) -> None:
        self.body = body

    async def open_stream(self, journey: Journey) -> None:
        raise AssertionError("a job is not streamed")

    async def write(self, data: bytes) -> None:
        raise AssertionError("a job is not streamed")

    async def close_stream(self) -> None:
        raise AssertionError("a job is not streamed")
