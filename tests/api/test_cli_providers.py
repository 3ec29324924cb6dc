"""
`kalita provider`: the catalogue as an operator sees and changes it, beside a server that runs.

Guarantee: a change is whole or not at all, a server takes it up within two seconds, a password is never shown.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.house import payment
from tests.commands import kalita, refused, rows, wrong
from tests.servers import Demo, demo

WITHIN_S = 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demonstration that runs."""
    with demo(tmp_path_factory.mktemp("providers")) as running:
        yield running


def paid(server: Demo, amount: int = 5) -> str:
    """Pay another wallet; return the refusal's code, or nothing."""
    with server.client() as client:
        answer: httpx.Response = client.post("/sinap/api/v2/terms/99/payments", json=payment(amount=amount))
    return answer.json().get("code", "")


def test_all_57_are_listed(server: Demo) -> None:
    """With every column; by kind too; one alone."""
    listed = kalita("provider", "list", "--json", *server.place).json["providers"]
    assert len(listed) == 57
    assert {one["id"] for one in listed if one["kind"] == "requisites"} == {1717}
    only = kalita("provider", "list", "--kind", "wallet", *server.place)
    assert [line.split()[0] for line in only.out.splitlines()] == ["ID", "99", "99999"]
    one = kalita("provider", "show", "1963", "--json", *server.place).json
    assert (one["percent"], one["fixed"], one["form"], one["url"]) == ("2", "50", "card_visa", None)
    refused(kalita("provider", "show", "5", *server.place), "no provider 5")


def test_a_running_server_takes_a_change_up(server: Demo) -> None:
    """The minimum goes up, the next payments are refused; and down again."""
    assert paid(server) == ""
    for least, code in (("10", "QWPRC-241"), ("1", "")):
        assert kalita("provider", "set", "99", "--min-sum", least, *server.place).code == 0
        ends = time.monotonic() + WITHIN_S
        while paid(server) != code:
            assert time.monotonic() < ends, "the change was not taken up"
            time.sleep(0.1)


def test_a_password_is_kept_sealed_and_never_shown(server: Demo) -> None:
    """Neither answer nor database holds it in clear."""
    command = ("provider", "set", "674", "--connector", "osmp", "--url", "https://pay.example.org/osmp")
    done = kalita(*command, "--login", "kalita", "--password", "hush-hush", "--json", *server.place)
    assert (done.json["login"], done.json["password"]) == ("kalita", "********")
    assert "hush-hush" not in done.out + str(rows(server.data, "provider_change"))
    shown = kalita("provider", "show", "674", *server.place).out
    assert "hush-hush" not in shown
    assert "********" in shown


def test_addresses_that_payments_go_to(server: Demo) -> None:
    """HTTPS in any case, plain HTTP to this machine; other columns change without a look at it."""
    for url in ("HTTPS://pay.example.org/osmp", "http://127.0.0.1:9000/osmp"):
        assert kalita("provider", "set", "120", "--connector", "osmp", "--url", url, *server.place).code == 0
    assert kalita("provider", "set", "120", "--percent", "1", *server.place).code == 0
    assert kalita("provider", "set", "120", "--connector", "", "--url", "", *server.place).code == 0


def test_a_password_comes_from_the_environment_too(server: Demo) -> None:
    """No list of processes shows it there; the variable stands in no other command's way."""
    environment = {"KALITA_PROVIDER_PASSWORD": "hush-hush"}
    command = ("provider", "set", "120", "--connector", "osmp", "--url", "https://pay.example.org/osmp")
    assert kalita(*command, "--json", *server.place, environment=environment).json["password"] == "********"
    assert kalita("provider", "show", "120", *server.place, environment=environment).code == 0
    assert kalita("provider", "set", "120", "--connector", "", "--url", "", *server.place).code == 0


def test_a_wrong_change_changes_nothing(server: Demo, tmp_path: Path) -> None:
    """One line says what is wrong; of a file no row is taken when one is wrong."""
    before = rows(server.data, "provider_change")
    refused(kalita("provider", "set", "99", "--percent", "x", *server.place), "provider 99", "percent")
    refused(kalita("provider", "set", "9000777", "--name-en", "x", *server.place), "kind")
    wrong(kalita("provider", "set", "99", *server.place), "nothing to change")
    wrong(kalita("provider", "set", "0", "--percent", "1", *server.place), "ID")
    for url in ("nonsense", "ftp://pay.example.org/", "https://", "https://a b/", "https://me:pw@pay.example.org/"):
        wrong(kalita("provider", "set", "120", "--url", url, *server.place), "url", "provider 120")
        wrong(kalita("provider", "set", "120", "--connector", "osmp", "--url", url, *server.place), "url")
    file = tmp_path / "tariffs.csv"
    for url in ("http://pay.example.org/osmp", "http://127.0.0.1.example.org/", ""):
        wrong(kalita("provider", "set", "120", "--connector", "osmp", "--url", url, *server.place), "provider 120: ")
    wrong(kalita("provider", "set", "120", "--connector", "osmp", *server.place), "needs an address")
    file.write_text("id,name_en\n" + "1" * 5000 + ",a\n", "utf-8")
    wrong(kalita("provider", "import", file, *server.place), "line 2", "id")
    file.write_text("id,url\n120,nonsense\n", "utf-8")
    wrong(kalita("provider", "import", file, *server.place), "url", "provider 120")
    for text, say in (
        ("id,percent\n1963,2.5\n21013,x\n", "provider 21013"),
        ("id,colour\n1963,red\n", "colour"),
    ):
        file.write_text(text, "utf-8")
        refused(kalita("provider", "import", file, *server.place), say)
    for text in ("", "id,percent\n", "id,percent\nx,1\n", "id,percent\n1963\n", "id,percent\n1,1\n1,2\n"):
        file.write_text(text, "utf-8")
        wrong(kalita("provider", "import", file, *server.place), "FILE")
    assert rows(server.data, "provider_change") == before


def test_a_file_changes_many_and_adds_new_ones(server: Demo, tmp_path: Path) -> None:
    """Columns that are not named stay; a provider of one's own has its own form."""
    form = json.dumps([{"name": "account", "required": True, "pattern": "[A-Z]{3}"}]).replace('"', '""')
    file = tmp_path / "new.csv"
    file.write_text(f'id,name_ru,name_en,kind,currencies,form\n9000100,Клуб,Club,service,643,"{form}"\n', "utf-8")
    assert kalita("provider", "import", file, "--json", *server.place).json == {"changed": [9000100]}
    file.write_text("id,percent,status\n9000100,1.5,suspended\n1963,3,\n", "utf-8")
    assert kalita("provider", "import", file, *server.place).out == "Changed 2 providers.\n"
    club = kalita("provider", "show", "9000100", "--json", *server.place).json
    assert (club["name_ru"], club["percent"], club["status"]) == ("Клуб", "1.5", "suspended")
    card = kalita("provider", "show", "1963", "--json", *server.place).json
    assert (card["percent"], card["fixed"]) == ("3", "50")
