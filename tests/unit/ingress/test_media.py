"""Addresses of media: public hosts are taken, others are not, however they are spelled."""
# ruff: noqa: RUF001 - look-alikes are what is tested

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingress.media import Flaw, flaw

PRIVATE_V4 = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255",
]  # fmt: skip
PUBLIC_V4 = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.167.0.1",
             "198.20.0.0", "223.255.255.255"]  # fmt: skip


@pytest.mark.parametrize("url", [
    "https://media.example.com/a.jpg", "http://a.example", "HTTPS://A.EXAMPLE/x", "https://a.example:8443/x?y=z#f",
    "https://bücher.example/a.png", "https://xn--bcher-kva.example/a.png", "https://a.example./x",
    "https://s3.eu-west-1.amazonaws.com/my_bucket/a%20b.gif", "https://my_host.example/x",
    "https://1.example.com/x", "https://localhost.example.com/x", "https://svc.example/x", "https://latest.example/x",
    "https://[2606:4700:4700::1111]/x", "https://[2a00:1450:4001:81b::200e]:443/x",
    *(f"https://{host}/x" for host in PUBLIC_V4),
])  # fmt: skip
def test_taken(url: str) -> None:
    assert flaw(url) is None


@pytest.mark.parametrize("host", [
    *PRIVATE_V4,
    # Other spellings of 127.0.0.1 that inet_aton, browsers or sloppy readers take.
    "2130706433", "0x7f000001", "0X7F000001", "017700000001", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1",
    "127.0.0.1.", "00127.0.0.1", "127.000.000.001", "0x7f.1", "0", "0x0", "0.0.0.0.", "127.0.0.01",
    # Octal to some, decimal to others: private to one of them.
    "010.8.8.8", "0300.0250.1.1", "0254.16.0.1", "192.0168.0.1",
    # Characters that name preparation makes digits, dots and letters of.
    "127。0。0。1", "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127.0.0｡1", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "ⓛocalhost",
    "LOCALHOST", "ｌｏｃａｌｈｏｓｔ", "127\ufe0f.0.0.1",
    # Percent signs.
    "%31%32%37.0.0.1", "127%2e0.0.1", "l%6fcalhost", "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1",
    # Names of somebody's own network.
    "localhost", "localhost.", "a.localhost", "printer.local", "db.internal", "metadata.google.internal",
    "nas.home.arpa", "home.arpa", "router.lan", "a.localdomain", "intranet", "x", "wiki.corp", "kubernetes",
    "a.test", "a.invalid", "a.onion", "a.intranet", "a.intra", "a.home", "a.private", "api.default.svc",
    "api.default.svc.cluster.local", "A.TEST.", "a.ⓣest",
    # IPv6.
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[fe80::1]", "[febf::1]", "[fc00::1]", "[fd12:3456::1]",
    "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:8.8.8.8]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2002:808:808::1]", "[2001:0:53aa:64c::1]",
    "[2001:db8::1]", "[3fff::1]", "[100::1]", "[fec0::1]", "[4000::1]",
])  # fmt: skip
@pytest.mark.parametrize("form", ["http://{}/a.jpg", "https://{}:8080/a.jpg", "https://user:word@{}/a.jpg"])
def test_private(host: str, form: str) -> None:
    assert flaw(form.format(host)) is Flaw.PRIVATE


@pytest.mark.parametrize("url", [
    "", "http://", "https:///x", "//a.example/x", "a.example/x", "javascript:alert(1)", "ftp://a.example/x",
    "file:///etc/passwd", "data:image/png;base64,AAAA", "https://a.example/a b", "https://a.example/\n",
    "https://[::1", "https://[::1]x/", "https://[2606:4700::1]evil.internal/x", "https://[v1.a]/x",
    "https://a.example:99999/", "https://a.example:0/", "https://a.example:８０/", "https://a.example:80:80/",
    "https://a..example/", "https://.example/", "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 127 + "bc/",
    "https://a.example/" + "x" * 2048, "https://.", "https://a.example\\@10.0.0.1/", "https://exa'mple.com/",
    # An address to nobody, or to some only.
    "https://256.1.1.1/", "https://1.1.1.1.1/", "https://a.1.2.3/", "https://08.8.8.8/", "https://134744072/",
    "https://8.8.2056/", "https://0x8.8.8.8/", "https://a.example.0x7f/", "https://127.0.0.1%00.example.com/",
    # Credentials, and hosts with percent signs.
    "https://me:word@a.example/x", "https://a.example@b.example/x", "https://ex%61mple.com/x",
    "https://％31a.example/x", "https://a\u200b.example/x",
])  # fmt: skip
def test_malformed(url: str) -> None:
    assert flaw(url) is Flaw.MALFORMED


def spellings(address: IPv4Address) -> list[str]:
    """Ways to write an address that one reader or another takes."""
    number, (a, b, c, d) = int(address), address.packed
    rest = number & 0xFFFFFF
    found = [
        f"{number}", f"{number:#x}", f"0{number:o}", f"{a}.{rest}", f"{a}.{b}.{rest & 0xFFFF}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"{a:#X}.{b}.0{c:o}.{d}",
        f"{address}", f"{address}.", f"{address}".replace(".", "。"), f"{a:03}.{b:03}.{c:03}.{d:03}",
        "".join(chr(ord(char) + 0xFEE0) if char.isdigit() else char for char in str(address)),
        "".join(f"%{ord(char):02x}" for char in str(address)),
    ]  # fmt: skip
    mapped = IPv6Address(f"::ffff:{address}")
    nat = IPv6Address(int(IPv6Address("64:ff9b::")) + number)
    tunnel = IPv6Address(int(IPv6Address("2002::")) + (number << 80) + 1)
    return found + [f"[{six}]" for six in (mapped, mapped.exploded, nat, tunnel)]


PRIVATE_RANGES = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
                  "0.0.0.0/8", "224.0.0.0/4"]  # fmt: skip


@given(st.sampled_from(PRIVATE_RANGES).flatmap(lambda net: st.ip_addresses(network=net)))
@example(IPv4Address("127.0.0.1"))
@example(IPv4Address("169.254.169.254"))
def test_no_spelling_of_a_private_address_is_taken(address: IPv4Address) -> None:
    for spelling in spellings(address):
        assert flaw(f"http://{spelling}/x") is Flaw.PRIVATE, spelling


@given(st.ip_addresses(v=6))
def test_only_global_unicast_of_ipv6_is_taken(address: IPv6Address) -> None:
    if flaw(f"http://[{address}]/x") is None:
        assert address.packed[0] >> 5 == 1
        assert not address.is_private
        assert not address.is_multicast


@given(st.text(max_size=40))
@example("http://[::ffff:1.1.1.1%1]/")
def test_nothing_raises(text: str) -> None:
    flaw(text)
    flaw(f"https://{text}/x")
