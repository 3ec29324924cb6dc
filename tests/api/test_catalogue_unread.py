"""
Rows of the catalogue that cannot be read, as a newer program or a hand may leave them, beside a server that runs.

Guarantee: the server goes on with what it knew of that provider, takes every other change up, and the row too once it
can be read; a server that never read the row lets nobody pay there, and the command line mends it.
"""

import time
from collections.abc import Callable

import pytest

from kalita.storage.engine import Step
from tests.api.house import House, payment
from tests.commands import kalita
from tests.servers import Demo

WITHIN_S = 3
ONLIME, TRANSFER = 674, 99


def put(people: House, number: int, content: str, told: bool = True) -> None:
    """Write a change of a provider past the command line. told: servers are told of it."""
    more = (Step("provider_epoch_changed", ()),) if told else ()
    people.run(people.app.engine.change(Step("provider_change_put", (number, content, 1)), *more))


def soon(true: Callable[[], bool]) -> None:
    """Wait until every process that serves has had its time to take a change up."""
    ends = time.monotonic() + WITHIN_S
    while not all(true() for _ in range(6)):
        assert time.monotonic() < ends, f"not taken up: {true()}"
        time.sleep(0.1)


def code(server: Demo, provider: int, amount: int = 5) -> str:
    """Pay on a connection of its own; return the refusal's code, or nothing."""
    body = payment(amount=amount) if provider == TRANSFER else payment("12345678", amount)
    with server.client() as client:
        return client.post(f"/sinap/api/v2/terms/{provider}/payments", json=body).json().get("code", "")


@pytest.mark.parametrize("content", ['{"id":"674","percent":"a lot"}', "no JSON", '{"id":674}'])
def test_the_server_goes_on_with_what_it_knew(server: Demo, people: House, content: str) -> None:
    """Of that row; the others are taken up as before, and so is that one once it can be read."""
    before = server.log.read_text("utf-8").count("provider_not_read")
    put(people, ONLIME, content)
    put(people, TRANSFER, '{"id":"99","min_sum":"10"}')
    soon(lambda: code(server, TRANSFER) == "QWPRC-241")
    assert code(server, ONLIME) == ""
    put(people, ONLIME, '{"id":"674","min_sum":"20"}', told=False)
    soon(lambda: code(server, ONLIME) == "QWPRC-241")
    put(people, ONLIME, '{"id":"674"}')
    put(people, TRANSFER, '{"id":"99"}')
    soon(lambda: code(server, ONLIME) == code(server, TRANSFER) == "")
    assert 0 < server.log.read_text("utf-8").count("provider_not_read") - before <= 2, "once for each process"


def test_a_server_that_never_read_the_row_lets_nobody_pay_there(people: House, server: Demo) -> None:
    """It starts all the same, and `kalita provider set` makes the row readable again."""
    put(people, ONLIME, '{"id":"674","percent":"a lot"}')
    try:
        listed = kalita("provider", "show", str(ONLIME), "--json", *server.place)
        assert listed.json["percent"] == "a lot"
        done = kalita("provider", "set", str(ONLIME), "--min-sum", "2", *server.place)
        assert (done.code, "percent: a number" in done.err) == (1, True)
        opened = House(server.data, create=False, database=server.database)
        known = opened.app.catalogue.get(ONLIME)
        assert known is not None
        assert (known.payable, known.status) == (False, "suspended")
        opened.close()
        assert kalita("provider", "set", str(ONLIME), "--percent", "0", *server.place).code == 0
    finally:
        put(people, ONLIME, '{"id":"674"}')
