"""From what the fold tells of a redacted message to the bytes that an endpoint gets: nothing of its text."""

import logging
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from notifiers.deliveries import Delivery, Job
from notifiers.reader import read
from schemas import topics
from schemas.messages import Content
from schemas.public import StatusRecord
from tests.fakes.receiving import receiving, status
from tests.unit.notifiers.test_teller import Desk, telling
from tests.unit.notifiers.world import directory, subscription
from tests.unit.streams.test_redaction import FACTS, MARK, SECRET, told

#: The facts of these tests are of the first moments of 1970.
THEN = 1_000


def take(desk: Desk, records: Sequence[StatusRecord]) -> int:
    """Have `records` told as they come out of their topic; how many deliveries these are."""
    count = 0
    for record in records:
        found = read(SimpleNamespace(topic=topics.STATUS, value=record.encode()), desk.directory, THEN)
        assert isinstance(found, Sequence)
        job = Job(desk.log.window, desk.log.end, len(found))
        desk.log.end += 1
        for one in found:
            desk.teller.tell(Delivery(one, b"key", job))
        count += len(found)
    return count


async def came(content: Content) -> tuple[list[bytes], list[bytes]]:
    """What endpoints got of a message with `content` to which much happens, and what waits in Kafka."""
    async with receiving() as well, receiving(status(500)) as failing, telling() as desk:
        desk.now = THEN
        desk.directory = directory(subscription("well", well.url), subscription("failing", failing.url))
        assert take(desk, told(list(FACTS), content)) >= 4
        await desk.done()
        return [one.body for one in (*well.got, *failing.got)], [one.value or b"" for one in desk.put_off]


async def test_no_endpoint_gets_a_redacted_text_and_no_record_waits_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    bodies, waiting = await came(SECRET)
    assert b'"redacted":true' in bodies[0]
    assert waiting
    assert [one for one in (*bodies, *waiting) if b"MARK" in one] == []
    assert "MARK" not in caplog.text


async def test_of_others_it_is_told() -> None:
    bodies, waiting = await came(SECRET.model_copy(update={"redact": False}))
    assert all(MARK.encode() in one for one in (*bodies, *waiting))
