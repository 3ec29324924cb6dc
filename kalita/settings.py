"""
Settings: one frozen object, built once and handed down.

Each value comes from the last of: the default, the file `DIR/kalita.toml`, the environment (`KALITA_PORT`), a flag.
Unknown keys are refused. There are no default secrets.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NoReturn

FILE = "kalita.toml"
PREFIX = "KALITA_"


class BadSetting(Exception):  # noqa: N818 - named for what is wrong
    """A setting is unknown or has a value of the wrong form; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set. Each field's help says what it does, in which unit."""

    data: Path = field(default=Path("data"), metadata={"help": "directory of the database and the secret key"})
    database: str = field(
        default="",
        repr=False,
        metadata={"help": "postgresql://user:password@host:5432/name; empty: a file of DIR", "address": True},
    )
    demo: bool = field(default=False, metadata={"help": "demonstration mode; set by `kalita demo` only"})
    host: str = field(default="127.0.0.1", metadata={"help": "address to listen on"})
    port: int = field(default=8000, metadata={"help": "port to listen on; 0: any free one"})
    processes: int = field(
        default=1, metadata={"help": "processes that serve, 1 to 60; more than one needs `database`"}
    )
    metrics_host: str = field(default="127.0.0.1", metadata={"help": "address of metrics"})
    metrics_port: int = field(default=9108, metadata={"help": "port of metrics; 0: any free one, -1: none"})
    make_wallets: bool = field(
        default=True, metadata={"help": "a transfer to a number without a wallet makes an unclaimed wallet"}
    )
    requests_a_minute: int = field(
        default=600,
        metadata={
            "help": "requests a minute for one wallet outside history, and bills a minute that links of one pair issue "
            "from one address; 0: no bound"
        },
    )
    bad_tokens_a_minute: int = field(
        default=60, metadata={"help": "calls with bad tokens a minute from one address; 0: no bound"}
    )
    identification: str = field(
        default="listed",
        repr=False,
        metadata={
            "help": "who verifies persons: `listed`, those of `kalita persons import`; `anybody`; "
            "or the address of a service of yours",
            "address": True,
        },
    )
    sms: str = field(
        default="",
        repr=False,
        metadata={
            "help": "how codes get to phones: empty, not at all; `screen`; `outbox`, the folder DIR/outbox; or an "
            "address of Apprise with {number} in it, like twilio://SID:TOKEN@FROM/{number}",
            "secret": True,
        },
    )
    oauth_renewal: bool = field(
        default=False, metadata={"help": "a live token may be renewed over /oauth/authorize and /oauth/token"}
    )
    tenge_balances: bool = field(default=False, metadata={"help": "owners may open a balance in tenge"})
    phone_accounts: bool = field(
        default=False, metadata={"help": "balances list the account of the owner's mobile operator too"}
    )
    sum_limits: bool = field(
        default=True, metadata={"help": "the limits of a wallet's level bind; false lifts them, counters are kept"}
    )
    outbound_networks: str = field(
        default="", metadata={"help": "inner networks that may be called all the same, like 10.1.0.0/16,fd00::/8"}
    )
    outbound_verify: bool = field(
        default=True,
        metadata={"help": "look at the certificates of those who are called; false only in closed networks"},
    )
    hook_timeout_ms: int = field(
        default=2000, metadata={"help": "milliseconds a receiver has for a message, look-up of its name included"}
    )
    hook_retries: str = field(
        default="10m 1h", metadata={"help": "pauses before further attempts of a message, like 10m 1h 6h 1d"}
    )
    hook_key_status: int = field(default=200, metadata={"help": "status of the answers with a hook's key: 200 or 201"})
    public_url: str = field(
        default="",
        metadata={"help": "address that people reach this server at, for links; empty: the one it listens on"},
    )
    service_name: str = field(default="Kalita", metadata={"help": "name of the service on receipts and in messages"})
    smtp_host: str = field(default="", metadata={"help": "mail server; empty: no mail is sent (a demo has an outbox)"})
    smtp_port: int = field(default=587, metadata={"help": "port of the mail server"})
    smtp_user: str = field(default="", metadata={"help": "user at the mail server; empty: none"})
    smtp_password: str = field(default="", repr=False, metadata={"help": "password at the mail server", "secret": True})
    smtp_tls: str = field(
        default="starttls", metadata={"help": "starttls, tls (from the first byte), none (only inside a network)"}
    )
    mail_from: str = field(default="kalita@localhost", metadata={"help": "address that mail comes from"})
    agents_make_wallets: bool = field(
        default=False, metadata={"help": "an agent's top-up of a number without a wallet makes an unclaimed wallet"}
    )
    agent_certificate_header: str = field(
        default="",
        metadata={
            "help": "header in which your proxy tells the subject of a client certificate, like X-Client-Subject"
        },
    )
    strict_requisites: bool = field(
        default=False, metadata={"help": "look at the check digits of bank details (INN, account key) too"}
    )
    rates_url: str = field(
        default="",
        repr=False,
        metadata={"help": "address of a central bank's XML of rates, fetched every hour; empty: none", "address": True},
    )
    rates_spread: str = field(
        default="1",
        metadata={"help": "what a conversion costs over the bank's rate, per cent, like 1.5", "number": True},
    )
    rates_max_age_days: int = field(
        default=7, metadata={"help": "rates of an older day convert nothing; 0: of any day do"}
    )
    bill_notices_anywhere: bool = field(
        default=False, metadata={"help": "bill notifications may go to plain HTTP and to any port: for development"}
    )
    bill_refunds: bool = field(default=False, metadata={"help": "paid bills can be given back, in whole or in part"})
    largest_group: int = field(default=128, metadata={"help": "how many orders share one commit, 1 to 1024"})
    ledger_core: bool = field(
        default=True,
        metadata={
            "help": "on PostgreSQL, the ledger of a server of one process keeps to one core; false: the system chooses"
        },
    )
    log_level: str = field(default="info", metadata={"help": "debug, info, warning or error"})
    log_human: bool = field(default=False, metadata={"help": "log for a person at a terminal instead of JSON lines"})
    secret_key: str = field(
        default="", repr=False, metadata={"help": "64 hex digits; empty: the file DIR/secret.key", "secret": True}
    )


Origins = dict[str, str]
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_DATABASE = re.compile(r"postgres(ql)?://.+", re.DOTALL)
_PASSWORDS = (re.compile(r"(://[^:/@]*:).*(?=@)", re.DOTALL), re.compile(r"([?&](?:ssl)?password=)[^&]*"))
_TOKENS = (re.compile(r"(://)[^:/?@]+(?=:?@)"), re.compile(r"(\?).+", re.DOTALL))
"""What a service may be told in its address beside a password: a user that is a token, anything after the path."""
STARS = "********"
_ADDRESS = re.compile(r"[\x21-\x3f\x41-\x7e]+@[A-Za-z0-9.-]+", re.ASCII)
_URL = re.compile(r"https?://[\x21\x22\x24-\x3e\x41-\x7e]+(?<!/)", re.ASCII)
_KEY = re.compile(r"(?:[0-9a-fA-F]{2}){32,}", re.ASCII)
_PERCENT = re.compile(r"\d{1,2}(\.\d{1,4})?", re.ASCII)
_BOUNDS = {
    "port": (0, 65535),
    "processes": (1, 60),
    "metrics_port": (-1, 65535),
    "smtp_port": (1, 65535),
    "requests_a_minute": (0, 10**6),
    "bad_tokens_a_minute": (0, 10**6),
    "hook_timeout_ms": (1000, 10_000),
    "hook_key_status": (200, 201),
    "largest_group": (1, 1024),
    "rates_max_age_days": (0, 3650),
}
_PAUSE = re.compile(r"([1-9]\d{0,5})([smhd])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
PROVIDER_PASSWORD = "KALITA_PROVIDER_PASSWORD"
NOT_SETTINGS = ("KALITA_LONG", "KALITA_SEED", PROVIDER_PASSWORD)
"""Variables that the tests read, and that of one option."""


def load(
    flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ, base: Mapping[str, Any] | None = None
) -> tuple[Settings, Origins]:
    """
    Build the settings.

    flags  given on the command line, by field name; None: not given
    base   values a command gives instead of the defaults
    returns  the settings, and where each value came from
    raises   BadSetting
    """
    known = {one.name: one for one in fields(Settings)}
    values: dict[str, Any] = {name: one.default for name, one in known.items()} | dict(base or {})
    origins: Origins = dict.fromkeys(known, "default")
    named = {
        key.removeprefix(PREFIX).lower(): value
        for key, value in environment.items()
        if key.startswith(PREFIX) and key not in NOT_SETTINGS
    }
    given: Any = flags.get("data") or named.get("data") or values["data"]
    file = Path(given) / FILE
    for origin, layer in ((str(file), _file(file)), ("environment", named), ("flag", flags)):
        for name, value in layer.items():
            if value is None:
                continue
            _may_be_given(name, origin, known)
            values[name] = _typed(known[name], value, origin)
            origins[name] = origin
    settings = Settings(**values)
    _check(settings, origins)
    return settings, origins


def pauses_s(text: str) -> tuple[int, ...]:
    """Return pauses written like `10m 1h` in seconds."""
    return tuple(int(found[1]) * _UNITS[found[2]] for part in text.split() if (found := _PAUSE.fullmatch(part)))


def shown(settings: Settings) -> dict[str, str | int | bool]:
    """Return each setting by its name as it may be shown: a secret, and a password in an address, as stars."""
    values: dict[str, str | int | bool] = {}
    for one in fields(settings):
        value = getattr(settings, one.name)
        if one.metadata.get("secret"):
            value = STARS if value else ""
        elif one.metadata.get("address"):
            for secret in _PASSWORDS if one.name == "database" else _TOKENS + _PASSWORDS:
                value = secret.sub(rf"\1{STARS}", value)
        values[one.name] = str(value) if isinstance(value, Path) else value
    return values


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as problem:
        raise BadSetting(f"{path} cannot be read: {problem.strerror}; check the path and who may use it") from None
    except ValueError as problem:
        raise BadSetting(f"{path} cannot be read: {problem}") from None


def _may_be_given(name: str, origin: str, known: Mapping[str, Any]) -> None:
    if name not in known:
        raise BadSetting(f"unknown setting `{name}` ({origin}); `kalita config` lists the known ones")
    if name == "demo" and origin != "flag":
        raise BadSetting(f"`demo` cannot be set ({origin}): only `kalita demo` is a demonstration")
    if name == "data" and origin not in ("environment", "flag"):
        raise BadSetting(f"`data` cannot be set in {origin}, which lies in it: use --data or KALITA_DATA")


def _typed(setting: "Field[Any]", value: Any, origin: str) -> Any:
    default = setting.default
    if isinstance(default, bool):
        word = _WORDS.get(str(value).lower())
        return word if word is not None else _wrong(setting.name, origin, "true or false is needed", value)
    if isinstance(default, int):
        whole = not isinstance(value, bool) and _WHOLE.fullmatch(str(value))
        return int(value) if whole else _wrong(setting.name, origin, "a whole number is needed", value)
    if isinstance(default, Path):
        named = isinstance(value, str | Path) and str(value) and "\0" not in str(value)
        return Path(value) if named else _wrong(setting.name, origin, "a directory is needed", value)
    if isinstance(value, str):
        return value
    if setting.metadata.get("number") and type(value) in (int, float):
        return str(value)
    hidden = setting.metadata.get("secret") or setting.metadata.get("address")
    return _wrong(setting.name, origin, "a text is needed", None if hidden else value)


def _check(settings: Settings, origins: Origins) -> None:
    for name, (low, high) in _BOUNDS.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            _wrong(name, origins[name], f"{low} to {high} is allowed", value)
    for name in ("host", "metrics_host"):
        if not getattr(settings, name):
            _wrong(name, origins[name], "an address is needed", "")
    try:
        tuple(ip_network(part.strip()) for part in settings.outbound_networks.split(",") if part.strip())
    except ValueError as problem:
        _wrong("outbound_networks", origins["outbound_networks"], f"networks are needed ({problem})")
    chosen = settings.identification
    if chosen not in ("listed", "anybody") and not chosen.startswith(("https://", "http://")):
        _wrong("identification", origins["identification"], "listed, anybody or an address is needed", chosen)
    if settings.sms not in ("", "screen", "outbox") and not ("://" in settings.sms and "{number}" in settings.sms):
        _wrong("sms", origins["sms"], "screen, outbox or an address of Apprise with {number} in it is needed")
    if settings.smtp_tls not in ("starttls", "tls", "none"):
        _wrong("smtp_tls", origins["smtp_tls"], "starttls, tls or none is needed", settings.smtp_tls)
    if not _ADDRESS.fullmatch(settings.mail_from):
        _wrong("mail_from", origins["mail_from"], "an address like kalita@example.org is needed", settings.mail_from)
    if settings.public_url and not _URL.fullmatch(settings.public_url):
        _wrong("public_url", origins["public_url"], "an address like https://wallet.example.org is needed")
    if not _PERCENT.fullmatch(settings.rates_spread):
        _wrong("rates_spread", origins["rates_spread"], "a number like 1.5 is needed", settings.rates_spread)
    if settings.log_level not in ("debug", "info", "warning", "error"):
        _wrong("log_level", origins["log_level"], "debug, info, warning or error is needed", settings.log_level)
    if settings.database and not _DATABASE.fullmatch(settings.database):
        _wrong("database", origins["database"], "postgresql://user:password@host:5432/name is needed")
    if any(_PAUSE.fullmatch(part) is None for part in settings.hook_retries.split()):
        _wrong("hook_retries", origins["hook_retries"], "pauses like 10m 1h 1d are needed", settings.hook_retries)
    if settings.processes > 1 and not settings.database:
        _wrong("processes", origins["processes"], "1 is allowed without PostgreSQL (--database)", settings.processes)
    if settings.secret_key and not _KEY.fullmatch(settings.secret_key):
        _wrong("secret_key", origins["secret_key"], "at least 64 hex digits are needed")


def _wrong(name: str, origin: str, needed: str, value: Any = None) -> NoReturn:
    """Refuse a setting; without a value what was given is not shown again."""
    raise BadSetting(f"setting `{name}` ({origin}): {needed}" + ("" if value is None else f", not {value!r}"))
