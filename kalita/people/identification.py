"""
Identification over HTTP: the shapes of the wire, their strict reading, masking. Source: profile.md 2 and 3.
"""

from typing import Annotated

import msgspec

from kalita.clock import Clock, date_of
from kalita.people.identify import Identification, Identity
from kalita.people.persons import Person, masked, person_of, wrongs
from kalita.people.wallets import Level
from kalita.refusals import PERSON_NOT_FOUND, VALIDATION, Refused, malformed
from kalita.wire.door import text_or_digits
from kalita.wire.endpoint import Call, Endpoint, Permission
from kalita.wire.params import wallet_number

WIRE = {
    "birth": "birthDate", "first": "firstName", "middle": "middleName", "last": "lastName", "passport": "passport",
    "inn": "inn", "snils": "snils", "oms": "oms",
}  # fmt: skip
"""The names of a person's members on the wire."""


def _document(about: str, example: str, may_be_null: bool = True) -> msgspec.Meta:
    kinds = ["string", "integer", "null"] if may_be_null else ["string", "integer"]
    schema = {"type": kinds, "minimum": 0, "description": about, "examples": [example]}
    return msgspec.Meta(extra_json_schema=schema)


Name = Annotated[str, msgspec.Meta(description="1 to 64 letters, hyphens, apostrophes, blanks", examples=["Анна"])]
Passport = Annotated[msgspec.Raw, _document("10 digits", "4400111222", may_be_null=False)]
Inn = Annotated[msgspec.Raw, _document("12 digits with the right check digits", "")]
Snils = Annotated[msgspec.Raw, _document("11 digits with the right check number", "")]
Oms = Annotated[msgspec.Raw, _document("16 digits", "")]


def _not_given() -> msgspec.Raw:
    return msgspec.Raw(b"null")


class IdentificationBody(msgspec.Struct, rename="camel"):
    """Who the owner says to be; a document that is empty, null or left out was not given."""

    birth_date: Annotated[str, msgspec.Meta(examples=["1990-02-11"])]
    first_name: Name
    last_name: Name
    middle_name: Annotated[str | None, msgspec.Meta(description="the key is needed; may be empty", examples=[""])]
    passport: Passport
    inn: Inn = msgspec.field(default_factory=_not_given)
    snils: Snils = msgspec.field(default_factory=_not_given)
    oms: Oms = msgspec.field(default_factory=_not_given)


class Said(msgspec.Struct, rename=WIRE):
    """The members of the body as they came, so that all that is wrong is named at once; empty where left out."""

    birth: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    first: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    middle: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    last: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    passport: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    inn: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    snils: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    oms: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class PersonInfo(msgspec.Struct, rename="camel"):
    """The owner and the level; null where nobody is known."""

    birth_date: str | None
    first_name: str | None
    id: int
    inn: str | None
    last_name: str | None
    middle_name: str | None
    oms: str | None
    passport: str | None
    snils: str | None
    type: Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["SIMPLE", "VERIFIED", "FULL"]})]


class IdentificationApi:
    """Identify owners, and show them what is known."""

    def __init__(self, identification: Identification, clock: Clock) -> None:
        self._identification, self._clock = identification, clock

    async def identify(self, call: Call) -> bytes:
        """Answer the data in full and the level that came of it."""
        person, unread = said_of(call.body)
        found = wrongs(person, date_of(self._clock.now())) | unread
        if found:
            raise _wrong(found)
        return _shown(call.wallet, await self._identification.identify(call.wallet, person))

    async def current(self, call: Call) -> bytes:
        """Answer the data with its documents masked, and the level."""
        known = await self._identification.current(call.wallet)
        if (
            known.level < Level.VERIFIED
        ):  # the operator lowered it: what is kept is nobody's until the owner says it anew
            known = known._replace(person=None)
        if known.person is not None:
            hidden = [masked(document) for document in known.person[4:]]
            known = known._replace(person=Person(*known.person[:4], *hidden))
        return _shown(call.wallet, known)


def said_of(said: Said) -> tuple[Person, dict[str, str]]:
    """
    Read a body into a person.

    returns  the person, and what could not be read, by its names
    """
    texts: dict[str, str] = {}
    found: dict[str, str] = {}
    for name in WIRE:
        raw = bytes(getattr(said, name))
        try:
            texts[name] = _text_of(name, raw)
        except Refused:
            texts[name], found[name] = "", "a string is needed" if raw else "it is required"
    return person_of(texts), found


def _text_of(name: str, raw: bytes) -> str:
    """Return the text of a member; empty for one that was not given and need not be."""
    if not raw and name in ("inn", "snils", "oms"):
        return ""
    if raw[:1] == b'"' or name not in ("birth", "first", "middle", "last"):
        return text_or_digits(name, raw) or ""
    if raw == b"null" and name == "middle":
        return ""
    raise malformed(WIRE[name], "a string is needed")


def _wrong(found: dict[str, str]) -> Refused:
    """Name the members, and repeat nothing of what they hold."""
    fields = {WIRE[name]: [reason] for name, reason in found.items()}
    return Refused(VALIDATION, "; ".join(f"{name}: {reasons[0]}" for name, reasons in fields.items()), fields)


def _shown(wallet: int, identity: Identity) -> bytes:
    level = Level(max(identity.level, Level.SIMPLE)).name
    if identity.person is None:
        return msgspec.json.encode(PersonInfo(None, None, wallet, None, None, None, None, None, None, level))
    birth, first, middle, last, passport, inn, snils, oms = identity.person
    return msgspec.json.encode(PersonInfo(birth, first, wallet, inn, last, middle, oms, passport, snils, level))


PATH = "/identification/v1/persons/{wallet}/identification"
WALLET = (wallet_number("wallet"),)

ROWS = (
    Endpoint(
        "POST",
        PATH,
        IdentificationApi,
        IdentificationApi.identify,
        "Identify the wallet's owner",
        "profile.md 2",
        permission=Permission.PROFILE,
        at=WALLET,
        body=IdentificationBody,
        read_as=Said,
        answers=PersonInfo,
        refusals=(PERSON_NOT_FOUND,),
    ),
    Endpoint(
        "GET",
        PATH,
        IdentificationApi,
        IdentificationApi.current,
        "Who owns the wallet, documents masked",
        "profile.md 3",
        permission=Permission.PROFILE,
        at=WALLET,
        answers=PersonInfo,
        refusals=(PERSON_NOT_FOUND,),
    ),
)
