"""`helio`: the commands."""

import typer

from cli.commands import register

app = typer.Typer(
    name="helio",
    help="Heliograph: runs a stack on this machine, and talks to one anywhere.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they would show secrets
)
register(app)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
