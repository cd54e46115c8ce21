"""Names of IANA time zones: one list, read from disk once a process.

>>> known_zone("Europe/Berlin")
'Europe/Berlin'
>>> known_zone("Europe/Berln")
Traceback (most recent call last):
    ...
ValueError: 'Europe/Berln' is no IANA time zone; did you mean 'Europe/Berlin'?
>>> known_zone("CEST")
Traceback (most recent call last):
    ...
ValueError: 'CEST' is no IANA time zone: it names a clock, not a place; use 'Europe/Berlin'
"""

import difflib
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

_NO_PLACES = frozenset({"localtime", "Factory", "posixrules"})
"""Files among those of the zones that name no place: what they mean differs from machine to machine."""


@cache
def zone_names() -> frozenset[str]:
    """Every zone of this machine. Listing them opens some thousand files, hence once a process, and not for one name."""
    return frozenset(available_timezones()) - _NO_PLACES


_ABBREVIATIONS = {
    **dict.fromkeys(("CEST", "MEZ", "MESZ"), "Europe/Berlin"),
    **dict.fromkeys(("BST",), "Europe/London"),
    **dict.fromkeys(("IST",), "Asia/Kolkata"),
    **dict.fromkeys(("EEST",), "Europe/Helsinki"),
    **dict.fromkeys(("WEST",), "Europe/Lisbon"),
    **dict.fromkeys(("MSK",), "Europe/Moscow"),
    **dict.fromkeys(("EDT", "ET"), "America/New_York"),
    **dict.fromkeys(("CDT", "CT"), "America/Chicago"),
    **dict.fromkeys(("MDT", "MT"), "America/Denver"),
    **dict.fromkeys(("PDT", "PST", "PT"), "America/Los_Angeles"),
    **dict.fromkeys(("AEST", "AEDT"), "Australia/Sydney"),
    **dict.fromkeys(("NZST", "NZDT"), "Pacific/Auckland"),
    **dict.fromkeys(("JST",), "Asia/Tokyo"),
    **dict.fromkeys(("SGT",), "Asia/Singapore"),
    **dict.fromkeys(("HKT",), "Asia/Hong_Kong"),
}
"""What clocks are called in one season or in one country → a place where they are: a zone knows both seasons."""


def _is_zone(name: str) -> bool:
    """Whether a name is one of `zone_names`."""
    if name in _NO_PLACES or name.startswith(("posix/", "right/")):
        return False
    try:
        return ZoneInfo(name).key == name
    # A name may also be a folder, or none that a file can have.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def known_zone(name: str) -> str:
    """The name of a zone, as it is.

    Raises:
        ValueError: There is no such zone; the nearest name is in the message.
    """
    if _is_zone(name):
        return name
    if place := _ABBREVIATIONS.get(name.strip().upper()):
        raise ValueError(f"{name!r} is no IANA time zone: it names a clock, not a place; use {place!r}")
    near = difflib.get_close_matches(name, sorted(zone_names()), n=1)
    meant = f"did you mean {near[0]!r}?" if near else "write it as Europe/Berlin"
    raise ValueError(f"{name!r} is no IANA time zone; {meant}")
