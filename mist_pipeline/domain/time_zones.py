"""Names of IANA time zones: one list, read from disk once a process.

>>> known_zone("Europe/Berlin")
'Europe/Berlin'
>>> known_zone("Europe/Berln")
Traceback (most recent call last):
    ...
ValueError: 'Europe/Berln' is no IANA time zone; did you mean 'Europe/Berlin'?
"""

import difflib
from functools import cache
from zoneinfo import available_timezones

_NO_PLACES = frozenset({"localtime", "Factory", "posixrules"})
"""Files among those of the zones that name no place: what they mean differs from machine to machine."""


@cache
def zone_names() -> frozenset[str]:
    """Every zone of this machine. Listing them walks a folder tree (10 ms), hence once a process."""
    return frozenset(available_timezones()) - _NO_PLACES


def known_zone(name: str) -> str:
    """The name of a zone, as it is.

    Raises:
        ValueError: There is no such zone; the nearest name is in the message.
    """
    if name in zone_names():
        return name
    near = difflib.get_close_matches(name, sorted(zone_names()), n=1)
    meant = f"did you mean {near[0]!r}?" if near else "write it as Europe/Berlin"
    raise ValueError(f"{name!r} is no IANA time zone; {meant}")
