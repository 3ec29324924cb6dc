"""Persons: which numbers can be right, how a document is shown. Pure."""

from datetime import date

import pytest

from kalita.people.persons import (
    Person,
    inn_of,
    is_birth,
    is_inn,
    is_name,
    is_oms,
    is_passport,
    is_snils,
    masked,
    wrongs,
)

TODAY = date(2026, 2, 28)
ANNA = Person("1990-02-11", "Анна", "Ивановна", "Петрова", "4400111222", "", "", "")


@pytest.mark.parametrize(
    "text",
    [
        "А",
        "Анна-Мария",
        "O'Neil",
        "Жан Поль",
        "Ёлкина",
        "Nuñez",
        "Ли",
        "А" * 64,
        "д’Арк",
        "’т",
        "O'",
        "Анна  Мария",
        "Анна--Мария",
        "Анна ",
        "-А",
    ],
)
def test_names(text: str) -> None:
    """Letters of any alphabet, marks wherever they stand."""
    assert is_name(text)


@pytest.mark.parametrize(
    "text", ["", " ", "-", "Анна1", "А" * 65, "'", " - ", "-" * 64, "a_b", "А.", "\n", "<b>", "Анна\u0000"]
)
def test_what_is_no_name(text: str) -> None:
    """Digits, marks alone, more than 64 characters."""
    assert not is_name(text)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("2012-02-28", True), ("2012-03-01", False), ("1906-02-28", True), ("1905-02-28", False), ("1905-03-01", True),
        ("1990-02-30", False), ("1990-2-11", False), ("11.02.1990", False), ("1990-02-11T00:00:00", False),
        ("２０００-01-01", False), ("2000-02-29", True), ("2001-02-29", False), ("2027-01-01", False),
        ("0000-01-01", False),
    ],
)  # fmt: skip
def test_birthdays(text: str, right: bool) -> None:
    """A real date of somebody of 14 to 120 years, to the day."""
    assert is_birth(text, TODAY) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("500100732259", True), ("500100732258", False), ("500100732249", False), ("771000000197", True),
        ("7710000001", True), ("771000000", False), ("77100000011", False), ("", False), ("50010073225x", False),
    ],
)  # fmt: skip
def test_inn(text: str, right: bool) -> None:
    """Twelve digits with both check digits, or any ten."""
    assert is_inn(text) is right


def test_inn_that_is_made_up_is_right() -> None:
    """Whatever passport it is made from."""
    for number in range(0, 10**10, 123_456_789):
        made = inn_of(f"{number:010}")
        assert len(made) == 12
        assert is_inn(made)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("11223344595", True), ("11223344596", False), ("08765430300", True), ("08765430200", True),
        ("00100199700", True), ("1122334459", False), ("112233445950", False), ("", False),
    ],
)  # fmt: skip
def test_snils(text: str, right: bool) -> None:
    """Eleven digits whose last two are right: sums of 100 and 101 give 00; the oldest numbers have none."""
    assert is_snils(text) is right


def test_other_documents() -> None:
    """Only the count of digits is known of them."""
    assert is_passport("4400111222")
    assert not is_passport("440011122")
    assert is_oms("1" * 16)
    assert not is_oms("1" * 15)
    assert not is_oms("١" * 16)


def test_every_wrong_member_is_named() -> None:
    """All at once; what is right is not."""
    assert wrongs(ANNA, TODAY) == {}
    assert wrongs(ANNA._replace(middle="", inn="500100732259", snils="11223344595", oms="1" * 16), TODAY) == {}
    assert set(wrongs(Person("x", "1", "2", "", "", "1", "1", "1"), TODAY)) == set(Person._fields)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""), ("1", "***"), ("1234", "***"), ("12345", "12***45"), ("4400111222", "44***22"),
        ("771000000197", "77***97"),
    ],
)  # fmt: skip
def test_masking(text: str, shown: str) -> None:
    """Two digits, three stars, two digits, whatever the length; a short number as stars alone."""
    assert masked(text) == shown
