"""What the providers' error codes mean to us: of a refused send, and of a receipt alike.

Tables, not branches, because the providers change and add codes. What each code means is documented by its
provider (docs/providers.md names the pages); whose fault it is, is our judgement. A code that is not here
stays unknown.
"""

from collections.abc import Iterator
from typing import Final, Literal

from schemas.provider import Fault, Provider


def _table(rows: dict[Fault, str]) -> dict[str, Fault]:
    return dict(_pairs(rows))


def _pairs(rows: dict[Fault, str]) -> Iterator[tuple[str, Fault]]:
    seen: set[str] = set()
    for fault, codes in rows.items():
        for code in codes.split():
            if code in seen:
                raise ValueError(f"code {code} is listed twice")
            seen.add(code)
            yield code, fault


#: Twilio's `code` of a refused send and `ErrorCode` of a status callback.
TWILIO: Final = _table(
    {
        # Too many requests; sender queue full or overflown; unreachable for now; congestion; caps; timeout.
        Fault.RETRYABLE: "20429 21611 30001 30003 30017 30022 30023 30027 30410",
        # Invalid, not mobile, blocked, unknown, landline.
        Fault.RECIPIENT: "21211 21217 21614 30004 30005 30006",
        Fault.OPTED_OUT: "21610",
        # Not reachable from this sender; region; bad, missing, unregistered or unprovisioned sender;
        # trial account; messaging service; blocked as fraud; not found.
        Fault.SENDER: (
            "20404 21612 21408 21212 21603 21606 21608 21703 21704 21705 30024 30032 30034 30035 30450"
        ),
        # Empty, too long, bad media, filtered, MMS not supported there, too large.
        Fault.CONTENT: "21602 21619 21617 21620 21623 30007 30011 30019",
        Fault.ACCOUNT: "20003 20403 30002",
        # Internal error, unavailable; unknown error.
        Fault.AMBIGUOUS: "20500 20503 30008",
    }
)

#: Telnyx's `errors[].code` of a refused send and of a message event.
TELNYX: Final = _table(
    {
        # Too many requests; temporary spam block; expired; server down; rate limit; caps; queue full.
        Fault.RETRYABLE: "10011 40002 40005 40006 40011 40014 40016 40018 40318",
        # Bad number, landline, undeliverable, invalid destination.
        Fault.RECIPIENT: "10001 10002 10016 40001 40008 40012 40310",
        Fault.OPTED_OUT: "40300",
        # Blocked or invalid sender, registration, region, profile, unsupported pair.
        Fault.SENDER: (
            "40003 40010 40013 40019 40020 40301 40305 40306 40308 40309 40312 40314 40315 40319 40321 "
            "40329 40330 40331 40333"
        ),
        # Our request, the text or its media.
        Fault.CONTENT: ("10004 10015 10023 40009 40015 40017 40302 40304 40316 40317 40322 40328"),
        Fault.ACCOUNT: "10009 10010 20002 20006 20012 20013 20100",
        # Unexpected error, timeout, unavailable; rejected by the destination.
        Fault.AMBIGUOUS: "10007 10008 10037 40004",
    }
)

#: Vonage's error `type` (what follows `#`) of a refused send, and that or `title` of a status webhook.
#: Codes below 100 are the carriers' (`err-code`); they and the Messages API's own do not overlap.
VONAGE: Final = _table(
    {
        # Throttled; communication, network or provider down; absent or busy; expired.
        Fault.RETRYABLE: "1000 1241 1100 1230 1331 1180 1220 1360 2 7 8",
        # Unroutable, invalid, barred, absent for good, unreachable, blocked.
        Fault.RECIPIENT: "1040 1170 1430 1050 1190 1200 1250 1260 1280 1290 1300 1310 3 4 5 11 12 13 14 15",
        Fault.OPTED_OUT: "1240 9",
        # Not provisioned, not whitelisted, illegal sender; regulation.
        Fault.SENDER: "1080 1140 1160 1120 50 51 52 53 54",
        # Parameters, length, class, media, anti-spam, age.
        Fault.CONTENT: "1010 1020 1021 1022 1090 1130 1150 1380 1381 1382 1210 1270 6 10",
        Fault.ACCOUNT: "1060 1070 low-balance unauthorized",
        # Internal error, already sent, unknown.
        Fault.AMBIGUOUS: "1030 1320 1330 1 99",
    }
)

FAULTS: Final[dict[Provider, dict[str, Fault]]] = {
    Provider.TWILIO: TWILIO,
    Provider.TELNYX: TELNYX,
    Provider.VONAGE: VONAGE,
}

#: Codes by which a provider says that it did not even look at the request, whatever the HTTP status.
NOT_PROCESSED: Final[dict[Provider, frozenset[str]]] = {
    Provider.TWILIO: frozenset({"20429", "21611"}),
    Provider.TELNYX: frozenset({"10011", "40318"}),
    Provider.VONAGE: frozenset({"1000", "1241"}),
}

#: Codes that say that one sender is too fast: its own queue is full, its campaign's rate is used up.
_NUMBER_TOO_FAST: Final[dict[Provider, frozenset[str]]] = {
    Provider.TWILIO: frozenset({"21611", "30001", "30022"}),
    Provider.TELNYX: frozenset({"40318"}),
    Provider.VONAGE: frozenset(),
}
#: Codes that say that the account is.
_ACCOUNT_TOO_FAST: Final[dict[Provider, frozenset[str]]] = {
    Provider.TWILIO: frozenset({"20429"}),
    Provider.TELNYX: frozenset({"10011", "40011"}),
    Provider.VONAGE: frozenset({"1000", "1241"}),
}

#: Codes that say that the destination is a landline, so that no text ever reaches it. Vonage has none: its
#: codes for numbers that cannot be reached do not say why.
_LANDLINE: Final[dict[Provider, frozenset[str]]] = {
    Provider.TWILIO: frozenset({"21614", "30006"}),
    Provider.TELNYX: frozenset({"40001"}),
    Provider.VONAGE: frozenset(),
}

#: What Vonage's `invalid_parameters` names, where it is the number and not the text that is wrong.
_VONAGE_PARAMETERS: Final = {"to": Fault.RECIPIENT, "from": Fault.SENDER}
_VONAGE_PARAMETER_CODES: Final = frozenset({"1010", "1020", "1021", "1022"})


def fault_of_refusal(provider: Provider, code: str, parameter: str = "") -> Fault | None:
    """What `code` in the answer to a send means; None: unknown.

    `parameter` is the field that Vonage names as invalid, "" where it names none.
    """
    if provider is Provider.VONAGE and code in _VONAGE_PARAMETER_CODES:
        return _VONAGE_PARAMETERS.get(parameter, Fault.CONTENT)
    return FAULTS[provider].get(code)


def too_fast(provider: Provider, code: str) -> Literal["number", "account"] | None:
    """Who is too fast, by the `code` of a refusal as not processed; None: nobody, it has another reason.

    A 429 whose code says nothing of this is about the account, as the APIs' own limits are.
    """
    if code in _NUMBER_TOO_FAST[provider]:
        return "number"
    passing = FAULTS[provider].get(code) is Fault.RETRYABLE
    return None if passing and code not in _ACCOUNT_TOO_FAST[provider] else "account"


def is_landline(provider: Provider, code: str) -> bool:
    """Whether `code`, of a refusal or a receipt, says that no text ever reaches the destination."""
    return code in _LANDLINE[provider]


def fault_of_receipt(provider: Provider, code: str, title: str = "") -> Fault | None:
    """What `code` in a receipt means; None: unknown. `title` is Telnyx's heading of the error.

    Telnyx's guide shows 40300 as an unreachable destination, its code list as an opt-out. An opt-out stops
    everything to a person, so the title must say STOP as well.
    """
    if provider is Provider.TELNYX and code == "40300" and "STOP" not in title.upper():
        return Fault.RECIPIENT
    return FAULTS[provider].get(code)
