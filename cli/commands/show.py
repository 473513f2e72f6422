"""What commands print: lines for people, or JSON for programs and nothing else on stdout."""

import json
from collections.abc import Mapping
from typing import Any, Final

import typer

from cli.commands.follow import Seen
from cli.commands.rest import Answer

COLOURS: Final = {
    "queued": "blue",
    "sending": "cyan",
    "unknown": "yellow",
    "sent": "cyan",
    "delivered": "green",
    "undelivered": "red",
    "failed": "red",
    "cancelled": "magenta",
}


def record(values: Mapping[str, Any]) -> None:
    """One JSON object on a line of its own."""
    typer.echo(json.dumps(values, ensure_ascii=False))


def state(name: str) -> str:
    """A state in its colour."""
    return typer.style(name, fg=COLOURS.get(name), bold=True)


def accepted(answer: Answer) -> None:
    """The door has taken a message."""
    via = f" via {answer.body['provider']}" if answer.body.get("provider") else ""
    # The channel's own word for it would be `pending`.
    word = answer.body.get("state") if "use_case_id" in answer.body else answer.body.get("status")
    typer.echo(f"{answer.message_id}  {state(str(word))}{via}{_held(answer.body)}")


def rehearsed(answer: Answer) -> None:
    """The door has said what would become of a request."""
    body = answer.body
    segments = "1 segment" if body["num_segments"] == 1 else f"{body['num_segments']} segments"
    typer.echo(f"{body['from_number']} > {body['to_number']}  {segments}{_held(body)}")
    typer.echo(f"  {body['reason']}")


def _held(body: Mapping[str, Any]) -> str:
    """Until when it is held, if it is."""
    return f"  until {body['send_at']}" if body.get("send_at") else ""


def refused(answer: Answer) -> None:
    """The door has refused a request: its sentence goes to stderr."""
    typer.secho(f"refused ({answer.code}): {answer.detail}", err=True, fg="red")


def decided(answer: Answer) -> None:
    """Whether a message was cancelled, or how far it had got."""
    found = str(answer.body.get("state"))
    typer.echo(f"{answer.body['message_id']}  {state(found)}  {answer.body['message']}")


def seen(one: Seen) -> None:
    """A message's state, and what there is to say beside it."""
    said = [f"{name} {one.answer[name]}" for name in ("provider_message_id", "error") if one.answer.get(name)]
    typer.echo("  ".join([one.message_id, state(one.state), *said]))


def past(one: Seen) -> None:
    """How a message came to its state: each transition, then each attempt at a hand-over."""
    for step in one.answer.get("history", ()):
        by = step.get("settled_by")
        typer.echo(f"  {step['at']}  {state(step['status'])}" + (f" (settled by {by})" if by else ""))
    for attempt in one.answer.get("attempts", ()):
        said = [str(attempt[name]) for name in ("provider_code", "detail") if attempt.get(name)]
        why = f" ({': '.join(said)})" if said else ""
        via = f"{attempt['provider']}, account {attempt['account']}, from {attempt['sender']}"
        typer.echo(f"  {attempt['at']}  attempt {attempt['number']}: {attempt['outcome']}{why} via {via}")
