"""
Balances of a wallet as the API lists them. Source: balances.md 1 and 5.
"""

import msgspec

from kalita.people.profile import ALIASES
from kalita.people.wallets import Balance, Wallets
from kalita.refusals import PERSON_NOT_FOUND, Refused
from kalita.wire.amounts import Money, encode, money
from kalita.wire.endpoint import Call, Endpoint, Permission
from kalita.wire.params import Param, wallet_number, whole


class AccountType(msgspec.Struct):
    """Always a wallet's own balance."""

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


WALLET_TYPE = AccountType("WALLET", "QIWI Wallet")

ALIAS = Param(
    "alias",
    lambda text: text,
    "an alias is needed",
    {"type": "string", "description": "only these aliases, separated by commas"},
)


class Balances:
    """List owners' balances."""

    def __init__(self, wallets: Wallets) -> None:
        self._wallets = wallets

    async def list(self, call: Call) -> bytes:
        """
        Answer the balances of the caller's wallet: available money, holds left out.

        `timeout` is how long a client lets the server wait for a balance; ours are always at hand.
        """
        wallet = await self._wallets.get(call.wallet)
        if wallet is None:
            raise Refused(PERSON_NOT_FOUND)
        wanted = call.query.get("alias")
        shown = [account_of(balance, wallet.default_currency) for balance in await self._wallets.balances(call.wallet)]
        if wanted:
            names = {name.strip() for name in wanted.split(",")}
            shown = [account for account in shown if account.alias in names]
        return encode(Accounts(shown))


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


ROWS = (
    Endpoint(
        "GET",
        "/funding-sources/v2/persons/{wallet}/accounts",
        Balances,
        Balances.list,
        "Balances of the wallet",
        "balances.md 1",
        permission=Permission.BALANCE,
        at=(wallet_number("wallet"),),
        query=(whole("timeout", 0, 10_000, default=0), ALIAS),
        answers=Accounts,
        refusals=(PERSON_NOT_FOUND,),
        sampled=True,
    ),
    Endpoint(
        "GET",
        "/funding-sources/v1/accounts/current",
        Balances,
        Balances.list,
        "Balances of the token's wallet, old form",
        "balances.md 5",
        permission=Permission.BALANCE,
        answers=Accounts,
        refusals=(PERSON_NOT_FOUND,),
        sampled=True,
    ),
)
