"""Whether what clients were told, and what the API says, agrees with how a message ended."""

from collections.abc import Iterator, Mapping

from schemas.status import State
from tests.chaos.cases import Case, Finding
from tests.chaos.logs import What
from tests.chaos.stories import BELIEVED, Story


def answers(case: Case) -> Iterator[Finding]:
    """What its clients were told holds to the end."""
    state = case.state
    if state is None:
        return
    # Asked again, because the first answer was lost, it is already what its owner wished.
    told_so = any(
        told.what is What.CANCELLED or (told.what is What.ALREADY and told.detail == State.CANCELLED)
        for told in case.told
    )
    if told_so and state is not State.CANCELLED:
        yield case.wrong(f"its owner was told that it is cancelled, and it is {state}")
    if (
        state is State.CANCELLED
        and case.cancel_asked
        and not told_so
        and What.CANCEL_UNSURE not in case.whats
    ):
        yield case.wrong("it is cancelled, and its owner was told otherwise")
    if What.SENT in case.whats and state not in (State.SENT, State.DELIVERED, State.UNDELIVERED):
        yield case.wrong(f"its caller was told that it is sent, and it is {state}")
    for told in case.told:
        # Its receipt may be here before its answer, which has one word for both ways to fail.
        words = {State.FAILED, told.detail}
        if told.what is What.FAILED and state not in words and told.detail != BELIEVED:
            yield case.wrong(f"its caller was told that it failed ({told.detail}), and it is {state}")


def api(case: Case) -> Iterator[Finding]:
    """The API says what the status topic said last."""
    if case.story is None:
        return
    if case.said is None:
        yield case.wrong("the API was not asked about it")
    elif case.said.code != 200:
        yield case.wrong(f"the API answers {case.said.code} for {case.story.message_id}")
    elif differing := _differences(case.said.body, case.story):
        yield case.wrong(f"the API and the status topic ({case.state}) differ: {', '.join(differing)}")


def _differences(body: Mapping[str, object], story: Story) -> list[str]:
    last = story.last.record
    failure, history = body.get("failure"), body.get("history")
    pairs = {
        "state": (body.get("state"), last["status"]),
        "message": (body.get("message"), last["text"]),
        "provider_message_id": (body.get("provider_message_id"), last.get("provider_message_id")),
        "failure": (failure["code"] if isinstance(failure, dict) else "", story.last.failure),
        "history": (
            [step["status"] for step in history] if isinstance(history, list) else None,
            [step["status"] for step in last["history"]],
        ),
    }
    return [name for name, (ours, theirs) in pairs.items() if ours != theirs]
