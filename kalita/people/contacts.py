"""
What an owner decides about himself: nickname, language, mail address, the balance that pays; and that he signed in.

Source: profile.md 0, 1 and 10, balances.md 4.
"""

import ipaddress
import re

from kalita.access.acts import Who, act
from kalita.access.tokens import CHANGED
from kalita.clock import Clock
from kalita.messages.mail import is_address
from kalita.people.profile import NICKNAME_RESTS
from kalita.people.wallets import Level, Wallet, Wallets
from kalita.storage.engine import Engine, Step

LANGUAGES = ("ru", "en")
RESTS, TAKEN = "it may be changed once in 30 days", "somebody else has it"
_NICKNAME = re.compile(r"[A-Z0-9]{5,20}", re.ASCII)


def address_of(client: str) -> str:
    """Return an address as the profile may show it: IPv4, also when it came wrapped in IPv6; 0.0.0.0 for another."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return "0.0.0.0"
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped) if address.ipv4_mapped else "0.0.0.0"
    return str(address)


def _rests(wallet: Wallet, now: int) -> bool:
    return wallet.nickname_at is not None and wallet.nickname_at + NICKNAME_RESTS > now


class Contacts:
    """Keep what owners decide about themselves."""

    def __init__(self, engine: Engine, wallets: Wallets, clock: Clock) -> None:
        self._engine, self._wallets, self._clock = engine, wallets, clock

    async def nickname(self, wallet: int, nickname: str) -> str | None:
        """
        Change the nickname: 5 to 20 letters A–Z and digits, nobody else's, once in 30 days.

        returns  why not, None when it is changed
        """
        known = await self._wallets.get(wallet)
        if known is None or not _NICKNAME.fullmatch(nickname):
            return "5 to 20 letters A to Z and digits are needed"
        now = self._clock.now()
        if _rests(known, now):
            return RESTS
        changed, _ = await self._engine.change(
            Step("wallet_nickname", (wallet, nickname, now, now - NICKNAME_RESTS)),
            Step("nickname_act", (*act(wallet, now, Who.OWNER, "nickname.changed").args, nickname)),
        )
        if changed:
            return None
        late = await self._wallets.get(wallet)
        return RESTS if late is not None and _rests(late, now) else TAKEN

    async def language(self, wallet: int, language: str) -> None:
        """Choose the language of pages and messages."""
        assert language in LANGUAGES
        await self._engine.change(Step("wallet_language", (wallet, language)))

    async def mail(self, wallet: int, address: str | None, who: Who = Who.OWNER) -> bool:
        """Bind a mail address that was confirmed, or none; return whether its form is right."""
        if address is not None and not is_address(address):
            return False
        await self._engine.change(
            Step("wallet_email", (wallet, address)),
            act(wallet, self._clock.now(), who, "mail.bound" if address else "mail.unbound"),
        )
        return True

    async def signed_in(self, wallet: int, client: str) -> None:
        """Note that the owner signed in, from which address; an owner who was unknown has the level SIMPLE now."""
        now = self._clock.now()
        await self._engine.change(
            Step("wallet_signed_in", (wallet, now, address_of(client), int(Level.SIMPLE))),
            act(wallet, now, Who.OWNER, "signed_in"),
            CHANGED,
        )
