"""Media addresses: what is an http(s) URL of a public host, judged by its spelling alone.

No name is resolved here: the provider fetches the medium from its own network, where a name may lead
elsewhere than it does in ours. What can be told without asking anybody is told: addresses and names that
nobody outside could reach, in every spelling that some resolver or browser takes for one.
"""

import re
from enum import Enum, auto
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final
from unicodedata import normalize
from urllib.parse import SplitResult, unquote, urlsplit

from schemas.requests import MAX_URL

_SCHEMES: Final = frozenset({"http", "https"})
_LONGEST_NAME: Final = 253

#: IANA IPv4 Special-Purpose Address Registry: what is not globally reachable; multicast, reserved (RFC 1112).
_PRIVATE_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
#: All that is allocated as global unicast (RFC 4291 §2.4). So IPv4-mapped, NAT64, unique local, link-local
#: and multicast addresses are out, whatever lies in them.
_GLOBAL_V6: Final = IPv6Network("2000::/3")
#: IANA IPv6 Special-Purpose Address Registry, within that: protocol assignments with Teredo, documentation,
#: 6to4 (which names an IPv4 host).
_PRIVATE_V6: Final = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
#: Names that no public DNS has: RFC 6761 and 7686 (`onion`). Names of somebody's own network: RFC 6762 with
#: its appendix G, RFC 8375 (`home.arpa`), ICANN's `internal`, and `corp` and `home`, which it gives to nobody
#: because so many use them. `intra`, and `svc` of Kubernetes, are used in the same way.
_PRIVATE_NAMES: Final = (
    "localhost", "test", "invalid", "onion", "localdomain", "local", "internal", "intranet", "intra",
    "private", "corp", "home", "lan", "svc", "home.arpa",
)  # fmt: skip
#: What follows the userinfo: a name, an IPv4 address, or an IPv6 one in brackets; and a port.
_PLACE: Final = re.compile(r"(\[[^\[\]]*:[^\[\]]*\]|[^\[\]:]+)(:[0-9]*)?")
_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Flaw(Enum):
    """Why a URL is not taken as a medium."""

    #: No http or https URL that all fetchers read alike.
    MALFORMED = auto()
    #: It names a host that is not public.
    PRIVATE = auto()


def flaw(url: str) -> Flaw | None:
    """What is wrong with the address of a medium; None if nothing is."""
    parts = _split(url)
    host = None if parts is None else _plain(parts.hostname or "")
    if parts is None or host is None:
        return Flaw.MALFORMED
    found = _flaw_of_v6(host) if ":" in host else _flaw_of_host(host)
    if found is None and ("@" in parts.netloc or "%" in parts.netloc):
        # Credentials would be kept and shown with the message, and hide its host (RFC 9110 §4.2.4). No two
        # fetchers need agree on a host with percent signs.
        return Flaw.MALFORMED
    return found


def _split(url: str) -> SplitResult | None:
    # Browsers read a backslash as a slash, so that the host is another one.
    if len(url) > MAX_URL or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        place = _PLACE.fullmatch(parts.netloc.rpartition("@")[2])
        good = parts.scheme in _SCHEMES and place and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if good else None


def _plain(host: str) -> str | None:
    """The host in lower-case ASCII, as the most lenient of fetchers would read it; None if it is none."""
    if ":" in host:
        return host
    host = normalize("NFKC", unquote(host))
    try:
        plain = host.encode("idna").decode().lower()
    except UnicodeError:
        return None
    return plain.removesuffix(".")


def _flaw_of_host(host: str) -> Flaw | None:
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _flaw_of_v4(labels)
    if len(host) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        return Flaw.MALFORMED
    if len(labels) == 1 or any(f".{host}".endswith(f".{name}") for name in _PRIVATE_NAMES):
        return Flaw.PRIVATE
    return None


def _flaw_of_v4(labels: list[str]) -> Flaw | None:
    """A host whose last label is a number is an address to whoever reads as inet_aton does, or to nobody."""
    readings = [address for octal in (True, False) if (address := _v4(labels, octal=octal)) is not None]
    if any(address in network for address in readings for network in _PRIVATE_V4):
        return Flaw.PRIVATE
    canonical = readings and ".".join(labels) == str(readings[0])
    return None if canonical else Flaw.MALFORMED


def _v4(labels: list[str], *, octal: bool) -> IPv4Address | None:
    """As inet_aton reads 1 to 4 numbers, the last of them filling the rest; or with leading zeros ignored."""
    if len(labels) > 4 or not all(map(_NUMBER.fullmatch, labels)):
        return None
    try:
        *first, last = (_number(label, octal=octal) for label in labels)
    except ValueError:
        return None
    room = 256 ** (4 - len(first))
    if any(number > 255 for number in first) or last >= room:
        return None
    return IPv4Address(sum(number << (24 - 8 * place) for place, number in enumerate(first)) + last)


def _number(label: str, *, octal: bool) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if octal and label.startswith("0") else 10)


def _flaw_of_v6(host: str) -> Flaw | None:
    try:
        address = IPv6Address(host)
    except ValueError:
        return Flaw.MALFORMED
    public = address in _GLOBAL_V6 and not any(address in network for network in _PRIVATE_V6)
    return None if public else Flaw.PRIVATE
