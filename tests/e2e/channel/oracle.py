"""Says what must have become of each message of a run, by the simulator's log and the directory alone.

Pure. It knows the rules from the public pages (docs/use-cases.md, docs/optouts.md), and shares no code with
those that follow them: of the directory it takes the entities, of a number it knows what `places` says.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.directory import Active, AnyEntity, Brand, Campaign, Number, NumberKind, Registration, UseCase
from tests.e2e.channel.places import place
from tests.e2e.channel.simlog import Log, Sent, Written
from tests.e2e.channel.wishes import START, STOP, UNDER_WAY_SECONDS, Wishes

OPTED_OUT: Final = "opted_out"


@dataclass(frozen=True)
class Order:
    """One message that was handed in. Its text is its own."""

    number: int
    use_case: str
    to: str
    text: str


@dataclass(frozen=True)
class Told:
    """What the platform says of an order at the end; of one that was refused at the door likewise."""

    handed_in: float
    """When; seconds since the epoch, like all times here."""
    ended: float
    state: str
    """`refused`, or of the message."""
    code: str = ""
    """Why it failed or was refused."""
    sender: str | None = None


@dataclass
class Verdict:
    """What was found wrong, message by message; and how the others came out."""

    findings: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    #: Arrived shortly after a STOP: they were in the provider's hands, or about to be.
    close: int = 0
    #: Orders that a STOP came in time for.
    stopped: int = 0


class Oracle:
    """One organization's directory, and everything that handsets sent and got."""

    def __init__(self, entities: Iterable[AnyEntity], log: Log) -> None:
        found = list(entities)
        self._use_cases = {str(e.id): e for e in found if isinstance(e, UseCase)}
        self._numbers = {e.id: e for e in found if isinstance(e, Number)}
        self._campaigns = {e.id: e for e in found if isinstance(e, Campaign)}
        self._brands = {e.id: e for e in found if isinstance(e, Brand)}
        self._log = log
        self._wishes = Wishes(log.written, self._holding)

    def judge(self, orders: Sequence[Order], told: Mapping[int, Told]) -> Verdict:
        """Compare what is told of each order with what must be."""
        verdict = Verdict()
        by_text: defaultdict[str, list[Sent]] = defaultdict(list)
        for sent in self._log.sent:
            by_text[sent.text].append(sent)
        for order in orders:
            texts = by_text.pop(order.text, [])
            for sentence in self._judged(order, told.get(order.number), texts, verdict):
                verdict.findings.append(f"{order.number} ({order.text!r} to {order.to}): {sentence}")
        verdict.findings += self._moved(orders)
        verdict.findings += self._replies([one for texts in by_text.values() for one in texts])
        return verdict

    def refused(self, use_case_id: str, to: str) -> str:
        """The code with which a message is refused whatever else is so; nothing if it is not."""
        use_case = self._use_cases.get(use_case_id)
        if use_case is None:
            return "use_case_not_found"
        if use_case.status is not Active.ACTIVE:
            return "use_case_suspended"
        if not use_case.numbers:
            return "no_sender"
        pool = [self._numbers[number] for number in use_case.numbers]
        usable = any(self._may_send(number) for number in pool)
        return _unreachable(use_case, to) or ("" if usable else self._why_none(pool))

    def _may_send(self, number: Number) -> bool:
        return number.status is Active.ACTIVE and not self._registration_lacks(number)

    def _why_none(self, pool: Sequence[Number]) -> str:
        lacks = [self._registration_lacks(number) for number in pool]
        return max(
            (one for one in lacks if one),
            key=lambda one: one == "brand_suspended",
            default="no_usable_sender",
        )

    def _registration_lacks(self, number: Number) -> str:
        where = place(number.id)
        if number.number_kind is not NumberKind.LONG_CODE or where is None or where.region != "US":
            return ""
        campaign = self._campaigns.get(number.campaign or "")
        brand = self._brands.get(campaign.brand) if campaign is not None else None
        if brand is not None and brand.registration is Registration.SUSPENDED:
            return "brand_suspended"
        verified = campaign is not None and campaign.registration is Registration.VERIFIED
        return "" if verified else "campaign_not_verified"

    def _judged(
        self, order: Order, told: Told | None, texts: Sequence[Sent], verdict: Verdict
    ) -> Iterator[str]:
        if told is None:
            yield "nothing was told of it"
            return
        verdict.outcomes[told.code or told.state] += 1
        if len(texts) > 1:
            yield f"it was sent {len(texts)} times"
        if code := self.refused(order.use_case, order.to):
            if texts:
                yield f"it was sent, and had to be refused as {code}"
            if told.state not in {"refused", "failed"} or told.code != code:
                yield f"{told.state} {told.code}, and had to be refused as {code}"
        elif texts:
            yield from self._sent(order, told, texts[0], verdict)
        elif told.code == OPTED_OUT:
            verdict.stopped += 1
            if not self._wishes.may_be_out(order.use_case, order.to, told.handed_in, told.ended):
                yield "it was stopped, and no STOP was in force"
        else:
            yield f"{told.state} {told.code}, and no provider has had it"

    def _sent(self, order: Order, told: Told, sent: Sent, verdict: Verdict) -> Iterator[str]:
        if sent.to != order.to:
            yield f"it went to {sent.to}"
        if sent.sender not in self._near(order):
            yield f"it came from {sent.sender}, and others of the pool are nearer"
        if told.state not in sent.endings:
            yield f"it is told as {told.state} {told.code}; the provider's last word makes it {sent.endings}"
        if told.sender != sent.sender:
            yield f"its sender is told as {told.sender}; it came from {sent.sender}"
        since = self._wishes.out_since(order.use_case, order.to, sent.at)
        if since is not None:
            verdict.close += sent.at - since <= UNDER_WAY_SECONDS
            if sent.at - since > UNDER_WAY_SECONDS:
                yield f"it was sent {sent.at - since:.1f} s after a STOP"

    def _near(self, order: Order) -> set[str]:
        """The numbers of the pool that are nearest to the recipient, by the rule of geomatch."""
        use_case, to = self._use_cases[order.use_case], place(order.to)
        pool = {n: place(n) for n in use_case.numbers if self._may_send(self._numbers[n])}
        if not use_case.geomatch or to is None:
            return set(pool)
        for same in ("area_code", "state", "region"):
            wanted = getattr(to, same)
            near = {n for n, where in pool.items() if wanted and getattr(where, same, None) == wanted}
            if near:
                return near
        return set(pool)

    def _moved(self, orders: Sequence[Order]) -> list[str]:
        """Recipients that saw more than one number of a use case."""
        whose = {order.text: order for order in orders}
        seen: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for sent in self._log.sent:
            order = whose.get(sent.text)
            if order is not None:
                seen[order.use_case, order.to].add(sent.sender)
        return [
            f"{to} saw several numbers of {use_case}: {sorted(senders)}"
            for (use_case, to), senders in seen.items()
            if len(senders) > 1
        ]

    def _replies(self, others: Sequence[Sent]) -> list[str]:
        """What is wrong with the texts that nobody ordered: each must answer a word, once."""
        due: Counter[tuple[str, str, str]] = Counter()
        for written in self._log.written:
            if (text := self._reply_to(written)) is not None:
                due[written.to, written.handset, text] += 1
        got = Counter((one.sender, one.to, one.text) for one in others)
        return [f"nobody asked for this, {many} times: {what}" for what, many in (got - due).items()] + [
            f"this answer was due {many} times more: {what}" for what, many in (due - got).items()
        ]

    def _reply_to(self, written: Written) -> str | None:
        if not written.answered_by_us:
            return None
        for use_case in map(self._use_cases.__getitem__, self._holding(written.to)):
            for words, reply in (
                (STOP, use_case.stop_reply),
                (START, use_case.start_reply),
                ({"HELP"}, use_case.help_reply),
            ):
                if written.text in words and reply is not None:
                    return reply
        return None

    def _holding(self, number: str) -> list[str]:
        """The use cases whose pool holds a number."""
        return [name for name, use_case in self._use_cases.items() if number in use_case.numbers]


def _unreachable(use_case: UseCase, to: str) -> str:
    where = place(to)
    if where is None:
        return "not_a_number"
    if where.landline:
        return "landline"
    return "region_not_permitted" if use_case.regions and where.region not in use_case.regions else ""
