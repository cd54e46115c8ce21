"""Single values as programs and people get them: instants, spans, sets; text of anybody's as one clean line."""

from datetime import UTC, datetime, time, timedelta

from rich.text import Text

from mist_pipeline.domain.text import ID_LENGTH, clean

INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
"""Of instants in files and JSON: UTC, to the second."""

STYLES: dict[str, str] = {
    "critical": "bold red",
    "major": "red",
    "warning": "yellow",
    "info": "cyan",
    "open": "bold",
    "acknowledged": "green",
    "resolved": "dim",
    "merged": "dim",
}
"""Severity or state → how it is printed."""


def cell(text: str, style: str = "", limit: int = 200) -> Text:
    """Text of anybody's as one clean line without markup."""
    return Text(clean(text, limit), style=style or STYLES.get(text, ""))


def short(name: str) -> str:
    """The beginning of an id that people are shown."""
    return clean(name, 64)[:ID_LENGTH]


def plain(value: object) -> object:
    """What JSON has no type for."""
    match value:
        case datetime():
            return value.astimezone(UTC).strftime(INSTANT_FORMAT)
        case timedelta():
            return value.total_seconds()
        case time():
            return value.isoformat()
        case set() | frozenset() | tuple():
            return list(value)
        case _:
            return str(value)
