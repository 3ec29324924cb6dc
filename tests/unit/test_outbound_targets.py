"""
Guarantee: an address that somebody gives us is read one way only, and no inner or odd one passes.

HOSTILE holds more than 150 of them; tests/api/test_outbound.py sees that none of them is ever connected to.
"""

import pytest

from kalita.outbound.addresses import barred, networks
from kalita.outbound.targets import FOREIGN_PORTS, BadTarget, read

HOSTILE_NUMBERS = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.254",
    "127.0.0.1", "127.1.2.3", "127.255.255.255", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.0.192", "192.0.2.7", "192.31.196.1", "192.52.193.1",
    "192.88.99.1", "192.168.0.1", "192.168.255.255", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "224.0.0.251", "239.255.255.250", "240.0.0.1", "250.1.2.3", "255.255.255.255",
    "168.63.129.16",
    "::", "::1", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b::808:808", "64:ff9b:1::10.0.0.1", "100::1", "100:0:0:1::1", "2001::1", "2001:0:4136:e378::1", "2001:2::1",
    "2001:10::1", "2001:20::1", "2001:30::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1",
    "2002:808:808::1", "2620:4f:8000::1", "3ffe::1", "3fff::1", "5f00::1", "4000::1", "8000::1", "fc00::1",
    "fd00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "fe80::a9fe:a9fe", "febf::1", "fec0::1", "feff::1", "ff00::1",
    "ff01::1", "ff02::1", "ff02::fb", "ff05::2", "ff0e::1", "2a00:1450::5efe:10.0.0.1",
    "2a00:1450::200:5efe:8.8.8.8",
]  # fmt: skip
HOSTILE_LINKS = ["fe80::1%eth0", "2a00:1450::1%1"]
BAD_URLS = [
    "", " ", "http://", "https://", "http:///path", "//example.com/", "example.com", "ftp://example.com/",
    "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "data:text/plain,x", "unix:///run/x",
    "dict://example.com/", "ldap://example.com/", "http:/example.com", "http:example.com", "http:\\\\example.com\\",
    "http://user@example.com/", "http://user:pass@example.com/", "http://example.com@127.0.0.1/", "http://@example.com/",
    "http://example.com/#x", "http://example.com#@127.0.0.1/", "http://example.com\\@127.0.0.1/",
    "http://exam ple.com/", " http://example.com/", "http://example.com/ ", "http://exam\tple.com/",
    "http://example.com/\r\nHost: inner", "http://example.com/\n", "http://example.com/\0", "http://example.com\x7f/",
    "http://example.com/\u200b", "http://example.com\u2028/", "http://example.com:0/", "http://example.com:65536/",
    "http://example.com:99999/", "http://example.com:-1/", "http://example.com:8x/", "http://example.com:/",
    "http://example.com:80:80/", "http://example.com:22/", "http://example.com:25/", "http://example.com:6379/",
    "http://example.com:11211/", "http://0x7f.1/", "http://0x7f000001/", "http://2130706433/", "http://017700000001/",
    "http://0177.0.0.1/", "http://127.1/", "http://127.0.1/", "http://1/", "http://0/", "http://127.0.0.1.0/",
    "http://256.1.1.1/", "http://1.2.3.04/", "http://0x7f.0x0.0x0.0x1/", "http://010.8.8.8/", "http://8.8.8.0x8/",
    "http://[::1/", "http://::1/", "http://[]/", "http://[::g]/", "http://[fe80::1%25eth0]/", "http://[v1.x]/",
    "http://[::1]x/", "http://[127.0.0.1]/", "http://example..com/", "http://.example.com/", "http://-/",
    "http://-example.com/", "http://example-.com/", "http://exam%70le.com/", "http://127.0.0.%31/",
    "http://exa!mple.com/", "http://exa*mple.com/", "http://ex,ample.com/", f"http://{'a' * 64}.com/",
    f"http://{'a.' * 130}com/", "http://\ud800.com/", "http://xn--\uff0d.com/", "http://example.com?\\",
]  # fmt: skip
ODD_NUMBERS = ["http://１２７.０.０.１/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://127.0.0.1./"]
HOSTILE = len(HOSTILE_NUMBERS) + len(HOSTILE_LINKS) + len(BAD_URLS) + len(ODD_NUMBERS)
GOOD = [
    "93.184.215.14", "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1",
    "169.253.255.255", "172.15.255.255", "172.32.0.1", "192.0.1.1", "192.167.255.255", "198.17.255.255",
    "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e", "2001:200::1", "2001:4860:4860::8888",
    "2400:cb00::1", "2c0f:fb50::1",
]  # fmt: skip


def test_there_are_enough_hostile_ones() -> None:
    """More than 150, none of them twice."""
    assert HOSTILE >= 150
    assert len({*HOSTILE_NUMBERS, *BAD_URLS}) == len(HOSTILE_NUMBERS) + len(BAD_URLS)


@pytest.mark.parametrize("number", HOSTILE_NUMBERS + HOSTILE_LINKS)
def test_inner_addresses_are_barred(number: str) -> None:
    """Inner, mapped, embedded, link-local, multicast, documentation, future ones."""
    assert barred(number) is not None


@pytest.mark.parametrize("number", GOOD)
def test_outer_addresses_are_not(number: str) -> None:
    """Also those right beside the special blocks."""
    assert barred(number) is None


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "0x7f000001", "::1/128", "1.2.3.4:80"])
def test_what_is_no_address_is_barred(text: str) -> None:
    """A resolver that answers nonsense opens nothing."""
    assert barred(text) is not None


@pytest.mark.parametrize("url", BAD_URLS, ids=ascii)
def test_odd_urls_are_no_targets(url: str) -> None:
    """Not http, with a user, a fragment, blanks, another writing of a number, a port of something else."""
    with pytest.raises(BadTarget):
        read(url)


@pytest.mark.parametrize("url", ODD_NUMBERS, ids=ascii)
def test_other_digits_are_read_as_the_number_they_are(url: str) -> None:
    """What a resolver would take for 127.0.0.1 is seen as it before anything is asked."""
    target = read(url)
    assert target.host == "127.0.0.1"
    assert barred(target.host) is not None


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("http://example.com", "example.com", 80, "/", "example.com"),
        ("https://Example.COM:443/a?b=c", "example.com", 443, "/a?b=c", "example.com"),
        ("http://example.com?x", "example.com", 80, "/?x", "example.com"),
        ("http://example.com//", "example.com", 80, "//", "example.com"),
        ("http://example.com:8080/%2f", "example.com", 8080, "/%2f", "example.com:8080"),
        ("http://пример.рф/путь", "xn--e1afmkfd.xn--p1ai", 80, "/%D0%BF%D1%83%D1%82%D1%8C", "xn--e1afmkfd.xn--p1ai"),
        ("https://[2A00:1450::0:1]:8443/", "2a00:1450::1", 8443, "/", "[2a00:1450::1]:8443"),
        ("http://93.184.215.14/", "93.184.215.14", 80, "/", "93.184.215.14"),
        ("http://a_b.example.com./x", "a_b.example.com", 80, "/x", "a_b.example.com"),
    ],
)
def test_good_urls_are_taken_apart(url: str, host: str, port: int, path: str, authority: str) -> None:
    """Names in ASCII and lower case, ports by scheme, the path as given."""
    target = read(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


def test_named_networks_are_let_through() -> None:
    """Exactly those that the operator named."""
    allowed = networks("10.1.0.0/16, fd00:1::/32,127.0.0.1")
    assert [barred(text, allowed) for text in ("10.1.2.3", "fd00:1::5", "127.0.0.1")] == [None] * 3
    assert all(barred(text, allowed) for text in ("10.2.0.1", "fd00:2::1", "127.0.0.2", "::ffff:10.1.2.3"))
    with pytest.raises(ValueError, match="host bits"):
        networks("10.1.0.1/16")


def test_web_ports_are_not_foreign() -> None:
    """The usual ones of HTTP servers stay open."""
    assert not FOREIGN_PORTS & {80, 443, 3000, 5000, 8000, 8080, 8443, 9000}
