"""Where ids come from, so that a retry gets the same one with no coordination (docs/ingress.md)."""

import hashlib
from uuid import UUID

#: The root of all name-based ids of Heliograph. Never change it: ids would stop matching.
NAMESPACE = UUID("6d9f5a34-90a5-4f0c-9f0e-1d8b6f2f7c11")


def uuid7(now_ms: int, random: bytes) -> str:
    """A UUIDv7 (RFC 9562): 48 bits of `now_ms`, 74 bits out of the 10 bytes of `random`."""
    tail = int.from_bytes(random[:10], "big")
    value = (now_ms & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | ((tail >> 62) & 0xFFF) << 64
    value |= 0b10 << 62 | (tail & 0x3FFF_FFFF_FFFF_FFFF)
    return str(UUID(int=value))


def of_key(organization: str, key: str) -> str:
    """The id of the message that `organization` names by its idempotency key: one key, one message."""
    return _named("key", organization, key)


def of_record(topic: str, partition: int, offset: int, timestamp_ms: int) -> str:
    """The id of a keyless request on a topic: its place there (the time tells a topic made anew)."""
    return _named("record", topic, str(partition), str(offset), str(timestamp_ms))


def of_replay(organization: str, topic: str, partition: int, offset: int, timestamp_ms: int) -> str:
    """The id of a keyless request that was a dead letter on a topic that several organizations share.

    By its place before its first replay, so a letter that is replayed twice is one message. The place stands
    in a header that any producer of the topic can write; with the organization in the name, nobody meets
    another's ids by it.
    """
    return _named("replay", organization, topic, str(partition), str(offset), str(timestamp_ms))


def of_conflict(message_id: str, fingerprint: str) -> str:
    """The id under which other content for a used key is rejected; the first message stays untouched."""
    return _named("conflict", message_id, fingerprint)


def of_transition(message_id: str, sequence: int) -> str:
    """The id of a status record: the same for every repeat of it, so that readers can drop repeats."""
    return _named("status", message_id, str(sequence))


def of_inbound(provider: str, account: str, provider_message_id: str) -> str:
    """The id of a text that came in: the same however often the provider tells of it."""
    return _named("inbound", provider, account, provider_message_id)


def of_reply(inbound_id: str) -> str:
    """The id of our answer to a text that came in: one text, one answer."""
    return _named("reply", inbound_id)


def of_notification(record_id: str, subscription: str) -> str:
    """The id under which a subscription is told of a record: the same for every try and every repeat."""
    return _named("notification", record_id, subscription)


def of_switching_off(subscription: str, at_ms: int) -> str:
    """The id of the fact that a subscription was switched off at that moment."""
    return _named("switched-off", subscription, str(at_ms))


def _named(*parts: str) -> str:
    # Lengths go in, so that no two lists of parts make one name.
    name = "".join(f"{len(part)}:{part}" for part in parts)
    # RFC 9562 §5.5 by hand: uuid.uuid5 costs four times as much, and the fold names every transition.
    value = bytearray(hashlib.sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    value[6] = value[6] & 0x0F | 0x50
    value[8] = value[8] & 0x3F | 0x80
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def digest(text: str) -> str:
    """32 hex digits of SHA-256: short enough to keep per message, long enough to compare content by."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
