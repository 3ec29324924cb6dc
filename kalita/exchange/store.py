"""
Rates as they are kept: one row for each set, the newest counts; a server takes a new one up without a restart.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec

from kalita.clock import SECOND, Clock
from kalita.exchange.rates import NO_RATES, Middle, Rates, shipped
from kalita.storage.engine import Engine, Step

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[int, str]).decode


class Exchange:
    """
    The rates that hold now.

    spread        what the house keeps, per cent
    max_age_days  rates of an older day convert nothing; 0: any age does
    demo          begin with the rates that come with the program, whatever their age
    """

    def __init__(self, engine: Engine, clock: Clock, spread: Decimal, max_age_days: int, demo: bool = False) -> None:
        self._engine, self._clock = engine, clock
        self._spread, self._max_age, self.demo = spread, max_age_days, demo
        self._id = -1
        self.middle: Middle | None = None
        self.rates, self._ageless = NO_RATES, False

    async def refresh(self) -> None:
        """Take up the newest set; nothing is built when it is the same as before."""
        newest = await self._engine.one("rate_set_newest")
        number = newest[0] if newest else 0
        if number == self._id:
            return
        self._ageless = newest is None and self.demo
        self.middle = shipped() if self._ageless else None
        if newest is not None:
            self.middle = Middle(newest[1], {code: Decimal(text) for code, text in _decode(newest[2]).items()})
        self.rates = Rates(self.middle, self._spread) if self.middle is not None else NO_RATES
        self._id = number

    async def put(self, middle: Middle, origin: str) -> Rates:
        """Keep a set of rates; it holds from now on. origin: where it came from, for people."""
        content = _encode({str(code): str(value) for code, value in middle.roubles.items()}).decode()
        await self._engine.change(Step("rate_set_add", (self._clock.now(), middle.day, origin, content)))
        await self.refresh()
        return self.rates

    def rate(self, source: int, target: int) -> Decimal | None:
        """Return units of the source for one of the target; None where there is no rate, or only one too old."""
        return None if self.stale else self.rates.get(source, target)

    @property
    def stale(self) -> bool:
        """Whether the rates are of a day too long ago to convert by."""
        if not self._max_age or self._ageless or not self.rates.day:
            return False
        today = datetime.fromtimestamp(self._clock.now() // SECOND, UTC).date()
        return today - date.fromisoformat(self.rates.day) > timedelta(days=self._max_age)
