"""
Dates as clients write them. Source: access.md 1 and 9, history.md 1, client-compatibility.md T13.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from kalita.clock import MOSCOW

_FORM = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:(Z)|([+ -])(\d\d):(\d\d))?", re.ASCII)


def parse_moment(text: str) -> datetime | None:
    """
    Read `YYYY-MM-DDThh:mm:ss` with an offset, `Z`, or nothing (Moscow).

    A fraction of seconds is allowed and dropped; a blank before the offset is a `+` that was decoded.
    returns  a zoned date-time in whole seconds; None when the text is no such moment
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    *numbers, zulu, sign, hours, minutes = match.groups()
    zone = MOSCOW
    if zulu:
        zone = UTC
    elif sign:
        if int(hours) > 18 or int(minutes) > 59:
            return None
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        zone = timezone(-offset if sign == "-" else offset)
    year, month, day, hour, minute, second = map(int, numbers)
    if year < 1970 or year > 9990:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
