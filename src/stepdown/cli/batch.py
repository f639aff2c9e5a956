"""``stepdown batch``: files of requests, handed to a running server and their answers fetched."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import click

from stepdown.cli.batch_server import BatchServer, Seen, Told, connected, server_options
from stepdown.cli.record import printable, say

_INCOMPLETE = 1
"""The exit status where not every request was answered."""

_SHOWN = 10
"""Problems of a file that are listed."""

_json = click.option("--json", "as_json", is_flag=True, help="Print the batch as JSON.")
_wait = click.option("--wait", is_flag=True, help="Wait until the batch has ended.")
_quiet = click.option("--quiet", is_flag=True, help="Show no progress.")
_output = click.Path(dir_okay=False, path_type=Path)


@click.group("batch")
def command() -> None:
    """Hand a file of requests to a running server, and fetch the answers.

    The file is OpenAI's: one JSON object a line, with custom_id, method, url and body. Each line is
    routed on its own. Exit status: 0 if every request was answered so far as is known, 1 if some
    were not, 2 if the server cannot be asked or refuses.
    """


@command.command("submit")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--metadata", "pairs", metavar="KEY=VALUE", multiple=True, help="May come often.")
@click.option("--webhook", metavar="NAME", help="The configured webhook to tell of the end.")
@_wait
@click.option("-o", "--output", type=_output, help="With --wait: write the answers here.")
@server_options
@_json
@_quiet
def submit(
    file: Path,
    pairs: Sequence[str],
    webhook: str | None,
    wait: bool,
    output: Path | None,
    url: str | None,
    key: str | None,
    config: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Upload FILE and start a batch over it; prints the batch's id."""
    if output is not None and not wait:
        raise click.UsageError("-o needs --wait: there are no answers yet.")
    metadata = _metadata(pairs)
    with connected(url, key, config) as server:
        uploaded = _upload(server, file, quiet=quiet)
        batch = server.create(uploaded, metadata=metadata, webhook=webhook)
        if wait:
            click.echo(printable(batch.id), err=True)
            batch = _ended(server, batch.id, quiet=quiet)
            if output is not None:
                _save(server, batch, output, None, quiet=quiet)
        elif not as_json:
            click.echo(printable(batch.id))
            return
    _tell(batch, as_json=as_json)


@command.command("status")
@click.argument("batch_id", metavar="ID")
@_wait
@server_options
@_json
@_quiet
def status(
    batch_id: str,
    wait: bool,
    url: str | None,
    key: str | None,
    config: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show how far a batch is, what it cost and what it saved."""
    with connected(url, key, config) as server:
        batch = _ended(server, batch_id, quiet=quiet) if wait else server.batch(batch_id)
    _tell(batch, as_json=as_json)


@command.command("fetch")
@click.argument("batch_id", metavar="ID")
@click.option("-o", "--output", type=_output, required=True, help="Write the answers here.")
@click.option("--errors", type=_output, help="Write the requests that failed here.")
@_wait
@server_options
@_json
@_quiet
def fetch(
    batch_id: str,
    output: Path,
    errors: Path | None,
    wait: bool,
    url: str | None,
    key: str | None,
    config: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a batch's answers to a file, in the order of its requests.

    A file is replaced once all of it is there. A batch that expired or was cancelled has the
    answers that came before.
    """
    with connected(url, key, config) as server:
        batch = _ended(server, batch_id, quiet=quiet) if wait else server.batch(batch_id)
        if not batch.ended:
            click.echo(
                f"The batch has not ended: {printable(batch.status)}. --wait waits for it.",
                err=True,
            )
            sys.exit(_INCOMPLETE)
        _save(server, batch, output, errors, quiet=quiet)
    _tell(batch, as_json=as_json)


@command.command("cancel")
@click.argument("batch_id", metavar="ID")
@server_options
@_json
def cancel(
    batch_id: str, url: str | None, key: str | None, config: Path | None, as_json: bool
) -> None:
    """Cancel a batch; what was answered before stays."""
    with connected(url, key, config) as server:
        batch = server.cancel(batch_id)
    _print(batch, as_json=as_json)


def _metadata(pairs: Sequence[str]) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not found or not name:
            raise click.UsageError(f"--metadata: expected KEY=VALUE, got {pair!r}.")
        metadata[name] = value
    return metadata


def _upload(server: BatchServer, file: Path, *, quiet: bool) -> str:
    """Upload a file; its id."""
    from stepdown.cli.batch_progress import uploading

    try:
        with (
            file.open("rb") as source,
            uploading(source, file.stat().st_size, quiet=quiet) as shown,
        ):
            return server.upload(file.name, shown).id
    except OSError as error:
        raise click.UsageError(f"{file}: cannot be read: {error.strerror}") from error


def _ended(server: BatchServer, batch: str, *, quiet: bool) -> Seen:
    from stepdown.cli.batch_progress import waited_for

    return waited_for(server.watch(batch), quiet=quiet)


def _save(
    server: BatchServer, batch: Seen, output: Path, errors: Path | None, *, quiet: bool
) -> None:
    """Write what the batch has; a batch without an answer makes an empty file."""
    _write(server, batch.output_file_id, output, quiet=quiet)
    if errors is not None:
        _write(server, batch.error_file_id, errors, quiet=quiet)


def _write(server: BatchServer, file: str | None, path: Path, *, quiet: bool) -> None:
    from stepdown.cli.batch_progress import downloading

    part = path.with_name(path.name + ".part")
    size = server.file(file).bytes if file else 0
    try:
        with part.open("wb") as out, downloading(size, quiet=quiet) as came:
            for piece in server.content(file) if file else ():
                out.write(piece)
                came(len(piece))
        part.replace(path)
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _tell(batch: Seen, *, as_json: bool) -> None:
    """Show a batch, and leave with a status that says whether any request went unanswered."""
    _print(batch, as_json=as_json)
    if batch.counts.failed or (batch.ended and batch.status != "completed"):
        sys.exit(_INCOMPLETE)


def _print(batch: Seen, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(json.loads(batch.raw)))
        return
    for line in _lines(batch):
        say(line)


def _lines(batch: Seen) -> Iterator[str]:
    counts, told = batch.counts, batch.stepdown
    yield f"{batch.id}: {batch.status}"
    yield (f"  {counts.total:,} requests: {counts.completed:,} answered, {counts.failed:,} failed")
    if told is not None:
        if told.models:
            routed = sorted(told.models.items())
            yield "  routed to: " + ", ".join(f"{model} {count:,}" for model, count in routed)
        yield _money(told)
    problems = [] if batch.errors is None else batch.errors.data
    for problem in problems[:_SHOWN]:
        at = "" if problem.line is None else f"line {problem.line}: "
        yield f"  {at}{problem.message} [{problem.code}]"
    if len(problems) > _SHOWN:
        yield f"  and {len(problems) - _SHOWN:,} more"


def _money(told: Told) -> str:
    from stepdown.cli.quantities import dollars

    line = (
        f"  cost {dollars(told.cost)}; the strong model would have cost "
        f"{dollars(told.reference_cost)}; the batch price took {dollars(told.batch_discount)} off"
    )
    return f"{line}; {told.unpriced:,} answers unpriced" if told.unpriced else line
