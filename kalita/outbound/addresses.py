"""
Which addresses may be called, and which lead inside.

Python's `is_global` alone lets multicast, NAT64, 6to4 and IPv4-compatible addresses through; so IPv6 is the other way
round here: only the unicast space is let through, less what is special in it.
Source: reliability-programme.md SSRF, webhooks.md 4.1.
"""

import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_SPECIAL_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # the inside of a large cloud under a public number
    )
)  # fmt: skip
_UNICAST_6 = IPv6Network("2000::/3")
_SPECIAL_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, benchmarks, identifiers
        "2001:db8::/32", "3fff::/20",  # examples
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48", "3ffe::/16", "5f00::/16",
    )
)  # fmt: skip
_ISATAP = (0x00005EFE, 0x02005EFE)


def networks(text: str) -> tuple[Network, ...]:
    """
    Read networks separated by commas, like `10.1.0.0/16, fd00::/8`.

    raises  ValueError, which says what is wrong
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def barred(text: str, allowed: Iterable[Network] = ()) -> str | None:
    """
    Say why an address, as a resolver gave it, may not be called; None when it may.

    allowed  networks that may be called although they are inner ones
    """
    try:
        address = ip_address(text)
    except ValueError:
        return "no address"
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "an address of one link"
    if any(address.version == network.version and address in network for network in allowed):
        return None
    if isinstance(address, IPv4Address):
        inner = any(address in network for network in _SPECIAL_4)
    else:
        inner = address not in _UNICAST_6 or any(address in network for network in _SPECIAL_6) or _isatap(address)
    if inner:
        return "an inner or special address"
    return "an address of this machine" if is_own(text) else None


def _isatap(address: IPv6Address) -> bool:
    return int(address) >> 32 & 0xFFFFFFFF in _ISATAP


@lru_cache(4096)
def is_own(text: str) -> bool:
    """Tell whether an address is one of this machine's: then it would be left from that very address."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((text, 9))  # a datagram socket: nothing is sent
            own: str = probe.getsockname()[0]
    except OSError:
        return False
    return ip_address(own) == ip_address(text)
