"""A trace context goes on only as W3C says it is spelled."""

import pytest

from schemas.tracing import of_request, trace

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_what_can_be_read_goes_on() -> None:
    assert of_request({"traceparent": GOOD}) == (("traceparent", GOOD.encode()),)
    assert trace([("x", b"y"), ("Traceparent", GOOD.encode())]) == (("traceparent", GOOD.encode()),)


@pytest.mark.parametrize(
    "bad", ["", "00-x", GOOD.upper(), GOOD + "\n", GOOD + "-00", "ff" + GOOD[2:], "\udcff", "ü"]
)
def test_what_cannot_is_left_out(bad: str) -> None:
    assert of_request({"traceparent": bad}) == ()
    assert trace([("traceparent", bad.encode("utf-8", "replace"))]) == ()
    assert of_request({}) == trace([("traceparent", None)]) == ()
