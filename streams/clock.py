"""The wall clock as Kafka and Redis count: milliseconds since the Unix epoch."""

import time


def now_ms() -> int:
    """Now."""
    return time.time_ns() // 1_000_000
