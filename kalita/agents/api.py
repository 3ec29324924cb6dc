"""
The OSMP protocol with Kalita as the provider: agents check wallets and top them up. Source: osmp.md "As provider".
"""

import base64
import binascii
import re
from datetime import datetime
from typing import Any

from kalita.agents.answer import (
    INACTIVE,
    NO_ACCOUNT,
    OK,
    OTHER,
    TOO_LARGE,
    TOO_SMALL,
    WRONG_ACCOUNT,
    Result,
    around,
    written,
)
from kalita.agents.register import CURRENCY, NAME, Agent, Agents
from kalita.clock import MOSCOW, SECOND, Clock
from kalita.keys import Keys
from kalita.ledger.accounts import Direction, Kind, account_id, house
from kalita.ledger.order import TXN, Extra, Opening, Order, Record, Transfer
from kalita.ledger.writer import Ledger
from kalita.limits.bind import Limits
from kalita.money import face, parse_amount
from kalita.people.wallets import OPERATOR, Level, Wallets, parse_wallet
from kalita.refusals import NOT_ENOUGH_MONEY, REPEATED, UNAVAILABLE, Refusal
from kalita.wire.endpoint import Answer, Call, Caller, Endpoint, Rate
from kalita.wire.params import Param

XML = b"text/xml; charset=UTF-8"
_TXN = re.compile(r"\d{1,20}", re.ASCII)
_DATE = re.compile(r"\d{14}", re.ASCII)
_SUM = re.compile(r"\d{1,12}(\.\d{1,2})?", re.ASCII)
DATE = "%Y%m%d%H%M%S"
NO_NUMBER = Result(WRONG_ACCOUNT, "the account is the number of a wallet, 10 to 15 digits")
NO_SUM = Result(OTHER, "a sum like 10.45 is needed")


class AgentApi:
    """
    Serve agents.

    make_wallets  a top-up of a number without a wallet makes an unclaimed one
    header        the header in which a proxy tells the subject of a client certificate; empty: none does
    """

    def __init__(
        self, agents: Agents, writer: Ledger, wallets: Wallets, limits: Limits, keys: Keys, clock: Clock,
        make_wallets: bool, header: str,
    ) -> None:  # fmt: skip
        self._agents, self._writer, self._wallets, self._limits = agents, writer, wallets, limits
        self._keys, self._clock, self._make_wallets = keys, clock, make_wallets
        self._header = header.lower().encode()

    async def serve(self, call: Call) -> Answer:
        """Answer one call; without the right credential 401 and nothing else."""
        agent = await self._caller(call)
        if agent is None:
            return Answer(b"", 401, XML, ((b"www-authenticate", b'Basic realm="agents"'),))
        query = {name: value or "" for name, value in call.query.items()}
        return Answer((await self._answer(agent, query)).encode(), 200, XML)

    async def _caller(self, call: Call) -> Agent | None:
        login, password = _basic(call.headers)
        certificate = next((value for name, value in call.headers if self._header and name == self._header), b"")
        return await self._agents.caller(call.path["agent"], login, password, certificate.decode("latin-1"))

    async def _answer(self, agent: Agent, query: dict[str, str]) -> str:
        query["account"] = query["account"].strip(" ")  # a `+` that was not encoded arrives as a blank
        txn_id = query["txn_id"] if _TXN.fullmatch(query["txn_id"]) else ""
        command = query["command"]
        if command not in ("check", "pay") or (command == "pay" and not txn_id):
            return written(txn_id, Result(OTHER, "command check or pay, and a txn_id of 1 to 20 digits, are needed"))
        wallet = parse_wallet(query["account"]) if len(query["account"]) <= 16 else None
        amount = parse_amount(query["sum"]) if _SUM.fullmatch(query["sum"]) else None
        if command == "pay":
            return await self._pay(agent, txn_id, wallet, amount, query)
        return written(txn_id, await self._check(agent, txn_id, wallet, amount, query))

    async def _check(
        self, agent: Agent, txn_id: str, wallet: int | None, amount: int | None, query: dict[str, str]
    ) -> Result:
        """Look at a payment as `_pay` would, but for the agent's own money; the sum may be left out or zero."""
        if wallet is None:
            return NO_NUMBER
        if amount is None and query["sum"]:
            return NO_SUM
        wrong = await self._standing(wallet)
        if wrong is None and amount:
            order = await self._order(agent, txn_id, wallet, amount, "", query)
            refusal = await self._limits.would_refuse(order)
            wrong = None if refusal is None else _said(refusal)
        return wrong or Result(OK, "OK")

    async def _standing(self, wallet: int) -> Result | None:
        """Return why a wallet cannot be topped up, or None."""
        found = await self._wallets.get(wallet)
        if found is None:
            return None if self._make_wallets else Result(NO_ACCOUNT, "there is no such wallet")
        if found.blocked or found.closed_at is not None:
            return Result(INACTIVE, "the wallet is blocked or closed")
        return None

    async def _pay(
        self, agent: Agent, txn_id: str, wallet: int | None, amount: int | None, query: dict[str, str]
    ) -> str:
        """Take a payment; a repeat gets the first answer again, whatever became of the wallet since."""
        if wallet is None or amount is None:
            return written(txn_id, NO_NUMBER if wallet is None else NO_SUM, query["sum"] if amount else "")
        answer = await self._earlier(agent, txn_id, wallet, amount)
        if answer is not None:
            return answer
        day = query["txn_date"] or self._today()
        wrong = _wrong(amount, day) or await self._standing(wallet)
        if wrong is None:
            outcome = await self._writer.submit(await self._order(agent, txn_id, wallet, amount, day, query))
            if not isinstance(outcome, Refusal):
                return outcome.answer
            wrong = _said(outcome)
        return written(txn_id, wrong, query["sum"] if amount else "")

    async def _earlier(self, agent: Agent, txn_id: str, wallet: int, amount: int) -> str | None:
        """Return the answer to a payment that was made before, whatever became of the wallet since."""
        found = await self._agents.earlier(agent, txn_id)
        if found is None:
            return None
        return found[1] if found[0] == self._meaning(wallet, amount) else written(txn_id, _said(REPEATED))

    def _meaning(self, wallet: int, amount: int) -> str:
        return self._keys.digest("agent", f"{wallet} {amount}".encode())

    async def _order(
        self, agent: Agent, txn_id: str, wallet: int, amount: int, day: str, query: dict[str, str]
    ) -> Order:
        target = account_id(wallet, Kind.WALLET, CURRENCY)
        level = Level.ANONYMOUS if self._make_wallets else None
        paid = face(amount, CURRENCY)
        whole, _, part = paid.partition(".")
        return Order(
            owner=house(agent.number, 0),
            client_id=txn_id,
            meaning=self._meaning(wallet, amount),
            transfers=(Transfer(agent.account, target, amount),),
            openings=(Opening(wallet, Kind.WALLET, CURRENCY, level),),
            records=(Record(wallet, Direction.IN, CURRENCY, OPERATOR, agent.name, amount, 0, "", None),),
            answer=around(txn_id, f"{whole}.{part:0<2}"),
            ceilings=await self._limits.ceiling(wallet, CURRENCY, TOO_LARGE),
            extras=(Extra("agent_payment_add", (agent.number, txn_id, day, query["account"], amount, TXN)),),
        )

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock.now() // SECOND, MOSCOW).strftime(DATE)


def _said(refusal: Refusal) -> Result:
    """Say in the protocol's codes what the ledger refused."""
    if refusal == REPEATED:
        return Result(OTHER, "this txn_id was used for another payment before")
    if refusal == NOT_ENOUGH_MONEY:
        return Result(OTHER, "your overdraft is spent")
    if refusal.code == str(TOO_LARGE):
        return Result(TOO_LARGE, "the wallet's balance may not grow so large")
    return Result(INACTIVE, refusal.en)


def _wrong(amount: int, day: str) -> Result | None:
    if amount == 0:
        return Result(TOO_SMALL, "the sum has to be more than zero")
    return None if _is_date(day) else Result(OTHER, "a txn_date like 20260131235959 is needed")


def _is_date(text: str) -> bool:
    """Tell whether a text is a moment of the calendar: the registry of its day has to find it again."""
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.strptime(text, DATE)
    except ValueError:
        return False
    return True


def _basic(headers: Any) -> tuple[str, str]:
    """Return the login and password of HTTP Basic; empty ones when there are none."""
    given = next((value for name, value in headers if name == b"authorization"), b"")
    scheme, _, text = given.partition(b" ")
    if scheme.lower() != b"basic":
        return "", ""
    try:
        login, _, password = base64.b64decode(text.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return login, password


def _any(name: str, example: str) -> Param:
    return Param(name, lambda text: text[:256], "any text", {"type": "string"}, example=example, raw=True)


AGENT = Param(
    "agent",
    lambda text: text if NAME.fullmatch(text) else "",  # nobody's name, and nobody is told more than 401
    "the name of an agent is needed",
    {"type": "string", "pattern": f"^{NAME.pattern}$"},
    True,
    example="terminals",
    raw=True,
)
_QUERY = (
    _any("command", "check"), _any("txn_id", "1234567"), _any("account", "79991112233"), _any("sum", "10.45"),
    _any("txn_date", "20260131235959"),
)  # fmt: skip

ROWS = tuple(
    Endpoint(
        method,
        "/osmp/{agent}",
        AgentApi,
        AgentApi.serve,
        "An agent checks a wallet or tops it up (OSMP protocol)",
        "osmp.md",
        caller=Caller.AGENT,
        at=(AGENT,),
        query=_QUERY,
        media="text/xml",
        other_media=("application/xml", "text/html", "text/plain"),
        refusals=(UNAVAILABLE,),
        rate=Rate.NONE,
        form=True,
        sampled=True,
        head=False,
    )
    for method in ("GET", "POST")
)
