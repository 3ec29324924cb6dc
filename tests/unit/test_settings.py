"""
Settings: one frozen object from four layers, each value with its origin.

Guarantee: the last layer that gives a value wins, nothing unknown passes in silence, and no secret is ever shown.
"""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from kalita.settings import BadSetting, Settings, load, shown

KEY = "5a" * 32


def made(
    place: Path, file: str = "", environment: dict[str, str] | None = None, **flags: Any
) -> tuple[Settings, dict[str, str]]:
    """Load the settings of a directory whose file holds a text."""
    if file:
        (place / "kalita.toml").write_text(file, "utf-8")
    return load({"data": place, **flags}, environment or {})


def refusal(place: Path, file: str = "", environment: dict[str, str] | None = None, **flags: Any) -> str:
    """Return what refused settings say."""
    with pytest.raises(BadSetting) as caught:
        made(place, file, environment, **flags)
    return str(caught.value)


def test_the_last_layer_that_gives_a_value_wins(tmp_path: Path) -> None:
    """Default < file < environment < flag, and each value tells where it came from."""
    file = 'port = 1\nhost = "10.0.0.1"\nlog_level = "debug"\n'
    settings, origins = made(tmp_path, file, {"KALITA_PORT": "2", "KALITA_HOST": "10.0.0.2", "PATH": "/bin"}, port=3)
    assert (settings.port, settings.host, settings.log_level) == (3, "10.0.0.2", "debug")
    assert settings.metrics_port == 9108
    assert {name: origins[name] for name in ("port", "host", "log_level", "metrics_port")} == {
        "port": "flag",
        "host": "environment",
        "log_level": str(tmp_path / "kalita.toml"),
        "metrics_port": "default",
    }


@pytest.mark.parametrize("text", ["10.1.0.1/16", "inner", "10.0.0.0/8;fd00::/8", "1.2.3.4/33"])
def test_inner_networks_are_named_exactly(tmp_path: Path, text: str) -> None:
    """What is no network opens nothing; good ones stay as they were written."""
    assert "outbound_networks" in refusal(tmp_path, "", {"KALITA_OUTBOUND_NETWORKS": text})
    settings, _ = made(tmp_path, 'outbound_networks = "10.1.0.0/16, fd00::/8"')
    assert settings.outbound_networks == "10.1.0.0/16, fd00::/8"


def test_a_flag_that_was_not_given_leaves_the_other_layers_alone(tmp_path: Path) -> None:
    """None is how click says that a flag was not given."""
    settings, origins = made(tmp_path, "", {"KALITA_PORT": "2"}, port=None, host=None)
    assert (settings.port, origins["port"], origins["host"]) == (2, "environment", "default")


def test_the_file_is_that_of_the_directory_in_use(tmp_path: Path) -> None:
    """KALITA_DATA leads to the file as --data does."""
    (tmp_path / "kalita.toml").write_text("port = 7\n")
    settings, origins = load({}, {"KALITA_DATA": str(tmp_path)})
    assert (settings.data, settings.port, origins["data"]) == (tmp_path, 7, "environment")


def test_a_directory_that_cannot_be_looked_into_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when its owner is another user: a file may be there whose settings would not hold."""

    def closed(path: Path, *_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", closed)
    monkeypatch.setattr(Path, "read_text", closed)
    text = refusal(tmp_path)
    assert f"{tmp_path / 'kalita.toml'} cannot be read: Permission denied" in text
    assert "who may use it" in text


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_without_a_directory_there_is_no_file_of_settings(tmp_path: Path, name: str) -> None:
    """Whoever needs the directory says later what is wrong with it."""
    (tmp_path / "file").touch()
    assert made(tmp_path / name)[1]["port"] == "default"


def test_what_a_command_gives_instead_of_defaults_stays_below_the_layers(tmp_path: Path) -> None:
    """`kalita demo` has other defaults, and the operator's word still wins over them."""
    settings, origins = load({"data": tmp_path}, {"KALITA_METRICS_PORT": "5"}, base={"metrics_port": 0, "port": 9})
    assert (settings.metrics_port, settings.port, origins["port"]) == (5, 9, "default")


@pytest.mark.parametrize(
    ("file", "environment", "flags", "said"),
    [
        ("prot = 1", {}, {}, ["unknown setting `prot`", "kalita.toml"]),
        ("[port]\nvalue = 1", {}, {}, ["`port`", "whole number"]),
        ("[server]\nport = 1", {}, {}, ["unknown setting `server`"]),
        ("", {"KALITA_PROT": "1"}, {}, ["unknown setting `prot`", "environment"]),
        ("", {}, {"prot": 1}, ["unknown setting `prot`", "flag"]),
        ("demo = true", {}, {}, ["`demo`", "kalita demo"]),
        ("", {"KALITA_DEMO": "yes"}, {}, ["`demo`", "environment"]),
        ('data = "elsewhere"', {}, {}, ["`data`", "--data"]),
        ("port = ", {}, {}, ["kalita.toml", "cannot be read"]),
    ],
)
def test_what_is_not_known_is_refused_with_its_origin(
    tmp_path: Path, file: str, environment: dict[str, str], flags: dict[str, Any], said: list[str]
) -> None:
    """A misspelt setting must not silently leave a default in force."""
    text = refusal(tmp_path, file, environment, **flags)
    assert all(part in text for part in said), text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "eight"),
        ("port", "1_0"),
        ("port", " 80"),
        ("port", "８０"),
        ("port", "80.0"),
        ("port", ""),
        ("port", "-1"),
        ("port", "65536"),
        ("port", "9" * 30),
        ("metrics_port", "-2"),
        ("largest_group", "0"),
        ("largest_group", "1025"),
        ("requests_a_minute", "-1"),
        ("bad_tokens_a_minute", "1000001"),
        ("make_wallets", "maybe"),
        ("log_human", ""),
        ("log_level", "loud"),
        ("host", ""),
        ("metrics_host", ""),
        ("smtp_tls", "ssl"),
        ("smtp_port", "0"),
        ("mail_from", "kalita"),
        ("mail_from", "Kalita <kalita@example.org>"),
        ("mail_from", "kalita@example.org\nBcc: x@example.org"),
        ("public_url", "wallet.example.org"),
        ("public_url", "https://wallet.example.org/"),
        ("public_url", "ftp://wallet.example.org"),
        ("public_url", "https://token@wallet.example.org"),
        ("public_url", "https://wallet.example.org/?for=people"),
        ("public_url", "https://wallet.example.org#top"),
        ("sms", "scren"),
        ("sms", "twilio://SID:TOKEN@15551234567"),
        ("database", "mysql://user:hidden@host/name"),
        ("database", "kalita.db"),
        ("secret_key", "0011"),
        ("secret_key", "zz" * 32),
        ("secret_key", "5a" * 32 + "5"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_origin(tmp_path: Path, name: str, value: str) -> None:
    """The line says which setting, from where, and what would be right."""
    text = refusal(tmp_path, "", {f"KALITA_{name.upper()}": value})
    assert f"`{name}` (environment)" in text
    assert "needed" in text or "allowed" in text


@pytest.mark.parametrize("line", ["port = true", "port = 80.5", "log_level = 1", "host = ['a']", "make_wallets = 2"])
def test_a_value_of_another_type_in_the_file_is_refused(tmp_path: Path, line: str) -> None:
    """TOML has types, and a wrong one is a mistake, not something to guess at."""
    assert f"`{line.split()[0]}`" in refusal(tmp_path, line)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("Yes", True), ("1", True), ("FALSE", False), ("no", False), ("0", False)]
)
def test_words_for_true_and_false(tmp_path: Path, text: str, value: bool) -> None:
    """The environment has only texts."""
    assert made(tmp_path, "", {"KALITA_MAKE_WALLETS": text})[0].make_wallets is value


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    """Neither by `config`, nor in a log of the object, nor by the refusal of a wrong one."""
    settings, _ = made(tmp_path, "", {"KALITA_SECRET_KEY": KEY, "KALITA_SMTP_PASSWORD": "hush"})
    assert (shown(settings)["secret_key"], shown(settings)["smtp_password"]) == ("********", "********")
    assert "hush" not in repr(settings)
    assert KEY not in repr(settings)
    assert settings.secret_key == KEY
    for wrong in ("secret_key = 123456789", f'secret_key = "{"f00d" * 8}x"'):
        assert not {"123456789", "f00d"} & set(refusal(tmp_path, wrong).replace("'", " ").split())
        assert "f00d" not in refusal(tmp_path, wrong)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://kalita:hidden@one:5432,two:5432/kalita?target_session_attrs=read-write",
        "postgresql://kalita:hid@den:hidden@one/kalita",
        "postgres://kalita@one/kalita?password=hidden&sslmode=require",
        "postgresql:///kalita?host=/run/postgresql&user=kalita&password=hidden",
    ],
)
def test_the_password_of_a_database_is_never_shown(tmp_path: Path, url: str) -> None:
    """The rest of its address is: an operator wants to know where his money lies."""
    settings, _ = made(tmp_path, "", {"KALITA_DATABASE": url})
    assert settings.database == url
    assert "hidden" not in repr(settings)
    told = str(shown(settings)["database"])
    assert "hidden" not in told
    assert "kalita" in told
    assert "********" in told
    assert "hidden" not in refusal(tmp_path, "", {"KALITA_DATABASE": url.replace("postgres", "mysql")})


@pytest.mark.parametrize("name", ["rates_url", "identification"])
def test_the_password_of_a_service_is_never_shown(tmp_path: Path, name: str) -> None:
    """Its address is; what is no address is shown as it is."""
    settings, _ = made(tmp_path, "", {f"KALITA_{name.upper()}": "https://kalita:hidden@one.example.org/daily.xml"})
    assert shown(settings)[name] == "https://kalita:********@one.example.org/daily.xml"
    assert "hidden" not in repr(settings)
    assert shown(made(tmp_path)[0])["identification"] == "listed"


@pytest.mark.parametrize("name", ["rates_url", "identification"])
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://hidden@one.example.org/daily.xml", "https://********@one.example.org/daily.xml"),
        ("https://hidden:@one.example.org/", "https://********:********@one.example.org/"),
        ("https://one.example.org/daily.xml?token=hidden&day=1", "https://one.example.org/daily.xml?********"),
        ("https://one.example.org:8443/daily.xml", "https://one.example.org:8443/daily.xml"),
    ],
)
def test_the_token_of_a_service_is_never_shown(tmp_path: Path, name: str, url: str, told: str) -> None:
    """Whether it stands as a user without a password or behind the path; where nothing is hidden, all is shown."""
    settings, _ = made(tmp_path, "", {f"KALITA_{name.upper()}": url})
    assert shown(settings)[name] == told


def test_the_user_of_a_database_is_shown(tmp_path: Path) -> None:
    """It is no secret, and an operator looks for it."""
    settings, _ = made(tmp_path, "", {"KALITA_DATABASE": "postgresql://kalita@one/books"})
    assert shown(settings)["database"] == "postgresql://kalita@one/books"


@pytest.mark.parametrize("line", ["rates_spread = 1.5", 'rates_spread = "1.5"'])
def test_a_percentage_is_a_number_or_a_text(tmp_path: Path, line: str) -> None:
    """The file has numbers; the environment has only texts."""
    assert made(tmp_path, line)[0].rates_spread == "1.5"


@pytest.mark.parametrize(
    "line", ["rates_spread = true", "rates_spread = -1", "rates_spread = 1e-7", "rates_spread = nan"]
)
def test_a_percentage_that_is_none_is_refused(tmp_path: Path, line: str) -> None:
    """Whatever TOML calls a number."""
    assert "`rates_spread`" in refusal(tmp_path, line)


def test_the_variable_of_an_option_is_no_setting(tmp_path: Path) -> None:
    """`kalita provider set` reads it; it stands in nobody's way."""
    made(tmp_path, "", {"KALITA_PROVIDER_PASSWORD": "hush"})


def test_there_is_no_default_secret() -> None:
    """An installation without a key of its own has none at all."""
    secrets = [one for one in dataclasses.fields(Settings) if one.metadata.get("secret")]
    assert {one.name for one in secrets} >= {"secret_key", "sms"}
    assert all(one.default == "" for one in secrets)


def test_settings_do_not_change_once_built(tmp_path: Path) -> None:
    """One frozen object, handed down."""
    settings, _ = made(tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_does() -> None:
    """`kalita config` and the documents show it."""
    assert all(len(one.metadata["help"]) > 10 for one in dataclasses.fields(Settings))
