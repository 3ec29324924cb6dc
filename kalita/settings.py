"""
Settings: one frozen object, built once and handed down.

Each value comes from the last of: the default, the file `DIR/kalita.toml`, the environment (`KALITA_PORT`), a flag.
Unknown keys are refused. There are no default secrets.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

FILE = "kalita.toml"
PREFIX = "KALITA_"


class BadSetting(Exception):  # noqa: N818 - named for what is wrong
    """A setting is unknown or has a value of the wrong form; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set. Each field's help says what it does, in which unit."""

    data: Path = field(default=Path("data"), metadata={"help": "directory of the database and the secret key"})
    demo: bool = field(default=False, metadata={"help": "demonstration mode; set by `kalita demo` only"})
    host: str = field(default="127.0.0.1", metadata={"help": "address to listen on"})
    port: int = field(default=8000, metadata={"help": "port to listen on; 0: any free one"})
    metrics_host: str = field(default="127.0.0.1", metadata={"help": "address of metrics"})
    metrics_port: int = field(default=9108, metadata={"help": "port of metrics; 0: any free one, -1: none"})
    make_wallets: bool = field(
        default=True, metadata={"help": "a transfer to a number without a wallet makes an unclaimed wallet"}
    )
    requests_a_minute: int = field(
        default=600, metadata={"help": "requests a minute for one wallet outside history; 0: no bound"}
    )
    bad_tokens_a_minute: int = field(
        default=60, metadata={"help": "calls with bad tokens a minute from one address; 0: no bound"}
    )
    largest_group: int = field(default=128, metadata={"help": "how many orders share one commit, 1 to 1024"})
    log_level: str = field(default="info", metadata={"help": "debug, info, warning or error"})
    log_human: bool = field(default=False, metadata={"help": "log for a person at a terminal instead of JSON lines"})
    secret_key: str = field(
        default="", metadata={"help": "64 hex digits; empty: the file DIR/secret.key", "secret": True}
    )


Origins = dict[str, str]
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


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
        if key.startswith(PREFIX) and key not in ("KALITA_LONG", "KALITA_SEED")
    }
    data: Any = flags.get("data") or named.get("data") or values["data"]
    layers = [(str(Path(data) / FILE), _file(Path(data) / FILE)), ("environment", named), ("flag", flags)]
    for origin, layer in layers:
        for name, value in layer.items():
            if value is None:
                continue
            if name not in known or (name == "demo" and origin != "flag"):
                raise BadSetting(f"unknown setting `{name}` ({origin}); `kalita config` lists the known ones")
            values[name] = _typed(name, value, known[name].default)
            origins[name] = origin
    settings = Settings(**values)
    _check(settings)
    return settings, origins


def _file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise BadSetting(f"{path}: {problem}") from None


def _typed(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, bool):
        word = _WORDS.get(str(value).lower())
        if word is None:
            raise BadSetting(f"setting `{name}`: true or false is needed, not {value!r}")
        return word
    if isinstance(default, int):
        try:
            return int(value)
        except (TypeError, ValueError):
            raise BadSetting(f"setting `{name}`: a whole number is needed, not {value!r}") from None
    if isinstance(default, Path):
        return Path(value)
    if not isinstance(value, str):
        raise BadSetting(f"setting `{name}`: a text is needed, not {value!r}")
    return value


def _check(settings: Settings) -> None:
    for name, low, high in (
        ("port", 0, 65535),
        ("metrics_port", -1, 65535),
        ("requests_a_minute", 0, 10**6),
        ("bad_tokens_a_minute", 0, 10**6),
        ("largest_group", 1, 1024),
    ):
        if not low <= getattr(settings, name) <= high:
            raise BadSetting(f"setting `{name}`: {low} to {high} is allowed, not {getattr(settings, name)}")
    if settings.log_level not in ("debug", "info", "warning", "error"):
        raise BadSetting(f"setting `log_level`: debug, info, warning or error, not {settings.log_level!r}")
    key = settings.secret_key
    if key and (len(key) < 64 or not all(digit in "0123456789abcdefABCDEF" for digit in key) or len(key) % 2):
        raise BadSetting("setting `secret_key`: at least 64 hex digits are needed")
