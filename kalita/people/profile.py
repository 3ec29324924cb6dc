"""
The profile of the token's wallet. Source: profile.md 1, client-compatibility.md 3.
"""

import msgspec

from kalita.clock import DAY, Clock, at_zone
from kalita.ids import first_of
from kalita.keys import Keys
from kalita.ledger.accounts import Direction, stream
from kalita.money import WALLET_CURRENCIES
from kalita.people.operators import operator_of
from kalita.people.wallets import Level, Wallet, Wallets
from kalita.refusals import PERSON_NOT_FOUND, Refused
from kalita.storage.engine import Engine
from kalita.wire.amounts import Money, encode, money
from kalita.wire.endpoint import Call, Endpoint, Permission
from kalita.wire.params import flag

CHANGE_EVERY = 180 * DAY
NICKNAME_RESTS = 30 * DAY
ALIASES = {643: "qw_wallet_rub", 840: "qw_wallet_usd", 978: "qw_wallet_eur", 398: "qw_wallet_kzt"}


class EmailSettings(msgspec.Struct, rename={"for_security": "use-for-security", "for_promo": "use-for-promo"}):
    """What the bound e-mail is used for."""

    for_security: bool
    for_promo: bool


class MobilePin(msgspec.Struct, rename="camel"):
    """The PIN of a mobile application; none exists, so the dates are those of the registration."""

    last_mobile_pin_change: str
    mobile_pin_used: bool
    next_mobile_pin_change: str


class Password(msgspec.Struct, rename="camel"):
    """The password of the site."""

    last_pass_change: str
    next_pass_change: str
    password_used: bool


class Pin(msgspec.Struct, rename="camel"):
    """The PIN of payment terminals: never in use here."""

    pin_used: bool


class AuthInfo(msgspec.Struct, rename="camel"):
    """How the owner signs in."""

    bound_email: str | None
    email_settings: EmailSettings | None
    ip: str
    last_login_date: str | None
    mobile_pin_info: MobilePin
    pass_info: Password
    person_id: int
    pin_info: Pin
    registration_date: str


class Identification(msgspec.Struct, rename="camel"):
    """How far the owner is identified."""

    bank_alias: str
    identification_level: str
    passport_expired: bool


class Nickname(msgspec.Struct, rename="camel"):
    """The wallet's nickname and what may be done with it."""

    nickname: str | None
    can_change: bool
    can_use: bool
    description: str


class SmsNotification(msgspec.Struct, rename="camel"):
    """A paid option of the original that is never switched on."""

    price: Money
    enabled: bool
    active: bool
    end_date: str | None


class PriorityPackage(msgspec.Struct, rename="camel"):
    """Another paid option that is never switched on."""

    price: Money
    enabled: bool
    auto_renewal_active: bool
    end_date: str | None


class ContractInfo(msgspec.Struct, rename="camel"):
    """What the wallet is."""

    blocked: bool
    contract_id: int
    creation_date: str
    features: list[str]
    identification_info: list[Identification]
    nickname: Nickname
    sms_notification: SmsNotification
    priority_package: PriorityPackage


class UserInfo(msgspec.Struct, rename="camel"):
    """What the owner prefers."""

    default_pay_currency: int
    default_pay_source: int
    default_pay_account_alias: str
    email: str | None
    first_txn_id: int
    integration_hashes: None
    language: str
    operator: str
    phone_hash: str
    promo_enabled: None


class Profile(msgspec.Struct, rename="camel"):
    """The three parts; one that was switched off is null."""

    auth_info: AuthInfo | None
    contract_info: ContractInfo | None
    user_info: UserInfo | None


class Profiles:
    """Show owners their profile."""

    def __init__(self, engine: Engine, wallets: Wallets, keys: Keys, clock: Clock) -> None:
        self._engine, self._wallets, self._keys, self._clock = engine, wallets, keys, clock

    async def current(self, call: Call) -> bytes:
        """Answer the profile of the caller's wallet, without the parts switched off."""
        wallet = await self._wallets.get(call.wallet)
        if wallet is None:
            raise Refused(PERSON_NOT_FOUND)
        wanted = call.query
        return encode(
            Profile(
                auth_info(wallet) if wanted["authInfoEnabled"] else None,
                contract_info(wallet, self._clock.now()) if wanted["contractInfoEnabled"] else None,
                await self._user_info(wallet) if wanted["userInfoEnabled"] else None,
            )
        )

    async def _user_info(self, wallet: Wallet) -> UserInfo:
        return UserInfo(
            default_pay_currency=wallet.default_currency,
            default_pay_source=7,
            default_pay_account_alias=ALIASES[wallet.default_currency],
            email=wallet.email,
            first_txn_id=await self._first_txn(wallet),
            integration_hashes=None,
            language=wallet.language,
            operator=operator_of(wallet.wallet),
            phone_hash=self._keys.digest("phone", str(wallet.wallet).encode(), 8),
            promo_enabled=None,
        )

    async def _first_txn(self, wallet: Wallet) -> int:
        """Return the first transaction after the registration: what came before it had no owner. 0 if there is none."""
        begun = first_of(wallet.registered_at or wallet.created_at)
        streams = [stream(direction, currency) for direction in Direction for currency in WALLET_CURRENCIES]
        rows = [await self._engine.one("history_first", wallet.wallet, one, begun) for one in streams]
        return min((row[0] for row in rows if row), default=0)


def auth_info(wallet: Wallet) -> AuthInfo:
    """Show how the owner signs in. A wallet without a registration shows its creation."""
    registered = wallet.registered_at or wallet.created_at
    begun, due = at_zone(registered), at_zone(registered + CHANGE_EVERY)
    ip = wallet.last_login_ip or "0.0.0.0"
    return AuthInfo(
        bound_email=wallet.email,
        email_settings=EmailSettings(for_security=wallet.email is not None, for_promo=False),
        ip=ip if ":" not in ip else "0.0.0.0",
        last_login_date=at_zone(wallet.last_login_at) if wallet.last_login_at else None,
        mobile_pin_info=MobilePin(begun, False, due),
        pass_info=Password(begun, due, False),
        person_id=wallet.wallet,
        pin_info=Pin(False),
        registration_date=begun,
    )


def nickname_of(wallet: Wallet, now: int) -> Nickname:
    """Show the nickname; it may be changed once in 30 days. Source: profile.md 10."""
    changed = wallet.nickname_at is None or wallet.nickname_at + NICKNAME_RESTS <= now
    return Nickname(wallet.nickname, changed, not wallet.blocked, "")


def contract_info(wallet: Wallet, now: int) -> ContractInfo:
    """Show what the wallet is."""
    nothing = money(0, 643)
    return ContractInfo(
        blocked=bool(wallet.blocked),
        contract_id=wallet.wallet,
        creation_date=at_zone(wallet.created_at),
        features=[],
        identification_info=[Identification("QIWI", Level(wallet.level).name, False)],
        nickname=nickname_of(wallet, now),
        sms_notification=SmsNotification(nothing, False, False, None),
        priority_package=PriorityPackage(nothing, False, False, None),
    )


ROWS = (
    Endpoint(
        "GET",
        "/person-profile/v1/profile/current",
        Profiles,
        Profiles.current,
        "Profile of the token's wallet",
        "profile.md 1",
        permission=Permission.PROFILE,
        query=(flag("authInfoEnabled", True), flag("contractInfoEnabled", True), flag("userInfoEnabled", True)),
        answers=Profile,
        refusals=(PERSON_NOT_FOUND,),
    ),
)
