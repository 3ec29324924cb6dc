"""
What came of the messages of a wallet, as its owner and the operator see it. Source: webhooks.md 3.
"""

from dataclasses import dataclass

from kalita.storage.engine import Engine


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One attempt to deliver a message.

    micros   how long it took
    status   0: no answer came, failure says why
    subject  id of the bill; empty for payments
    """

    at: int
    caused_by: int
    stream: int
    receiver: str
    number: int
    micros: int
    status: int
    failure: str
    kind: int
    txn_id: int
    state: int
    subject: str


async def attempts(engine: Engine, wallet: int, channel: int, before: int, limit: int) -> list[Attempt]:
    """Return the newest attempts on a channel of a wallet, to any receiver it had, that are older than a moment."""
    return [Attempt(*row) for row in await engine.all("attempts_before", wallet, channel, before, limit)]
