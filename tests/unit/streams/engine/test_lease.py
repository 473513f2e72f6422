"""The lease ends half a session after the last confirmed request was sent, and never moves back."""

import asyncio

from streams.engine.lease import Lease, clock


def test_it_begins_invalid() -> None:
    lease = Lease(session_seconds=10)
    assert not lease.valid(clock())


def test_it_lasts_half_a_session_from_the_sending() -> None:
    lease = Lease(session_seconds=10)
    now = clock()
    lease.renew(now)
    assert lease.valid(now + 4.9)
    assert not lease.valid(now + 5.1)


def test_an_answer_that_comes_late_does_not_shorten_it() -> None:
    lease = Lease(session_seconds=10)
    now = clock()
    lease.renew(now + 2)
    lease.renew(now)
    assert lease.valid(now + 6.9)


async def test_holding_waits_for_a_renewal() -> None:
    lease = Lease(session_seconds=1000)
    holding = asyncio.create_task(lease.hold())
    await asyncio.sleep(0)
    assert not holding.done()
    lease.renew(clock())
    async with asyncio.timeout(30):
        await holding
