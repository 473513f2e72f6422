"""The commands of `helio`, one module each. Heavy imports stay inside them: `helio --help` must be quick."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cli.commands import apply, cancel, demo, doctor, local, send, status, tail, topics
from cli.commands.trouble import told

if TYPE_CHECKING:
    from typer import Typer


def register(app: "Typer") -> None:
    """Add every command of this package to `app`."""
    commands: dict[str, Callable[..., None]] = {
        "up": local.up,
        "down": local.down,
        "send": send.send,
        "status": status.status,
        "cancel": cancel.cancel,
        "tail": tail.tail,
        "apply": apply.apply,
        "topics": topics.topics,
        "doctor": doctor.doctor,
        "demo": demo.demo,
    }
    for name, command in commands.items():
        app.command(name)(told(command))
