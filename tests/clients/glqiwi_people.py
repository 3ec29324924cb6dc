"""
What glQiwiApi 2.18.3 has to say about who one is, what one may spend and which balances one has; see glqiwi_journey.py.

Usage: .venv-glqiwi/bin/python glqiwi_people.py < demo.json
"""

import asyncio
import json
import sys

from glqiwi_journey import Transport, failure, plain
from glQiwiApi import QiwiWallet


async def other_failure(call: object) -> str:
    """Return which exception a call ended with, and its text."""
    try:
        await call
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"
    return ""


async def journey(demo: dict) -> dict:
    """Ask for everything."""
    transport = Transport(demo["url"])
    transport.install()
    (first, number), (second, other_number) = [(one["token"], f"+{one['wallet']}") for one in demo["wallets"][:2]]
    async with QiwiWallet(first, number) as full, QiwiWallet(second, other_number) as other:
        await other.transfer_money(number, 99, "for the limits")
        told = {
            "identification": plain(await full.get_identification()),
            "authenticate": await other_failure(
                full.authenticate("1990-02-11", "Анна", "Петрова", "Ивановна", "4400111222")
            ),
            "limits": {
                country: [plain(one) for one in limits] for country, limits in (await other.get_limits()).items()
            },
            "restrictions": [plain(one) for one in await full.get_restrictions()],
            "nickname": plain(await full.get_nickname()),
            "offer": [plain(one) for one in await other.get_available_balances()],
            "created": await other.create_new_balance("qw_wallet_usd"),
            "created_again": await failure(other.create_new_balance("qw_wallet_usd")),
            "not_offered": await failure(other.create_new_balance("qw_wallet_kzt")),
            "balances": [plain(one) for one in await other.get_list_of_balances()],
            "default": await other_failure(other.set_default_balance("qw_wallet_usd")),
            "default_unknown": await failure(other.set_default_balance("qw_wallet_kzt")),
        }
        told["profile"] = plain(await other.get_profile())
    return told


if __name__ == "__main__":
    print(json.dumps(asyncio.run(journey(json.load(sys.stdin))), ensure_ascii=False, default=str))
