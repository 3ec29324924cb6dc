"""
Balances of a wallet: listed, opened, offered, chosen to pay by default. Source: balances.md.
"""

from dataclasses import replace
from typing import Annotated

import msgspec

from kalita.ledger.accounts import Kind, account_id
from kalita.ledger.order import Guard, Opening, Order
from kalita.ledger.writer import Ledger
from kalita.money import EUR, KZT, RUB, USD
from kalita.people.operators import operator_of
from kalita.people.profile import ALIASES
from kalita.people.wallets import Balance, Wallet, Wallets
from kalita.refusals import (
    ACCOUNT_EXISTS,
    ACCOUNT_NOT_FOUND,
    ACCOUNT_NOT_OFFERED,
    OUTDATED,
    PERSON_NOT_FOUND,
    Refusal,
    Refused,
    malformed,
)
from kalita.storage.engine import Engine, Step
from kalita.wire.amounts import Money, encode, money
from kalita.wire.endpoint import Call, Endpoint, Permission
from kalita.wire.params import Param, pattern, wallet_number, whole


class AccountType(msgspec.Struct):
    """A wallet's own balance, or the account of its phone number."""

    id: str
    title: str


class Account(msgspec.Struct, rename="camel"):
    """One balance. The word is the wire's."""

    alias: str
    fs_alias: str
    bank_alias: str
    title: str
    type: AccountType
    has_balance: bool
    balance: Money | None
    currency: int
    default_account: bool


class Accounts(msgspec.Struct):
    """Every open balance, roubles first."""

    accounts: list[Account]


class Offer(msgspec.Struct):
    """A balance that can be opened."""

    alias: str
    currency: int


class Nothing(msgspec.Struct):
    """There is nothing to say."""


Alias = Annotated[str | None, msgspec.Meta(description="of a balance on offer", examples=["qw_wallet_eur"])]


class NewBalance(msgspec.Struct, rename="camel"):
    """Which balance to open; `accountAlias` is the old name of `alias`."""

    alias: Alias = None
    account_alias: Annotated[str | None, msgspec.Meta(description="used where `alias` is missing")] = None


class DefaultBalance(msgspec.Struct, rename="camel"):
    """Let this balance pay by default; it can only be moved to another, so only true makes sense."""

    default_account: Annotated[bool, msgspec.Meta(examples=[True])]


WALLET_TYPE = AccountType("WALLET", "QIWI Wallet")
PHONE_TYPE = AccountType("MC", "Счет мобильного кошелька")
PHONES = {"Beeline": "beeline", "MegaFon": "megafon", "MTS": "mts", "Tele2": "tele2"}
CURRENCY_OF = {alias: currency for currency, alias in ALIASES.items()}
OFFERED = (USD, EUR)
"""Tenge comes to these where the operator offers it."""

ALIAS = Param(
    "alias",
    lambda text: text,
    "an alias is needed",
    {"type": "string", "description": "only these aliases, separated by commas"},
)


class Balances:
    """
    Keep owners' balances.

    tenge   balances in tenge are on offer
    phones  the account of a known operator's phone number is listed too; it holds no money of the system
    """

    def __init__(self, engine: Engine, writer: Ledger, wallets: Wallets, tenge: bool, phones: bool) -> None:
        self._engine, self._writer, self._wallets = engine, writer, wallets
        self._offered = (*OFFERED, KZT) if tenge else OFFERED
        self._phones = phones

    async def current(self, call: Call) -> bytes:
        """
        Answer the balances of the caller's wallet: available money, holds left out.

        `timeout` is how long a client lets the server wait for a balance; ours are always at hand.
        """
        wallet = await self._wallet(call)
        wanted = call.query.get("alias")
        shown = await self._listed(wallet)
        if wanted:
            names = {name.strip() for name in wanted.split(",")}
            shown = [account for account in shown if account.alias in names]
        return encode(Accounts(shown))

    async def create(self, call: Call) -> bytes:
        """Open a balance. Of several that open the same one at once the first succeeds."""
        body: NewBalance = call.body
        alias = body.alias if body.alias is not None else body.account_alias
        if alias is None:
            raise malformed("alias", "it is required")
        await self._wallet(call)
        currency = CURRENCY_OF.get(alias)
        if currency is None:
            raise Refused(ACCOUNT_NOT_OFFERED)
        if any(one.currency == currency for one in await self._wallets.balances(call.wallet)):
            raise Refused(ACCOUNT_EXISTS)
        if currency not in (RUB, *self._offered):
            raise Refused(ACCOUNT_NOT_OFFERED)
        account = account_id(call.wallet, Kind.WALLET, currency)
        outcome = await self._writer.submit(
            Order(
                call.wallet,
                openings=(Opening(call.wallet, Kind.WALLET, currency),),
                guard=Guard("balance_not_open", (call.wallet, account)),
            )
        )
        if isinstance(outcome, Refusal):
            raise Refused(ACCOUNT_EXISTS if outcome == OUTDATED else outcome)
        return b"{}"

    async def offer(self, call: Call) -> bytes:
        """Answer what can be opened."""
        opened = {one.currency for one in await self._wallets.balances(call.wallet)}
        left = [one for one in self._offered if one not in opened]
        return msgspec.json.encode([Offer(ALIASES[one], one) for one in left])

    async def choose(self, call: Call) -> bytes:
        """Let a balance pay by default; without a body likewise."""
        if call.body is not None and not call.body.default_account:
            raise malformed("defaultAccount", "a default can be moved to another balance, not taken away")
        wallet = await self._wallet(call)
        found = [one for one in await self._listed(wallet) if one.alias == call.path["alias"]]
        if not found:
            raise Refused(ACCOUNT_NOT_FOUND)
        if not found[0].has_balance:
            raise Refused(ACCOUNT_NOT_OFFERED)
        await self._engine.change(Step("wallet_default", (call.wallet, found[0].currency)))
        return b""

    async def _wallet(self, call: Call) -> Wallet:
        wallet = await self._wallets.get(call.wallet)
        if wallet is None:
            raise Refused(PERSON_NOT_FOUND)
        return wallet

    async def _listed(self, wallet: Wallet) -> list[Account]:
        shown = [account_of(one, wallet.default_currency) for one in await self._wallets.balances(wallet.wallet)]
        phone = PHONES.get(operator_of(wallet.wallet)) if self._phones else None
        return [*shown, phone_account(phone)] if phone else shown


def phone_account(operator: str) -> Account:
    """Show the account of a phone number: it has no balance here."""
    return Account(f"mc_{operator}_rub", f"qb_mc_{operator}", "QIWI", "MC", PHONE_TYPE, False, None, RUB, False)


def account_of(balance: Balance, default_currency: int) -> Account:
    """Give a balance its wire form."""
    return Account(
        alias=ALIASES[balance.currency],
        fs_alias="qb_wallet",
        bank_alias="QIWI",
        title="WALLET",
        type=WALLET_TYPE,
        has_balance=True,
        balance=money(balance.available, balance.currency),
        currency=balance.currency,
        default_account=balance.currency == default_currency,
    )


PATH = "/funding-sources/v2/persons/{wallet}/accounts"
WALLET = wallet_number("wallet")
NAMED = replace(
    pattern("alias", "[a-z]{2}_[a-z0-9]+_[a-z]{3}", "an alias like qw_wallet_usd is needed", True, "qw_wallet_rub"),
    refusal=ACCOUNT_NOT_FOUND,
)

ROWS = (
    Endpoint(
        "POST",
        PATH,
        Balances,
        Balances.create,
        "Open a balance",
        "balances.md 2",
        permission=Permission.BALANCE,
        at=(WALLET,),
        body=NewBalance,
        answers=Nothing,
        success=201,
        refusals=(PERSON_NOT_FOUND, ACCOUNT_EXISTS, ACCOUNT_NOT_OFFERED),
    ),
    Endpoint(
        "GET",
        PATH + "/offer",
        Balances,
        Balances.offer,
        "Balances that can be opened",
        "balances.md 3",
        permission=Permission.BALANCE,
        at=(WALLET,),
        answers=list[Offer],
        refusals=(PERSON_NOT_FOUND,),
    ),
    Endpoint(
        "PATCH",
        PATH + "/{alias}",
        Balances,
        Balances.choose,
        "Let a balance pay by default",
        "balances.md 4",
        permission=Permission.BALANCE,
        at=(WALLET, NAMED),
        body=DefaultBalance,
        bare=True,
        success=204,
        refusals=(PERSON_NOT_FOUND, ACCOUNT_NOT_FOUND, ACCOUNT_NOT_OFFERED),
    ),
    Endpoint(
        "GET",
        PATH,
        Balances,
        Balances.current,
        "Balances of the wallet",
        "balances.md 1",
        permission=Permission.BALANCE,
        at=(WALLET,),
        query=(whole("timeout", 0, 10_000, default=0), ALIAS),
        answers=Accounts,
        refusals=(PERSON_NOT_FOUND,),
        sampled=True,
    ),
    Endpoint(
        "GET",
        "/funding-sources/v1/accounts/current",
        Balances,
        Balances.current,
        "Balances of the token's wallet, old form",
        "balances.md 5",
        permission=Permission.BALANCE,
        answers=Accounts,
        refusals=(PERSON_NOT_FOUND,),
        sampled=True,
    ),
)
