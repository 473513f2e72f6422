"""Opt-outs that providers know of, as facts about hand-overs tell of them. Pure."""

from directory import scopes
from directory.snapshot import Directory
from schemas.facts import AnyFact, OutcomeFact, Reported
from schemas.optouts import Consent, OptOut, Source
from schemas.provider import Fault, Rejected


def learned(directory: Directory, fact: AnyFact, to_number: str) -> list[OptOut]:
    """What to write of a recipient whom the provider will not text: as if STOP had come to the sender."""
    match fact:
        case OutcomeFact(outcome=Rejected(fault=Fault.OPTED_OUT, code=code)):
            return _written(directory, fact, to_number, code)
        case Reported(fault=Fault.OPTED_OUT, code=code):
            return _written(directory, fact, to_number, code or "")
        case _:
            return []


def _written(directory: Directory, fact: OutcomeFact | Reported, to_number: str, code: str) -> list[OptOut]:
    return scopes.records(
        fact.organization,
        scopes.written_to(directory, fact.organization, fact.sender),
        to_number,
        sender=fact.sender,
        consent=Consent.OUT,
        source=Source.PROVIDER,
        at=fact.at,
        note=f"{fact.provider} {code}".rstrip(),
    )
