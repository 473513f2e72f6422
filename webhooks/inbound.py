"""A text that came in, as the record that subscribers read: whose it is, and under which id."""

from collections.abc import Sequence
from dataclasses import dataclass

from directory.snapshot import Directory
from schemas import ids
from schemas.directory import Account
from schemas.keywords import keyword
from schemas.public import InboundRecord
from schemas.segments import segments
from webhooks.words import Inbound


@dataclass(frozen=True)
class Text:
    """A record to produce, and whether the directory knows the number that it was sent to."""

    record: InboundRecord
    owned: bool
    #: Its provider has said that it took it for a keyword, and answers those.
    answered: bool = False


def text(said: Inbound, accounts: Sequence[Account], directory: Directory, now_ms: int) -> Text:
    """The record of `said`.

    It belongs to the owner of the number that it was sent to, if one of the accounts serves them: also where
    the number is moving to another account, or has been retired, for a STOP may be about what still waits.
    Else to the owner of the first account.

    Args:
        said: the text.
        accounts: those by whose keys it was signed, at least one. It is of that one which has the number.
        directory: who owns what.
        now_ms: when it came, milliseconds since the epoch.
    """
    found = [
        (account, number, owner)
        for account in accounts
        for number in said.to_numbers
        if (owner := _owner(directory, number)) is not None and account.serves(owner)
    ]
    # First the account that has the number. The sort keeps the order of the rest.
    found.sort(key=lambda one: not _is_on(directory, one[0], one[1]))
    for account, number, owner in found:
        return _text(said, _record(said, account, owner, number, now_ms), owned=True)
    account = accounts[0]
    record = _record(said, account, account.organization, said.to_numbers[0], now_ms)
    return _text(said, record, owned=False)


def _text(said: Inbound, record: InboundRecord, *, owned: bool) -> Text:
    return Text(record, owned, answered=said.keyword is not None)


def _owner(directory: Directory, e164: str) -> str | None:
    """Whose number it is, or was until it was deleted: the directory keeps deletions."""
    entry = directory.entries.get(("number", e164))
    return None if entry is None else entry.organization


def _is_on(directory: Directory, account: Account, e164: str) -> bool:
    number = directory.number(e164)
    return number is not None and number.account == account.id


def _record(said: Inbound, account: Account, organization: str, number: str, now_ms: int) -> InboundRecord:
    return InboundRecord(
        id=ids.of_inbound(account.provider, account.id, said.provider_message_id),
        organization=organization,
        provider=account.provider,
        account=account.id,
        provider_message_id=said.provider_message_id,
        from_number=said.from_number,
        to_number=number,
        text=said.text,
        keyword=said.keyword or keyword(said.text),
        media=said.media,
        # A message with media has no parts.
        segments=said.segments or (1 if said.media else segments(said.text)),
        # A provider's clock that is ahead must not date a text into the future.
        at=min(said.at or now_ms, now_ms),
        received_at=now_ms,
    )
