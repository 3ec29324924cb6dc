"""
Agents: their accounts and credentials, what they paid in. Source: osmp.md "As provider".
"""

import hashlib
import re
import secrets
from hmac import compare_digest
from typing import NamedTuple

from kalita.clock import Clock
from kalita.ledger.accounts import Kind, account_id, house
from kalita.ledger.order import Extra, Opening, Order, Outcome, Transfer
from kalita.ledger.writer import Ledger
from kalita.money import RUB
from kalita.storage.engine import Engine

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,39}", re.ASCII)
CURRENCY = RUB


class Agent(NamedTuple):
    """One agent. overdraft in minor units; certificate: the subject that a proxy tells of; empty: none."""

    number: int
    name: str
    overdraft: int
    secret: str
    certificate: str
    created_at: int
    blocked: int

    @property
    def account(self) -> int:
        """Its account in the ledger: below zero it owes us."""
        return account_of(self.number)


class PaidIn(NamedTuple):
    """One payment of an agent. txn_id and txn_date are its own, amount in minor units, ours is our transaction."""

    txn_id: str
    txn_date: str
    account: str
    amount: int
    ours: int


def account_of(number: int) -> int:
    """Return the account of an agent by its number."""
    return account_id(house(number, 0), Kind.AGENT, CURRENCY)


def hashed(password: str) -> str:
    """Return what is kept of a password: it is 160 random bits, so a plain hash is enough."""
    return hashlib.sha256(password.encode()).hexdigest()


class Agents:
    """Create agents, know them by their credential, read their books."""

    def __init__(self, engine: Engine, writer: Ledger, clock: Clock) -> None:
        self._engine, self._writer, self._clock = engine, writer, clock

    async def create(self, name: str, overdraft: int, certificate: str = "") -> tuple[Agent, str] | None:
        """
        Make an agent and open its account, both in one commit.

        overdraft  minor units it may owe
        returns    the agent and its password, which cannot be seen again; None when the name is taken
        """
        password = secrets.token_urlsafe(20)
        while (agent := await self.named(name)) is None:
            number = await self._free()
            facts = (number, name, overdraft, hashed(password), certificate, self._clock.now())
            opening = Opening(house(number, 0), Kind.AGENT, CURRENCY, overdraft=overdraft)
            order = Order(house(0, 0), openings=(opening,), extras=(Extra("agent_add", facts),))
            await self._writer.submit(order)  # another one may take the number at the same moment
        return (agent, password) if agent.secret == hashed(password) else None

    async def _free(self) -> int:
        """Return a number that no agent has and no account was opened for."""
        row = await self._engine.one("agent_last")
        number = (row[0] if row else 0) + 1
        while await self._engine.one("accounts_between", account_of(number), account_of(number)) is not None:
            number += 1
        return int(number)

    async def named(self, name: str) -> Agent | None:
        """Return an agent by its name, or None."""
        row = await self._engine.one("agent_named", name)
        return Agent(*row) if row else None

    async def all(self) -> list[Agent]:
        """Return every agent, in the order they were made."""
        return [Agent(*row) for row in await self._engine.all("agents_all")]

    async def caller(self, name: str, login: str, password: str, certificate: str) -> Agent | None:
        """Return the agent that is called by a name and shows its credential; None for anything else alike."""
        agent = await self.named(name)
        if agent is None or agent.blocked:
            return None
        if agent.certificate and compare_digest(agent.certificate.encode(), certificate.encode()):
            return agent
        right = compare_digest(agent.secret, hashed(password)) and compare_digest(agent.name.encode(), login.encode())
        return agent if right else None

    async def balance(self, agent: Agent) -> int:
        """Return what an agent has left of its own money, minor units; below zero it owes."""
        row = await self._engine.one("accounts_between", agent.account, agent.account)
        return int(row[2]) if row else 0

    async def fund(self, agent: Agent, amount: int, client_id: str | None) -> Outcome:
        """Book money that an agent paid us. client_id: the operator's own id of it, so that it is booked once."""
        owner = house(0, self._writer.lane)
        source = account_id(owner, Kind.AGENT, CURRENCY)
        return await self._writer.submit(
            Order(
                house(0, 0),
                client_id,
                f"fund {agent.number} {amount}",
                transfers=(Transfer(source, agent.account, amount),),
                openings=(Opening(owner, Kind.AGENT, CURRENCY),),
            )
        )

    async def earlier(self, agent: Agent, txn_id: str) -> tuple[str, str] | None:
        """Return the meaning and the answer of a payment that an agent made before under an id, or None."""
        row = await self._engine.one("payment_by_client_id", house(agent.number, 0), txn_id)
        return (row[1], row[2]) if row else None

    async def paid_in(self, agent: Agent, day: str) -> list[PaidIn]:
        """Return what an agent paid in on an accounting day (YYYYMMDD of its txn_date), in the order of its numbers."""
        return [PaidIn(*row) for row in await self._engine.all("agent_payments", agent.number, day, f"{day}~")]
