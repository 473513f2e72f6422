"""What a search is about: which faults, how many of them, and which rule is switched off."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.tasks import How, OnUnknown
from tests.model.rules import Rule
from tests.model.world import IDLE, Cancel, Copy, Ledger, World


class Fault(StrEnum):
    """What may go wrong. Slowness of any process is no fault: it costs nothing."""

    #: A dispatcher dies; what it was writing may land late, or never.
    CRASH = "crash"
    #: So does a rebuild.
    CRASH_OF_REBUILD = "crash-of-rebuild"
    #: So does the door that cancels.
    CRASH_OF_CANCEL = "crash-of-cancel"
    #: The partition moves; the former owner goes on until it learns of it.
    MOVE = "move"
    #: The ledger is lost.
    WIPE = "wipe"
    #: The ledger restarts as it was a while ago.
    ROLLBACK = "rollback"
    #: A task, or a record that waits, is produced twice.
    REPEAT = "repeat"
    #: A rebuild is stopped beyond the life of its lock.
    STALL = "stall"
    #: A script has run, and its answer is lost.
    DEAF = "deaf"


@dataclass(frozen=True)
class Case:
    """One search."""

    #: Most faults of a history.
    budget: int = 1
    faults: frozenset[Fault] = frozenset(Fault)
    without: Rule | None = None
    cancel: bool = False
    #: The message's validity may end at any moment (not only where nothing else is left to happen).
    expiry: bool = False
    receipts: bool = False
    #: A provider may also refuse for good.
    rejections: bool = False
    #: Most calls; an attempt after them waits until the message's validity is over.
    attempts: int = 2
    #: Records of the task in the log, all with an identity of their own.
    copies: int = 1
    #: How many of its writes the ledger may lose in a rollback.
    memory: int = 2
    #: What its owner wants done about an unknown send.
    policy: OnUnknown = OnUnknown.HOLD
    #: The provider may be asked: by looking up, which sends nothing, or by the same request again.
    lookup: bool = False
    repost: bool = False
    #: Its recipient may opt out at any moment.
    opt_out: bool = False
    #: It may go to another account, whose dispatcher is another process: for a retry, or as its sender is
    #: refused; `trouble`: also before any attempt, because its account is in trouble.
    failover: bool = False
    trouble: bool = False
    #: Not built: it was accepted after a loss, and need not wait for the rebuild.
    early: bool = False

    def obeys(self, rule: Rule) -> bool:
        """Whether the rule is in force."""
        return rule is not self.without

    def start(self) -> World:
        """The message is routed; nothing else has happened."""
        return World(
            log=tuple([Copy(1, place_name(place), How.PLAIN) for place in range(self.copies)]),
            hands=(IDLE, IDLE),
            faults_left=self.budget,
            cancel=Cancel.NONE if self.cancel else Cancel.NEVER,
            ledger=Ledger(epoch=not self.early),
            fresh=self.early,
        )


def place_name(place: int) -> str:
    """The identity of a task whose first record lies there."""
    return f"t:0:{place}"
