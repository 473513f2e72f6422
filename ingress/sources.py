"""Which request topics intake reads: the common one, and those of organizations that the directory names.

It follows the directory as it runs. Members of the group need not agree at every moment: of each topic the
partitions are shared out among those who have subscribed to it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Final, NoReturn

from aiokafka import AIOKafkaConsumer

from broker.health import OK
from broker.stall import Joining
from broker.topics import Wrong
from directory.snapshot import Directory
from ingress import metrics
from schemas import topics
from schemas.topics import Topic

_LOG: Final = logging.getLogger(__name__)
#: How often the directory is looked at; what it says lies in memory.
_GLANCE_SECONDS: Final = 0.5
#: How often the broker is asked, while a topic is missing or differs, and while all are right.
_SOON_SECONDS: Final = 2.0
_LATER_SECONDS: Final = 30.0
#: For the broker's answer.
_ANSWER_SECONDS: Final = 10.0

#: What is wrong with topics, by name.
Examine = Callable[[Sequence[Topic]], Awaitable[Mapping[str, Wrong]]]


class Sources:
    """The topics that a consumer is subscribed to.

    Args:
        consumer: of the group; subscribed by `renew` alone.
        joining: listens to it.
        directory: gives the newest snapshot.
        examine: asks the broker.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        joining: Joining,
        directory: Callable[[], Directory],
        examine: Examine,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._consumer = consumer
        self._joining = joining
        self._directory = directory
        self._examine = examine
        self._clock = clock
        self._named: tuple[str, ...] = ()
        self._wrong: Mapping[str, Wrong] = {}
        self._due_at = float("-inf")
        self._right: frozenset[str] = frozenset()
        self._subscribed: frozenset[str] | None = None

    @property
    def topics(self) -> list[str]:
        """Those that are to be read, as of the last look."""
        return [topics.REQUESTS, *sorted(self._right)]

    def renew(self) -> None:
        """Subscribe to what the last look found, if that is something else than before.

        To be called where every record that was taken is committed: what was read ahead is read again. The
        group shares partitions out anew, which holds up all of its topics for about a heartbeat.
        """
        if self._subscribed == self._right:
            return
        self._subscribed = self._right
        self._joining.pulse.beat()
        self._consumer.subscribe(self.topics, listener=self._joining)
        _LOG.info("intake.subscribed topics=%s", ",".join(self.topics))

    async def follow(self) -> NoReturn:
        """Look again and again, for ever."""
        while True:
            await asyncio.sleep(_GLANCE_SECONDS)
            if self._clock() >= self._due_at or self._named != self._names():
                await self.look()

    async def look(self) -> None:
        """Ask the broker for the topics that the directory names. While it does not answer, all stays."""
        named = self._names()
        organizations = [one for name in named if (one := topics.organization_of(name)) is not None]
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                wrong = await self._examine(list(topics.own(organizations)))
        except Exception as error:  # noqa: BLE001  whatever it is, the topics that are read are read on
            _LOG.warning("own_topics.unknown error=%r", error)
            self._due_at = self._clock() + _SOON_SECONDS
            return
        self._told(wrong)
        # A broker that has just started may not know a topic yet that is there: twice counts.
        kept = {name for name in wrong if name in self._right and name not in self._wrong}
        self._right = frozenset(name for name in named if name not in wrong or name in kept)
        self._named, self._wrong = named, wrong
        self._due_at = self._clock() + (_SOON_SECONDS if wrong else _LATER_SECONDS)

    async def check(self) -> str:
        """For `/readyz`: whether every topic that the directory names can be read."""
        return f"{len(self._wrong)} missing or differ" if self._wrong else OK

    def _names(self) -> tuple[str, ...]:
        return tuple(topic.name for topic in topics.own(self._directory().with_own_topic()))

    def _told(self, wrong: Mapping[str, Wrong]) -> None:
        """Warn once of each thing that is wrong, and count."""
        for name, one in wrong.items():
            if one != self._wrong.get(name):
                _LOG.warning("own_topic.unread topic=%s: %s", name, one.said)
        missing = sum(one.missing for one in wrong.values())
        metrics.OWN_TOPICS.labels("missing").set(missing)
        metrics.OWN_TOPICS.labels("differs").set(len(wrong) - missing)
