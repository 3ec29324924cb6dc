"""
The rows about messages to receivers: what waits for a hundred hooks is delivered, against a bare client's loop; and
the rows of payments once more, with a hook on every payer and payee.
"""

import asyncio
import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import httpx

from bench import measure, postgres, servers
from bench.measure import ROUNDS, Bench, Row, ratio
from kalita.app import App
from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.ledger.order import Opening, Order, Record, Transfer
from kalita.outbound.follow import Follower
from kalita.people.wallets import Level
from kalita.settings import Settings
from kalita.storage.outbox import NEVER

HOOKS, FIRST, PAYEE = 100, 79_300_000_001, 79_399_999_999
NETWORKS, BOTH = "127.0.0.0/8", 3
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def receive(told: Connection) -> None:
    """Be a receiver that answers at once; tell the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(OK)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextlib.contextmanager
def receiver() -> Iterator[int]:
    """Run a receiver in a process of its own; yield its port."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def rows(bench: Bench) -> list[Row]:
    """Measure deliveries a second: messages that wait, until the last is written down as delivered."""
    with receiver() as port:
        return asyncio.run(_measured(bench, bench.data / "hooks", port, 10 * bench.seconds))


def everywhere(bench: Bench) -> list[Row]:
    """Measure payments and history again, on both engines, while every wallet is told of what it pays and gets."""
    folder = bench.data / "hooked"
    folder.mkdir()
    with receiver() as port:
        os.environ["KALITA_OUTBOUND_NETWORKS"] = NETWORKS
        found = _with_hooks(replace(bench, data=folder), port, measure.http)
        with postgres.prepared(bench) as (server, on):
            found += _with_hooks(on, port, partial(postgres.one_process, server))
        del os.environ["KALITA_OUTBOUND_NETWORKS"]
    return found


def _with_hooks(bench: Bench, port: int, measured: Callable[[Bench], list[Row]]) -> list[Row]:
    bench.tokens()
    bench.say("a hook on every wallet")
    asyncio.run(_hooks(bench, port))
    return [replace(row, name=f"hooks: {row.name}") for row in measured(bench)]


async def _hooks(bench: Bench, port: int) -> None:
    app = await App.open(Settings(data=bench.data, database=bench.database, outbound_networks=NETWORKS))
    try:
        for wallet in range(servers.FIRST, servers.FIRST + servers.WALLETS):
            await app.hooks.register(wallet, f"http://127.0.0.1:{port}/{wallet}", BOTH)
    finally:
        await app.close()


async def _measured(bench: Bench, folder: Path, port: int, each: int) -> list[Row]:
    settings = Settings(data=folder, outbound_networks=NETWORKS, sum_limits=False)
    app = await App.open(settings, create=True)
    try:
        await app.start()
        for wallet in (*range(FIRST, FIRST + HOOKS), PAYEE):
            await app.wallets.create(wallet, Level.FULL)
            await app.wallets.top_up(wallet, 10**9, 643, None, "bench")
            if wallet != PAYEE:
                await app.hooks.register(wallet, f"http://127.0.0.1:{port}/{wallet}", 2)
        pairs = []
        for turn in range(1, ROUNDS + 1):
            bench.say(f"round {turn} of {ROUNDS}: messages to {HOOKS} receivers, the same by a bare client")
            pairs.append((await _delivered(app, each), await _bare(port, each)))
    finally:
        await app.close()
    return [ratio("deliveries ÷ a bare client's loop", pairs, 0.5, 0.8)]


async def _delivered(app: App, each: int) -> float:
    orders = [_payment(wallet) for _ in range(each) for wallet in range(FIRST, FIRST + HOOKS)]
    await asyncio.gather(*(app.writer.submit(order) for order in orders))
    begun, follower = time.perf_counter(), Follower(app.engine)
    while await follower.follow(app.clock.now()):
        pass
    task = asyncio.create_task(app.deliverer().run())
    while await app.engine.one("receivers_any_due", NEVER - 1, NEVER):
        await asyncio.sleep(0.01)
    seconds = time.perf_counter() - begun
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return len(orders) / seconds


def _payment(payer: int) -> Order:
    source, target = (account_id(wallet, Kind.WALLET, 643) for wallet in (payer, PAYEE))
    return Order(
        owner=payer,
        transfers=(Transfer(source, target, 1),),
        openings=(Opening(PAYEE, Kind.WALLET, 643),),
        records=(Record(payer, Direction.OUT, 643, 99, f"+{PAYEE}", 1, 0, "bench", None),),
    )


async def _bare(port: int, each: int) -> float:
    """Post with a client for each receiver: one for all of them spends its time on looking through its connections."""
    body, heads = b"x" * 580, {"Content-Type": "application/json", "Accept": "application/json"}
    clients = [httpx.AsyncClient(verify=False) for _ in range(HOOKS)]

    async def loop(client: httpx.AsyncClient, number: int) -> None:
        for _ in range(each):
            answer = await client.post(f"http://127.0.0.1:{port}/{number}", content=body, headers=heads)
            assert answer.status_code == 200

    try:
        begun = time.perf_counter()
        await asyncio.gather(*(loop(client, number) for number, client in enumerate(clients)))
        return HOOKS * each / (time.perf_counter() - begun)
    finally:
        for client in clients:
            await client.aclose()
