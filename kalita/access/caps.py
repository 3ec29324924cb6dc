"""
Caps of a token: how much it may spend, on whom, and from where it may be used. Set when it is issued, and for good.
"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

import msgspec

MOST_LISTED = 50


class Caps(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    What a token may not go beyond; nothing set: no cap.

    payment, day  kopecks of one payment, of a Moscow day; other currencies by what they are worth
    providers     whom it may pay; empty: all
    networks      from where it may be used; empty: from anywhere
    """

    payment: int | None = None
    day: int | None = None
    providers: tuple[int, ...] = ()
    networks: tuple[str, ...] = ()

    def admits(self, client: str) -> bool:
        """Tell whether the token may be used from an address."""
        if not self.networks:
            return True
        try:
            address = ip_address(client)
        except ValueError:
            return False
        found = (ip_network(network) for network in self.networks)
        return any(address.version == network.version and address in network for network in found)


def read_networks(texts: Iterable[str]) -> tuple[str, ...]:
    """Read networks like 10.0.0.0/8, or single addresses; raise ValueError for what is none."""
    return tuple(str(ip_network(text.strip())) for text in texts)


def stored(caps: Caps | None) -> str | None:
    """Return what is kept of caps."""
    return None if caps is None or caps == Caps() else msgspec.json.encode(caps).decode()


def kept(text: str | None) -> Caps | None:
    """Read what was kept."""
    return None if text is None else msgspec.json.decode(text, type=Caps)
