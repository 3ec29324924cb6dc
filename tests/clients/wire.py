"""
HTTP by hand: what old clients put on the wire, byte for byte, and what comes back.
"""

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.servers import Demo

PATIENCE_S = 10


@dataclass
class Answer:
    """One answer. first: how many of its bytes the first read brought, out of how many."""

    status: int
    version: str
    headers: dict[str, str]
    body: bytes
    first: tuple[int, int] = (0, 0)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Line:
    """A connection and what was read from it but not yet used."""

    socket: socket.socket
    rest: bytes = field(default=b"")

    def send(self, text: bytes) -> None:
        """Write bytes."""
        self.socket.sendall(text)

    def head(self) -> tuple[str, dict[str, str]]:
        """Read a head: its first line and its headers by lower-case names."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        return first, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def answer(self) -> Answer:
        """Read one answer."""
        if not self.rest:
            self._more()
        begun = self.rest
        first, headers = self.head()
        head_size = begun.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in begun else len(begun) + 1
        length = int(headers["content-length"])
        while len(self.rest) < length:
            self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        version, status = first.split(" ")[:2]
        whole = head_size + length
        return Answer(int(status), version, headers, body, (min(len(begun), whole), whole))

    def ended(self) -> bool:
        """Tell whether the server closes the connection with nothing more on it."""
        return not self.rest and not self.socket.recv(1)

    def _more(self) -> None:
        part = self.socket.recv(1 << 20)
        if not part:
            raise EOFError("the server closed the connection")
        self.rest += part


@contextlib.contextmanager
def line(server: Demo) -> Iterator[Line]:
    """Open a connection until the block ends."""
    with socket.create_connection(server.address, PATIENCE_S) as opened:
        yield Line(opened)


def request(method: str, target: str, *headers: str, body: bytes = b"", version: str = "1.1") -> bytes:
    """Write a request as it is told: nothing is added but the length of a body, unless it has one."""
    lines = [f"{method} {target} HTTP/{version}", *headers]
    if body and not any(one.lower().startswith(("content-length", "transfer-encoding")) for one in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def ask(server: Demo, method: str, target: str, *headers: str, body: bytes = b"", version: str = "1.1") -> Answer:
    """Send one request on a connection of its own and read the answer."""
    with line(server) as opened:
        opened.send(request(method, target, *headers, body=body, version=version))
        return opened.answer()
