"""
Addresses as people give them, read strictly: what two readers could read in two ways is no address.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote

from kalita.settings import BadSetting, Settings

_FORM = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[^\s/?#@:\[\]\\%]+)(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?].*)?",
    re.IGNORECASE | re.DOTALL,
)
_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff\\]")
_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SAFE = "/?:@!$&'()*+,;=-._~%[]"
DEFAULT_PORTS = {"http": 80, "https": 443}
FOREIGN_PORTS = frozenset(
    (
        1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
        110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530,
        531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045,
        4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 11211,
    )
)  # fmt: skip
"""Ports where something that is not HTTP listens, which could be made to believe it was spoken to."""


class BadTarget(ValueError):  # noqa: N818 - named for what is wrong
    """The text is no address that may be called; it says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """
    One address, taken apart.

    host  a name in its ASCII form, or a number without brackets
    path  with its query, as it goes into the request line
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def number(self) -> IPv4Address | IPv6Address | None:
        """The address itself when the host is a number."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None


def read(url: str) -> Target:
    """
    Take an address apart: http or https, a host, perhaps a port; no user, no fragment, nothing unseen.

    raises  BadTarget
    """
    if _UNSEEN.search(url):
        raise BadTarget("blanks, control characters and backslashes are not allowed")
    if "#" in url:
        raise BadTarget("a fragment is not allowed")
    found = _FORM.fullmatch(url)
    if found is None:
        raise BadTarget("an address like https://example.com/path is needed, without user and password")
    scheme = found["scheme"].lower()
    port = int(found["port"] or DEFAULT_PORTS[scheme])
    if not 0 < port < 65536 or port in FOREIGN_PORTS:
        raise BadTarget("this port may not be called")
    rest = found["rest"] or "/"
    return Target(scheme, _host(found["host"]), port, quote(rest if rest[0] == "/" else f"/{rest}", _SAFE))


def check_services(settings: Settings) -> None:
    """Refuse settings with an address that can never be called. raises: BadSetting"""
    who = "" if settings.identification in ("listed", "anybody") else settings.identification
    for name, url in (("identification", who), ("rates_url", settings.rates_url)):
        try:
            if url:
                read(url)
        except BadTarget as problem:
            raise BadSetting(f"the setting `{name}` cannot be called: {problem}") from None


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return str(IPv6Address(text[1:-1]))
        except ValueError:
            raise BadTarget("this is no IPv6 address") from None
    try:
        name = text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise BadTarget("this is no host name") from None
    name = name.removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise BadTarget("a number is written as four decimal ones, like 93.184.215.14") from None
    if not _NAME.fullmatch(name):
        raise BadTarget("this is no host name")
    return name
