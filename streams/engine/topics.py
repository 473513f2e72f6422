"""Whether the topics that an app reads are there and fit each other."""

from collections.abc import Mapping


def missing(counts: Mapping[str, int]) -> list[str]:
    """Topics without partitions, from topic to partition count."""
    return sorted(topic for topic, count in counts.items() if not count)


def misfit(counts: Mapping[str, int], expected: Mapping[str, int]) -> str | None:
    """Why these topics cannot be read by one app, in words; None if they can.

    Args:
        counts: topic to partition count (0: missing), of all that the app reads, changelogs included. They
            must be equal: a table's row lies in the partition of the record that wrote it.
        expected: topic to the partition count that the code declares.
    """
    if absent := missing(counts):
        return f"missing: {', '.join(absent)}"
    for topic, count in expected.items():
        if counts.get(topic) != count:
            return f"{topic} has {counts.get(topic, 0)} partitions, declared are {count}"
    if len(set(counts.values())) > 1:
        return "unequal partition counts: " + ", ".join(f"{topic} {n}" for topic, n in sorted(counts.items()))
    return None
