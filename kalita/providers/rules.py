"""
Rules for the fields of a payment: what has to be there, in which form, and with which code it is refused.

A form is a list of rules; `forms.json` holds those that come with the program, an operator may write his own.
Source: payments.md 3.4 and 4, providers.md 2.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

import msgspec

from kalita.providers import requisites
from kalita.providers.cards import luhn, masked, may_be_card, without_gaps
from kalita.refusals import UNUSABLE, WRONG_CARD, WRONG_EXPIRY, WRONG_FORMAT, WRONG_PHONE, Refusal

Fields = Mapping[str, str]
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A condition on the other fields; of its members the given ones have to hold."""

    account_type: str | None = None
    account_type_not: str | None = None
    account_pattern: str | None = None

    def holds(self, fields: Fields) -> bool:
        """Tell whether it holds."""
        kind = fields.get("account_type")
        if self.account_type is not None and kind != self.account_type:
            return False
        if self.account_type_not is not None and kind == self.account_type_not:
            return False
        return self.account_pattern is None or _matches(self.account_pattern, fields.get("account", ""))


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """
    What one field has to be.

    required, required_if   whether it has to be there
    pattern, enum, const    what it may be; `by_type`: the pattern for each account_type; `by_field`: more patterns, by
                            the form that another field has
    card, card_if           it is a card number: checked, and shown masked
    own_wallet              it is the payer's own number
    same_as                 it repeats another field
    strict                  `inn` or `account`: a check digit that only strict mode looks at
    strict_if               when it does; without: always
    surcharge               extra commission in roubles by value
    prepared                its value comes out of a preparatory call
    """

    name: str
    required: bool = False
    required_if: When | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    const: str | None = None
    by_type: dict[str, str] = {}
    by_field: dict[str, dict[str, str]] = {}
    card: bool = False
    card_if: When | None = None
    own_wallet: bool = False
    same_as: str | None = None
    strict: str | None = None
    strict_if: When | None = None
    surcharge: dict[str, int] = {}
    prepared: bool = False

    def patterns(self) -> Iterator[str | None]:
        """Return every pattern it names."""
        yield from (self.pattern, *self.by_type.values())
        for choices in self.by_field.values():
            yield from (*choices, *choices.values())
        for when in (self.required_if, self.card_if, self.strict_if):
            yield when.account_pattern if when is not None else None

    def is_card(self, fields: Fields) -> bool:
        """Tell whether the field holds a card number among these fields."""
        return self.card or (self.card_if is not None and self.card_if.holds(fields))

    def is_checked(self, fields: Fields) -> bool:
        """Tell whether strict mode looks at the field's check digit among these fields."""
        return self.strict is not None and (self.strict_if is None or self.strict_if.holds(fields))

    def is_needed(self, fields: Fields) -> bool:
        """Tell whether the field has to be there among these fields."""
        return self.required or (self.required_if is not None and self.required_if.holds(fields))

    def fits(self, value: str, fields: Fields) -> bool:
        """Tell whether a value has the form that is asked for."""
        pattern = self.by_type.get(fields.get("account_type", ""), self.pattern)
        patterns = [] if pattern is None else [pattern]
        for name, choices in self.by_field.items():
            patterns += [then for form, then in choices.items() if _matches(form, fields.get(name, ""))]
        return all(_matches(one, value) for one in patterns) and (
            self.same_as is None or fields.get(self.same_as) == value
        )


class Form:
    """
    The rules of one provider's fields.

    mobile    its account is a phone number, which has a code of its own
    prepared  some of its fields come out of a preparatory call
    """

    def __init__(self, rules: tuple[Rule, ...], mobile: bool = False) -> None:
        self.rules, self._mobile = rules, mobile
        self.prepared = any(rule.prepared for rule in rules)
        self._names = {rule.name for rule in rules}
        self._has_cards = any(rule.card or rule.card_if is not None for rule in rules)
        self._only = _only_pattern(rules)

    def refusal(self, fields: Fields, payer: int, strict: bool = False) -> Refusal | None:
        """
        Return why the fields are refused, or None.

        Whatever the rules let through is one line of text: registries and statements write it so.

        strict  look at the check digits of requisites too
        """
        if self._only is None or not self._only.fullmatch(fields.get("account", "")):
            refusal = self._broken(fields, payer, strict)
            if refusal is not None:
                return refusal
        return None if _one_line(fields) else WRONG_FORMAT

    def _broken(self, fields: Fields, payer: int, strict: bool) -> Refusal | None:
        for rule in self.rules:
            value = fields.get(rule.name)
            if value is None:
                if rule.is_needed(fields):
                    return self._code(rule, fields) if rule.name == "account" else UNUSABLE
            elif not self._right(rule, value, fields, payer, strict):
                return self._code(rule, fields)
        return None

    def _right(self, rule: Rule, value: str, fields: Fields, payer: int, strict: bool) -> bool:
        if (rule.const is not None and value != rule.const) or (rule.enum and value not in rule.enum):
            return False
        if not rule.fits(value, fields) or (rule.is_card(fields) and not luhn(value)):
            return False
        if rule.own_wallet and value.lstrip("+") != str(payer):
            return False
        return not (strict and rule.is_checked(fields)) or requisites.holds(rule.strict or "", value, fields)

    def _code(self, rule: Rule, fields: Fields) -> Refusal:
        if rule.const is not None or rule.enum:
            return UNUSABLE
        if rule.is_card(fields):
            return WRONG_CARD
        if rule.name == "exp_date":
            return WRONG_EXPIRY
        return WRONG_PHONE if self._mobile and rule.name == "account" else WRONG_FORMAT

    def cards(self, fields: Fields) -> tuple[str, ...]:
        """Return the names of the fields that hold a card number."""
        return tuple(rule.name for rule in self.rules if rule.name in fields and rule.is_card(fields))

    def carried(self, fields: Fields) -> tuple[str, dict[str, str]]:
        """
        Return what a connector needs beside `account`: the card number, and the other fields that are asked for.

        What nobody asked for stays here, so does what our own preparatory call handed out.
        """
        card = next((name for name in self.cards(fields) if name != "account"), "")
        left = {rule.name: rule for rule in self.rules if rule.name in fields and rule.name not in ("account", card)}
        return fields.get(card, ""), {name: fields[name] for name, rule in left.items() if not rule.prepared}

    def shown(self, fields: dict[str, str]) -> dict[str, str]:
        """
        Return the fields as answers and history may show them: card numbers masked, also where nobody asked for one,
        and where any text will do, as for a contract.

        Source: payments.md 2.2
        """
        typed = {name: number for name, text in fields.items() if luhn(number := without_gaps(text))}
        if not typed and not self._has_cards and fields.keys() <= self._names:
            return fields  # the usual case
        hidden = {name: fields[name] for name in self.cards(fields)}
        hidden |= {name: fields[name] for name in fields.keys() - self._names if may_be_card(fields[name])}
        hidden |= {name: number for name, number in typed.items() if name not in hidden and self._is_text(name, fields)}
        return fields | {name: masked(number) for name, number in hidden.items()} if hidden else fields

    def _is_text(self, name: str, fields: Fields) -> bool:
        """Tell whether a field may be any text among these fields: a number that is asked for as such is no card."""
        odd = "x" + fields[name][1:]
        return all(rule.fits(odd, fields) for rule in self.rules if rule.name == name)

    def surcharge(self, fields: Fields) -> int:
        """Return the extra commission in minor units that values of the fields ask for."""
        return sum(rule.surcharge.get(fields.get(rule.name, ""), 0) for rule in self.rules) * 100


def _only_pattern(rules: tuple[Rule, ...]) -> re.Pattern[str] | None:
    """Return the pattern of a form that asks for an account by a pattern and for nothing else: it is judged at once."""
    if len(rules) != 1 or rules[0] != Rule("account", required=True, pattern=rules[0].pattern) or not rules[0].pattern:
        return None
    return _compiled(rules[0].pattern)


def _one_line(fields: Fields) -> bool:
    for name, value in fields.items():
        if not (value.isprintable() and name.isprintable()) and (_CONTROL.search(value) or _CONTROL.search(name)):
            return False
    return True


def _matches(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


@cache
def built_in_forms() -> dict[str, tuple[Rule, ...]]:
    """Return the forms that come with the program, by name."""
    return msgspec.json.decode(
        files("kalita.providers").joinpath("forms.json").read_bytes(), type=dict[str, tuple[Rule, ...]]
    )


def read_rules(text: str) -> tuple[Rule, ...]:
    """
    Read a form: the name of one that comes with the program, or a JSON list of rules; empty: no fields.

    raises  ValueError that says what is wrong
    """
    if not text:
        return ()
    if text in built_in_forms():
        return built_in_forms()[text]
    if not text.startswith("["):
        raise ValueError(f"there is no form {text!r}; known are {', '.join(built_in_forms())}, or give a JSON list")
    try:
        rules = msgspec.json.decode(text, type=tuple[Rule, ...])
        for rule in rules:
            for pattern in rule.patterns():
                _compiled(pattern or "")
    except (msgspec.DecodeError, re.error) as problem:
        raise ValueError(f"the rules cannot be read: {problem}") from None
    return rules
