"""
Verifiers say whether a person is who he says to be. Source: profile.md 2.

    Anybody   accepts every well-formed person: for demonstrations
    Listed    knows the persons that the operator has imported
    Asked     asks a service of the operator's over HTTP
"""

import csv
import io
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, Protocol

import msgspec

from kalita.clock import Clock, date_of
from kalita.keys import Keys
from kalita.people.persons import Person, inn_of, person_of, wrongs
from kalita.storage.engine import Engine, Step, Unavailable

SEALED = "known person"
COLUMNS = ("last", "first", "middle", "birth", "passport", "inn", "full")
LARGEST_ANSWER = 4_096
WITHIN_S = 10.0


class Verdict(NamedTuple):
    """What a verifier says. inn: the taxpayer's number it knows; full: full identification was given before."""

    accepted: bool
    inn: str = ""
    full: bool = False


class Verifier(Protocol):
    """Whoever can tell."""

    async def verify(self, person: Person) -> Verdict:
        """Say whether the person is who he says to be; raise Unavailable when nobody can tell now."""


REFUSED = Verdict(False)


class Anybody:
    """Accept every well-formed person, and make up a taxpayer's number from the passport."""

    async def verify(self, person: Person) -> Verdict:
        """Accept. See Verifier."""
        return Verdict(True, person.inn or inn_of(person.passport))


class BadPersons(Exception):  # noqa: N818 - named for what is wrong
    """A table of persons cannot be used; the text names the line, and nothing of a person."""


class Listed:
    """Accept the persons that the operator has imported; their rows are encrypted in the database."""

    def __init__(self, engine: Engine, keys: Keys, clock: Clock) -> None:
        self._engine, self._keys, self._clock = engine, keys, clock

    async def verify(self, person: Person) -> Verdict:
        """Look the person up: names, birthday and passport have to agree, a number that was given too."""
        place = owner_hash(self._keys, person)
        row = await self._engine.one("known_person", place)
        text = self._keys.open(SEALED, row[0], place) if row else None
        if text is None:
            return REFUSED
        known, full = msgspec.json.decode(text, type=tuple[Person, bool])
        same = name_of(known) == name_of(person) and (not person.inn or not known.inn or person.inn == known.inn)
        return Verdict(True, known.inn or person.inn or inn_of(person.passport), full) if same else REFUSED

    async def take(self, persons: Iterable[tuple[Person, bool]]) -> int:
        """Keep more persons, or newer facts of known ones; return how many."""
        steps = []
        for person, full in persons:
            place = owner_hash(self._keys, person)
            text = msgspec.json.encode((person, full)).decode()
            steps.append(Step("known_person_put", (place, self._keys.seal(SEALED, text, place))))
        await self._engine.change(*steps)
        return len(steps)

    async def forget(self) -> int:
        """Forget every person of the table; return how many there were."""
        (count,) = await self._engine.change(Step("known_persons_drop", ()))
        return count

    def read(self, text: str) -> list[tuple[Person, bool]]:
        """
        Read a table of persons: comma-separated, with a head; inn and middle may be empty, full is yes or no.

        raises  BadPersons, which names the line and the column
        """
        reader = csv.DictReader(io.StringIO(text), strict=True)
        try:
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise BadPersons(f"line 1: the head has to be {','.join(COLUMNS)}")
            return [self._read(row, reader.line_num) for row in reader]
        except csv.Error:
            raise BadPersons(f"line {reader.line_num}: a quotation mark is open, or a field too long") from None

    def _read(self, row: dict[str | None, str | None], line: int) -> tuple[Person, bool]:
        if None in row or None in row.values() or row["full"] not in ("yes", "no", ""):
            raise BadPersons(f"line {line}: {len(COLUMNS)} fields are needed, the last one yes or no")
        cells = {str(name): (cell or "").strip() for name, cell in row.items()}
        person = person_of(cells)
        found = wrongs(person, date_of(self._clock.now()))
        if found:
            name, reason = next(iter(found.items()))
            raise BadPersons(f"line {line}, {name}: {reason}")
        return person, cells["full"] == "yes"


class _Reply(msgspec.Struct):
    accepted: bool
    inn: str = ""
    full: bool = False


Post = Callable[[bytes], Awaitable[tuple[int, bytes]]]
"""Sends a body to the operator's service; returns status and body, or raises Unavailable."""


class Asked:
    """
    Ask a service: the person goes out as JSON, `{"accepted": true, "inn": "…", "full": false}` comes back.

    Whatever else comes back is no answer, and nothing is decided then.
    """

    def __init__(self, post: Post) -> None:
        self._post = post

    async def verify(self, person: Person) -> Verdict:
        """Ask. See Verifier."""
        status, body = await self._post(msgspec.json.encode(person._asdict()))
        if status != 200:
            raise Unavailable(f"the identification service answered {status}")
        try:
            reply = msgspec.json.decode(body, type=_Reply)
        except msgspec.DecodeError:
            raise Unavailable("the identification service answered what cannot be read") from None
        return Verdict(reply.accepted, reply.inn or person.inn or inn_of(person.passport), reply.full)


def name_of(person: Person) -> str:
    """Return a person's names as they are compared: whatever the case, ё like е."""
    return "|".join((person.last, person.first, person.middle)).casefold().replace("ё", "е")


def owner_hash(keys: Keys, person: Person) -> str:
    """Return the keyed hash that tells one owner of wallets from another: passport and birthday."""
    return keys.digest("owner", f"{person.passport} {person.birth}".encode())
