"""
Identification. Source: profile.md 2 and 3.
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kalita.people.identification import WIRE
from kalita.people.persons import inn_of
from kalita.people.verify import Anybody, Asked, BadPersons, Verdict
from kalita.people.wallets import Level
from kalita.storage.engine import Unavailable
from tests.api.house import Answer, House
from tests.api.table import PERSON
from tests.servers import Wallet, database_of


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[House]:
    """An installation that believes anybody."""
    folder = tmp_path_factory.mktemp("anybody")
    opened = House(folder, settings={"identification": "anybody"}, database=database_of(folder, engine))
    yield opened
    opened.close()


def path(who: Wallet) -> str:
    """Return the address of somebody's identification."""
    return f"/identification/v1/persons/{who.number}/identification"


def level_of(house: House, who: Wallet) -> str:
    """Return the level that the profile shows."""
    told = house.get("/person-profile/v1/profile/current", who).json
    return told["contractInfo"]["identificationInfo"][0]["identificationLevel"]


def told(house: House, who: Wallet, **changes: Any) -> Answer:
    """Say who somebody is."""
    return house.call("POST", path(who), who, PERSON | changes)


def acts(house: House, who: Wallet) -> list[str]:
    """Return what was done to a wallet, oldest first."""
    return [one.what for one in reversed(house.run(house.app.acts.of_wallet(who.number)))]


_passports = iter(range(4_500_000_000, 4_600_000_000))


def passport() -> str:
    """Return a passport that nobody has yet."""
    return str(next(_passports))


def test_data_that_passes_raises_the_level(house: House) -> None:
    """The answer has the data in full and a taxpayer's number, what is read later has documents masked."""
    who = house.wallet(level=Level.SIMPLE)
    number = passport()
    answer = told(house, who, passport=number, snils="112-233-445 95", oms="1" * 16)
    whole = {
        "birthDate": "1990-02-11", "firstName": "Анна", "id": who.number, "inn": inn_of(number), "lastName": "Петрова",
        "middleName": "Ивановна", "oms": "1" * 16, "passport": number, "snils": "11223344595", "type": "VERIFIED",
    }  # fmt: skip
    assert (answer.status, answer.json) == (200, whole)
    hidden = house.get(path(who), who)
    shown = {name: f"{whole[name][:2]}***{whole[name][-2:]}" for name in ("inn", "passport", "snils", "oms")}
    assert (hidden.status, hidden.json) == (200, whole | shown)
    level = house.get("/person-profile/v1/profile/current", who).json["contractInfo"]["identificationInfo"]
    assert level == [{"bankAlias": "QIWI", "identificationLevel": "VERIFIED", "passportExpired": False}]
    assert acts(house, who)[-1] == "identification.passed"


def test_document_that_was_not_given_is_empty(house: House) -> None:
    """However it was not given: left out, null, empty; a middle name may be empty or null, its key not left out."""
    for more in ({}, {"inn": None, "snils": None, "oms": None}, {"middleName": None}, {"middleName": ""}):
        who = house.wallet(level=Level.SIMPLE)
        body = {name: value for name, value in PERSON.items() if name not in ("inn", "snils", "oms")} | more
        assert house.call("POST", path(who), who, body | {"passport": passport()}).json["type"] == "VERIFIED"
        shown = house.get(path(who), who).json
        assert (shown["snils"], shown["oms"]) == ("", "")
        assert shown["middleName"] == ("" if "middleName" in more else "Ивановна")


def test_numbers_may_be_written_with_separators_or_as_numbers(house: House) -> None:
    """A passport as JSON number or with a blank; names with blanks around them."""
    for number in ("4499 111222", 4498111222):
        who = house.wallet(level=Level.SIMPLE)
        answer = told(house, who, passport=number, firstName=" Анна ")
        assert answer.json["passport"] == str(number).replace(" ", "")
        assert answer.json["firstName"] == "Анна"


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("birthDate", ["", "1990-02-30", "11.02.1990", "2020-01-01", "1800-01-01", 1990]),
        ("firstName", ["", " ", "-", "Анна1", "а" * 65, None, 5]),
        ("lastName", ["", "<b>", None]),
        ("middleName", ["1", "а" * 65]),
        ("passport", ["", "123", "44001112220", "440011122x", "44-00-111298", None, True, 1.5, 123]),
        ("inn", ["500100732258", "1", "abc", 500100732258]),
        ("snils", ["11223344596", "1"]),
        ("oms", ["1" * 15, "x" * 16]),
    ],
)
def test_wrong_member_is_named_and_not_repeated(house: House, member: str, values: list[Any]) -> None:
    """400, `cause` names the member alone, and the answer says nothing of what it held."""
    who = house.wallet(level=Level.SIMPLE)
    for value in values:
        answer = told(house, who, **{member: value})
        assert (answer.status, answer.code, list(answer.json["cause"])) == (400, "validation.error", [member]), value
        said = answer.body.decode().replace(answer.json["traceId"], "")  # random digits, which may hold any three
        assert len(str(value)) < 3 or str(value) not in said
    assert house.get(path(who), who).json["passport"] is None


def test_all_that_is_wrong_is_named_at_once(house: House) -> None:
    """Members that are missing, of another kind and of a wrong form stand in one `cause`, each with its reason."""
    who = house.wallet(level=Level.SIMPLE)
    needed = ["birthDate", "firstName", "middleName", "lastName", "passport"]
    bad = {"birthDate": "x", "firstName": 5, "passport": True, "inn": "1", "snils": [], "oms": {}}
    for body, named in (
        ({}, needed),
        (bad, [*WIRE.values()]),
        (PERSON | {"passport": "1", "oms": "2"}, ["passport", "oms"]),
        ({name: value for name, value in PERSON.items() if name != "lastName"} | {"inn": "x"}, ["lastName", "inn"]),
    ):
        answer = house.call("POST", path(who), who, body)
        assert (answer.status, answer.code, sorted(answer.json["cause"])) == (400, "validation.error", sorted(named))
    assert house.call("POST", path(who), who, {}).json["cause"]["lastName"] == ["it is required"]


def test_marks_may_stand_anywhere_in_a_name(house: House) -> None:
    """Apostrophes at an end, hyphens and blanks beside each other."""
    for name in ("’т Хоофт", "O'", "Анна  Мария", "Анна--Мария"):
        who = house.wallet(level=Level.SIMPLE)
        answer = told(house, who, passport=passport(), firstName=name)
        assert (answer.status, answer.json["firstName"]) == (200, name)


def test_nobody_is_known(house: House) -> None:
    """Without identification every member is null and the type is SIMPLE."""
    for level in (Level.ANONYMOUS, Level.SIMPLE):
        who = house.wallet(level=level)
        found = house.get(path(who), who).json
        assert found == dict.fromkeys(found) | {"id": who.number, "type": "SIMPLE"}
        assert len(found) == 10


def test_same_again_and_other_data(house: House) -> None:
    """Once verified nothing changes: the same data is answered again, other data gets what is kept, and is noted."""
    who, number = house.wallet(level=Level.SIMPLE), passport()
    first = told(house, who, passport=number)
    assert told(house, who, passport=number).json == first.json
    assert told(house, who, passport=number, firstName="АННА").json == first.json
    assert "identification.other_data" not in acts(house, who)
    assert told(house, who, passport=passport(), lastName="Иванова").json == first.json
    assert acts(house, who)[-1] == "identification.other_data"


def test_full_identification_is_known_again(house: House) -> None:
    """The same name, passport and birthday that had the full level before gets it again; another name does not."""
    number = passport()
    one, two, three = (house.wallet(level=Level.SIMPLE) for _ in range(3))
    assert told(house, one, passport=number).json["type"] == "VERIFIED"
    house.run(house.app.wallets.set_level(one.number, Level.FULL))
    assert told(house, two, passport=number).json["type"] == "FULL"
    assert told(house, three, passport=number, lastName="Иванова").json["type"] == "VERIFIED"


def test_five_wallets_and_no_more(house: House) -> None:
    """Of eight that ask at once five get the level, whoever they are; a closed one makes room."""
    number, eight = passport(), [house.wallet(level=Level.SIMPLE) for _ in range(8)]

    async def all_of_them() -> list[Answer]:
        body = PERSON | {"passport": number}
        return await asyncio.gather(*(house._ask("POST", path(who), who, body, {}) for who in eight))

    answers = house.run(all_of_them())
    assert sorted(answer.json["type"] for answer in answers) == ["SIMPLE"] * 3 + ["VERIFIED"] * 5
    refused = next(who for who, answer in zip(eight, answers, strict=True) if answer.json["type"] == "SIMPLE")
    assert house.get(path(refused), refused).json["passport"] is None
    assert acts(house, refused)[-1] == "identification.five_wallets"
    assert told(house, refused, passport=number).json["type"] == "SIMPLE"
    passed = next(who for who, answer in zip(eight, answers, strict=True) if answer.json["type"] == "VERIFIED")
    assert house.run(house.app.leaving.close(passed.number)) is None
    assert told(house, refused, passport=number).json["type"] == "VERIFIED"


def test_lowered_wallet_is_identified_again(house: House) -> None:
    """While it is low nobody is known; then whoever passes is kept, the same or another, and it is on record."""
    who, first, second = house.wallet(level=Level.SIMPLE), passport(), passport()
    assert told(house, who, passport=first).json["type"] == "VERIFIED"
    for number, name in ((second, "Иванова"), (second, "Иванова"), (first, "Петрова")):
        assert house.run(house.app.wallets.set_level(who.number, Level.SIMPLE))
        nobody = house.get(path(who), who).json
        assert nobody == dict.fromkeys(nobody) | {"id": who.number, "type": "SIMPLE"}
        house.later(1)
        again = told(house, who, passport=number, lastName=name).json
        assert (again["type"], again["passport"], again["lastName"]) == ("VERIFIED", number, name)
        assert house.get(path(who), who).json["lastName"] == name
        assert acts(house, who)[-1] == "identification.passed"
    assert level_of(house, who) == "VERIFIED"


def test_lowered_wallet_is_bound_by_the_five_and_by_who_comes_first(house: House) -> None:
    """With five others of the owner it stays low; of eight persons at once one is kept, and all are told of him."""
    number, low = passport(), house.wallet(level=Level.SIMPLE)
    assert told(house, low, passport=number).json["type"] == "VERIFIED"
    house.run(house.app.wallets.set_level(low.number, Level.SIMPLE))
    for _ in range(5):
        assert told(house, house.wallet(level=Level.SIMPLE), passport=number).json["type"] == "VERIFIED"
    assert told(house, low, passport=number).json["type"] == "SIMPLE"
    assert acts(house, low)[-1] == "identification.five_wallets"
    assert level_of(house, low) == "SIMPLE"
    bodies = [PERSON | {"passport": passport()} for _ in range(8)]
    house.later(1)

    async def all_of_them() -> list[Answer]:
        return await asyncio.gather(*(house._ask("POST", path(low), low, body, {}) for body in bodies))

    answers = house.run(all_of_them())
    assert {answer.json["type"] for answer in answers} == {"VERIFIED"}
    assert len({answer.json["passport"] for answer in answers}) == 1
    assert acts(house, low).count("identification.passed") == 2


def test_person_that_does_not_pass_is_told_so_whatever_the_level(house: House) -> None:
    """A wallet that the operator made FULL and nobody is known of: SIMPLE, and the level stays."""
    number = passport()
    for _ in range(5):
        assert told(house, house.wallet(level=Level.SIMPLE), passport=number).json["type"] == "VERIFIED"
    who = house.wallet()
    answer = told(house, who, passport=number).json
    assert (answer["type"], answer["passport"], answer["inn"]) == ("SIMPLE", number, "")
    assert level_of(house, who) == "FULL"
    assert house.get(path(who), who).json["passport"] is None
    assert told(house, who, passport=passport()).json["type"] == "FULL"


def test_personal_data_is_nowhere_in_the_clear(tmp_path: Path) -> None:
    """Not in the database, in any of its files, as text; whoever lacks the key reads nothing."""
    house = House(tmp_path / "data", settings={"identification": "anybody"})
    who = house.wallet(level=Level.SIMPLE)
    assert told(house, who, passport="4411222333", inn="500100732259", snils="11223344595").status == 200
    house.close()
    files = [file.read_bytes() for file in (tmp_path / "data").iterdir() if file.is_file()]
    for secret in ("4411222333", "500100732259", "11223344595", "Петрова", "1990-02-11"):
        assert not any(secret.encode() in content for content in files), secret


def test_sealed_row_of_another_wallet_does_not_open(tmp_path: Path) -> None:
    """Encrypted data that was moved to another wallet is nobody's."""
    house = House(tmp_path / "data", settings={"identification": "anybody"})
    one, two = house.wallet(level=Level.SIMPLE), house.wallet(level=Level.SIMPLE)
    assert told(house, one, passport=passport()).status == 200
    with sqlite3.connect(tmp_path / "data" / "kalita.db") as db:
        db.execute("INSERT INTO person SELECT ?, owner, name, sealed, identified_at FROM person", (two.number,))
    db.close()
    assert house.get(path(two), two).json["passport"] is None
    house.close()


TABLE = """last,first,middle,birth,passport,inn,full
Петрова,Анна,Ивановна,1990-02-11,4400 111222,500100732259,no
Сидоров,Пётр,,1980-01-01,4400111333,,yes
"""


def test_table_of_persons_decides(tmp_path: Path) -> None:
    """Names, birthday and passport have to agree, a number that is sent too; whoever is not in it does not pass."""
    house = House(tmp_path / "data")
    persons = house.app.persons
    assert house.run(persons.take(persons.read(TABLE))) == 2
    anna, petr, other = (house.wallet(level=Level.SIMPLE) for _ in range(3))
    refused = told(house, anna, firstName="Мария")
    assert (refused.status, refused.json["type"], refused.json["inn"]) == (200, "SIMPLE", "")
    assert acts(house, anna)[-1] == "identification.refused"
    assert told(house, anna, inn="771000000197").json["type"] == "SIMPLE"
    assert told(house, anna).json["inn"] == "500100732259"
    body = {"firstName": "петр", "lastName": "СИДОРОВ", "middleName": "", "birthDate": "1980-01-01"}
    assert told(house, petr, passport="4400111333", **body).json["type"] == "FULL"
    assert told(house, other, passport="4400111444").json["type"] == "SIMPLE"
    more = ('"А,Б\n', '"А"Б,В,,1990-02-11,4400111222,,no\n', "А" * 140_000, f'"А,{"Б" * 140_000}')
    for wrong in (
        "", "last\n", TABLE + "x\n", TABLE + "А,Б,,1990-02-11,1,,no\n", TABLE.replace("yes", "maybe"),
        *(TABLE + one for one in more),
    ):  # fmt: skip
        with pytest.raises(BadPersons):
            persons.read(wrong)
    assert house.run(persons.forget()) == 2
    house.close()


def test_service_of_the_operator_decides() -> None:
    """What it answers is the verdict; whatever it does not answer is no verdict at all."""
    sent: list[Any] = []

    def asked(status: int, body: bytes) -> Asked:
        async def post(content: bytes) -> tuple[int, bytes]:
            sent.append(json.loads(content))
            return status, body

        return Asked(post)

    from kalita.people.persons import Person

    anna = Person("1990-02-11", "Анна", "", "Петрова", "4400111222", "", "", "")
    verdict = asyncio.run(asked(200, b'{"accepted":true,"inn":"500100732259","full":true}').verify(anna))
    assert verdict == Verdict(True, "500100732259", True)
    assert sent[0]["passport"] == "4400111222"
    assert asyncio.run(asked(200, b'{"accepted":false}').verify(anna)).accepted is False
    assert asyncio.run(Anybody().verify(anna)).inn == inn_of("4400111222")
    for status, body in ((500, b""), (200, b"no"), (200, b"{}"), (302, b'{"accepted":true}')):
        with pytest.raises(Unavailable):
            asyncio.run(asked(status, body).verify(anna))
