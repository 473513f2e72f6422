"""Addresses of subscriptions, judged by their spelling alone, where people write them.

What a name leads to is judged by the notifiers, each time that they connect (docs/notifiers.md).
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from schemas.addresses import is_public


def flaw(url: str, *, private: bool) -> str | None:
    """What is wrong with `url` as an endpoint, in a sentence; None if nothing is.

    Args:
        url: http or https, without white space.
        private: plain http, and addresses of private networks, are taken too.
    """
    try:
        parts = urlsplit(url)
        host, well = parts.hostname or "", parts.port != 0 and url.isprintable() and "\\" not in url
    except ValueError:
        host, well = "", False
    if not (host and well):
        return "it is no URL with a host"
    if "@" in parts.netloc:
        return "leave user and password out: everybody who may read the directory sees them"
    if "#" in url:
        return "leave out the fragment (#): it is never sent"
    if private:
        return None
    if parts.scheme != "https":
        return "only https:// is taken: what is told holds texts and numbers"
    return "it is no public address" if _is_local(host) else None


def _is_local(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        _, dot, last = host.removesuffix(".").rpartition(".")
        # No top-level domain begins with a digit: what does is an address in a spelling of C, such as 127.1.
        return not dot or last[:1].isdigit() or last in {"localhost", "local", "internal"}
    return not is_public(host)
