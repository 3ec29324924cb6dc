"""
The `kalita` command, run as operators and their scripts run it: wallets, tokens, top-ups, settings.

Guarantee: exit code 0 means done, 1 refused with one line that says why, 2 a wrong command line or setting that is
named; standard output holds the answer and nothing else; nothing that was refused has moved money.
"""

import subprocess
from pathlib import Path

import pytest

from tests.commands import installed, kalita, refused, rows, wrong
from tests.servers import KALITA

NUMBER, PAID_BLINDLY = "79991112233", "79990000048"
PERMISSIONS = ["profile", "balance", "history", "payments", "cards"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with one wallet, where each test makes others for itself."""
    return installed(tmp_path_factory.mktemp("cli") / "data", NUMBER)


def balance(data: Path, wallet: str, currency: str = "RUB") -> str:
    """Return what a wallet has available."""
    shown = kalita("wallet", "show", wallet, "--data", data, "--json").json
    return next(one["available"] for one in shown["balances"] if one["currency"] == currency)


def test_a_wallet_is_made_with_its_level_and_balances(place: Path) -> None:
    """Roubles are always there; the words of the level are the contract's."""
    number = "79990000001"
    done = kalita("wallet", "create", f"+{number}", "--level", "full", "--currency", "usd", "--data", place, "--json")
    assert (done.code, done.err) == (0, "")
    made = done.json
    assert (made["wallet"], made["level"], made["owned"], made["tokens"]) == (int(number), "full", True, [])
    assert made["balances"] == [
        {"currency": "RUB", "available": "0", "on_hold": "0"},
        {"currency": "USD", "available": "0", "on_hold": "0"},
    ]
    assert kalita("wallet", "show", number, "--data", place, "--json").json == made
    refused(kalita("wallet", "create", number, "--data", place, "--json"), "there already", "kalita wallet show")


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--host", "192.0.2.1"], {}, ["192.0.2.1", "`host` has to be"]),
        (["--host", "nowhere.invalid"], {}, ["nowhere.invalid", "`host` has to be"]),
        (["--metrics-port", "0"], {"KALITA_METRICS_HOST": "192.0.2.1"}, ["192.0.2.1", "`metrics_host` has to be"]),
        ([], {"KALITA_RATES_URL": "ftp://bank.example.org/"}, ["`rates_url` cannot be called"]),
        ([], {"KALITA_RATES_URL": "https://bank:hidden@bank.example.org/"}, ["`rates_url`", "without user"]),
        ([], {"KALITA_IDENTIFICATION": "https://hidden@who.example.org/"}, ["`identification`", "without user"]),
    ],
)
def test_a_server_that_could_not_do_its_work_does_not_start(
    place: Path, arguments: list[str], environment: dict[str, str], words: list[str]
) -> None:
    """One line says what to change; what may be a secret is not repeated."""
    command = ("serve", "--port", "0", "--metrics-port", "-1", *arguments, "--data", place)
    done = kalita(*command, environment=environment)
    refused(done, *words)
    assert "hidden" not in done.err


@pytest.mark.parametrize("arguments", [["wallet", "export", NUMBER], ["topup", PAID_BLINDLY, "1"], ["audit", "--head"]])
def test_an_answer_that_cannot_be_written_is_one_line(place: Path, arguments: list[str]) -> None:
    """On a full disk, say: whoever reads it must not take it for a refusal that moved nothing."""
    kalita("wallet", "create", PAID_BLINDLY, "--data", place)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [KALITA, *arguments, "--data", str(place)], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be written: No space left on device" in done.stderr
    assert "look before you repeat it" in done.stderr


def test_a_wallet_is_shown_to_a_person(place: Path) -> None:
    """Without --json it reads like a page."""
    done = kalita("wallet", "show", NUMBER, "--data", place)
    assert (done.code, done.err) == (0, "")
    assert f"wallet {NUMBER}, level simple, in use" in done.out
    assert "AVAILABLE" in done.out
    assert "ON HOLD" in done.out


def test_wallets_are_listed_a_page_at_a_time(tmp_path: Path) -> None:
    """`next` leads through all of them, each once, in order."""
    kalita("init", "--data", tmp_path)
    numbers = [1000000000, 79990000011, 79990000012, 380990000013, 999999999999999]
    for number in numbers:
        assert kalita("wallet", "create", str(number), "--data", tmp_path).code == 0
    seen, after = [], []
    while True:
        page = kalita("wallet", "list", "--limit", "2", *after, "--data", tmp_path, "--json").json
        seen += [one["wallet"] for one in page["wallets"]]
        if page["next"] is None:
            break
        after = ["--after", str(page["next"])]
    assert seen == numbers
    person = kalita("wallet", "list", "--limit", "2", "--data", tmp_path).out
    assert person.splitlines()[0].split() == ["WALLET", "LEVEL", "CREATED", "STANDING"]
    assert "--after 79990000011" in person


def test_a_token_is_shown_once_and_the_one_before_is_blocked(place: Path) -> None:
    """Standard output is the token alone; later only its first 4 characters are known."""
    number = "79990000021"
    kalita("wallet", "create", number, "--data", place)
    first = kalita("token", "issue", number, "--all", "--data", place)
    assert first.code == 0
    assert len(bytes.fromhex(first.out.strip())) == 16
    assert "valid until" in first.err
    words = ["--permission", "history", "--permission", "balance"]
    second = kalita("token", "issue", number, *words, "--data", place, "--json").json
    assert second["permissions"] == ["balance", "history"]
    shown = kalita("wallet", "show", number, "--data", place, "--json")
    assert first.out.strip() not in shown.out
    assert second["token"] not in shown.out
    old, new = shown.json["tokens"]
    assert (old["begins"], old["permissions"]) == (first.out[:4], PERMISSIONS)
    assert (new["begins"], new["permissions"]) == (second["token"][:4], ["balance", "history"])
    assert old["revoked_at"] == new["issued_at"]
    assert (new["revoked_at"], new["expires_at"]) == (None, second["expires_at"])
    assert kalita("token", "revoke", number, "--data", place, "--json").json == {"wallet": int(number), "revoked": True}
    refused(kalita("token", "revoke", number, "--data", place), "no live token")


def test_a_topup_with_an_id_is_done_once(place: Path) -> None:
    """The same content gives the first answer again; other content is refused and moves nothing."""
    number = "79990000031"
    kalita("wallet", "create", number, "--data", place)
    command = ["topup", number, "100.50", "--id", "desk-1", "--note", "Cash desk 3", "--data", place]
    first = kalita(*command, "--json").json
    assert first == first | {"wallet": int(number), "amount": "100.5", "currency": "RUB", "id": "desk-1"}
    assert first["repeated"] is False
    assert kalita(*command, "--json").json == first | {"repeated": True}
    assert f"Done before: transaction {first['transaction']}" in kalita(*command).out
    for position, other in ((1, NUMBER), (2, "100.51"), (6, "Cash desk 4")):
        refused(kalita(*command[:position], other, *command[position + 1 :]), "desk-1", "nothing was moved")
    refused(kalita(*command, "--currency", "USD"), "desk-1", "nothing was moved")
    assert balance(place, number) == "100.5"
    assert balance(place, NUMBER) == "0"
    assert kalita("wallet", "move", number, "79990000032", "--data", place).code == 0
    assert kalita(*command, "--json").json == first | {"repeated": True}
    refused(kalita("topup", number, "1", "--data", place), f"wallet {number} was closed")
    refused(kalita("topup", "79990000039", "1", "--data", place), "there is no wallet 79990000039")


def test_topups_without_an_id_are_each_their_own(place: Path) -> None:
    """Only an id makes a repeat safe, as --help says; a currency that is new to the wallet opens a balance."""
    number = "79990000041"
    kalita("wallet", "create", number, "--data", place)
    made = [kalita("topup", number, "0.01", "--currency", "kzt", "--data", place, "--json").json for _ in range(2)]
    assert made[0]["transaction"] < made[1]["transaction"]
    assert made[0]["id"] is None
    assert balance(place, number, "KZT") == "0.02"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("wallet create 123", "NUMBER"),
        ("wallet create 0999111223344", "NUMBER"),
        ("wallet create 79991112233a", "NUMBER"),
        ("wallet create 1234567890123456", "NUMBER"),
        (f"wallet create {'9' * 5000}", "NUMBER"),
        ("wallet create ７9991112233", "NUMBER"),
        ("wallet create", "NUMBER"),
        ("wallet create 79990000051 --level anonymous", "--level"),
        ("wallet create 79990000051 --currency GBP", "--currency"),
        ("wallet show 12", "NUMBER"),
        ("wallet list --limit 0", "--limit"),
        ("wallet list --after x", "--after"),
        ("wallet", "COMMAND"),
        (f"token issue {NUMBER}", "--permission"),
        (f"token issue {NUMBER} --all --permission history", "--permission"),
        (f"token issue {NUMBER} --permission everything", "--permission"),
        ("token revoke x", "NUMBER"),
        (f"topup {NUMBER}", "AMOUNT"),
        (f"topup {NUMBER} 0", "AMOUNT"),
        (f"topup {NUMBER} 0.00", "AMOUNT"),
        (f"topup {NUMBER} 100.555", "AMOUNT"),
        (f"topup {NUMBER} 100.", "AMOUNT"),
        (f"topup {NUMBER} 1e3", "AMOUNT"),
        (f"topup {NUMBER} 1_0", "AMOUNT"),
        (f"topup {NUMBER} +1", "AMOUNT"),
        (f"topup {NUMBER} -- -1", "AMOUNT"),
        (f"topup {NUMBER} ١", "AMOUNT"),
        (f"topup {NUMBER} 1,5", "AMOUNT"),
        (f"topup {NUMBER} nan", "AMOUNT"),
        (f"topup {NUMBER} {'9' * 13}", "AMOUNT"),
        (f"topup {NUMBER} 1 --currency JPY", "--currency"),
        (f"topup {NUMBER} 1 --id {'i' * 65}", "--id"),
        (f"topup {NUMBER} 1 --id é", "--id"),
        (f"topup {NUMBER} 1 --note {'n' * 256}", "--note"),
        (f"topup {NUMBER} 1 --note a\tb", "--note"),
        ("serve --port 65536", "port"),
        ("serve --log-level loud", "log_level"),
        ("demo --port x", "--port"),
        ("audit --against nowhere", "--against"),
        ("audit --all", "--all"),
        ("launch", "launch"),
    ],
)
def test_a_wrong_command_line_is_named(place: Path, arguments: str, named: str) -> None:
    """What is wrong is refused before anything is opened, and never guessed at."""
    parts = arguments.split(" ")
    at = parts.index("--") if "--" in parts else len(parts)
    before = rows(place, "chain")
    group = parts in (["wallet"], ["launch"])
    wrong(kalita(*parts[:at], *(() if group else ("--data", place)), *parts[at:]), named)
    assert rows(place, "chain") == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("wallet show 79990000099", "there is no wallet 79990000099: `kalita wallet create"),
        ("token issue 79990000099 --all", "there is no wallet 79990000099: `kalita wallet create"),
        ("token revoke 79990000099", "there is no wallet 79990000099"),
        ("topup 79990000099 1", "there is no wallet 79990000099: `kalita wallet create"),
    ],
)
def test_what_is_not_there_is_refused_with_the_next_step(place: Path, arguments: str, words: str) -> None:
    """Nobody gets money or a token by a mistyped number."""
    refused(kalita(*arguments.split(), "--data", place), words)


def test_config_shows_each_value_with_its_origin_and_masks_secrets(tmp_path: Path) -> None:
    """It needs no installation, and no form of it shows the key."""
    (tmp_path / "kalita.toml").write_text("port = 7000\nlargest_group = 64\n")
    own = {"KALITA_PORT": "7001", "KALITA_SECRET_KEY": "5a" * 32}
    done = kalita("config", "--data", tmp_path, "--json", environment=own)
    assert done.code == 0
    shown = done.json
    assert shown["port"] == {"value": 7001, "origin": "environment"}
    assert shown["largest_group"] == {"value": 64, "origin": str(tmp_path / "kalita.toml")}
    assert shown["data"] == {"value": str(tmp_path), "origin": "flag"}
    assert shown["host"] == {"value": "127.0.0.1", "origin": "default"}
    assert shown["secret_key"] == {"value": "********", "origin": "environment"}
    person = kalita("config", "--data", tmp_path, environment=own).out
    assert ["port", "7001", "environment"] in [line.split()[:3] for line in person.splitlines()]
    assert "5a5a" not in done.out + person


def test_every_command_refuses_a_wrong_setting(tmp_path: Path) -> None:
    """A misspelt variable ends any command with exit code 2, before anything is done."""
    for command in ("init", "serve", "demo", "config", "audit", "wallet list"):
        wrong(kalita(*command.split(), "--data", tmp_path / "new", environment={"KALITA_PROT": "1"}), "`prot`")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "command",
    [
        "", "init", "serve", "demo", "config", "audit", "topup", "wallet", "wallet create", "wallet show",
        "wallet list", "token", "token issue", "token revoke",
    ],
)  # fmt: skip
def test_help_teaches(command: str) -> None:
    """Every command has an example and its exit codes in --help."""
    done = kalita(*command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    if command not in ("", "wallet", "token"):
        assert f"Example:  kalita {command}" in done.out
        assert "Exit:     0 " in done.out
        assert "--data DIR" in done.out
