"""Which addresses subscriptions may lead to: public ones (docs/notifiers.md).

A tenant writes the URL, and the notifiers stand in the operator's network: without this, a subscription would
reach what only that network may (server-side request forgery). Whoever writes an address is told at once;
what a name leads to is judged when the notifiers connect.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

#: RFC 6052 (the well-known prefix of NAT64) and RFC 8215 (its local one): the last 32 bits are IPv4.
_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
#: RFC 4291, 2.5.5.1: IPv4-compatible, long deprecated; some systems still connect to what is within.
_COMPATIBLE: Final = IPv6Network("::/96")
#: What `ipaddress` calls global, some by the age of Python, and no endpoint is at: IETF assignments (Oracle
#: has its metadata there), relays of 6to4, documentation; and where the host of Azure's machines listens.
_MORE: Final = tuple(
    ip_network(one)
    for one in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    )
)
#: All of IPv6 that is given out as global unicast (RFC 4291, IANA).
_UNICAST: Final = IPv6Network("2000::/3")


def is_public(address: str) -> bool:
    """Whether `address`, as a socket has it, is one of the open internet, in whatever it wraps."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.scope_id is not None:
        return False
    return all(_is_public(one) for one in _within(found))


def _within(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """The address, unless it only stands for others; and those that are embedded in it."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in (*_NAT64, _COMPATIBLE)):
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
    if address not in _NAT64[0]:
        yield address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _MORE)
    )
