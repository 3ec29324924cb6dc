"""
Addresses of PostgreSQL: `postgresql://user:password@one:5432,two:5432/kalita`.

Each server of the list is tried by itself and with a bound of its own: one that hangs must not use up the time in which
the next would have answered.
"""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

_HOST = re.compile(r"(\[[^\]]*\]|[^:,]*)(?::(\d{1,5}))?", re.ASCII)
OTHERS = frozenset((
    "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
))  # fmt: skip
"""What other programs' addresses hold and this one sets by itself."""


class Server(NamedTuple):
    """One server: a host, or the directory of a socket; None: the driver's own default."""

    host: str | None
    port: int | None


class Address(NamedTuple):
    """
    Where the database is.

    dsn      user, password, name of the database and options, without servers
    servers  in the order in which they are tried
    """

    dsn: str
    servers: tuple[Server, ...]


def read(url: str) -> Address:
    """
    Read an address.

    raises  ValueError: it is none; the text does not repeat it, since it may hold a password
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("postgresql://user:password@host:5432/name is needed")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    user, at, hosts = parts.netloc.rpartition("@")
    ports = query.pop("port", "")
    servers = _servers(query.pop("host", "") or hosts, ports)
    rest = urlencode({name: value for name, value in query.items() if name not in OTHERS})
    return Address(urlunsplit((parts.scheme, user + at, parts.path or "/", rest, "")), servers)


def _servers(hosts: str, ports: str) -> tuple[Server, ...]:
    found = []
    others = ports.split(",") if ports else []
    for place, text in enumerate(hosts.split(",")):
        match = _HOST.fullmatch(text)
        if match is None:
            raise ValueError("a list of servers like one:5432,two:5432 is needed")
        port = match[2] or (others[min(place, len(others) - 1)] if others else None)
        if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError("a port from 1 to 65535 is needed")
        found.append(Server(unquote(match[1]).strip("[]") or None, int(port) if port else None))
    return tuple(found)
