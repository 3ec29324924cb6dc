"""
The `kalita` command and the directory it works on: its making, its key, its file, the proof of its books.

Guarantee: what cannot be opened or proven is refused with exit code 1 and a line that says what to do, and is left as
it was; who only reads leaves no trace.
"""

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from kalita.storage.sqlite.engine import connect
from tests.commands import installed, kalita, refused, rows, wrong

NUMBER = "79991112233"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with one wallet; it stays as it is."""
    return installed(tmp_path_factory.mktemp("cli") / "data", NUMBER)


@pytest.fixture
def copy(fresh: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    return Path(shutil.copytree(fresh, tmp_path / "data"))


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
def test_a_file_that_holds_no_heads_is_refused(fresh: Path, tmp_path: Path, text: str) -> None:
    """To check against nothing would prove nothing."""
    (tmp_path / "heads").write_bytes(text.encode("utf-8", "surrogateescape"))
    wrong(kalita("audit", "--against", tmp_path / "heads", "--data", fresh), "--against")


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


@pytest.mark.parametrize("command", READS)
def test_an_empty_file_is_no_installation(copy: Path, command: str) -> None:
    """What is left of one that was lost is not filled by accident, only by `kalita init`."""
    (copy / "kalita.db").write_bytes(b"")
    port = ("--port", "0", "--metrics-port", "-1") if command == "serve" else ()
    refused(kalita(*command.split(), *port, "--data", copy), "there is no database", "kalita init")
    assert (copy / "kalita.db").stat().st_size == 0
    assert kalita("init", "--data", copy).out.startswith("Made ")


def test_the_database_is_its_owners_only(tmp_path: Path) -> None:
    """However open its directory is; a file that is there keeps its mode, for whom an operator lets read it."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    kalita("init", "--data", data)
    assert stat.S_IMODE((data / "kalita.db").stat().st_mode) == 0o600
    with closing(connect(data / "kalita.db")) as held:
        held.execute("DELETE FROM lane WHERE 0")
        assert {stat.S_IMODE(file.stat().st_mode) for file in data.glob("kalita.db*")} == {0o600}
    (data / "kalita.db").chmod(0o640)
    assert kalita("wallet", "create", NUMBER, "--data", data).code == 0
    assert stat.S_IMODE((data / "kalita.db").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("token", "issue", NUMBER, "--all", "--per-day", "0"), "'--per-day'"),
        (("token", "issue", NUMBER, "--all", "--per-payment", "-1"), "'--per-payment'"),
        (("topup", NUMBER, "90000000000000"), "too large"),
        (("topup", NUMBER, "0x10"), "no amount"),
    ],
)
def test_a_wrong_amount_is_named_by_its_place(fresh: Path, words: tuple[str, ...], told: str) -> None:
    """The line says which argument or option it is, and what is wrong with it."""
    wrong(kalita(*words, "--data", fresh), told)


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
