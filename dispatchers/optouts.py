"""Opt-outs that providers know of, as facts about hand-overs tell of them. Pure."""

from directory import scopes
from directory.snapshot import Directory
from schemas.facts import AnyFact, OutcomeFact, Reported
from schemas.optouts import OptOut
from schemas.provider import Fault, Rejected


def learned(directory: Directory, fact: AnyFact, to_number: str) -> list[OptOut]:
    """What to write of a recipient whom the provider will not text."""
    match fact:
        case OutcomeFact(outcome=Rejected(fault=Fault.OPTED_OUT, code=code)):
            return _written(directory, fact, to_number, code)
        case Reported(fault=Fault.OPTED_OUT, code=code):
            return _written(directory, fact, to_number, code)
        case _:
            return []


def _written(
    directory: Directory, fact: OutcomeFact | Reported, to_number: str, code: str | None
) -> list[OptOut]:
    return scopes.of_refusal(
        directory,
        fact.organization,
        fact.sender,
        to_number,
        provider=fact.provider,
        code=code,
        at=fact.at,
    )
