"""What an operator does to a wallet from the command line, beside a live server."""

from pathlib import Path

from tests.api.house import payment
from tests.commands import installed, kalita, refused, wrong
from tests.servers import demo

NUMBER = "79991112233"


def test_level_restriction_and_block_bind_at_once(tmp_path: Path) -> None:
    """A live server refuses the very next payment, and lets it pass when lifted; each act is on record."""
    with demo(tmp_path) as server, server.client() as client:

        def do(*words: str) -> None:
            done = kalita("wallet", *words, "--data", server.data)
            assert done.code == 0, done.err

        def paid(amount: int = 1) -> str:
            body = payment(server.wallets[1].number, amount)
            return client.post("/sinap/api/v2/terms/99/payments", json=body).json().get("code", "")

        assert paid() == ""
        for word in ("restrict", "block"):
            do(word, NUMBER)
            assert paid() == "QWPRC-1021"
            do(word, NUMBER, "--lift")
            assert paid() == ""
        do("level", NUMBER, "simple")
        assert paid(15_001) == "QWPRC-558"
        told = kalita("wallet", "acts", NUMBER, "--json", "--data", server.data).json["acts"]
        assert [(one["who"], one["what"], one["about"]) for one in told[:5]] == [
            ("operator", "level.set", "SIMPLE"), ("operator", "wallet.unblocked", ""),
            ("operator", "wallet.blocked", ""), ("operator", "wallet.unrestricted", ""),
            ("operator", "wallet.restricted", ""),
        ]  # fmt: skip
        assert "wallet.blocked" in kalita("wallet", "acts", NUMBER, "--data", server.data).out
        assert kalita("audit", "--data", server.data).code == 0


def test_owner_leaves_with_everything(tmp_path: Path) -> None:
    """All that is kept comes out as one document; only an empty wallet closes; erasing leaves the books proven."""
    with demo(tmp_path) as server, server.client() as client:
        other = server.wallets[1].number
        assert client.post("/sinap/api/v2/terms/99/payments", json=payment(other, 5, comment="tea")).status_code == 200
        kept = kalita("wallet", "export", NUMBER, "--data", server.data).json
        assert kept["person"]["passport"] == "4400111222"
        assert [one["comment"] for one in kept["payments"] if one["type"] == "out"] == ["tea"]
        assert {one["type"] for one in kept["payments"]} == {"in", "out"}
        assert kept["tokens"]
        refused(kalita("wallet", "close", NUMBER, "--data", server.data), "money left")
        assert client.post("/sinap/api/v2/terms/99/payments", json=payment(other, 5)).status_code == 200
        refused(kalita("wallet", "erase", NUMBER, "--data", server.data), "only a closed wallet")
        empty = "79995556677"
        assert kalita("wallet", "create", empty, "--data", server.data).code == 0
        token = kalita("token", "issue", empty, "--all", "--data", server.data).out.strip()
        held = {"headers": {"Authorization": f"Bearer {token}"}}
        assert client.get("/funding-sources/v1/accounts/current", **held).status_code == 200
        assert kalita("wallet", "close", empty, "--data", server.data).code == 0
        gone = client.get("/funding-sources/v1/accounts/current", **held)
        assert (gone.status_code, gone.json()["errorCode"]) == (404, "person.not.found")
        refused(kalita("token", "issue", empty, "--all", "--data", server.data), "closed")
        refused(kalita("wallet", "close", empty, "--data", server.data), "closed before")
        assert kalita("wallet", "erase", empty, "--json", "--data", server.data).json["erased"] is True
        after = kalita("wallet", "export", empty, "--data", server.data).json
        assert (after["nickname"], after["person"], after["closed"]) == (None, None, True)
        assert [one["last_used_from"] for one in after["tokens"]] == [None]
        assert client.post("/sinap/api/v2/terms/99/payments", json=payment(int(empty), 5)).status_code == 400
        for word in ("level", "restrict", "block"):
            more = ("full",) if word == "level" else ()
            refused(kalita("wallet", word, empty, *more, "--data", server.data), "closed")
            refused(kalita("wallet", word, "79990000001", *more, "--data", server.data), "no wallet")
        assert kalita("audit", "--data", server.data).code == 0


def test_table_of_persons_comes_from_a_file(tmp_path: Path) -> None:
    """
    A file with one wrong line is not taken at all, and the complaint repeats nothing of a person.

    Numbers and names are read as those of a request are; a byte-order mark, as sheets write it, is left out.
    """
    data = installed(tmp_path / "data", NUMBER)
    file = tmp_path / "persons.csv"
    file.write_text(
        "last,first,middle,birth,passport,inn,full\nПетрова,Анна,,1990-02-11,4400111222,,no\n"
        "Сидоров,Пётр,,1980-01-01,4400111333,,yes\n"
    )
    assert kalita("persons", "import", file, "--json", "--data", data).json == {"persons": 2}
    file.write_text(file.read_text().replace("4400111333", "44001113333"))
    complaint = kalita("persons", "import", file, "--data", data)
    wrong(complaint, "line 3, passport")
    assert "44001113333" not in complaint.err
    file.write_text(file.read_text().replace("44001113333", "4400-111333"))
    wrong(kalita("persons", "import", file, "--data", data), "line 3, passport")
    lines = file.read_text().replace("4400-111333", "44 00 111333").replace("Сидоров", "Вои\u0306нов")
    file.write_text(lines, "utf-8-sig")
    assert kalita("persons", "import", file, "--json", "--data", data).json == {"persons": 2}
    file.write_bytes(b"\xff")
    wrong(kalita("persons", "import", file, "--data", data), "persons.csv")
    assert kalita("persons", "forget", "--json", "--data", data).json == {"persons": 2}


def test_owner_moves_to_another_number(tmp_path: Path) -> None:
    """Everything that is the owner's goes over, the old number is closed with its history, and the books are proven."""
    with demo(tmp_path) as server:
        new, taken = "79997778899", str(server.wallets[1].number)
        before = kalita("wallet", "export", NUMBER, "--data", server.data).json
        refused(kalita("wallet", "move", NUMBER, taken, "--data", server.data), "has an owner already")
        refused(kalita("wallet", "move", NUMBER, NUMBER, "--data", server.data), "has an owner already")
        assert kalita("wallet", "move", NUMBER, new, "--json", "--data", server.data).json["moved_to"] == int(new)
        after = kalita("wallet", "export", new, "--data", server.data).json
        for name in ("level", "nickname", "person", "balances", "language"):
            assert after[name] == before[name], name
        left = kalita("wallet", "export", NUMBER, "--data", server.data).json
        assert (left["closed"], left["person"], left["nickname"]) == (True, None, None)
        assert {one["available"] for one in left["balances"]} == {"0"}
        assert len(left["payments"]) == len(before["payments"]) + 3
        with server.client() as client:
            gone = client.get("/funding-sources/v1/accounts/current")
            assert (gone.status_code, gone.json()["errorCode"]) == (404, "person.not.found")
        refused(kalita("wallet", "move", NUMBER, new, "--data", server.data), "closed")
        assert kalita("audit", "--data", server.data).code == 0
