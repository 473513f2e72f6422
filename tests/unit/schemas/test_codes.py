"""The code tables against the letters that stand for faults, provider by provider.

The meanings are the providers' (docs/providers.md names their pages and API definitions); the letters are our
judgement. Every code that those pages give for a send or its receipt is here, and nothing else.
"""

import pytest

from schemas.codes import (
    FAULTS,
    NOT_PROCESSED,
    fault_of_receipt,
    fault_of_refusal,
    is_landline,
    too_fast,
)
from schemas.provider import Fault, Provider

#: R retryable, D destination, O opted out, S sender or account config, C content, A auth, ? ambiguous.
LETTERS = {
    "R": Fault.RETRYABLE,
    "D": Fault.RECIPIENT,
    "O": Fault.OPTED_OUT,
    "S": Fault.SENDER,
    "C": Fault.CONTENT,
    "A": Fault.ACCOUNT,
    "?": Fault.AMBIGUOUS,
}
TWILIO = """
20429 R  20003 A  20403 A  20404 S  20500 ?  20503 ?  21211 D  21217 D  21614 D  21612 S  21610 O  21408 S
21212 S  21603 S  21606 S  21608 S  21611 R  21703 S  21704 S  21705 S  21602 C  21619 C  21617 C  21620 C
21623 C  30011 C  30001 R  30002 A  30003 R  30004 D  30005 D  30006 D  30007 C  30008 ?  30017 R  30022 R
30023 R  30027 R  30024 S  30032 S  30034 S  30035 S  30410 R  30450 S  30019 C
"""
TELNYX = """
10011 R  10007 ?  10008 ?  10037 ?  10009 A  10010 A  20002 A  20006 A  20012 A  20013 A  20100 A  10001 D
10002 D  10016 D  10004 C  10015 C  10023 C  40300 O  40001 D  40002 R  40003 S  40004 ?  40005 R  40006 R
40008 D  40009 C  40011 R  40012 D  40013 S  40014 R  40015 C  40017 C  40016 R  40018 R  40010 S  40019 S
40305 S  40306 S  40308 S  40309 S  40331 S  40310 D  40312 S  40314 S  40315 S  40321 S  40333 S  40318 R
40301 S  40319 S  40302 C  40304 C  40316 C  40317 C  40322 C  40328 C  40329 S  40330 S  40020 S
"""
VONAGE = """
1000 R  1241 R  1010 C  1020 C  1021 C  1022 C  1030 ?  1040 D  1170 D  1430 D  1050 D  1060 A  1070 A
low-balance A  unauthorized A  1080 S  1140 S  1160 S  1090 C  1130 C  1150 C  1380 C  1381 C  1382 C
1100 R  1230 R  1331 R  1120 S  1180 R  1220 R  1190 D  1200 D  1250 D  1260 D  1280 D  1290 D  1300 D
1310 D  1210 C  1270 C  1240 O  1320 ?  1330 ?  1360 R
1 ?  99 ?  2 R  3 D  4 D  5 D  6 C  7 R  8 R  9 O  10 C  11 D  12 D  13 D  14 D  15 D
50 S  51 S  52 S  53 S  54 S
"""


def rows(text: str) -> dict[str, Fault]:
    words = text.split()
    return {code: LETTERS[letter] for code, letter in zip(words[::2], words[1::2], strict=True)}


@pytest.mark.parametrize(
    ("provider", "text"), [(Provider.TWILIO, TWILIO), (Provider.TELNYX, TELNYX), (Provider.VONAGE, VONAGE)]
)
def test_every_code_means_what_the_report_says(provider: Provider, text: str) -> None:
    assert rows(text) == FAULTS[provider]


@pytest.mark.parametrize("provider", Provider)
def test_what_was_not_processed_is_retryable(provider: Provider) -> None:
    assert {FAULTS[provider][code] for code in NOT_PROCESSED[provider]} == {Fault.RETRYABLE}


@pytest.mark.parametrize("provider", Provider)
def test_who_is_too_fast(provider: Provider) -> None:
    who = {code: too_fast(provider, code) for code in FAULTS[provider]}
    senders = {Provider.TWILIO: {"21611", "30001", "30022"}, Provider.TELNYX: {"40318"}}
    accounts = {
        Provider.TWILIO: {"20429"}, Provider.TELNYX: {"10011", "40011"}, Provider.VONAGE: {"1000", "1241"},
    }  # fmt: skip
    assert {code for code, whose in who.items() if whose == "number"} == senders.get(provider, set())
    for code, fault in FAULTS[provider].items():
        if fault is Fault.RETRYABLE and code not in senders.get(provider, set()):
            # An absent handset or a day's cap says nothing of our rate.
            assert who[code] == ("account" if code in accounts[provider] else None)
    # A 429 may have any code, or none (Vonage's has one that elsewhere means parameters).
    assert too_fast(provider, "") == too_fast(provider, "1020") == too_fast(provider, "31337") == "account"


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize("code", ["", "0", "31337", "21211 ", "nonsense"])
def test_an_unknown_code_stays_unknown(provider: Provider, code: str) -> None:
    assert fault_of_refusal(provider, code) is None
    assert fault_of_receipt(provider, code) is None


@pytest.mark.parametrize("code", ["1010", "1020", "1021", "1022"])
@pytest.mark.parametrize(
    ("parameter", "fault"),
    [("to", Fault.RECIPIENT), ("from", Fault.SENDER), ("text", Fault.CONTENT), ("", Fault.CONTENT)],
)
def test_vonage_names_the_parameter(code: str, parameter: str, fault: Fault) -> None:
    assert fault_of_refusal(Provider.VONAGE, code, parameter) is fault


def test_a_parameter_changes_no_other_code() -> None:
    assert fault_of_refusal(Provider.VONAGE, "1120", "to") is Fault.SENDER
    assert fault_of_refusal(Provider.TWILIO, "21602", "to") is Fault.CONTENT


def test_telnyx_40300_in_a_receipt_has_to_say_stop() -> None:
    assert fault_of_receipt(Provider.TELNYX, "40300") is Fault.RECIPIENT
    assert fault_of_receipt(Provider.TELNYX, "40300", "Blocked due to STOP message") is Fault.OPTED_OUT
    assert fault_of_refusal(Provider.TELNYX, "40300") is Fault.OPTED_OUT


def test_codes_for_landlines_are_a_recipients_and_each_providers_own() -> None:
    found = {
        (provider, code) for provider in Provider for code in FAULTS[provider] if is_landline(provider, code)
    }
    assert found == {
        (Provider.TWILIO, "21614"),
        (Provider.TWILIO, "30006"),
        (Provider.TELNYX, "40001"),
    }
    assert {FAULTS[provider][code] for provider, code in found} == {Fault.RECIPIENT}
    assert not is_landline(Provider.VONAGE, "30006")
