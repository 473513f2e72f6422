"""`helio topics`: makes the topics that are missing and checks all of them."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands import options
from cli.commands.trouble import Exit, TroubleError

if TYPE_CHECKING:
    from schemas.settings import Settings


def topics(
    *,
    check: Annotated[bool, typer.Option("--check", help="Make nothing.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a broker that starts.")] = 0,
    json: options.Json = False,
) -> None:
    """Make the topics that are missing, and check that all are as they must be.

    The directory says which organizations have a request topic of their own.
    Ends with 0, with 1 when a topic differs from what it must be, with 3 when the broker does not answer.
    """
    from cli.commands import show
    from cli.commands.target import settings

    made, problem = asyncio.run(_patiently(settings(), make=not check, seconds=wait))
    if json:
        show.record({"made": made, "problems": problem.split("; ") if problem else []})
    elif not problem:
        typer.echo(f"{len(made)} topics made, all are as they must be")
    if problem:
        if json:
            raise typer.Exit(Exit.NO)
        raise TroubleError(problem, Exit.NO)


async def _patiently(found: "Settings", *, make: bool, seconds: float) -> tuple[list[str], str]:
    """As `_topics`, asked again until the broker answers or `seconds` are over."""
    end = time.monotonic() + seconds
    while True:
        try:
            return await _topics(found, make=make)
        except TroubleError as trouble:
            if trouble.code is not Exit.UNREACHABLE or time.monotonic() > end:
                raise
        await asyncio.sleep(1)


async def _topics(found: "Settings", *, make: bool) -> tuple[list[str], str]:
    """The names of the topics made, and what is wrong with any: one sentence, or nothing."""
    from broker import topics as made_by
    from cli.commands.reach import reached
    from directory import own_topics
    from schemas.topics import catalogue, requests_of

    with reached(found.kafka):
        made = await made_by.create(found.kafka, found.topics) if make else []
        try:
            await made_by.verify(found.kafka, found.topics, [topic.name for topic in catalogue()])
            # Only now it is certain that there is a directory to be read.
            made += await own_topics.make(found.kafka, found.topics) if make else []
            organizations = await own_topics.named(found.kafka)
            names = [requests_of(one) for one in organizations]
            await made_by.verify(found.kafka, found.topics, names, organizations)
        except made_by.TopicsDifferError as differ:
            return made, str(differ)
    return made, ""
