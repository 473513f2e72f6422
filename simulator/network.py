"""The networks behind the providers: what they accepted, what handsets got, what was told."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from simulator.journal import Journal
from simulator.messages import Message


class Owed(NamedTuple):
    """A callback that has neither been told nor given up."""

    message: Message
    place: int
    """The receipt's place in the message's history."""
    copy: int


class Network:
    """Every message ever accepted with this state file.

    A message is in the file before this object shows it, and so before anyone is told of it.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._messages: dict[str, Message] = {}
        self._by_handset: defaultdict[str, list[Message]] = defaultdict(list)
        self._by_account: defaultdict[str, list[Message]] = defaultdict(list)
        self._told: set[tuple[str, int, int]] = set()
        for record in journal.records():
            if "message" in record:
                self._index(Message.from_json(record["message"]))
            else:
                self._told.add(tuple(record["told"]))

    def accept(self, message: Message) -> None:
        """Take a message in; unless it was to fail, this is when the handset has its text.

        Raises:
            OSError: it could not be written, and is not accepted.
        """
        self._journal.append({"message": message.to_json()})
        self._index(message)

    def told(self, owed: Owed) -> None:
        """A callback was answered, or is given up: a restart will not send it again."""
        key = (owed.message.id, owed.place, owed.copy)
        self._journal.append({"told": key})
        self._told.add(key)

    def owed(self, message: Message) -> list[Owed]:
        """The callbacks of a message that are still to be told, in the order of their telling."""
        told = [(receipt.told, place) for place, receipt in enumerate(message.receipts)]
        return [
            Owed(message, place, copy)
            for _, place in sorted((at, place) for at, place in told if at is not None)
            for copy in range(message.receipts[place].copies)
            if (message.id, place, copy) not in self._told
        ]

    def message(self, message_id: str) -> Message | None:
        """An accepted message by the provider's id."""
        return self._messages.get(message_id)

    def messages(self) -> Iterable[Message]:
        """Every accepted message, oldest first."""
        return self._messages.values()

    def of_account(self, account: str) -> Sequence[Message]:
        """What an account had accepted, oldest first."""
        return self._by_account.get(account, ())

    def texts(self, number: str | None = None, since: float | None = None) -> list[dict[str, Any]]:
        """What one handset, or all of them, received; oldest first."""
        messages = self.messages() if number is None else self._by_handset.get(number, ())
        return [
            _text(message)
            for message in messages
            if message.reaches_handset and (since is None or message.at >= since)
        ]

    def close(self) -> None:
        """Let go of the state file."""
        self._journal.close()

    def _index(self, message: Message) -> None:
        self._messages[message.id] = message
        self._by_handset[message.draft.to].append(message)
        self._by_account[message.draft.account].append(message)


def _text(message: Message) -> dict[str, Any]:
    draft = message.draft
    return {
        "at": datetime.fromtimestamp(message.at, UTC).isoformat(timespec="milliseconds"),
        "from": draft.sender,
        "to": draft.to,
        "text": draft.text,
        "media": list(draft.media),
        "provider": draft.provider,
        "provider_message_id": message.id,
    }
