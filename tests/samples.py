"""
Payments to every provider of the catalogue: fields as the documentation shows them, hidden digits filled in.
"""

from kalita.providers.cards import check_digit


def card(beginning: str, length: int = 16) -> str:
    """Return a card number of some length that begins like this and has the right check digit."""
    body = beginning.ljust(length - 1, "1")
    return body + check_digit(body)


VISA, MASTERCARD, MIR = card("425612"), card("512345"), card("220012")
ACCOUNT = "40817810000000000001"
NAMES = {"lname": "Иванов", "fname": "Иван", "mname": "Иванович"}
PHONE = [{"account": "9161234567"}]
IDENTIFIER = [{"account": "1234567890"}]
SENDER = {
    "rem_name": "Ivan", "rem_name_f": "Ivanov", "rec_address": "Lenina 1", "rec_city": "Moscow",
    "reg_name": "Anna", "reg_name_f": "Petrova",
}  # fmt: skip


def _card(kind: str, **more: str) -> dict[str, str]:
    return {"account": VISA, "account_type": kind} | more


def _account(kind: str, account: str = ACCOUNT, **more: str) -> dict[str, str]:
    return {"account": account, "account_type": kind, "urgent": "0", "mfo": "044525225"} | NAMES | more


SAMPLES: dict[int, list[dict[str, str]]] = {
    **dict.fromkeys((1, 2, 3, 36, 42, 25598, 32596, 34050), PHONE),
    **{number: [{"account": "7011234567"}] for number in (9000001, 9000002, 9000003)},
    **dict.fromkeys((120, 674, 1239, 23729, 31271, 32170), IDENTIFIER),
    **{number: [{"account": "410011234567890"}] for number in (26476, 36459)},
    313: [_account("6", agrnum="AB-123")],
    464: [_card("1", exp_date="0218"), _account("2"), _account("3", "DOG-17/2")],
    466: [_card("1"), _card("1", exp_date="0218"), _account("3", "5012345678")],
    804: [_card("1"), _account("2"), _account("3", "A1")],
    809: [_card("1"), _account("2")],
    810: [_card("5"), _account("2"), _account("3", "A1")],
    815: [_card("1"), _account("2"), _account("3", "A1")],
    816: [_card("5"), _account("5"), _account("2")],
    819: [_account("2"), _account("3", "A1")],
    821: [_card("7", exp_date="1230"), _account("9")],
    868: [_account("2"), _account("3", "A1")],
    870: [_card("5"), _account("2", urgent="1"), _account("3", "A1")],
    881: [_card("1"), _account("2")],
    1134: [_card("5"), _account("2"), _account("3", "A1")],
    25660: [_card("1"), _account("2")],
    27324: [_account("2"), _account("3", "A1")],
    1717: [
        {
            "name": "ПАО СБЕРБАНК", "extra_to_bik": "044525225", "to_bik": "044525225", "city": "МОСКВА",
            "info": "Коммерческие организации", "is_commercial": "1", "to_name": "ООО Ромашка", "to_inn": "7726111111",
            "to_kpp": "772601001", "nds": "НДС не облагается", "goal": "Оплата по счёту 17", "urgent": "0",
            "account": "40702810000000001", "from_name": "Иван", "from_name_p": "", "from_name_f": "Иванов",
            "requestProtocol": "qw1", "toServiceId": "1717",
        }
    ],
    1963: [{"account": VISA}],
    21013: [{"account": MASTERCARD}, {"account": card("2221")}],
    31652: [{"account": MIR}, {"account": card("2204", 19)}],
    31873: [{"account": VISA}, {"account": MIR}],
    36390: [{"account": VISA}],
    1960: [SENDER | {"account": VISA}, SENDER | {"account": VISA, "rec_country": "Russia"}],
    21012: [SENDER | {"account": MASTERCARD}],
    27292: [
        {
            "cardNumber": VISA, "account": "4256********1111", "ev_account1": "x" * 90, "transferSum": "100",
            "accept": "1", "version": "2", "info": "Подтверждаю",
        }
    ],
}  # fmt: skip
