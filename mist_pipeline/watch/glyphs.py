"""Signs and colours of the screen. A colour never stands alone: every status has a sign and its word.

>>> UNICODE.spark((50.0, None, 75.0, 100.0), 4), ASCII.spark((50.0, None, 75.0, 100.0), 4)
('▁ ▅█', '5 79')
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.text import Text

from mist_pipeline.domain.palette import DARK, role_of_severity

LOW_PCT, HIGH_PCT = 50.0, 100.0
"""All sparklines share one scale, so that rows compare; what is lower touches the bottom."""


@dataclass(frozen=True, kw_only=True)
class Glyphs:
    """One set of signs.

    Attributes:
        status: Status → its sign.
        trend: Trend → its arrow.
        new: Mark of what got worse and was not seen yet.
        dot: Between parts of a line.
        dash: For what is not known.
        minus: Of a negative number.
        levels: Heights of a sparkline, lowest first; '' writes tens instead.
        band: What is usual, behind the bars of a chart.
        is_ascii: Whether nothing else may be printed.
    """

    status: Mapping[str, str]
    trend: Mapping[str, str]
    new: str
    dot: str
    dash: str
    minus: str
    levels: str
    band: str
    is_ascii: bool

    def spark(self, values: Sequence[float | None], width: int) -> str:
        """A series as one line; where several values share a place, the worst is drawn. A gap is a gap."""
        places = squeezed(values, width)
        return "".join(" " if value is None else self._level(value) for value in places)

    def _level(self, value: float) -> str:
        if not self.levels:
            return str(min(int(max(value, 0.0) // 10), 9))
        share = (min(max(value, LOW_PCT), HIGH_PCT) - LOW_PCT) / (HIGH_PCT - LOW_PCT)
        return self.levels[min(int(share * len(self.levels)), len(self.levels) - 1)]

    def bar(self, share: float) -> str:
        """One place of a bar of which a share is full; a space where it is empty.

        >>> UNICODE.bar(0.5), ASCII.bar(0.5), ASCII.bar(0.4)
        ('▄', '#', ' ')
        """
        if not self.levels:
            return "#" if share >= 0.5 else " "
        eighths = round(share * len(self.levels))
        return self.levels[eighths - 1] if eighths else " "

    def shown(self, text: Text) -> Text:
        """A line as this terminal can show it."""
        if not self.is_ascii or text.plain.isascii():
            return text
        plain = text.plain.replace("…", "~").encode("ascii", "replace").decode()
        return Text(plain, style=text.style, spans=text.spans, no_wrap=True)


UNICODE = Glyphs(
    status={"CRITICAL": "✖", "UNHEALTHY": "▲", "DEGRADED": "◆", "HEALTHY": "●", "UNKNOWN": "?"},
    trend={"worsening": "↘", "improving": "↗", "stable": "→"},
    new="»",
    dot=" · ",
    dash="–",
    minus="−",
    levels="▁▂▃▄▅▆▇█",
    band="░",
    is_ascii=False,
)
ASCII = Glyphs(
    status={"CRITICAL": "X", "UNHEALTHY": "!", "DEGRADED": "~", "HEALTHY": "o", "UNKNOWN": "?"},
    trend={"worsening": "\\", "improving": "/", "stable": "-"},
    new=">",
    dot=" | ",
    dash="-",
    minus="-",
    levels="",
    band=":",
    is_ascii=True,
)

_COLOURS = {name: DARK[name] for name in ("critical", "unhealthy", "degraded", "healthy", "unknown")}


def status_style(status: str) -> str:
    """Colour of a status; the worst is bold as well."""
    colour = _COLOURS.get(status.lower(), _COLOURS["unknown"])
    return f"bold {colour}" if status == "CRITICAL" else colour


def severity_style(severity: str) -> str:
    """Colour of a severity, which is that of its status."""
    return status_style(role_of_severity(severity).upper())


def squeezed(values: Sequence[float | None], width: int) -> list[float | None]:
    """Values on at most ``width`` places: the worst of those that share one.

    >>> squeezed((90.0, 80.0, None, None, 70.0, 95.0), 3)
    [80.0, None, 70.0]
    """
    if width <= 0 or not values:
        return []
    if len(values) <= width:
        return list(values)
    edges = [place * len(values) // width for place in range(width + 1)]
    pieces = ([one for one in values[low:high] if one is not None] for low, high in pairwise(edges))
    return [min(piece) if piece else None for piece in pieces]
