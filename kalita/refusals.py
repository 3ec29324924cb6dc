"""
Refusals: every way a rule says no, listed once.

    Refusal            code, HTTP status, Russian and English text
      named by a dotted word    the service family: `auth.forbidden`
      named by a number         the payment family: QWPRC-220; the same numbers are the errorCode of history

A refusal is a value inside and an answer at the edge, where `Refused` carries it. A fault of the world is no refusal.
Source: access.md 5 and 6, payments.md 3.4.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way of saying no: its code on the wire, the HTTP status it goes out with, two texts for people."""

    code: str
    status: int
    en: str
    ru: str

    def text(self, language: str) -> str:
        """Return the text for a person, Russian unless English is asked for."""
        return self.en if language == "en" else self.ru


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """
    Carry a refusal to the edge.

    fields  what was wrong where: field name to reasons, for `validation.error`
    detail  a technical sentence in English for developers
    """

    def __init__(self, refusal: Refusal, detail: str = "", fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail or refusal.en)
        self.refusal = refusal
        self.detail = detail
        self.fields = fields
        self.headers: dict[str, str] = {}


def malformed(field: str, reason: str) -> Refused:
    """Return the 400 that names the field. Source: access.md 5.1 `cause`."""
    return Refused(VALIDATION, f"{field}: {reason}", {field: [reason]})


VALIDATION = Refusal("validation.error", 400, "Validation error", "Ошибка в запросе")
UNAUTHORIZED = Refusal("auth.unauthorized", 401, "Unauthorized", "Требуется действующий токен")
FORBIDDEN = Refusal("auth.forbidden", 403, "Access denied", "Доступ запрещён")
HISTORY_NOT_FOUND = Refusal("payment.history.not.found", 404, "Payment history not found", "Платёж не найден")
CHEQUE_NOT_AVAILABLE = Refusal("cheque.not.available", 404, "Receipt is not available", "Квитанция недоступна")
CARD_NOT_FOUND = Refusal("card.not.found", 404, "Card not found", "Карта не найдена")
PERSON_NOT_FOUND = Refusal("person.not.found", 404, "Wallet not found", "Кошелёк не найден")
DOWNGRADE_NOT_FOUND = Refusal("downgrade.operation.not.found", 404, "Operation not found", "Операция не найдена")
ACCOUNT_NOT_FOUND = Refusal("account.not.found", 404, "Account not found", "Счёт не найден")
ACCOUNT_EXISTS = Refusal("account.already.exists", 422, "Account already exists", "Такой счёт уже открыт")
ACCOUNT_NOT_OFFERED = Refusal("account.not.offered", 422, "Account is not on offer", "Такой счёт нельзя открыть")
ROUTE_NOT_FOUND = Refusal("resource.not.found", 404, "Resource not found", "Такого адреса нет")
METHOD_NOT_ALLOWED = Refusal("method.not.allowed", 405, "Method not allowed", "Метод не поддерживается")
TOO_LARGE_BODY = Refusal("request.too.large", 413, "Request body is too large", "Слишком большое тело запроса")
TOO_LONG_ADDRESS = Refusal("request.too.large", 414, "Request address is too long", "Слишком длинный адрес запроса")
TOO_LARGE_HEADERS = Refusal("request.too.large", 431, "Request headers are too large", "Слишком большие заголовки")
BLOCKED = Refusal("request.blocked", 423, "request blocked, try again later", "Слишком много запросов, повторите позже")
BILL_NOT_FOUND = Refusal("api.invoice.not.found", 404, "Invoice not found", "Invoice not found")
BILL_EXISTS = Refusal(
    "api.invoice.already.exists", 409, "Invoice already exists", "Счёт с таким номером уже выставлен на других условиях"
)
BILL_CONFLICT = Refusal("api.invoice.conflict", 409, "Invoice is closed already", "Счёт уже закрыт")
BILL_CONFLICT_OF_PAYER = Refusal("api.invoice.conflict", 400, "Invoice is closed already", "Счёт уже закрыт")
REFUND_NOT_FOUND = Refusal("api.refund.not.found", 404, "Refund not found", "Возврат не найден")
REFUND_EXISTS = Refusal(
    "api.invoice.already.exists", 409, "Refund already exists", "Возврат с таким номером уже сделан на других условиях"
)
REFUND_AMOUNT = Refusal("refund.incorrect.amount", 400, "Wrong refund amount", "Неверная сумма возврата")
CONVERSION_FAILED = Refusal("http.message.conversion.failed", 400, "Unreadable body", "Тело запроса не читается")
NOT_ACCEPTABLE = Refusal("http.media.type.not.acceptable", 406, "Only JSON is offered", "Ответ бывает только в JSON")
UNSUPPORTED_TYPE = Refusal("http.media.type.not.supported", 415, "Only JSON is read", "Тело читается только в JSON")
IDENTIFICATION_REQUIRED = Refusal(
    "identification.required", 403, "Identification is required", "Нужно пройти идентификацию"
)
HOOK_NOT_FOUND = Refusal("hook.not.found", 404, "Hook not found", "Вебхук не найден")
HOOK_EXISTS = Refusal("hook.already.exists", 422, "Hook already exists", "Вебхук уже зарегистрирован")
HOOK_WRONG = Refusal("hook.validation.error", 422, "Wrong hook parameters", "Неверные параметры вебхука")
INTERNAL = Refusal("internal.error", 500, "Internal error", "Внутренняя ошибка")
UNAVAILABLE = Refusal(
    "service.unavailable", 503, "Service temporarily unavailable", "Сервис временно недоступен, повторите позже"
)

SERVICE_REFUSALS = (
    VALIDATION, UNAUTHORIZED, FORBIDDEN, CHEQUE_NOT_AVAILABLE, HISTORY_NOT_FOUND, PERSON_NOT_FOUND,
    DOWNGRADE_NOT_FOUND, ROUTE_NOT_FOUND, CARD_NOT_FOUND,
    ACCOUNT_NOT_FOUND, ACCOUNT_EXISTS, ACCOUNT_NOT_OFFERED,
    METHOD_NOT_ALLOWED,
    TOO_LARGE_BODY, TOO_LONG_ADDRESS, TOO_LARGE_HEADERS, BLOCKED, INTERNAL, UNAVAILABLE,
    HOOK_NOT_FOUND, HOOK_EXISTS, HOOK_WRONG, BILL_NOT_FOUND, BILL_EXISTS, BILL_CONFLICT, BILL_CONFLICT_OF_PAYER,
    REFUND_NOT_FOUND, REFUND_EXISTS, REFUND_AMOUNT, CONVERSION_FAILED, NOT_ACCEPTABLE, UNSUPPORTED_TYPE,
    IDENTIFICATION_REQUIRED,
)  # fmt: skip


def _payment_texts() -> dict[int, Refusal]:
    rows = csv.DictReader(files("kalita").joinpath("refusals.csv").read_text("utf-8").splitlines())
    return {int(row["code"]): Refusal(row["code"], 400, row["en"], row["ru"]) for row in rows}


PAYMENT_REFUSALS = _payment_texts()


def payment(code: int) -> Refusal:
    """Return the refusal of a payment code; an unknown one keeps its number under the text of 300."""
    known = PAYMENT_REFUSALS.get(code)
    return known or Refusal(str(code), 400, PAYMENT_REFUSALS[300].en, PAYMENT_REFUSALS[300].ru)


NO_PROVIDER = Refusal("155", 404, payment(155).en, payment(155).ru)
UNREACHABLE = payment(3)
WRONG_FORMAT = payment(4)
NO_SUCH_RECIPIENT = payment(5)
PROVIDER_CLOSED = payment(155)
RECIPIENT_STATUS = payment(167)
UNUSABLE = payment(202)
REPEATED = Refusal(
    "202", 400, "This id was already used for another payment", "Этот id уже использован для другого платежа"
)
OUTDATED = Refusal(
    "state.changed", 409, "It was done, rejected or expired meanwhile", "Это уже исполнено, отклонено или истекло"
)
LEVEL_TOO_LOW = payment(166)
NOT_ENOUGH_MONEY = payment(220)
BELOW_MINIMUM = payment(241)
ABOVE_MAXIMUM = payment(242)
TECHNICAL = payment(300)
WRONG_PHONE = payment(303)
WRONG_CARD_DATA = payment(522)
WRONG_CARD = payment(542)
WRONG_EXPIRY = payment(547)
OWN_WALLET = Refusal(
    "319", 400, "The payer and the recipient are the same wallet", "Плательщик и получатель — один и тот же кошелёк"
)
CURRENCY = payment(1002)
TOKEN_CAP = payment(309)
ABOVE_BALANCE_OF_PAYEE = payment(702)
BILL_OVER = payment(893)
OUTGOING_RESTRICTED = payment(1021)
