"""
A town for the tests of faults: many funded wallets in one installation, and calls on them that break with the server.
"""

import asyncio
import http.client
import json
import os
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from kalita.app import App
from kalita.people.wallets import Level
from kalita.settings import Settings
from kalita.wire.endpoint import ALL_PERMISSIONS
from tests.commands import kalita
from tests.servers import KALITA, START_S, Demo, database_of, place

PAY = "/sinap/api/v2/terms/99/payments"
FIRST = 79200000001
RUB = 643
PATIENCE_S = 30
PAGES_A_MINUTE = 90

Lost = (OSError, http.client.HTTPException)
"""What a call ends with when its answer never came."""


@dataclass(frozen=True)
class Citizen:
    """A wallet, its token, what it began with in kopecks."""

    number: int
    token: str
    funds: int


DATABASES: dict[Path, str] = {}
"""By folder: the address of a town's database, '' when it is a file."""

PROCESSES = {"sqlite": 1, "postgres": 2}
"""How many processes a server has besides its parent: the ledger's on SQLite, those that serve on PostgreSQL."""


def build(folder: Path, funds: list[int], engine: str = "sqlite", database: str = "") -> list[Citizen]:
    """
    Make an installation in `folder/data`, one wallet for each of the sums in kopecks.

    engine    one of tests.servers.ENGINES: where the other calls of this file look for it
    database  an empty one on a server of the test's own, instead of a new one
    """
    DATABASES[folder] = database or database_of(folder, engine)
    return asyncio.run(_build(folder, funds))


def where(folder: Path) -> tuple[str, ...]:
    """Return the options that let a command find a town."""
    return place(folder / "data", DATABASES.get(folder, ""))


async def _build(folder: Path, funds: list[int]) -> list[Citizen]:
    app = await App.open(Settings(data=folder / "data", database=DATABASES[folder]), create=True)
    try:
        await app.start()
        citizens = []
        for place, amount in enumerate(funds):
            number = FIRST + place
            await app.wallets.create(number, Level.FULL)
            if amount:
                await app.wallets.top_up(number, amount, RUB, f"town-{number}", "Town")
            citizens.append(Citizen(number, await app.tokens.issue(number, ALL_PERMISSIONS), amount))
        return citizens
    finally:
        await app.close()


def serve(folder: Path, before: tuple[str, ...] = (), *arguments: str) -> Demo:
    """
    Run `kalita serve` on an installation and wait until it listens; end it with tests.servers.stop.

    before  what to run it under
    On PostgreSQL two processes serve.
    """
    data, log, database = folder / "data", folder / "log", DATABASES.get(folder, "")
    own = {name: value for name, value in os.environ.items() if not name.startswith("KALITA_")}
    several = ("--processes", "2") if database else ()
    options = (*where(folder), "--port", "0", "--metrics-port", "-1", *several, *arguments)
    command = [*before, KALITA, "serve", *options]
    with log.open("ab") as errors:
        told = errors.tell()
        environment = own | {"KALITA_REQUESTS_A_MINUTE": "0", "KALITA_SUM_LIMITS": "false"}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
    ends = time.monotonic() + START_S
    while True:
        text = log.read_bytes()[told:].decode()
        events = [
            json.loads(line) for line in text.splitlines(keepends=True) if line.startswith("{") and line[-1] == "\n"
        ]
        address = next((event["address"] for event in events if event["event"] == "listening"), None)
        if address:
            return Demo(address, [], process, data, log, database)
        if process.poll() is not None or time.monotonic() > ends:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not start:\n{text[-4000:]}")
        time.sleep(0.02)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Line:
    """One citizen's connection to a server; it may be used by one thread."""

    def __init__(self, address: tuple[str, int], citizen: Citizen) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=PATIENCE_S)
        self._headers = {"Authorization": f"Bearer {citizen.token}", "Content-Type": "application/json"}

    def pay(self, payee: int, client_id: int, amount: int) -> Answer:
        """Pay an amount in kopecks. raises: one of Lost when no answer came"""
        body = {
            "id": str(client_id),
            "sum": {"amount": f"{amount // 100}.{amount % 100:02}", "currency": "643"},
            "paymentMethod": {"type": "Account", "accountId": "643"},
            "fields": {"account": f"+{payee}"},
        }
        return self.ask("POST", PAY, json.dumps(body))

    def ask(self, method: str, target: str, body: str | None = None) -> Answer:
        """Call. raises: one of Lost when no answer came"""
        try:
            self._connection.request(method, target, body, self._headers)
            response = self._connection.getresponse()
            return Answer(response.status, response.read())
        except Lost:
            self._connection.close()
            raise

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def balance(server: Demo, citizen: Citizen) -> int:
    """Return what a citizen has, in kopecks, as the API says."""
    with closing(Line(server.address, citizen)) as line:
        answer = line.ask("GET", f"/funding-sources/v2/persons/{citizen.number}/accounts")
    assert answer.status == 200, answer
    return kopecks(json.loads(answer.body, parse_float=str, parse_int=str)["accounts"][0]["balance"]["amount"])


def kopecks(text: str) -> int:
    """Turn an amount as the API writes it into kopecks."""
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))


def history(server: Demo, citizen: Citizen) -> list[dict[str, Any]]:
    """
    Return the whole history of a citizen, newest first, page by page through the API; numbers stay texts.

    A long one takes minutes: a hundred calls in one are allowed.
    """
    found: list[dict[str, Any]] = []
    following, pages = "", count(1)
    with closing(Line(server.address, citizen)) as line:
        while True:
            if next(pages) % PAGES_A_MINUTE == 0:
                time.sleep(61)
            answer = line.ask("GET", f"/payment-history/v2/persons/{citizen.number}/payments?rows=50{following}")
            assert answer.status == 200, answer
            page = json.loads(answer.body, parse_float=str, parse_int=str)
            found += page["data"]
            if page["nextTxnId"] is None:
                return found
            following = f"&nextTxnId={page['nextTxnId']}&nextTxnDate={page['nextTxnDate'].replace('+', '%2B')}"


def audit(folder: Path) -> None:
    """The books are proven, beside a live server or not."""
    done = kalita("audit", *where(folder))
    assert done.code == 0, done.out + done.err


def children(pid: int) -> list[int]:
    """Return the processes that a process started: the ledger's, or those that serve."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def connections(pid: int, server: Demo) -> int:
    """Return how many connections of the server's address a process holds."""
    port = f":{server.address[1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    ours = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(port) and row[3] == "01"}
    held = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            held += os.readlink(file) in ours
        except OSError:
            continue
    return held


def alive(pid: int) -> bool:
    """Tell whether a process runs (one that ended and was not waited for does not)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("latin-1")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def seed() -> int:
    """Return the seed of a random run and print it: `KALITA_SEED` runs the same again."""
    chosen = int(os.environ.get("KALITA_SEED") or int.from_bytes(os.urandom(4), "big"))
    print(f"KALITA_SEED={chosen}")
    return chosen
