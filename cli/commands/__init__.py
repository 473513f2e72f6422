"""The commands of `helio`, one module each. Heavy imports stay inside them: `helio --help` must be quick."""

from collections.abc import Callable

from typer import Typer

from cli.commands import (
    apply,
    cancel,
    demo,
    dlq,
    doctor,
    key,
    local,
    optout,
    send,
    status,
    subscription,
    tail,
    topics,
)
from cli.commands.trouble import told


def register(app: Typer) -> None:
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
    groups: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
        "key": (
            "API keys: make, list, revoke, rotate.",
            {"create": key.create, "list": key.listed, "revoke": key.revoke, "rotate": key.rotate},
        ),
        "dlq": (
            "Dead letters: list, show, replay, drop.",
            {"list": dlq.listed, "show": dlq.show, "replay": dlq.replay, "drop": dlq.drop},
        ),
        "optout": (
            "Opt-outs: enter, take back, show, list.",
            {"add": optout.add, "remove": optout.remove, "show": optout.show, "list": optout.listed},
        ),
        "subscription": (
            "Webhooks out: add, list, try, switch on and off, secrets.",
            {
                "add": subscription.add,
                "list": subscription.listed,
                "test": subscription.tried,
                "secret": subscription.secret,
                "rotate": subscription.rotate,
                "on": subscription.on,
                "off": subscription.off,
                "remove": subscription.remove,
            },
        ),
    }
    for name, (about, members) in groups.items():
        group = Typer(help=about, no_args_is_help=True)
        for member, command in members.items():
            group.command(member)(told(command))
        app.add_typer(group, name=name)
