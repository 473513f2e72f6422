"""Which addresses may be connected to: none but public ones, however they are written or wrapped."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses import is_public

REFUSED = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",  # shared by carriers (RFC 6598)
    "169.254.169.254",  # metadata of AWS, Azure, Google
    "168.63.129.16",  # the host of machines at Azure
    "192.0.0.192",  # metadata of Oracle
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "::10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:a9fe:a9fe::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo, of a client at 127.0.0.1
    "2001:0:7f00:1:0:0:0:0",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata of AWS
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "100::1",
    "localhost",
    "2130706433",
    "0x7f.1",
    "",
)
PUBLIC = (
    "8.8.8.8",
    "93.184.215.14",
    "172.32.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
)


@pytest.mark.parametrize("address", REFUSED)
def test_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_what_wraps_a_private_address_is_no_better(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast:
        number = int(address)
        for wrapped in (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80, number):
            assert not is_public(str(IPv6Address(wrapped)))
        assert not is_public(str(address))
