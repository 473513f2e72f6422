"""The fold: what one fact makes of a message's row, and which transitions it tells (docs/streams.md).

Pure. The state is a function of the set of facts, so any order and any repetition of them ends in the same
state; only a deadline is judged by what was known at its offset (`streams.deadlines`). Which transitions were
told on the way depends on the order: the row keeps them, each with its fact's offset. A fact at or below the
row's last offset is a replay after a crash: it tells its own again, verbatim.
"""

from typing import Final, assert_never

from schemas.attempts import shown
from schemas.facts import (
    AmbiguousFact,
    AnyFact,
    CancelAsked,
    Closed,
    Deadline,
    OutcomeFact,
    Receipt,
    Rejected,
    Reported,
    Rerouted,
    Routed,
)
from schemas.public import StatusRecord
from streams import tries, words
from streams.deadlines import judged
from streams.rows import Origin, Rank, Row, Told, Word, hand_over, weightier
from streams.telling import record

#: Receipts that a row sets aside for each account until a fact of ours names their hand-over. Only who holds
#: an account's key and the secret of our MAC can bring one: nobody pushes out those of another account.
MOST_ASIDE: Final = 8
#: New senders of which a row remembers why they were chosen.
MOST_REASONS: Final = 20


def fold(row: Row | None, fact: AnyFact, offset: int) -> tuple[Row, list[StatusRecord]]:
    """The row after `fact`, which lies at `offset` of its partition, and what is told on account of it.

    `row` is None where nothing is known of the message (or what was known is forgotten). The row returned is
    the same object if the fact changes nothing.
    """
    if row is not None and offset <= row.offset:
        return row, [
            record(row, sequence) for sequence, told in enumerate(row.told, 1) if told.offset == offset
        ]
    if row is None:
        row = Row(message_id=fact.message_id, offset=offset, forget_at=fact.forget_at)
    heard = _heard(row, fact, offset)
    if heard is row:
        return row, []  # nothing new: a repeat, or outweighed
    after = _told(heard, offset)
    return after, [record(after, sequence) for sequence in range(len(row.told) + 1, len(after.told) + 1)]


def _heard(row: Row, fact: AnyFact, offset: int) -> Row:  # noqa: C901, PLR0911 - one case for each fact
    """The row with `fact` in it."""
    match fact:
        case Routed():
            word = words.routed(fact)
            return _outweighed(_begun(row, fact, word, reason=fact.reason), word)
        case Rejected():
            word = words.refused(fact)
            return _outweighed(_begun(row, fact, word, conflicts_with=fact.conflicts_with), word)
        case Rerouted():
            return _outweighed(_rerouted(row, fact), words.rerouted(fact))
        case OutcomeFact():
            return _tried(_named(_outweighed(row, words.outcome(fact)), fact, (fact.nonce,)), fact, offset)
        case AmbiguousFact():
            word = words.ambiguous(fact)
            return _tried(_named(_outweighed(row, word), fact, fact.nonces), fact, offset)
        case Receipt():
            name = hand_over(fact.attempt, fact.nonce, fact.account)
            return _received(row, name, words.told_by_provider(fact))
        case Reported():
            return _outweighed(row, words.told_by_provider(fact))
        case CancelAsked():
            # The claim decides, and `Closed` tells what it decided; but it is not sent again after this.
            return row if row.cancel_asked else row._replace(cancel_asked=True)
        case Closed():
            return _outweighed(row, words.closed(fact))
        case Deadline():
            return judged(row, fact, offset)
        case _:
            assert_never(fact)


def _begun(
    row: Row,
    fact: Routed | Rejected,
    word: Word,
    *,
    reason: str | None = None,
    conflicts_with: str | None = None,
) -> Row:
    """The row with what makes it tell. The first such fact stays: all records of a message agree."""
    if row.origin is not None:
        return row
    origin = Origin(
        organization=fact.organization,
        content=fact.content,
        word=word,
        reason=reason,
        conflicts_with=conflicts_with,
        taken_back=isinstance(fact, Rejected) and fact.taken_back,
    )
    return row._replace(origin=origin, forget_at=fact.forget_at)


def _rerouted(row: Row, fact: Rerouted) -> Row:
    """The row with why its new sender was chosen at first; of many senders those that came last."""
    reroutes = row.reroutes or {}
    if fact.sender in reroutes:
        return row
    kept = list(reroutes.items())[1 - MOST_REASONS :]
    return row._replace(reroutes={**dict(kept), fact.sender: fact.reason})


def _outweighed(row: Row, word: Word) -> Row:
    """The row after a word that counts: the weightier one stays."""
    if word.rank <= Rank.UNKNOWN:
        heaviest = weightier(row.open, word)
        return row if heaviest is row.open else row._replace(open=heaviest)
    heaviest = weightier(row.fate, word)
    return row if heaviest is row.fate else row._replace(fate=heaviest)


def _named(row: Row, fact: OutcomeFact | AmbiguousFact, nonces: tuple[str, ...]) -> Row:
    """The row once a fact of ours has named hand-overs: receipts that were set aside for them count now."""
    names = [hand_over(fact.attempt, nonce, fact.account) for nonce in nonces]
    fresh = [name for name in names if name not in row.named]
    if not fresh:
        return row
    aside = dict(row.aside or {})
    row = row._replace(named=row.named | dict.fromkeys(fresh, fact.sender))
    for word in [aside.pop(name) for name in fresh if name in aside]:
        row = _outweighed(row, word._replace(sender=fact.sender))._replace(aside=aside or None)
    return row


def _tried(row: Row, fact: OutcomeFact | AmbiguousFact, offset: int) -> Row:
    """The row with what `fact` says of its attempt."""
    shown_to = row.told[-1].offset if row.told else -1
    after = tries.heard(row.tries, tries.Try(offset, shown(fact)), shown_to)
    return row if after is row.tries else row._replace(tries=after)


def _received(row: Row, name: str, word: Word) -> Row:
    """The row after a receipt for the hand-over `name`."""
    if name in row.named:
        return _outweighed(row, word._replace(sender=row.named[name] or None))
    aside = dict(row.aside or {})
    aside[name] = weightier(aside.get(name), word)
    of_account = sorted(key for key, other in aside.items() if other.account == word.account)
    for key in of_account[MOST_ASIDE:]:  # by name, not by arrival: any order leaves the same ones
        del aside[key]
    return row if aside == row.aside else row._replace(aside=aside)


def _told(row: Row, offset: int) -> Row:
    """The row after it has told what there is to tell of the fact at `offset`."""
    told = row.told
    if row.origin is not None:
        if not told:
            told = (Told(offset, row.origin.word),)
        word = row.word
        if word is not None and word.state is not told[-1].word.state:
            word = _placed(word, row.open or row.origin.word)
            told = (*told, Told(offset, word, (row.reroutes or {}).get(word.sender or "")))
    return row._replace(offset=offset, told=told)


def _placed(word: Word, last: Word) -> Word:
    """A word of no hand-over in particular speaks of `last`, the one that was to be.

    A message that `route` refused had none: it keeps the provider that it was accepted for.
    """
    if word.attempt is not None:
        return word
    return word._replace(
        attempt=last.attempt, provider=last.provider, account=last.account, sender=last.sender
    )
