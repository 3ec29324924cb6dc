"""
The catalogue as it stands: the rows that come with the program under what an operator changed.

Changes lie in the database. A running server asks for their epoch and takes them up without a restart. A row that
cannot be read keeps no other from being taken up: its provider stays as it was known, and it is read again and again.
"""

from dataclasses import replace

import msgspec

from kalita.clock import Clock
from kalita.keys import Keys
from kalita.observe import log
from kalita.providers.catalogue import Catalogue, shipped_rows
from kalita.providers.provider import COLUMNS, BadRow, Provider, Row, provider_of
from kalita.storage.engine import Engine, Step

SEALED = "provider password"
_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Store:
    """Keep a catalogue up to date, and change it."""

    def __init__(self, engine: Engine, keys: Keys, clock: Clock, catalogue: Catalogue) -> None:
        self._engine, self._keys, self._clock, self._catalogue = engine, keys, clock, catalogue
        self._epoch, self._rows = "", dict(shipped_rows())
        self._unread: dict[int, str] = {}
        self._began = False

    async def refresh(self) -> None:
        """Take up what was changed since the last call; nothing is read when nothing was, and all could be read."""
        found = await self._engine.one("provider_epoch")
        epoch = found[0] if found else ""
        if epoch != self._epoch or self._unread:
            rows = await self.rows()
            if rows != self._rows:
                self._take_up(rows)
                self._rows = rows
            self._epoch = epoch
        self._began = True

    def _take_up(self, rows: dict[int, Row]) -> None:
        """Put rows in place of those before; what cannot be read is told once for each reason."""
        providers: dict[int, Provider] = {}
        unread: dict[int, str] = {}
        for number, row in rows.items():
            try:
                providers[number] = provider_of(row)
            except BadRow as problem:
                unread[number] = str(problem)
                known = self._known(number)
                if known is not None:
                    providers[number] = known
        self._catalogue.replace(providers)
        for number, reason in unread.items():
            if self._unread.get(number) != reason:
                log.error("provider_not_read", provider=number, reason=reason)
        self._unread = unread

    def _known(self, number: int) -> Provider | None:
        """Return a provider as it was last read; one that never was is as it was shipped, but nobody can pay it."""
        known = self._catalogue.get(number)
        return known if known is None or self._began else replace(known, payable=False, status="suspended")

    async def rows(self) -> dict[int, Row]:
        """Return every row as it stands, by id; nothing but the id where a change is no JSON of ours."""
        rows = dict(shipped_rows())
        for number, change in (await self._changes()).items():
            rows[number] = {"id": str(number)} if change is None else {**rows.get(number, {}), **change}
        return rows

    async def _changes(self) -> dict[int, dict[str, str] | None]:
        return {number: _columns(content) for number, content in await self._engine.all("provider_changes")}

    async def change(self, changes: dict[int, dict[str, str]]) -> dict[int, Provider]:
        """
        Change columns of providers, all or none; an id that is not there makes a new one.

        changes  by id: columns with their new texts, the empty one for nothing; a password in clear
        returns  the providers as they stand now
        raises   BadRow that names the provider and the column
        """
        rows, steps, changed = await self.rows(), [], {}
        known = await self._changes()
        for number, columns in changes.items():
            change = (known.get(number) or {}) | self._sealed(number, columns) | {"id": str(number)}
            changed[number] = _read(number, {**rows.get(number, {}), **change})
            steps.append(Step("provider_change_put", (number, _encode(change).decode(), self._clock.now())))
        await self._engine.change(*steps, Step("provider_epoch_changed", ()))
        await self.refresh()
        return changed

    def password(self, provider: Provider) -> str:
        """Return a provider's password in clear, empty when there is none that this key opens."""
        return self._keys.open(SEALED, provider.gateway.password, str(provider.id)) or ""

    def _sealed(self, number: int, columns: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(columns) - set(COLUMNS))
        if unknown:
            raise BadRow(f"provider {number}: there is no column {unknown[0]!r}; known are {', '.join(COLUMNS)}")
        if columns.get("password"):
            return columns | {"password": self._keys.seal(SEALED, columns["password"], str(number))}
        return columns


def _columns(content: str) -> dict[str, str] | None:
    try:
        return _decode(content)
    except msgspec.DecodeError:
        return None


def _read(number: int, row: Row) -> Provider:
    try:
        return provider_of(row)
    except BadRow as problem:
        raise BadRow(f"provider {number}: {problem}") from None
