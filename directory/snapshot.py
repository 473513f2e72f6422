"""The directory at one moment: an immutable snapshot with indexes, and the rule by which it moves on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from schemas.directory import (
    Account,
    AnyEntity,
    ApiKey,
    Assistant,
    Brand,
    Campaign,
    Entry,
    Number,
    Organization,
    Subscription,
    UseCase,
)
from schemas.provider import Provider

#: Kind and id, such as `("number", "+15550001")`.
Key = tuple[str, str]
_E = TypeVar("_E", bound=AnyEntity)
_NOTHING: Final[Mapping[Key, Entry]] = MappingProxyType({})


@dataclass(frozen=True)
class Refused:
    """A record that no replica takes: `key` names it as far as its writer did."""

    key: Key
    why: str


def refusal(known: Entry | None, entry: Entry) -> str | None:
    """Why `entry` may not follow `known`, or None if it may. A repeat of `known` may.

    A first sighting is taken at any version: compaction keeps only the last record of a key. A deletion
    frees the id for every organization.
    """
    if known is None or is_repeat(known, entry):
        return None
    if entry.version != known.version + 1:
        return f"it names version {entry.version} where {known.version + 1} is next"
    deleted = known.entity is None
    if entry.organization != known.organization and not (deleted and entry.entity is not None):
        return f"it is of {entry.organization}, but {known.organization} owns this id"
    return None


def is_repeat(known: Entry, entry: Entry) -> bool:
    """Whether `entry` says the same as `known` once more."""
    return (known.version, known.organization, known.entity) == (
        entry.version,
        entry.organization,
        entry.entity,
    )


class Directory:
    """Who may send what, from where, through whom, at one moment. Look-ups are dictionary look-ups.

    `entries` are the newest of each key, deletions too; `live` is what there is, by key.
    `disputed` are the keys whose last record was refused: compaction would keep that one and drop the
    one that holds, so whoever writes next appends that again.
    """

    def __init__(
        self, entries: Mapping[Key, Entry] = _NOTHING, disputed: frozenset[Key] = frozenset()
    ) -> None:
        self.entries = entries
        self.disputed = disputed
        self.live: Mapping[Key, AnyEntity] = {
            key: entry.entity for key, entry in entries.items() if entry.entity is not None
        }
        # In the order of ids, so that every replica answers alike should two entities claim one thing.
        ordered = sorted(self.live.items(), reverse=True)
        self._assistants = {
            number: entity
            for _, entity in ordered
            if isinstance(entity, Assistant)
            for number in entity.numbers
        }
        self._pools: dict[str, list[UseCase]] = {}
        api_keys = [entity for _, entity in ordered if isinstance(entity, ApiKey)]
        self._api_keys = {former.sha256: entity for entity in api_keys for former in entity.former}
        self._api_keys |= {entity.sha256: entity for entity in api_keys}
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._accounts: dict[Provider, list[Account]] = {provider: [] for provider in Provider}
        for _, entity in reversed(ordered):
            if isinstance(entity, Account):
                self._accounts[entity.provider].append(entity)
            elif isinstance(entity, Subscription):
                self._subscriptions.setdefault(entity.organization, []).append(entity)
            elif isinstance(entity, UseCase):
                for number in dict.fromkeys(entity.numbers):
                    self._pools.setdefault(number, []).append(entity)

    def after(self, records: Iterable[Entry | Refused]) -> tuple["Directory", list[Refused]]:
        """The directory once it has taken `records` in order, and those of them that it refused.

        A `Refused` among `records` is one that could not even be read.
        """
        entries, disputed, refused = dict(self.entries), set(self.disputed), []
        for record in records:
            if isinstance(record, Entry):
                key = (record.kind, record.id)
                why = refusal(entries.get(key), record)
                if why is None:
                    entries[key] = record
                    disputed.discard(key)
                    continue
                refused.append(Refused(key, why))
            else:
                refused.append(record)
            if refused[-1].key in entries:
                disputed.add(refused[-1].key)
        return Directory(entries, frozenset(disputed)), refused

    def organization(self, slug: str) -> Organization | None:
        """The defaults that the organization `slug` has set; None where it has set none."""
        return self._find(Organization, "organization", slug)

    def with_own_topic(self) -> list[str]:
        """The organizations that have a request topic of their own, by id."""
        return sorted(one.id for one in self.live.values() if isinstance(one, Organization) and one.own_topic)

    def redacts(self, slug: str) -> bool:
        """Whether the organization `slug` keeps its texts off `sms.status.v1`."""
        owner = self.organization(slug)
        return owner is not None and owner.redact

    def account(self, account_id: str) -> Account | None:
        """The provider account of that id."""
        return self._find(Account, "account", account_id)

    def number(self, e164: str) -> Number | None:
        """The sender number `e164`."""
        return self._find(Number, "number", e164)

    def campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign of that id."""
        return self._find(Campaign, "campaign", campaign_id)

    def brand(self, brand_id: str) -> Brand | None:
        """The brand of that id."""
        return self._find(Brand, "brand", brand_id)

    def use_case(self, use_case_id: str) -> UseCase | None:
        """The use case of that id: a UUID in lower case, with its hyphens."""
        return self._find(UseCase, "use_case", use_case_id)

    def assistant_of(self, e164: str) -> Assistant | None:
        """The assistant that owns the number `e164`."""
        return self._assistants.get(e164)

    def use_cases_of(self, e164: str) -> Sequence[UseCase]:
        """The use cases that have the number `e164` in their pool, by id."""
        return self._pools.get(e164, ())

    def api_key(self, sha256: str) -> ApiKey | None:
        """The API key whose lower-case hex SHA-256 is or was `sha256` (`ApiKey.opens` says which)."""
        return self._api_keys.get(sha256)

    def accounts(self, provider: Provider) -> list[Account]:
        """The accounts at `provider`, by id."""
        return list(self._accounts[provider])

    def subscription(self, subscription_id: str) -> Subscription | None:
        """The subscription of that id."""
        return self._find(Subscription, "subscription", subscription_id)

    def subscriptions(self, organization: str) -> Sequence[Subscription]:
        """The subscriptions of `organization`, suspended ones too, by id."""
        return self._subscriptions.get(organization, ())

    def tells_nobody(self) -> bool:
        """Whether no organization has any subscription."""
        return not self._subscriptions

    def entities(self) -> Iterator[AnyEntity]:
        """Everything that there is, in no particular order."""
        return iter(self.live.values())

    def version(self, kind: str, entity_id: str) -> int:
        """The newest version, of a deletion as well; 0 where nothing is known of it."""
        entry = self.entries.get((kind, entity_id))
        return 0 if entry is None else entry.version

    def _find(self, model: type[_E], kind: str, entity_id: str) -> _E | None:
        found = self.live.get((kind, entity_id))
        return found if isinstance(found, model) else None
