"""
Check digits of Russian bank details, looked at in strict mode only. Source: payments.md 4.8 and 4.9.
"""

from collections.abc import Mapping

_INN_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_12 = ((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
_ACCOUNT = (7, 1, 3) * 8


def holds(check: str, value: str, fields: Mapping[str, str]) -> bool:
    """
    Tell whether a value passes a check: `inn`, or `account` with the bank's code in `mfo` or `to_bik`.

    Without a bank's code there is nothing to check an account against.
    """
    if check == "inn":
        return inn(value)
    bank = fields.get("mfo") or fields.get("to_bik")
    return bank is None or account(value, bank)


def inn(text: str) -> bool:
    """Tell whether a tax number of 10 or 12 digits has its right check digits."""
    digits = [int(digit) for digit in text if digit.isascii() and digit.isdigit()]
    if len(digits) != len(text) or len(digits) not in (10, 12):
        return False
    if len(digits) == 10:
        return _weighed(_INN_10, digits) % 11 % 10 == digits[9]
    return all(_weighed(weights, digits) % 11 % 10 == digits[len(weights)] for weights in _INN_12)


def account(number: str, bank: str) -> bool:
    """Tell whether an account of 20 digits belongs to a bank by its BIC: the key comes out with the bank's last 3."""
    if len(number) != 20 or len(bank) != 9 or not (number + bank).isascii() or not (number + bank).isdigit():
        return False
    prefix = "0" + bank[4:6] if bank[6:] in ("000", "001", "002") else bank[6:]
    return _weighed(_ACCOUNT, [int(digit) for digit in prefix + number]) % 10 == 0


def _weighed(weights: tuple[int, ...], digits: list[int]) -> int:
    return sum(weight * digit for weight, digit in zip(weights, digits, strict=False))
