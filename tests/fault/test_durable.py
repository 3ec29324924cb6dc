"""
An answer goes out only after its payment is on the disk: proven from what the kernel was asked to do.

Every page of the log that carries an accepted payment is followed, on the thread that wrote it, by an fdatasync of the
log; that begins after the request was read and ends before the first byte of the answer leaves. With `synchronous` at
OFF or at NORMAL in the engine the first test fails.
"""

import threading
from contextlib import closing

import pytest

from tests.fault.town import Answer, Citizen, Line, build, serve
from tests.fault.trace import READS, SYNCS, WRITES, Event, read, under_strace
from tests.servers import Demo, stop

FIRST_ID = 7_000_000_000_000
ALONE, CROWD, EACH = 40, 24, 4


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[int, Answer], list[Event]]:
    """Payments one by one, then by many clients at once, under strace: their answers by id, and the calls."""
    folder = tmp_path_factory.mktemp("traced")
    citizens = build(folder, [100_000_00] * 4)
    server = serve(folder, under_strace(folder / "trace"))
    answers: dict[int, Answer] = {}
    try:
        pay(server, citizens[0], citizens[1], range(FIRST_ID, FIRST_ID + ALONE), answers)
        crowd = [
            threading.Thread(
                target=pay,
                args=(server, citizens[place % 4], citizens[(place + 1) % 4], ids_of(place), answers),
            )
            for place in range(CROWD)
        ]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
    finally:
        stop(server)
    return answers, read(folder / "trace", server.pid)


def ids_of(place: int) -> range:
    """Return the ids that a client of the crowd uses."""
    first = FIRST_ID + ALONE + place * EACH
    return range(first, first + EACH)


def pay(server: Demo, payer: Citizen, payee: Citizen, ids: range, answers: dict[int, Answer]) -> None:
    """Make payments one after the other."""
    with closing(Line(server.address, payer)) as line:
        for client_id in ids:
            answers[client_id] = line.pay(payee.number, client_id, 1_00)


def one(events: list[Event], names: frozenset[str], mark: str) -> Event:
    """Return the one call that moved a text over a connection of a client."""
    found = [event for event in events if event.name in names and "TCP" in event.file and mark in event.text]
    assert len(found) == 1, found
    return found[0]


def written(events: list[Event], mark: str) -> Event:
    """Return the first write of a page of the log that carries a text."""
    return next(event for event in events if event.name == "pwrite64" and _log(event) and mark in event.text)


def synced(events: list[Event], page: Event) -> Event | None:
    """Return the first sync of the log that the thread which wrote a page began after it."""
    for event in events:
        if event.name in SYNCS and _log(event) and event.thread == page.thread and event.begun > page.ended:
            return event
    return None


def _log(event: Event) -> bool:
    return event.file.endswith("kalita.db-wal")


def test_every_answer_leaves_after_its_payment_is_on_the_disk(trace: tuple[dict[int, Answer], list[Event]]) -> None:
    """Request read, page written, log synced, answer sent: in this order for each of the payments."""
    answers, events = trace
    assert len(answers) == ALONE + CROWD * EACH
    syncs = set()
    for client_id, answer in answers.items():
        assert answer.status == 200
        request = one(events, READS, rf"\"id\": \"{client_id}\"")
        response = one(events, WRITES, rf"\"id\":\"{client_id}\"")
        page = written(events, rf"\"id\":\"{client_id}\"")
        sync = synced(events, page)
        assert sync is not None, f"{client_id}: its page of the log was never synced"
        assert sync.result == 0
        assert request.ended < page.begun <= page.ended < sync.begun <= sync.ended < response.begun, client_id
        syncs.add(sync.begun)
    assert ALONE < len(syncs) <= len(answers)
    print(f"{len(answers)} payments, {len(syncs)} syncs of the log")


def test_the_crowd_shares_syncs(trace: tuple[dict[int, Answer], list[Event]]) -> None:
    """Group commit: many payments that came together went to the disk together, none of them unsynced."""
    answers, events = trace
    crowd = [client_id for client_id in answers if client_id >= FIRST_ID + ALONE]
    syncs = [synced(events, written(events, rf"\"id\":\"{client_id}\"")) for client_id in crowd]
    assert len(set(syncs)) < len(crowd)


def test_each_answer_is_one_write(trace: tuple[dict[int, Answer], list[Event]]) -> None:
    """Head and body together: clients that close early see all or nothing. Source: client-compatibility.md T15."""
    answers, events = trace
    sent = [event for event in events if event.name in WRITES and "TCP" in event.file]
    assert len(sent) == len(answers)
    for event in sent:
        assert "HTTP/1.1 200 OK" in event.text
        assert r"\"state\":{\"code\":\"Accepted\"}" in event.text
