"""The poison corpus: records that no request should look like, and what intake must make of each.

A record that looks bad and is not (`GOOD`) is as much part of it as one that is (`REFUSED`, `DEAD`).
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from schemas.requests import LARGEST_BYTES
from tests.fakes import world

Headers = Sequence[tuple[str, bytes | None]]


class Place(StrEnum):
    """Where a record must end up."""

    #: A message that goes on to its handset.
    GOOD = "good"
    #: A `failed` status for its producer.
    REFUSED = "refused"
    #: A dead letter, with all of its bytes.
    DEAD = "dead"


@dataclass(frozen=True)
class Kind:
    """One kind of poison."""

    name: str
    value: bytes | None
    place: Place
    #: Part of the reason in the dead letter, or the code of the refusal.
    why: str = ""
    key: bytes | None = None
    headers: Headers = ()
    #: As the producer says it, milliseconds.
    timestamp: int | None = None


class Name(str):
    """The name of a header that is no UTF-8 on the wire; as a text it is what we show of it."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        """What goes over the wire."""
        return b"a\xff\xfe"


NO_UTF8: Final = Name("a\\xff\\xfe")
BODY: Final = {"from_phone_number": world.TWILIO, "to_phone_number": world.HANDSET, "message": "poison"}
#: 1970-01-01 and 2100-01-01.
LONG_AGO, FAR_AHEAD = 1, 4_102_444_800_000


def request(**fields: Any) -> bytes:
    """A good one, but for `fields`."""
    return json.dumps({**BODY, **fields}).encode()


def sized(size: int) -> bytes:
    """A good one of so many bytes."""
    empty = request(padding="")
    return request(padding="x" * (size - len(empty)))


def _dead(name: str, value: bytes | None, why: str = "the record: ", **more: Any) -> Kind:
    return Kind(name, value, Place.DEAD, why, **more)


def _refused(name: str, why: str = "invalid_field", **fields: Any) -> Kind:
    return Kind(name, request(**fields), Place.REFUSED, why)


def _good(name: str, value: bytes | None = None, **more: Any) -> Kind:
    return Kind(name, request() if value is None else value, Place.GOOD, **more)


def _doubled(field: str, value: str) -> bytes:
    return request()[:-1] + f', "{field}": {value}}}'.encode()


_DEAD: Final = (
    _dead("null", None, "no value"),
    _dead("a tombstone with a key", None, "no value", key=b"customer 1"),
    _dead("empty", b""),
    _dead("white space", b" \r\n\t "),
    _dead("one NUL", b"\0"),
    _dead("NUL between bytes", request()[:20] + b"\0" + request()[20:]),
    _dead("truncated", request()[:-9]),
    _dead("truncated in an escape", b'{"message": "\\u00'),
    _dead("trailing rubbish", request() + b"}"),
    _dead("two requests in one record", request() + b"\n" + request()),
    _dead("a list of requests", b"[" + request() + b"]"),
    _dead("a text", b'"Hello"'),
    _dead("a number", b"42"),
    _dead("true", b"true"),
    _dead("null as JSON", b"null"),
    _dead("single quotes", request().replace(b'"', b"'")),
    _dead("a comment", b"// now\n" + request()),
    _dead("a trailing comma", request()[:-1] + b",}"),
    _dead("not UTF-8", request().replace(b"poison", b"\xff\xfe\xfd")),
    _dead("Latin-1", request().replace(b"poison", b"gr\xfc\xdfe")),
    _dead("overlong UTF-8", request().replace(b"poison", b"\xc0\xaf")),
    _dead("a surrogate as UTF-8", request().replace(b"poison", b"\xed\xa0\xbd")),
    _dead("half an escaped surrogate pair", request().replace(b"poison", b"half \\ud83d")),
    _dead("the halves the wrong way round", request().replace(b"poison", b"\\ude42\\ud83d")),
    _dead("with a byte order mark", b"\xef\xbb\xbf" + request()),
    _dead("UTF-16", request().decode().encode("utf-16")),
    _dead("UTF-32", request().decode().encode("utf-32-be")),
    _dead("a raw line feed in the text", request().replace(b"poison", b"two\nlines")),
    _dead("gzip by hand", gzip.compress(request(), mtime=0)),
    _dead("a bomb by hand", gzip.compress(b" " * 20_000_000, mtime=0)),
    _dead("Avro of a schema registry", b"\x00\x00\x00\x00\x07" + request()),
    _dead("Protobuf", b"\x0a\x0c+14155550100\x12\x0c+14155550199\x1a\x06poison"),
    _dead("XML", b"<sms><to>+14155550199</to></sms>"),
    _dead("a form", b"to_phone_number=%2B14155550199&message=poison"),
    _dead("deep nesting", request()[:-1] + b', "more": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    _dead("deep nesting that never ends", b'{"message":' * 20_000),
    _dead("an exponent without digits", _doubled("valid_for", "6e")),
    _dead("a number of 10,000 digits", _doubled("valid_for", "9" * 10_000)),
    _dead("another type", request(type="sms.status.v1"), "type: "),
    _dead("a version of tomorrow", request(type="sms.request.v2"), "type: "),
    _dead("a type that is no text", request(type=1), "type: "),
    _dead("a type of null", request(type=None), "type: "),
    _dead("one byte over 256 KiB", sized(LARGEST_BYTES + 1), "are the limit"),
    _dead("far over 256 KiB", sized(900_000), "are the limit"),
    _dead("nothing but headers", None, "no value", headers=[("h", None), ("", b""), ("h", b"\0")]),
    _dead("headers whose names are no UTF-8", b"{", headers=[("h", b"1"), (NO_UTF8, b"2")]),
    _dead("a key of 200 KiB", b"{", key=b"k" * 200_000),
)  # fmt: skip

_REFUSED: Final = (
    Kind("an empty object", b"{}", Place.REFUSED, "missing_field"),
    Kind("another system's object", b'{"id": 7, "event": "order.paid"}', Place.REFUSED, "missing_field"),
    _refused("a number as a number", to_phone_number=14155550199),
    _refused("the text as a list", message=["poison"]),
    _refused("the text as an object", message={"text": "poison"}),
    _refused("the text as null", message=None),
    _refused("the sender as a truth", from_phone_number=False),
    _refused("no sender", from_phone_number=None),
    _refused("sender and use case", use_case_id="0198c0de-0000-7000-8000-000000000001"),
    _refused("a use case that is no UUID", from_phone_number=None, use_case_id="promo"),
    _refused("queue as a text", queue="false"),
    _refused("media as a text", media_urls="https://example.com/a.png"),
    _refused("media that are numbers", media_urls=[1] * 60_000),
    _refused("NaN", valid_for=float("nan")),
    _refused("infinity", valid_for=float("inf")),
    _refused("valid for no time", valid_for=0),
    _refused("a moment without its offset", send_at="2026-05-01T09:00:00"),
    _refused("a moment of 1970, as a number", send_at=0),
    _refused("a key that is too long", idempotency_key="k" * 257),
    _refused("a key that is a number", idempotency_key=7),
    _refused("a reference that is too long", reference="r" * 257),
    _refused("a reference that is an object", reference={"order": 7}),
    _refused("an organization that is a number", organization=5),
    _refused("a rehearsal", dry_run=True),
    _refused("NUL in the text", "nul_in_message", message="a\0b"),
    _refused("no text", "empty_message", message=""),
    _refused("a text of spaces", "empty_message", message=" \u2003\n"),
    _refused("a text too long", "message_too_long", message="x" * 1601),
    _refused("a text of 250 KB", "message_too_long", message="x" * 250_000),
    _refused("a recipient in national form", "invalid_recipient", to_phone_number="(415) 555-0199"),
    _refused("a recipient of 250 KB", "invalid_recipient", to_phone_number="+" + "1" * 250_000),
    _refused("a recipient with other digits", "invalid_recipient", to_phone_number="+\u0661\u0664155550199"),
    _refused("a sender of nobody", "sender_not_found", from_phone_number="+19995550100"),
    _refused("another's sender", "wrong_organization", from_phone_number=world.OTHERS),
    _refused("a key of spaces", "invalid_idempotency_key", idempotency_key="   "),
    _refused("media at a private address", "private_media_url", media_urls=["http://127.0.0.1/a.png"]),
    _refused("thousands of media", "too_many_media", media_urls=["https://example.com/a.png"] * 5000),
    Kind("a field twice, the last one bad", _doubled("message", "5"), Place.REFUSED, "invalid_field"),
)  # fmt: skip

_GOOD: Final = (
    _good("exactly 256 KiB", sized(LARGEST_BYTES)),
    _good("fields of tomorrow", request(priority="high", tags=[{"a": None}], v=2)),
    _good("a field twice, the last one good", b'{"message": 5, ' + request()[1:]),
    _good("white space around", b"\r\n\t " + request() + b"\n"),
    _good("escaped letters of field names", request().replace(b'"message"', b'"\\u006dessage"')),
    _good("a whole escaped surrogate pair", request().replace(b"poison", b"\\ud83d\\ude42")),
    _good("raw UTF-8", json.dumps({**BODY, "message": "\U0001f642"}, ensure_ascii=False).encode()),
    _good("NaN in a field of tomorrow", request(score=float("nan"))),
    _good("an id of its own", request(message_id="m-1", id="1")),
    _good("a key of 100 KiB", key=b"k" * 100_000),
    _good("a key that is no UTF-8", key=b"\xff\0\xfe"),
    _good("an empty key", key=b""),
    _good("no key"),
    _good("a header of null", headers=[("null", None)]),
    _good("headers without name", headers=[("", b"1"), ("", None)]),
    _good("a header of 100 KiB", headers=[("h", b"x" * 100_000)]),
    _good("thousands of headers", headers=[("h", b"1")] * 3000),
    _good("a header whose name is no UTF-8", headers=[(NO_UTF8, b"1"), (NO_UTF8, None)]),
    _good("headers of ours", headers=[("helio-dlq-reason", b"\xff"), ("helio-dlq-offset", b"-1")]),
    _good("a traceparent that is none", headers=[("traceparent", b"\xff" * 55), ("traceparent", None)]),
    _good("headers of CloudEvents", headers=[("ce_specversion", b"9"), ("ce_type", b""), ("ce_id", None)]),
    _good("a timestamp of 1970", timestamp=LONG_AGO),
    _good("a timestamp of 2100", timestamp=FAR_AHEAD),
)  # fmt: skip

CORPUS: Final = (*_DEAD, *_REFUSED, *_GOOD)
