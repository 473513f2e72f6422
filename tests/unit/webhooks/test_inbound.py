"""Texts from handsets: how each provider tells of one, whose it is, and that no payload breaks it."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas import ids
from schemas.directory import Active, Entry, Number
from schemas.provider import Provider
from schemas.public import InboundRecord, Media
from tests.fakes.callbacks import (
    FORM,
    HANDSET,
    NOW,
    OURS,
    SECRETS,
    TELNYX_PUBLIC,
    TWILIO_TOKEN,
    VONAGE_SECRET,
    Post,
    a_text,
    account,
    bare,
    judged,
    telnyx,
    telnyx_text,
    twilio,
    twilio_text,
    vonage,
    vonage_text,
    vonage_token,
)
from tests.fakes.world import made_of
from webhooks import judgement
from webhooks.inbound import Text
from webhooks.judgement import Answer, Outcome
from webhooks.providers import DIALECTS
from webhooks.signers import MAX_TRIED, Signer, candidates
from webhooks.words import Inbound, Unreadable

NOW_MS = NOW * 1000
SENT_MS = NOW_MS - 10_000
UNICODE = "Grüße 👩‍👩‍👧‍👦 مرحبا e\u0301 \x00 \u202e + & = % \r\n "
CAT = "https://media.example.com/cat.jpg?a=1&b=%20"
DOG = "https://media.example.com/dog"


def number(owner: str, on: str = "main", e164: str = OURS) -> Number:
    return Number(organization=owner, id=e164, account=on)


def read(post: Post, provider: Provider) -> Inbound:
    found = DIALECTS[provider].parse(post.incoming())
    assert isinstance(found, Inbound)
    return found


def taken(found: Text | Answer) -> InboundRecord:
    assert isinstance(found, Text)
    return found.record


@pytest.mark.parametrize("provider", Provider)
def test_a_text_is_a_record_of_the_owner_of_its_number(provider: Provider) -> None:
    found = judged(a_text(provider), made_of(account(provider), number("acme")), provider)
    assert isinstance(found, Text)
    assert found.owned
    theirs = {
        Provider.TWILIO: "SM" + "0" * 31 + "7",
        Provider.TELNYX: "ac012cbf-5e09-46af-a69a-7c0e2d90993c",
        Provider.VONAGE: "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab",
    }[provider]
    assert found.record == InboundRecord(
        id=ids.of_inbound(provider, "main", theirs),
        organization="acme",
        provider=provider,
        account="main",
        provider_message_id=theirs,
        from_number=HANDSET,
        to_number=OURS,
        text="hello",
        segments=1,
        at=NOW_MS if provider is Provider.TWILIO else SENT_MS,
        received_at=NOW_MS,
    )
    assert InboundRecord.decode(found.record.encode()) == found.record


@pytest.mark.parametrize(
    "post",
    [
        twilio_text(Body=UNICODE),
        telnyx_text(text=UNICODE),
        vonage_text(text=UNICODE),
    ],
)
def test_a_text_is_not_changed(post: Post) -> None:
    provider = Provider(post.url.rpartition("/")[2])
    assert read(post, provider).text == UNICODE
    record = taken(judged(post, made_of(account(provider)), provider))
    assert InboundRecord.decode(record.encode()).text == UNICODE


MEDIA = {
    "twilio": (
        twilio_text(
            Body="(none)",
            NumMedia="3",
            MediaUrl0=CAT,
            MediaContentType0="image/jpeg",
            MediaUrl2=DOG,
            MediaUrl10=DOG,
            MediaContentType10="video/mp4",
            MediaUrl1="",
            MediaUrlx="https://no.example.com",
        ),
        "",
        (
            Media(url=CAT, content_type="image/jpeg"),
            Media(url=DOG),
            Media(url=DOG, content_type="video/mp4"),
        ),
    ),
    "telnyx": (
        telnyx_text(
            type="MMS",
            media=[
                {"url": CAT, "content_type": "image/jpeg", "size": 102_400, "sha256": "x"},
                {"url": None},
                "odd",
                {"url": DOG, "content_type": None, "size": "big"},
            ],
        ),
        "hello",
        (Media(url=CAT, content_type="image/jpeg", size=102_400), Media(url=DOG)),
    ),
    "vonage image": (
        vonage_text(channel="mms", message_type="image", text=None, image={"url": CAT, "name": "cat.jpg"}),
        "",
        (Media(url=CAT),),
    ),
    "vonage caption": (
        vonage_text(channel="mms", message_type="video", text=None, video={"url": CAT, "caption": "look"}),
        "look",
        (Media(url=CAT),),
    ),
    "vonage several": (
        vonage_text(
            channel="mms",
            message_type="content",
            text=None,
            content=[{"type": "text", "text": "two"}, {"type": "image", "url": CAT}, 3, {"url": DOG}],
        ),
        "two",
        (Media(url=CAT), Media(url=DOG)),
    ),
}


@pytest.mark.parametrize(("post", "text", "media"), MEDIA.values(), ids=MEDIA)
def test_media(post: Post, text: str, media: tuple[Media, ...]) -> None:
    found = read(post, Provider(post.url.rpartition("/")[2]))
    assert (found.text, found.media) == (text, media)


@pytest.mark.parametrize("kind", ["image", "audio", "video", "file", "vcard"])
def test_vonages_kinds_of_media(kind: str) -> None:
    content: dict[str, Any] = {kind: {"url": DOG}}
    post = vonage_text(channel="mms", message_type=kind, text=None, **content)
    assert read(post, Provider.VONAGE).media == (Media(url=DOG),)


@pytest.mark.parametrize(
    "image",
    [{"image[url]": DOG, "image[caption]": "look"}, {"image": json.dumps({"url": DOG, "caption": "look"})}],
)
def test_vonage_by_get(image: dict[str, str]) -> None:
    said = {
        "message_uuid": "a",
        # A plus that was not quoted arrives as a space.
        "from": " " + HANDSET[1:],
        "to": OURS[1:],
        "channel": "mms",
        "message_type": "image",
        "sms[num_messages]": "2",
        **image,
    }
    token = vonage_token(json.dumps(said, separators=(",", ":")).encode(), application_id="app")
    url = f"{bare(Provider.VONAGE)}?{urlencode(said, quote_via=quote)}"
    post = Post(url, {"authorization": f"Bearer {token}"}, b"", "GET")
    record = taken(judged(post, made_of(account(Provider.VONAGE)), Provider.VONAGE))
    assert (record.from_number, record.to_number, record.segments) == (HANDSET, OURS, 2)
    assert (record.text, record.media) == ("look", (Media(url=DOG),))


@pytest.mark.parametrize(
    ("post", "segments"),
    [
        (twilio_text(NumSegments="3"), 3),
        (twilio_text(NumSegments="none", Body="é" * 161), 2),
        (twilio_text(NumSegments="0", Body="ж" * 71), 2),
        (twilio_text(NumSegments="(none)", Body="x" * 500, NumMedia="1", MediaUrl0=CAT), 1),
        (telnyx_text(parts=4), 4),
        (telnyx_text(parts=None), 1),
        (telnyx_text(parts=-1), 1),
        (telnyx_text(parts=10**30), 1),
        (vonage_text(sms={"num_messages": "5"}), 5),
        (vonage_text(sms="odd"), 1),
    ],
)
def test_segments_are_the_providers_else_our_own_count(post: Post, segments: int) -> None:
    provider = Provider(post.url.rpartition("/")[2])
    assert taken(judged(post, made_of(account(provider)), provider)).segments == segments


@pytest.mark.parametrize(
    ("post", "sender", "receiver"),
    [
        (twilio_text(From="262966", To="12345"), "262966", "12345"),
        (twilio_text(From="whatsapp:+15005550006"), "whatsapp:+15005550006", OURS),
        (vonage_text(from_="Some Bank"), "Some Bank", OURS),
        (vonage_text(from_=15005550006), HANDSET, OURS),
        (vonage_text(to="12345"), HANDSET, "12345"),
    ],
)
def test_what_is_no_full_number_stays_as_it_is(post: Post, sender: str, receiver: str) -> None:
    found = read(post, Provider(post.url.partition("/sms/")[2]))
    assert (found.from_number, found.to_numbers) == (sender, (receiver,))


def test_a_clock_that_is_ahead_does_not_date_into_the_future() -> None:
    post = vonage_text(timestamp="2031-01-01T00:00:00Z")
    assert taken(judged(post, made_of(account(Provider.VONAGE)), Provider.VONAGE)).at == NOW_MS


@pytest.mark.parametrize(
    "post",
    [
        twilio_text(MessageSid="", SmsSid=""),
        twilio_text(From=""),
        twilio_text(To="(none)"),
        telnyx_text(id=None),
        telnyx_text(from_=None),
        telnyx_text(from_=HANDSET),
        telnyx_text(to=[]),
        telnyx_text(to=[None, {"phone_number": ""}]),
        vonage_text(message_uuid=None),
        vonage_text(from_={"type": "sms"}),
        vonage_text(to=None),
    ],
)
def test_without_its_id_or_an_end_it_is_unreadable(post: Post) -> None:
    provider = Provider(post.url.rpartition("/")[2])
    assert isinstance(DIALECTS[provider].parse(post.incoming()), Unreadable)
    found = judged(post, made_of(account(provider)), provider)
    assert isinstance(found, Answer)
    assert (found.status, found.outcome) == (400, Outcome.UNREADABLE)


@pytest.mark.parametrize("provider", Provider)
def test_a_number_that_nobody_has_on_this_account_is_its_owners(provider: Provider) -> None:
    """Also where the number is somebody's on another account, or on one that may not serve them."""
    main = account(provider, organization="rival")
    for others in (
        (),
        (number("acme", on="other"),),
        (number("acme"),),
        (number("acme", e164="+15550001111"),),
    ):
        found = judged(a_text(provider), made_of(main, *others), provider)
        assert isinstance(found, Text)
        assert (found.owned, found.record.organization, found.record.to_number) == (False, "rival", OURS)
        assert judgement.answered(found, repeated=False).outcome is Outcome.INBOUND_UNOWNED


@pytest.mark.parametrize("provider", Provider)
def test_a_number_that_moves_or_is_retired_is_still_its_owners(provider: Provider) -> None:
    """A STOP to it is about what they have sent from there, and may still be waiting."""
    main, moved = account(provider), made_of(account(provider), number("acme", on="other"))
    gone = Entry(kind="number", id=OURS, organization="acme", version=2, at=1, entity=None)
    retired = made_of(main, number("acme")).after([gone])[0]
    for known in (moved, retired):
        record = taken(judged(a_text(provider), known, provider))
        assert (record.organization, record.account, record.to_number) == ("acme", "main", OURS)


def test_of_two_accounts_with_one_key_it_is_of_the_one_that_has_the_number() -> None:
    accounts = [account(Provider.VONAGE, name) for name in ("first", "second")]
    known = made_of(*accounts, number("acme", on="second"))
    assert taken(judged(vonage_text(), known, Provider.VONAGE)).account == "second"


def test_in_a_group_message_ours_is_found_among_the_receivers() -> None:
    post = telnyx_text(to=[{"phone_number": "+15550001111"}, {"phone_number": OURS}])
    record = taken(judged(post, made_of(account(Provider.TELNYX), number("acme")), Provider.TELNYX))
    assert (record.to_number, record.organization) == (OURS, "acme")


@pytest.mark.parametrize("provider", [Provider.TWILIO, Provider.VONAGE])
def test_the_account_is_the_one_that_the_provider_names_and_only_that(provider: Provider) -> None:
    """One with the same key that the provider names otherwise is not it."""
    usual, other = account(provider, "usual"), account(provider, "b", called="ACother")
    known = made_of(other, usual)
    assert taken(judged(a_text(provider), known, provider)).account == "usual"
    found = judged(a_text(provider), made_of(other), provider)
    assert isinstance(found, Answer)
    assert (found.status, found.outcome) == (403, Outcome.UNKNOWN_ACCOUNT)
    wrong = judged(a_text(provider), known, provider, usual="another secret of 32 bytes......")
    assert isinstance(wrong, Answer)
    assert (wrong.status, wrong.outcome) == (403, Outcome.FORGED)


UNNAMED = {
    Provider.TELNYX: telnyx_text(),
    Provider.VONAGE: vonage_text(app=None),
}
OTHER_KEYS = {
    Provider.TWILIO: "other",
    Provider.TELNYX: "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=",
    Provider.VONAGE: "another secret of 32 bytes......",
}


@pytest.mark.parametrize("provider", UNNAMED)
def test_where_nobody_is_named_every_accounts_keys_are_tried(provider: Provider) -> None:
    known = made_of(*(account(provider, name) for name in "abc"))
    other, post = OTHER_KEYS[provider], UNNAMED[provider]
    assert taken(judged(post, known, provider, a=other, c=other)).account == "b"
    forged = judged(post, known, provider, a=other, b=other, c=other)
    assert isinstance(forged, Answer)
    assert (forged.status, forged.outcome) == (403, Outcome.FORGED)


def test_twilio_names_its_account_always() -> None:
    post = twilio_text(AccountSid="(none)")
    assert candidates(made_of(account(Provider.TWILIO)), Provider.TWILIO, post.incoming()) == []


@pytest.mark.parametrize("provider", Provider)
def test_of_accounts_with_one_key_it_is_the_one_that_has_the_number(provider: Provider) -> None:
    known = made_of(*(account(provider, name) for name in "abc"), number("acme", on="b"))
    assert taken(judged(a_text(provider), known, provider)).account == "b"
    assert taken(judged(a_text(provider, bare(provider) + "?account=c"), known, provider)).account == "c"


def test_what_a_stranger_can_make_us_try_has_an_end() -> None:
    known = made_of(*(account(Provider.TELNYX, f"a{n:03}") for n in range(MAX_TRIED + 10)))
    found = candidates(known, Provider.TELNYX, telnyx_text().incoming())
    assert [one.id for one in found] == [f"a{n:03}" for n in range(MAX_TRIED)]
    named = telnyx_text(bare(Provider.TELNYX) + "?account=a040")
    assert [one.id for one in candidates(known, Provider.TELNYX, named.incoming())] == ["a040"]


@pytest.mark.parametrize("secrets", [(None,), ("no key",)])
def test_a_key_that_is_missing_or_none_hides_no_other_and_alone_is_503(
    secrets: tuple[str | None, ...],
) -> None:
    provider, known = Provider.TELNYX, made_of(account(Provider.TELNYX))
    active = account(provider, "a")
    suspended = active.model_copy(update={"status": Active.SUSPENDED})
    good = Signer(account(provider), (TELNYX_PUBLIC,))
    both = Signer(active, (*secrets, TELNYX_PUBLIC))
    for signers, status in (
        ([Signer(active, secrets), good], None),
        ([both], None),
        ([Signer(active, secrets)], 503),
        ([Signer(suspended, secrets)], 403),
    ):
        found = judgement.judge(
            provider,
            telnyx_text().incoming(),
            signers,
            directory=known,
            macs=["mac"],
            now_ms=NOW_MS,
        )
        assert (found.status if isinstance(found, Answer) else None) == status


def test_a_text_that_no_topic_would_take_is_unreadable() -> None:
    """The producer would be told so for good, and the process ended, again and again."""
    post = twilio_text(Body="\x01" * 200_000)
    found = judged(post, made_of(account(Provider.TWILIO)), Provider.TWILIO)
    assert isinstance(found, Answer)
    assert (found.status, found.outcome) == (400, Outcome.UNREADABLE)


# What strangers write. Each is signed, since only then it is read.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BRIEF = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def survives(post: Post, provider: Provider, secret: str) -> None:
    known = made_of(account(provider))
    assert secret == SECRETS[provider]
    found = judged(post, known, provider)
    if isinstance(found, Text):
        assert InboundRecord.decode(found.record.encode()) == found.record
    else:
        assert found.status in {204, 400, 403, 503}


@BRIEF
@given(st.dictionaries(st.sampled_from(sorted(json.loads(vonage_text().body))), JSON))
@example({"text": "\ud83d", "message_type": ["image"]})
@example({"message_type": "image", "image": {"url": {"url": "x"}, "caption": 7}})
@example({"message_type": "content", "content": "text"})
def test_no_json_of_vonage_breaks_it(changes: dict[str, Any]) -> None:
    body = json.loads(vonage_text().body) | changes
    survives(vonage(body, bare(Provider.VONAGE), application_id="app"), Provider.VONAGE, VONAGE_SECRET)


@BRIEF
@given(st.dictionaries(st.sampled_from(["id", "from", "to", "text", "media", "parts", "received_at"]), JSON))
@example({"media": [{"url": "x", "size": 1e308, "content_type": {}}], "text": "\udc00"})
@example({"received_at": "9999-12-31T23:59:59-23:59"})
def test_no_json_of_telnyx_breaks_it(changes: dict[str, Any]) -> None:
    survives(telnyx_text(**changes), Provider.TELNYX, TELNYX_PUBLIC)


@BRIEF
@given(st.dictionaries(st.sampled_from(["data", "payload", "event_type"]), JSON))
def test_no_event_of_telnyx_breaks_it(data: dict[str, Any]) -> None:
    event = {"data": {"event_type": "message.received"} | data}
    survives(telnyx(event, bare(Provider.TELNYX)), Provider.TELNYX, TELNYX_PUBLIC)


@BRIEF
@given(
    st.dictionaries(
        st.sampled_from(
            ["Body", "From", "To", "MessageSid", "NumSegments", "NumMedia", "MediaUrl0", "MediaUrl999"]
        )
        | st.text(alphabet=st.characters(codec="utf-8"), max_size=8),
        st.text(alphabet=st.characters(codec="utf-8"), max_size=20),
    )
)
def test_no_form_of_twilio_breaks_it(changes: dict[str, str]) -> None:
    fields = {name: value for name, value in changes.items() if name not in {"url", "token", "signed_url"}}
    survives(twilio_text(**fields), Provider.TWILIO, TWILIO_TOKEN)


@BRIEF
@given(st.binary(max_size=200))
@example(b"Body=%ff%fe&MediaUrl\xd9\xa1=x&AccountSid=AC" + b"a" * 32)
@example(b"&&=&;;%&Body")
@example(b"[" * 100_000)
def test_no_bytes_break_it(body: bytes) -> None:
    """Unsigned ones, too, are looked into for the account that they name."""
    for provider in Provider:
        known = made_of(account(provider))
        for headers in ({}, {"content-type": FORM}, {"authorization": "Bearer x.y.z"}):
            found = judged(Post(bare(provider), headers, body), known, provider)
            assert isinstance(found, Answer)
            assert found.status in {403, 503}
    survives(
        vonage(body or b"{}", bare(Provider.VONAGE), application_id="app"), Provider.VONAGE, VONAGE_SECRET
    )


@pytest.mark.parametrize("part", [0, 1])
def test_a_token_that_nests_too_deep_is_forged(part: int) -> None:
    import base64

    deep = base64.urlsafe_b64encode(b"[" * 100_000).rstrip(b"=").decode()
    parts = vonage_text().headers["authorization"].split(".")
    parts[part] = ("Bearer " if part == 0 else "") + deep
    post = Post(bare(Provider.VONAGE), {"authorization": ".".join(parts)}, b"{}")
    found = judged(post, made_of(account(Provider.VONAGE)), Provider.VONAGE)
    assert isinstance(found, Answer)
    assert found.status == 403


def test_a_status_callback_without_our_mac_moves_nothing() -> None:
    found = judged(
        twilio(bare(Provider.TWILIO) + "?account=main"), made_of(account(Provider.TWILIO)), Provider.TWILIO
    )
    assert isinstance(found, Answer)
    assert (found.status, found.outcome) == (204, Outcome.UNKNOWN_MESSAGE)
