"""Expected trouble: one sentence that says what to do, and an exit code that scripts can act on."""

import functools
import os
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import ParamSpec, TypeVar

import typer

from schemas.environment import MissetError

P = ParamSpec("P")
T = TypeVar("T")


class Exit(IntEnum):
    """What `helio` ends with (docs/cli.md). 2 is a wrong option, 130 is Ctrl-C."""

    DONE = 0
    #: The answer is no: refused, failed, or the doctor found a problem. Asking again changes nothing.
    NO = 1
    #: Somebody does not answer, or not yet. Asking again may help.
    UNREACHABLE = 3
    #: Waited as long as was asked for; it goes on without us.
    TIME_OVER = 4


class TroubleError(Exception):
    """What went wrong and what to do, for the person at the terminal."""

    def __init__(self, sentence: str, code: Exit) -> None:
        super().__init__(sentence)
        self.code = code


def told(command: Callable[P, T]) -> Callable[P, T]:
    """`command`, with its trouble told on stderr in place of a traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **options: P.kwargs) -> T:
        try:
            return command(*args, **options)
        except TroubleError as trouble:
            typer.secho(str(trouble), err=True, fg="red")
            raise typer.Exit(trouble.code) from None
        except MissetError as wrong:
            typer.secho(str(wrong), err=True, fg="red")
            raise typer.Exit(Exit.NO) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # `helio tail | head`: the reader has gone. Without this Python complains at its own end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None

    return wrapped
