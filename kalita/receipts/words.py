"""
Amounts in words, Russian and English: `Сто рублей 50 копеек`, `One hundred roubles 50 kopecks`.
"""

from kalita.money import CURRENCIES, EUR, KZT, RUB, USD, face

Forms = tuple[str, str, str]
"""What stands after 1, after 2 to 4, and after the rest; in English one of the last two is never met."""

_RU: dict[int, tuple[Forms, Forms]] = {
    RUB: (("рубль", "рубля", "рублей"), ("копейка", "копейки", "копеек")),
    USD: (("доллар США", "доллара США", "долларов США"), ("цент", "цента", "центов")),
    EUR: (("евро", "евро", "евро"), ("евроцент", "евроцента", "евроцентов")),
    KZT: (("тенге", "тенге", "тенге"), ("тиын", "тиына", "тиынов")),
}
_EN: dict[int, tuple[Forms, Forms]] = {
    RUB: (("rouble", "roubles", "roubles"), ("kopeck", "kopecks", "kopecks")),
    USD: (("US dollar", "US dollars", "US dollars"), ("cent", "cents", "cents")),
    EUR: (("euro", "euros", "euros"), ("cent", "cents", "cents")),
    KZT: (("tenge", "tenge", "tenge"), ("tiyn", "tiyn", "tiyn")),
}

SIGNS = {RUB: "₽", USD: "$", EUR: "€", KZT: "₸"}


def in_words(minor: int, currency: int, language: str) -> str:
    """Return an amount (minor units, not below zero) in words: whole units as words, the rest as two digits."""
    from num2words import num2words  # with its fifty languages it takes longer to load than a receipt to draw

    whole, part = divmod(minor, 10 ** CURRENCIES[currency].digits)
    units, parts = (_EN if language == "en" else _RU)[currency]
    form = _english if language == "en" else _russian
    spoken: str = num2words(whole, lang=language)
    return f"{spoken[:1].upper()}{spoken[1:]} {form(whole, units)} {part:02} {form(part, parts)}"


def _russian(number: int, forms: Forms) -> str:
    if number % 10 == 1 and number % 100 != 11:
        return forms[0]
    if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14):
        return forms[1]
    return forms[2]


def _english(number: int, forms: Forms) -> str:
    return forms[0] if number == 1 else forms[1]


def on_paper(minor: int, currency: int, language: str) -> str:
    """Return an amount for the eye, always with its two decimals: `1 234,50 ₽`, `1,234.50 ₽` in English."""
    digits = CURRENCIES[currency].digits
    whole, _, part = face(abs(minor), currency).partition(".")
    grouped = f"{int(whole):,}"
    decimals = part.ljust(digits, "0")
    text = f"{grouped}.{decimals}" if language == "en" else f"{grouped.replace(',', ' ')},{decimals}"
    sign = "\u2212" if minor < 0 else ""
    return f"{sign}{text} {SIGNS.get(currency, CURRENCIES[currency].letters)}"
