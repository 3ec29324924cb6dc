"""
The catalogue that comes with the program, and the rules of its fields.

Guarantee: every documented sample payload passes its provider's rules, what breaks a rule gets the documented code, and
no card number is shown.
"""

from typing import Any

import pytest

from kalita.providers import requisites
from kalita.providers.cards import check_digit, luhn, masked, system_of
from kalita.providers.catalogue import INSIDE, built_in
from kalita.providers.provider import BadRow, provider_of
from tests.samples import ACCOUNT, SAMPLES, VISA

CATALOGUE = built_in()
PAYER = 79110000001


def code(number: int, fields: dict[str, str], strict: bool = False) -> int:
    """Return the code that fields are refused with, 0 when they pass."""
    refusal = CATALOGUE.get(number).form.refusal(fields, PAYER, strict)
    return int(refusal.code) if refusal else 0


def test_the_catalogue_is_whole() -> None:
    """57 providers; every one that can be paid has a sample here."""
    found = list(CATALOGUE.all())
    assert len(found) == 57
    assert {one.id for one in found if one.payable and one.id not in INSIDE} == set(SAMPLES)
    assert {one.kind for one in found} >= {"wallet", "conversion", "card", "bank", "mobile", "requisites", "charity"}


@pytest.mark.parametrize(("number", "fields"), [(n, fields) for n, some in SAMPLES.items() for fields in some])
def test_samples_pass(number: int, fields: dict[str, str]) -> None:
    """As they stand; and with a field of their own on top."""
    assert code(number, fields) == 0
    assert code(number, fields | {"more": "x"}) == 0


@pytest.mark.parametrize(("number", "fields"), [(n, some[0]) for n, some in SAMPLES.items()])
def test_no_field_that_is_needed_may_be_missing(number: int, fields: dict[str, str]) -> None:
    """Each left out in turn: the account has the code of its form, any other is an unusable parameter."""
    for rule in CATALOGUE.get(number).form.rules:
        if rule.is_needed(fields):
            left = {name: value for name, value in fields.items() if name != rule.name}
            assert code(number, left) in {"account": (4, 303, 542), "to_bik": (4,)}.get(rule.name, (202,)), rule.name


@pytest.mark.parametrize(
    ("number", "change", "expected"),
    [
        (1, {"account": "916123456"}, 303),
        (1, {"account": "89161234567"}, 303),
        (1, {"account": "٩١٦١٢٣٤٥٦٧"}, 303),
        (1963, {"account": VISA[:-1] + str((int(VISA[-1]) + 1) % 10)}, 542),
        (1963, {"account": "5555555555554444"}, 542),
        (1963, {"account": "4256 1111 1111 1231"}, 542),
        (31652, {"account": VISA}, 542),
        (674, {"account": ""}, 4),
        (674, {"account": "x" * 65}, 4),
        (464, {"exp_date": "1318"}, 547),
        (464, {"account_type": "9"}, 202),
        (464, {"account": "40817810000000000001"}, 542),
        (816, {"account": "123"}, 4),
        (1717, {"to_bik": "04452522"}, 4),
        (1717, {"to_bik": "044525226"}, 4),
        (1717, {"nds": "0"}, 202),
        (1717, {"info": "x"}, 202),
        (1717, {"account": "1"}, 4),
        (27292, {"transferSum": "1"}, 202),
        (1960, {"rem_name": ""}, 4),
    ],
)
def test_what_breaks_a_rule_gets_its_code(number: int, change: dict[str, str], expected: int) -> None:
    """Wrong phone 303, wrong card 542, wrong format 4, wrong constant 202, wrong expiry 547."""
    assert code(number, SAMPLES[number][0] | change) == expected


def test_cards_are_masked_and_nothing_else() -> None:
    """First 4 and last 4 digits, in card rows and where a bank's account is a card."""
    for number, some in SAMPLES.items():
        for fields in some:
            shown = CATALOGUE.get(number).form.shown(fields)
            for name, value in fields.items():
                hidden = luhn(value) and name in ("account", "cardNumber") and 16 <= len(value) <= 19
                assert shown[name] == (masked(value) if hidden else value)
    assert masked("4256111111111231") == "4256********1231"


def test_a_card_is_masked_where_any_text_will_do() -> None:
    """As the account of a contract or an identifier, with gaps too; a number that is asked for as a number is shown."""
    hidden, contract = masked(VISA), SAMPLES[466][-1]
    for card in (VISA, f"{VISA[:4]}-{VISA[4:8]}-{VISA[8:12]}-{VISA[12:]}"):
        shown = CATALOGUE.get(466).form.shown(contract | {"account": card})
        assert shown == contract | {"account": hidden}
        assert CATALOGUE.get(674).form.shown({"account": card}) == {"account": hidden}
    assert CATALOGUE.get(120).form.shown({"account": " ".join(("4256", VISA[4:]))}) == {"account": hidden}
    assert CATALOGUE.get(313).form.shown(SAMPLES[313][0] | {"agrnum": VISA})["agrnum"] == hidden
    for number, text in ((26476, VISA), (674, VISA[:-1] + "0"), (674, "4" * 15), (674, "0" * 20), (674, f"№{VISA}")):
        assert CATALOGUE.get(number).form.shown({"account": text}) == {"account": text}


def test_urgency_costs_extra() -> None:
    """25 roubles on top, where the field is."""
    fields = SAMPLES[1717][0]
    assert CATALOGUE.get(1717).form.surcharge(fields | {"urgent": "1"}) == 2_500
    assert CATALOGUE.get(1717).form.surcharge(fields | {"urgent": "0"}) == 0
    assert CATALOGUE.get(674).form.surcharge({"urgent": "1", "account": "1"}) == 0


@pytest.mark.parametrize(
    ("inn", "kpp", "expected"),
    [
        ("7726111111", "772601001", 0), ("7726111111", "7726AB001", 0), ("7726111111", "", 4), ("7726111111", "0", 4),
        ("500100732259", "772601001", 0), ("500100732259", "", 0), ("500100732259", "0", 0), ("500100732259", "1", 4),
    ],
)  # fmt: skip
def test_only_a_person_has_no_kpp(inn: str, kpp: str, expected: int) -> None:
    """Empty or `0` goes with a tax number of 12 digits only. Source: payments.md 4.9."""
    assert code(1717, SAMPLES[1717][0] | {"to_inn": inn, "to_kpp": kpp}) == expected


def test_strict_mode_looks_at_check_digits() -> None:
    """The documented sample has a wrong tax number: it passes only outside strict mode."""
    fields = SAMPLES[1717][0]
    assert code(1717, fields, strict=True) == 4
    right = fields | {"to_inn": "7707083893", "account": "40702810900000005555"}
    assert code(1717, right, strict=True) == 0
    for account in ("40702810900000005556", fields["account"]):
        assert code(1717, right | {"account": account}, strict=True) == 4
    assert requisites.inn("500100732259")
    assert not requisites.inn("500100732258")
    assert requisites.account("40702810900000005555", "044525225") is requisites.holds(
        "account", "40702810900000005555", {"mfo": "044525225"}
    )


@pytest.mark.parametrize("number", [one for one in SAMPLES if CATALOGUE.get(one).kind == "bank"])
def test_strict_mode_looks_at_the_key_of_a_bank_account(number: int) -> None:
    """Against the bank's code; cards and contracts have no such key. Source: payments.md 4.8."""
    for fields in SAMPLES[number]:
        assert code(number, fields) == 0
        wrong = fields["account"] == ACCOUNT
        assert code(number, fields, strict=True) == (4 if wrong else 0)
        assert code(number, fields | ({"account": "40817810700000000001"} if wrong else {}), strict=True) == 0
        if wrong:
            assert code(number, {name: text for name, text in fields.items() if name != "mfo"}, strict=True) == 202


def test_card_systems_and_check_digits() -> None:
    """The ranges of the three systems, both ends."""
    for system, beginnings in {
        "mir": ("2200", "2204"),
        "visa": ("4000", "4999"),
        "mastercard": ("5100", "5599", "2221", "2720"),
        None: ("2199", "2205", "2220", "2721", "3000", "5000", "5600", "6000"),
    }.items():
        for beginning in beginnings:
            assert system_of(beginning + "0" * 12) == system
    assert luhn("411111111111111" + check_digit("411111111111111"))


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"id": "0"}, "id"), ({"id": "x"}, "id"), ({"name_ru": ""}, "name_ru"), ({"name_en": "a\nb"}, "name_en"),
        ({"kind": "x"}, "kind"), ({"status": "x"}, "status"), ({"currencies": ""}, "currencies"),
        ({"currencies": "643 1"}, "currencies"), ({"percent": "-1"}, "percent"), ({"percent": "1e9"}, "percent"),
        ({"min_sum": "1.001"}, "min_sum"), ({"fixed": "x"}, "fixed"), ({"least": "2", "most": "1"}, "least"),
        ({"min_sum": "2", "max_sum": "1"}, "min_sum"), ({"level": "x"}, "level"), ({"form": "x"}, "form"),
        ({"form": "[{"}, "form"), ({"form": '[{"name":"a","pattern":"("}]'}, "form"),
        ({"form": '[{"name":"a","by_field":{"b":{"(":"a"}}}]'}, "form"),
        ({"form": '[{"name":"a","strict_if":{"account_pattern":"("}}]'}, "form"),
    ],
)  # fmt: skip
def test_a_wrong_row_names_its_column(change: dict[str, Any], column: str) -> None:
    """Whoever edits the catalogue is told what is wrong."""
    row = {"id": "9000100", "name_ru": "а", "name_en": "a", "kind": "service", "currencies": "643"}
    assert provider_of(row).payable
    with pytest.raises(BadRow, match=f"^{column}: "):
        provider_of(row | change)
