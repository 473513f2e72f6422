"""Searches the model of the hand-over protocol, and prints what it came to.

    python -m tests.model                              what every run of the tests searches
    python -m tests.model --long                       many more cases; minutes
    python -m tests.model --controls                   each rule switched off, with the way to the break
    python -m tests.model --without say-unknown-again  one of them
    python -m tests.model --budget 2 --faults crash,wipe --cancel   a case of your own (also with --without)
    python -m tests.model --rules                      what can be switched off

Exits with 1 if a promise is broken with all rules in force, or if none is broken without one.
"""

import argparse
import sys
from dataclasses import replace

from schemas.tasks import OnUnknown
from tests.model.case import Case, Fault
from tests.model.controls import CONTROLS, LONG, USUAL
from tests.model.rules import WITHOUT, Rule
from tests.model.search import search

#: States between two lines of progress.
_TELL_EVERY = 250_000
_SWITCHES = (
    "cancel", "expiry", "receipts", "rejections", "lookup", "repost", "opt_out", "failover", "trouble",
    "early",
)  # fmt: skip


def main() -> int:
    """Do what the arguments say; the exit code."""
    given = _parser().parse_args()
    if given.rules:
        print("\n".join(f"{rule:24} {without}" for rule, without in WITHOUT.items()))
        return 0
    own = _own(given)
    if given.controls:
        return max(_control(rule, case) for rule, case in CONTROLS.items())
    if given.without:
        return _control(given.without, own or CONTROLS[given.without])
    cases = {"yours": own} if own else LONG if given.long else USUAL
    return max(_keeps(name, case) for name, case in cases.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("long", "controls", "rules"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--without", type=Rule, metavar="RULE")
    own = parser.add_argument_group("a case of your own", "see tests/model/case.py")
    own.add_argument("--faults", type=_faults, metavar="A,B", help=", ".join(Fault))
    for name in ("budget", "attempts", "copies", "memory"):
        own.add_argument(f"--{name}", type=int)
    own.add_argument("--policy", type=OnUnknown, choices=OnUnknown)
    for name in _SWITCHES:
        own.add_argument(f"--{name.replace('_', '-')}", action="store_true", default=None)
    return parser


def _faults(words: str) -> frozenset[Fault]:
    return frozenset(map(Fault, words.split(",")))


def _own(given: argparse.Namespace) -> Case | None:
    names = ("faults", "budget", "attempts", "copies", "memory", "policy", *_SWITCHES)
    chosen = {name: value for name in names if (value := getattr(given, name)) is not None}
    return replace(Case(), **chosen) if chosen else None


def _keeps(name: str, case: Case) -> int:
    """Whether every promise is kept (0) or one is broken (1)."""
    told = 0

    def tell(depth: int, states: int) -> None:
        nonlocal told
        if states - told >= _TELL_EVERY:
            told = states
            print(f"    depth {depth}, {states:,} states", flush=True)

    found = search(case, tell=tell)
    verdict = "every promise is kept" if found.broken is None else f"BROKEN: {found.broken.promise}"
    print(
        f"{name}: {found.states:,} states, depth {found.depth}, {found.seconds:.1f} s: {verdict}", flush=True
    )
    _print_way(found.broken.steps if found.broken else [])
    return int(found.broken is not None)


def _control(rule: Rule, case: Case) -> int:
    """Whether a promise is broken without the rule (0) or none (1)."""
    found = search(replace(case, without=rule))
    verdict = found.broken.promise if found.broken else "NOTHING IS BROKEN"
    print(f"{rule} ({WITHOUT[rule]}): {found.states:,} states, {found.seconds:.1f} s: {verdict}", flush=True)
    _print_way(found.broken.steps if found.broken else [])
    return int(found.broken is None)


def _print_way(steps: list[str]) -> None:
    for number, step in enumerate(steps, 1):
        print(f"    {number:2} {step}")


if __name__ == "__main__":
    sys.exit(main())
