"""`helio doctor`: looks at everything that must be right, and says what to do about what is not."""

import asyncio
import logging
import os
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands import options
from cli.commands.trouble import Exit
from schemas.environment import MissetError

if TYPE_CHECKING:
    from cli.commands.findings import Finding
    from schemas.settings import Settings


def doctor(
    *,
    url: options.Url = None,
    webhooks_url: Annotated[
        str | None,
        typer.Option(
            envvar="HELIO_WEBHOOKS_URL", help="The webhooks service. Default: what `helio up` runs."
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Check settings, broker, topics, clocks, ledger, directory, credentials, subscriptions and services.

    Ends with 0 when all is well, with 1 when there is a problem.
    """
    from cli.commands import show
    from cli.commands.findings import Finding
    from cli.commands.target import running, settings

    here = running()
    doors = {"ingress": url or here.get("ingress", ""), "webhooks": webhooks_url or here.get("webhooks", "")}
    try:
        found = asyncio.run(_examine(settings(), doors))
    except MissetError as wrong:
        todo = "correct it; all the rest is looked at then"
        found = [Finding(check="settings", said=str(wrong), todo=todo)]
    well = all(finding.ok for finding in found)
    if json:
        listed = [{"check": f.check, "ok": f.ok, "said": f.said, "todo": f.todo or None} for f in found]
        show.record({"ok": well, "findings": listed})
    else:
        _print(found)
    raise typer.Exit(Exit.DONE if well else Exit.NO)


def _print(found: "list[Finding]") -> None:
    for check, findings in groupby(found, key=lambda finding: finding.check):
        typer.secho(check, bold=True)
        for finding in findings:
            verdict = typer.style("ok", fg="green") if finding.ok else typer.style("PROBLEM", fg="red")
            typer.echo(f"  {verdict}  {finding.said}")
            if finding.todo:
                typer.echo(f"           -> {finding.todo}")


async def _examine(settings: "Settings", doors: dict[str, str]) -> "list[Finding]":
    from aiokafka.errors import KafkaError

    from cli.commands import checks, findings, own_topics, redaction, subscribed
    from cli.dlq import findings as letters
    from directory import replica

    # What clients log of a broker that is away is said once, as a finding.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    readings: dict[str, findings.Reading] = {}
    found = [*findings.of_environment(os.environ), *findings.of_settings(settings)]
    broker = await checks.of_kafka(settings.kafka, settings.topics, readings)
    store = await checks.of_store(settings.redis, readings)
    found += [*broker, *findings.of_clocks(readings), *store]
    if "Redis" in readings:
        found += await checks.of_ledger(settings.redis)
    if all(finding.ok for finding in broker):
        try:
            directory = await replica.snapshot(settings.kafka)
            found += await own_topics.of_own_topics(directory, settings.kafka, settings.topics)
            found += checks.of_directory(directory)
            found += await subscribed.of_subscriptions(directory, settings)
            found += redaction.of_redaction(directory, settings.messages)
            found += await checks.of_groups(settings.kafka)
            found += await letters.of_letters(settings.kafka)
        except KafkaError as error:
            if (lacking := checks.of_denial(error)) is None:
                raise
            found.append(lacking)
    return [*found, *await checks.of_doors(doors)]
