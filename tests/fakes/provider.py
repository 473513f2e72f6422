"""A provider without a wire, for tests of whoever hands messages over. It passes the adapters' contract."""

import asyncio
from collections.abc import Callable

from dispatchers.port import Answer, Handover, NotFound, Question
from schemas.provider import Accepted, Outcome, Unavailable


def accept(handover: Handover) -> Outcome:
    """Take every message, under an id made of its nonce."""
    return Accepted(provider_message_id=f"fake-{handover.nonce}", segments=handover.task.segments)


class FakeProvider:
    """A `ProviderPort` that answers as it is told to.

    Args:
        answer: what each hand-over comes to. `Unavailable` is one that never left.
        know: what each question is answered.
    """

    def __init__(
        self,
        answer: Callable[[Handover], Outcome] = accept,
        know: Callable[[Question], Answer] = lambda _: NotFound(),
    ) -> None:
        self.answer = answer
        self.know = know
        #: What has left, in order: what a capture of the wire would show.
        self.posts: list[Handover] = []
        #: Cleared: what has left gets no answer until it is set again.
        self.answering = asyncio.Event()
        self.answering.set()
        #: What it was asked, in order.
        self.questions: list[Question] = []
        self.closed = False

    async def send(self, handover: Handover) -> Outcome:
        """See `ProviderPort.send`."""
        outcome = self.answer(handover)
        if isinstance(outcome, Unavailable):
            return outcome
        if not handover.still_mine():
            return Unavailable(detail="the claim was lost before it could leave")
        self.posts.append(handover)
        await self.answering.wait()
        return outcome

    async def ask(self, question: Question) -> Answer:
        """See `ProviderPort.ask`."""
        self.questions.append(question)
        await self.answering.wait()
        return self.know(question)

    async def close(self) -> None:
        """See `ProviderPort.close`."""
        self.closed = True
