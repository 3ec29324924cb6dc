"""
The `kalita` command, run as operators and their scripts run it, on an installation that no server serves.

Guarantee: exit code 0 means done, 1 refused with one line that says why, 2 a wrong command line or setting that is
named; standard output holds the answer and nothing else; nothing that was refused has moved money.
"""

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands import Done, kalita

NUMBER = "79991112233"
PERMISSIONS = ["profile", "balance", "history", "payments", "cards"]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation, as `kalita init` makes it, with one wallet; it stays as it is."""
    data = tmp_path_factory.mktemp("cli") / "data"
    assert kalita("init", "--data", data).code == 0
    assert kalita("wallet", "create", NUMBER, "--data", data).code == 0
    return data


@pytest.fixture(scope="module")
def place(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it, where each test has wallets of its own."""
    return Path(shutil.copytree(fresh, tmp_path_factory.mktemp("place") / "data"))


@pytest.fixture
def copy(fresh: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    return Path(shutil.copytree(fresh, tmp_path / "data"))


def refused(done: Done, *words: str) -> None:
    """A refusal is exit code 1, an empty answer, and one line that says why."""
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: ")
    assert len(done.err.splitlines()) == 1
    assert all(word in done.err for word in words), done.err


def wrong(done: Done, *words: str) -> None:
    """A wrong command line is exit code 2, an empty answer, and the name of what is wrong."""
    assert (done.code, done.out) == (2, "")
    assert all(word in done.err for word in words), done.err


def balance(data: Path, wallet: str, currency: str = "RUB") -> str:
    """Return what a wallet has available."""
    shown = kalita("wallet", "show", wallet, "--data", data, "--json").json
    return next(one["available"] for one in shown["balances"] if one["currency"] == currency)


def test_init_makes_what_only_its_owner_may_read_and_says_what_is_next(tmp_path: Path) -> None:
    """The directory and the key are closed to others, and the lines it prints work as they stand."""
    data = tmp_path / "deep" / "data"
    done = kalita("init", "--data", data)
    assert (done.code, done.err) == (0, "")
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "secret.key").stat().st_mode) == 0o600
    assert len(bytes.fromhex((data / "secret.key").read_text())) == 32
    following = [line.split() for line in done.out.splitlines() if line.startswith("  kalita")]
    assert [line[1] for line in following] == ["wallet", "token", "serve"]
    assert all(kalita(*line[1:]).code == 0 for line in following[:2])


def test_init_leaves_an_installation_as_it_is(copy: Path) -> None:
    """Running it twice is no harm: key and rows stay."""
    before = (copy / "secret.key").read_bytes(), kalita("audit", "--head", "--data", copy).out
    done = kalita("init", "--data", copy)
    assert (done.code, done.err) == (0, "")
    assert "nothing was changed" in done.out
    assert ((copy / "secret.key").read_bytes(), kalita("audit", "--head", "--data", copy).out) == before


def test_the_key_may_come_from_the_environment(tmp_path: Path) -> None:
    """Then no key lies beside the database, and the database opens with that key only."""
    own = {"KALITA_SECRET_KEY": "5a" * 32, "KALITA_DATA": str(tmp_path / "data")}
    assert kalita("init", environment=own).code == 0
    assert not (tmp_path / "data" / "secret.key").exists()
    assert kalita("wallet", "list", environment=own).code == 0
    refused(kalita("wallet", "list", environment=own | {"KALITA_SECRET_KEY": "a5" * 32}), "secret key is not the one")


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


def test_the_audit_proves_the_books(copy: Path) -> None:
    """Exit code 0, in words and as a document."""
    kalita("topup", NUMBER, "5", "--data", copy)
    person = kalita("audit", "--data", copy)
    assert (person.code, person.err) == (0, "")
    assert person.out.startswith("Proven: ")
    report = kalita("audit", "--data", copy, "--json").json
    assert (report["proven"], report["findings"], report["more"]) == (True, [], 0)
    assert (report["counts"]["entry"], report["counts"]["wallet"]) == (2, 1)


def test_the_audit_names_what_was_changed(copy: Path) -> None:
    """Exit code 1, each finding on its line; no head is printed that might be kept for good."""
    kalita("topup", NUMBER, "5", "--data", copy)
    spoil(copy, f"UPDATE account SET balance = balance + 1 WHERE owner = {NUMBER}")
    done = kalita("audit", "--data", copy)
    assert (done.code, done.err) == (1, "Error: the books are not proven\n")
    assert any(line.startswith("account, ") for line in done.out.splitlines())
    report = kalita("audit", "--data", copy, "--json")
    assert (report.code, report.json["proven"]) == (1, False)
    assert {"table", "key", "what"} == set(report.json["findings"][0])
    heads = kalita("audit", "--head", "--data", copy)
    assert heads.code == 1
    assert report.json["heads"][0]["head"] not in heads.out


@pytest.mark.parametrize("form", ["--head", "--json"])
def test_a_cut_tail_is_found_against_heads_kept_outside(copy: Path, tmp_path: Path, form: str) -> None:
    """Whoever takes back an old copy of the database is found out, in both forms of the kept file."""
    old = shutil.copytree(copy, tmp_path / "old")
    assert kalita("topup", NUMBER, "5", "--data", copy).code == 0
    kept = tmp_path / "heads"
    kept.write_text(kalita("audit", form, "--data", copy).out)
    assert kalita("topup", NUMBER, "6", "--data", copy).code == 0
    assert kalita("audit", "--against", kept, "--data", copy).code == 0
    assert kalita("audit", "--data", old).code == 0
    done = kalita("audit", "--against", kept, "--data", old)
    assert done.code == 1
    assert "a head was kept of this group, and it is gone" in done.out


@pytest.mark.parametrize(
    "text", ["", "\n", "0 2\n", "0 2 xyz", "{}", '{"heads": []}', '{"heads": [{"lane": "a"}]}', "{", "\udcff"]
)
def test_a_file_that_holds_no_heads_is_refused(place: Path, tmp_path: Path, text: str) -> None:
    """To check against nothing would prove nothing."""
    (tmp_path / "heads").write_bytes(text.encode("utf-8", "surrogateescape"))
    wrong(kalita("audit", "--against", tmp_path / "heads", "--data", place), "--against")


def rows(data: Path, name: str) -> list[tuple[object, ...]]:
    """Return all rows of a table."""
    with closing(sqlite3.connect(data / "kalita.db")) as database:
        return database.execute(f"SELECT * FROM {name}").fetchall()


def spoil(data: Path, statement: str) -> None:
    """Change the database behind the server's back."""
    with closing(sqlite3.connect(data / "kalita.db")) as database, database:
        database.execute(statement)


READS = ("wallet list", "audit", f"wallet show {NUMBER}", f"token issue {NUMBER} --all", f"topup {NUMBER} 1", "serve")


@pytest.mark.parametrize("command", READS)
def test_a_directory_without_an_installation_is_refused(tmp_path: Path, command: str) -> None:
    """Nothing is made there, and the line says what to run first."""
    port = ("--port", "0", "--metrics-port", "-1") if command == "serve" else ()
    refused(kalita(*command.split(), *port, "--data", tmp_path / "no"), "there is no database", "kalita init")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (None, "secret.key is missing"),
        ("5a" * 32, "is not the one this database was made with"),
        ("5a" * 31, "secret.key holds fewer than 64 hex digits"),
        ("", "secret.key holds fewer than 64 hex digits"),
        ("no key at all", "secret.key does not hold hex digits"),
        ("я" * 32, "secret.key does not hold hex digits"),
    ],
)
def test_a_wrong_key_is_refused(copy: Path, key: str | None, words: str) -> None:
    """One line that says which file and what to do, for a reader and for a writer alike."""
    (copy / "secret.key").unlink()
    if key is not None:
        (copy / "secret.key").write_text(key)
    for command in (["audit"], ["topup", NUMBER, "1"]):
        refused(kalita(*command, "--data", copy), words, "put the", "key")


def test_a_database_newer_than_the_program_is_refused(copy: Path) -> None:
    """An old program must not write what it does not understand."""
    spoil(copy, "INSERT INTO migration VALUES (99, 'future', 0)")
    refused(kalita("topup", NUMBER, "1", "--data", copy), "migration 99", "install the newer")


@pytest.mark.parametrize("command", ["audit", "wallet list", f"topup {NUMBER} 1"])
def test_a_file_that_is_no_database_is_refused(copy: Path, command: str) -> None:
    """A spoilt file is a line, not a traceback."""
    (copy / "kalita.db").write_bytes(b"not a database at all " * 1000)
    refused(kalita(*command.split(), "--data", copy), "kalita.db", "not a database")


def test_pages_of_the_file_that_were_overwritten_are_not_proven(copy: Path) -> None:
    """The audit of a file that cannot be read through is never a proof."""
    with (copy / "kalita.db").open("r+b") as file:
        length = file.seek(0, 2)
        file.seek(2 * 4096)
        file.write(b"\xff" * (length - 2 * 4096))
    assert kalita("audit", "--data", copy).code == 1


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """One line with the path in it."""
    (tmp_path / "file").write_text("")
    for command in (["init"], ["demo", "--port", "0"]):
        refused(kalita(*command, "--data", tmp_path / "file" / "data"), "file/data", "Not a directory")
        refused(kalita(*command, "--data", tmp_path / "file"), str(tmp_path / "file"))


def test_any_name_of_a_directory_will_do(tmp_path: Path) -> None:
    """Blanks, Cyrillic and the signs of addresses are only letters of a name."""
    data = tmp_path / "касса №1 #2 ?x=%41"
    assert kalita("init", "--data", data).code == 0
    assert kalita("wallet", "create", NUMBER, "--data", data).code == 0
    assert (data / "kalita.db").exists()
    assert [folder.name for folder in tmp_path.iterdir()] == [data.name]


def test_a_demonstration_never_mixes_with_real_wallets(copy: Path) -> None:
    """Play money does not come into books that were made with `kalita init`."""
    refused(kalita("demo", "--port", "0", "--data", copy), "no demonstration")
    assert [one["wallet"] for one in kalita("wallet", "list", "--json", "--data", copy).json["wallets"]] == [
        int(NUMBER)
    ]
    assert kalita("audit", "--data", copy).code == 0


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


@pytest.mark.parametrize("command", ["wallet list", f"wallet show {NUMBER}", "audit", "audit --head", "config", "init"])
def test_who_only_reads_leases_no_lane(copy: Path, command: str) -> None:
    """A look at the books leaves no trace in them, so that it can be taken as often as one likes."""
    before = rows(copy, "lane")
    assert kalita(*command.split(), "--data", copy).code == 0
    assert rows(copy, "lane") == before


def test_a_writer_gives_its_lane_back(copy: Path) -> None:
    """A hundred commands in a row need one lane, not a hundred."""
    for _ in range(3):
        assert kalita("topup", NUMBER, "1", "--data", copy).code == 0
    (lane,) = rows(copy, "lane")
    assert lane[2] == 0
