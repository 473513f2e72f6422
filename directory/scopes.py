"""What an opt-out is about: of a number that somebody wrote to, and of a message that is to be sent. Pure.

A person who writes STOP means whatever comes from that number. So it holds for each use case that sends from
it; and for the organization, where an assistant of it does, or nobody knows who (docs/optouts.md).
"""

import re
from collections.abc import Iterable
from typing import Final

from directory.snapshot import Directory
from schemas.base import Millis
from schemas.directory import E164_PATTERN
from schemas.optouts import Consent, OptOut, Source, scope
from schemas.provider import Provider

_E164: Final = re.compile(E164_PATTERN)


def written_to(
    directory: Directory, organization: str, number: str, *, everything: bool = False
) -> tuple[str | None, ...]:
    """The use cases that a STOP or START to `number` is about, by id; None stands for the organization.

    Args:
        directory: who sends from where.
        organization: to whom the text belongs.
        number: where it went to, +E.164.
        everything: it said that it means everything.
    """
    pools = use_cases_of(directory, organization, number)
    if everything or not pools or _is_assistants(directory, organization, number):
        return (None, *pools)
    return pools


def of_message(
    directory: Directory, organization: str, sender: str | None, use_case_id: str | None
) -> tuple[str, ...]:
    """The scopes (`schemas.optouts.scope`) in which a message must not be unwanted, the organization's first.

    Those of its use case; of a message that names its sender those of each use case that sends from there.
    Last that of its sender, if that is known: the number may have come from another use case.
    """
    own = () if sender is None else (scope(organization, sender),)
    if use_case_id is not None:
        return scope(organization), scope(organization, use_case_id), *own
    pools = use_cases_of(directory, organization, sender) if sender is not None else ()
    return scope(organization), *(scope(organization, pool) for pool in pools), *own


def records(
    organization: str,
    use_cases: Iterable[str | None],
    handset: str,
    *,
    sender: str,
    consent: Consent,
    source: Source,
    at: Millis,
    said_at: Millis | None = None,
    note: str,
) -> list[OptOut]:
    """What to write of a handset's wish for these use cases (None: the organization), and `sender` itself.

    Nothing where `handset` is no number (texts also come from names): nothing can be sent there.
    """
    if not is_handset(handset):
        return []
    # Receipts may not name their sender.
    own = (sender,) if is_handset(sender) else ()
    return [
        OptOut(
            organization=organization, use_case_id=use_case, sender=number, number=handset, consent=consent,
            source=source, at=at, said_at=said_at, note=note,
        )
        for use_case, number in (*((one, None) for one in use_cases), *((None, one) for one in own))
    ]  # fmt: skip


def is_handset(sender: str) -> bool:
    """Whether it is a number that texts can be sent to: they also come from names and short codes."""
    return _E164.fullmatch(sender) is not None


def of_refusal(
    directory: Directory,
    organization: str,
    sender: str,
    handset: str,
    *,
    provider: Provider,
    code: str | None,
    at: Millis,
) -> list[OptOut]:
    """What to write where `provider` will not text `handset` from `sender`: as if STOP had come there.

    `code` is the provider's.
    """
    return records(
        organization,
        written_to(directory, organization, sender),
        handset,
        sender=sender,
        consent=Consent.OUT,
        source=Source.PROVIDER,
        at=at,
        note=f"{provider} {code or ''}".rstrip(),
    )


def use_cases_of(directory: Directory, organization: str, number: str) -> tuple[str, ...]:
    """The organization's use cases that have `number` in their pool, by id, suspended ones as well."""
    found = directory.use_cases_of(number)
    return tuple(str(use_case.id) for use_case in found if use_case.organization == organization)


def _is_assistants(directory: Directory, organization: str, number: str) -> bool:
    assistant = directory.assistant_of(number)
    return assistant is not None and assistant.organization == organization
