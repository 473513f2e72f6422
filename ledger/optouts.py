"""Wishes of recipients, as values: what is noted of `sms.optouts.v1`, and what is read. Opens nothing.

They belong to no epoch, for they are the same under each: a key holds the latest opt-out and the latest
opt-in, so they may be noted in any order and repetition. What the server loses a rebuild reads again
(docs/ledger.md).
"""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.base import DecodeError, Millis
from schemas.optouts import Consent, OptOut, Source

log = logging.getLogger(__name__)

#: `OptOut.key`: an organization, one of its use cases or numbers, a handset.
_KEY: Final = re.compile(r"([^/ ]+)(?:/([^/ ]+))? (\+[1-9][0-9]{6,14})")

#: Somebody who may not want a message: the scopes that it belongs to, the organization's first
#: (`directory.scopes.of_message`), and the handset's number.
Reach = tuple[tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class Noted:
    """A record of `sms.optouts.v1`, and where it stands in its partition."""

    offset: int
    record: OptOut


def read(key: bytes | None, value: bytes | None, offset: int, at: Millis) -> Noted | None:
    """A record of the topic; None where nothing is to be learned from it.

    One that cannot be read is an opt-out of its key, since `at`: it is about whether they may be written to,
    whatever it says.
    """
    if value is None:
        return None
    try:
        return Noted(offset, OptOut.decode(value))
    except DecodeError as e:
        log.error("optouts.unreadable key=%r offset=%d, taken as an opt-out: %s", key, offset, e)  # noqa: TRY400 - the sentence says it all
    found = _KEY.fullmatch((key or b"").decode(errors="replace"))
    if found is None:
        return None
    organization, narrower, number = found.groups()
    use_case_id, sender = _about(narrower)
    unreadable = OptOut(
        organization=organization, use_case_id=use_case_id, sender=sender, number=number,
        consent=Consent.OUT, source=Source.API, at=at, note="a record that cannot be read",
    )  # fmt: skip
    return Noted(offset, unreadable)


def encode_noted(noted: Sequence[Noted]) -> str:
    """The argument of `wish_note.lua`."""
    listed = [
        [
            one.record.organization,
            one.record.scope,
            one.record.number,
            one.offset,
            one.record.consent,
            one.record.at,
            one.record.said,
            f"{one.record.source} {one.record.note}",
        ]
        for one in noted
    ]
    return json.dumps(listed, separators=(",", ":"))


def encode_reaches(reaches: Sequence[Reach]) -> str:
    """The argument of `wish_ask.lua`."""
    return json.dumps([[number, *scopes] for scopes, number in reaches], separators=(",", ":"))


def wish(member: bytes, value: bytes) -> OptOut:
    """The record in a member of an organization's set and what holds of its key, as `wish_list.lua` tells."""
    number, _, scope = member.decode().partition(" ")
    organization, _, narrower = scope.partition("/")
    use_case_id, sender = _about(narrower)
    consent, _, at, said, source, note = value.decode().split(" ", 5)
    return OptOut(
        organization=organization,
        use_case_id=use_case_id,
        sender=sender,
        number=number,
        consent=Consent(consent),
        source=Source(source),
        at=int(at),
        said_at=None if said == at else int(said),
        note=note,
    )


def _about(narrower: str | None) -> tuple[str | None, str | None]:
    """The use case, or the number of ours, in the second part of a scope's name."""
    if not narrower:
        return None, None
    return (None, narrower) if narrower.startswith("+") else (narrower, None)


def cursor(record: OptOut) -> str:
    """Its place in the list of its organization: what comes after it is the next page."""
    return f"{record.number} {record.scope}"
