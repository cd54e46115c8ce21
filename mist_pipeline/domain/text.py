r"""Text for people: names from outside made safe to show, spans, instants and counts in words.

Site names are typed by people and may hold markup, line breaks, terminal escapes or marks that reorder the line.
`clean` takes out what no renderer can show safely. Escaping for HTML, Slack or Jira is the renderer's work.

>>> clean("Berlin\u202e\n 3"), clean("x" * 30, 10)
('Berlin 3', 'xxxxxxxxx…')
>>> count(3000, "site"), duration(timedelta(hours=2, minutes=10))
('3,000 sites', '2 h 10 min')
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

NAME_LENGTH = 60
"""Characters of a site's name that are shown."""

TITLE_LENGTH = 240
"""Characters of a title that are shown."""

SENTENCE_LENGTH = 600
"""Characters of a cause, a summary or a remediation step that are shown."""

ID_LENGTH = 8
"""Characters of an id that stand for it."""

_URL_LENGTH = 2000

# Spaces and breaks of all scripts become one space; direction marks, invisible, private and unassigned ones go.
_BREAKS = frozenset({"Cc", "Zl", "Zp", "Zs"})

_HIDDEN = frozenset({"Cf", "Cs", "Co", "Cn"})

# Inside of words these two belong to Persian, to the scripts of India and to emoji.
_JOINERS = frozenset({"\u200c", "\u200d"})

# Letters and signs that are drawn as a gap: fillers of Hangul, the empty pattern of Braille, a note without a head.
_GAPS = frozenset("\u3164\uffa0\u2800\U0001d159")

# Letters and marks that are drawn as nothing, though Unicode counts them neither as spaces nor as formats.
_UNDRAWN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f")

# They choose how the sign before them looks, such as an emoji, and are nothing themselves.
_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))

UNSEEN = _JOINERS | _SELECTORS
"""Characters that may stay in cleaned text and that nobody sees."""


def clean(text: str, limit: int = SENTENCE_LENGTH) -> str:
    """One visible line of at most ``limit`` characters, '' if nothing of the text can be shown."""
    if text.isascii() and text.isprintable():
        return clipped(" ".join(text.split()), limit)
    shown: list[str] = []
    marks = 0
    # A name may be a megabyte long; only what could be shown is read.
    for char in text[: 4 * limit]:
        category = unicodedata.category(char)
        if (category in _HIDDEN and char not in _JOINERS) or char in _UNDRAWN:
            continue
        marks = marks + 1 if category[0] == "M" else 0
        if category in _BREAKS or char in _GAPS:
            if shown and shown[-1] != " ":
                shown.append(" ")
        elif marks <= 2:  # more of them on one letter paint over the neighbouring lines
            shown.append(char)
        # One more for the space that may be last, one to see that there is more.
        if len(shown) > limit + 1:
            break
    line = "".join(shown).strip()
    return clipped(line, limit) if any(char not in UNSEEN and char != " " for char in line) else ""


def without_controls(text: str) -> str:
    r"""The text with line breaks and tabs, but without what a terminal would obey or would not show.

    >>> without_controls("a\x1b[31mb\u202e\n\x9bc")
    'a [31mb\n c'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char
        if char in "\n\t"
        else ""
        if (kind := unicodedata.category(char)) in _HIDDEN and char not in _JOINERS
        else " "
        if kind in _BREAKS
        else char
        for char in text
    )


def clipped(text: str, limit: int) -> str:
    """The text, with … as its last character where it is longer than ``limit`` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def safe_url(url: str | None) -> str | None:
    """An http(s) address that may stand in a link, with every delimiter encoded; None for anything else."""
    if not url or len(url) > _URL_LENGTH:
        return None
    try:
        parts = urlsplit(url.strip())
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return None
    return quote(url.strip(), safe=":/?#@!$&*+,;=%[]~") if is_web else None


def duration(span: timedelta) -> str:
    """A span in its two largest units: ``3 d 4 h``, ``2 h 10 min``, ``12 min``."""
    minutes = int(span.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if minutes < 1:
        return "less than a minute"
    parts = (
        [(days, "d"), (hours, "h")] if days else [(hours, "h"), (rest, "min")] if hours else [(rest, "min")]
    )
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount)


_SPAN = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?:in)?)?", re.ASCII)
_LONGEST = timedelta(days=366)


def span_of(text: str) -> timedelta:
    """A length of time as people type it.

    >>> span_of("1d12h") == timedelta(hours=36)
    True

    Raises:
        ValueError: It is none, or longer than a year.
    """
    found = _SPAN.fullmatch(text.strip().lower().replace(" ", ""))
    weeks, days, hours, minutes = (int((part or "0")[:6]) for part in found.groups()) if found else (0,) * 4
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
    if not timedelta(0) < length <= _LONGEST:
        raise ValueError(
            f"{clean(text, 40)!r} is no length of time; write 90m, 2h, 1d12h or 2w, a year at most"
        )
    return length


def instant(moment: datetime) -> str:
    """``2026-11-23 04:15 UTC``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def count(amount: int, one: str, many: str | None = None) -> str:
    """``1 site``, ``3,000 sites``."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"
