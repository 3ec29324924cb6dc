"""For developers of receivers: `listen` receives hooks and notifications locally, checks and prints them, resends."""

import base64
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import click
import httpx
import msgspec

from kalita.admin.running import cannot_listen
from kalita.bills.notify import SIGNATURE, signature
from kalita.hooks.sign import documented, verifies

LARGEST = 256 * 1024
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode
WITHIN_S = 10
NOT_RESENT = ("host", "content-length", "connection", "accept-encoding")


def _keys(context: click.Context, option: click.Parameter, keys: tuple[str, ...]) -> tuple[str, ...]:
    for key in keys:
        try:
            base64.b64decode(key, validate=True)
        except ValueError:
            raise click.BadParameter("the Base64 that the server told is needed", context, option) from None
    return keys


def _receiver(context: click.Context, option: click.Parameter, url: str | None) -> str | None:
    try:
        found = None if url is None else httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL("")
    if found is not None and (found.scheme not in ("http", "https") or not found.host):
        raise click.BadParameter("an address like http://127.0.0.1:3000/hook is needed", context, option)
    return url


@dataclass
class Received:
    """A message as it arrived, and what its signatures are: good, wrong or not checked, by their headers."""

    number: int
    path: str
    headers: dict[str, str]
    body: bytes
    signatures: dict[str, str] = field(default_factory=dict)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=9000, show_default=True, help="0: any free one.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    callback=_keys,
    help="Key of a hook (Base64), to check signatures; repeat for more.",
)
@click.option("--secret", "secrets", multiple=True, help="Secret key of a pair, to check notifications of bills.")
@click.option(
    "--forward",
    metavar="URL",
    callback=_receiver,
    help="Pass each message on to your own receiver, and answer as it does.",
)
@click.option("--status", type=click.IntRange(100, 599), default=200, show_default=True, help="Answer with this one.")
@click.option("--count", type=click.IntRange(1), help="End after so many messages.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines.")
def listen(
    host: str, port: int, keys: tuple[str, ...], secrets: tuple[str, ...], forward: str | None, status: int,
    count: int | None, as_json: bool,
) -> None:  # fmt: skip
    """
    Receive hooks and notifications of bills here, check their signatures and print them.

    Register the address that is printed as a hook (a demonstration may call loopback), or give it to a pair of keys.
    With --forward, a message's number typed in and Enter sends that message to your receiver again, unchanged.

    \b
    Example:  kalita listen --port 9000 --key "$KEY" --forward http://127.0.0.1:3000/hook
    Exit:     0 ended by Ctrl-C or after --count, 1 it cannot listen there, 2 wrong command line
    """
    ear = Ear(keys, secrets, forward, status, as_json)
    try:
        server = Server((host, port), ear.handler())
    except OSError as problem:
        raise cannot_listen(problem, host, port, "--port", "--host") from None
    ear.ends_after(count, server.shutdown)
    click.echo(f"Listening on http://{host}:{server.server_address[1]}/ ; Ctrl-C ends it.", err=True)
    threading.Thread(target=ear.obey, args=(typed(),), daemon=True).start()
    try:
        server.serve_forever(0.1)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


class Server(ThreadingHTTPServer):
    """Ends only when everybody was answered."""

    daemon_threads = False


def typed() -> Iterator[str]:
    """Return the lines that are typed. Read past Python's buffer: a thread that waits there holds up the end."""
    rest = b""
    while more := os.read(0, 4096):
        *lines, rest = (rest + more).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in lines)


class Ear:
    """Receives, checks, prints, passes on. Its answers wait for one another, so that lines do not mix."""

    def __init__(
        self, keys: tuple[str, ...], secrets: tuple[str, ...], forward: str | None, status: int, as_json: bool
    ) -> None:
        self._keys, self._secrets, self._forward, self._status = keys, secrets, forward, status
        self._as_json = as_json
        self._got: list[Received] = []
        self._lock = threading.Lock()
        self._left: int | None = None
        self._end: Callable[[], None] = lambda: None

    def ends_after(self, count: int | None, end: Callable[[], None]) -> None:
        """End after so many messages; None: never."""
        self._left, self._end = count, end

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return what answers a connection."""
        ear = self

        class Handler(BaseHTTPRequestHandler):
            """Answers one connection."""

            def do_POST(self) -> None:
                """Take a message."""
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(min(length, LARGEST))
                heads = {name.lower(): text for name, text in self.headers.items()}
                status = ear.take(self.path, heads, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the message itself is printed."""

        return Handler

    def take(self, path: str, heads: dict[str, str], body: bytes) -> int:
        """Note, check, print and pass a message on; return the status to answer with."""
        with self._lock:
            one = Received(len(self._got) + 1, path, heads, body, self._checked(heads, body))
            self._got.append(one)
            self._print(one)
            status = self._send(one) if self._forward else self._status
            if self._left is not None:
                self._left -= 1
                if self._left == 0:
                    threading.Thread(target=self._end, daemon=True).start()
        return status

    def obey(self, lines: Iterable[str]) -> None:
        """Send a message again for each line that is its number."""
        for line in lines:
            text = line.strip()
            if not self._forward or not text.isdigit() or not 0 < int(text) <= len(self._got):
                click.echo("type the number of a message, with --forward given", err=True)
                continue
            with self._lock:
                self._send(self._got[int(text) - 1])

    def _send(self, one: Received) -> int:
        assert self._forward
        heads = {name: text for name, text in one.headers.items() if name not in NOT_RESENT}
        try:
            status = httpx.post(self._forward, content=one.body, headers=heads, timeout=WITHIN_S).status_code
        except httpx.HTTPError as problem:
            click.echo(f"{one.number}: your receiver did not answer: {problem}", err=True)
            return 502
        click.echo(f"{one.number}: your receiver answered {status}", err=True)
        return status

    def _checked(self, heads: Mapping[str, str], body: bytes) -> dict[str, str]:
        try:
            told = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {"body": "is no JSON object"}
        found = {}
        if "webhook-signature" in heads:
            content = heads.get("webhook-id", ""), heads.get("webhook-timestamp", ""), body, heads["webhook-signature"]
            found["webhook-signature"] = self._verdict(self._keys, lambda key: verifies(key, *content))
        if told.get("hash"):
            found["hash"] = self._verdict(self._keys, lambda key: documented(key, _signed(told)) == told["hash"])
        if SIGNATURE.lower() in heads:
            found[SIGNATURE] = self._verdict(
                self._secrets, lambda secret: signature(secret, *_of_bill(told)) == heads[SIGNATURE.lower()]
            )
        return found

    def _verdict(self, keys: tuple[str, ...], good: Callable[[str], bool]) -> str:
        if not keys:
            return "not checked"
        try:
            return "good" if any(map(good, keys)) else "wrong"
        except (KeyError, TypeError, ValueError):
            return "wrong"

    def _print(self, one: Received) -> None:
        if self._as_json:
            told = {"number": one.number, "path": one.path, "signatures": one.signatures, "headers": one.headers}
            click.echo(msgspec.json.encode(told | {"body": one.body.decode("utf-8", "replace")}))
            return
        words = ", ".join(f"{name} {verdict}" for name, verdict in one.signatures.items()) or "no signature"
        click.echo(f"{one.number}: POST {one.path}: {words}")
        try:
            click.echo(msgspec.json.format(one.body, indent=2).decode())
        except msgspec.DecodeError:
            click.echo(one.body.decode("utf-8", "replace"))


def _signed(told: dict[str, Any]) -> list[str]:
    """Return the signed values of a hook's message; amounts as they stand in the JSON."""
    values = []
    for name in str(told["payment"]["signFields"]).split(","):
        value: Any = told["payment"]
        for part in name.split("."):
            value = value[part]
        values.append(str(value))
    return values


def _of_bill(told: dict[str, Any]) -> tuple[str, str, str, str, str]:
    bill = told["bill"]
    amount = bill["amount"]
    return str(amount["currency"]), str(amount["value"]), bill["billId"], bill["siteId"], bill["status"]["value"]
