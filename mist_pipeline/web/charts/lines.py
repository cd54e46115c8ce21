"""A line over time, with what is usual, what is forecast, thresholds, and marks where there was trouble. Gaps stay gaps.

>>> path([1.0, None, 3.0, 4.0], Scale(0.0, 4.0, 1.0), 40, 4)
'M125 30h0M625 10h0L875 0'
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from markupsafe import escape

from mist_pipeline.domain.numbers import rounded_down
from mist_pipeline.domain.text import count
from mist_pipeline.web.charts.chart import WIDTH, Chart, Key, framed
from mist_pipeline.web.charts.scales import Scale
from mist_pipeline.web.charts.slots import Slots

HEIGHT = 150

_CHANGE = Key("Configuration change", "moment", "dash")

Values = Sequence[float | None]
T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        name: Of its column and its entry in the legend.
        values: One a slot; None is a gap.
        mark: Class of its colour.
    """

    name: str
    values: Values
    mark: str = "series"


@dataclass(frozen=True)
class Band:
    """A range behind the lines.

    Attributes:
        name: What it is.
        low: Lower ends, one a slot.
        high: Upper ends.
        mark: Class of its colour.
    """

    name: str
    low: Values
    high: Values
    mark: str = "usual"


@dataclass(frozen=True)
class Span:
    """Trouble on the time axis.

    Attributes:
        begin: When it began.
        end: When it was over.
        mark: Class of its colour: a status.
    """

    begin: datetime
    end: datetime
    mark: str


@dataclass(frozen=True)
class Moment:
    """Something that was done at an instant.

    Attributes:
        at: When.
        words: What; text of anybody.
    """

    at: datetime
    words: str


@dataclass(frozen=True)
class Rule:
    """A threshold.

    Attributes:
        value: Where it is.
        name: Of what.
        mark: Class of its colour: a status.
    """

    value: float
    name: str
    mark: str


@dataclass(frozen=True, kw_only=True)
class Behind:
    """What stands behind the lines.

    Attributes:
        bands: The widest first.
        rules: Thresholds; those outside of what is drawn are left out.
        spans: Trouble, as a strip at the top.
        moments: Configuration changes, as upright lines.
    """

    bands: Sequence[Band] = ()
    rules: Sequence[Rule] = ()
    spans: Sequence[Span] = ()
    moments: Sequence[Moment] = ()


def line_chart(
    name: str,
    title: str,
    slots: Slots,
    lines: Sequence[Line],
    *,
    behind: Behind | None = None,
    is_percent: bool = True,
    from_zero: bool = False,
    height: int = HEIGHT,
) -> Chart:
    """Lines over time.

    Args:
        name: In the address of its CSV.
        title: What it shows; text of anybody is escaped where it is written.
        slots: Time; every line and band has a value for each slot.
        lines: What is drawn, the main line first.
        behind: What else there is to see.
        is_percent: Whether values are percentages; else they are counts.
        from_zero: Whether percentages are small: the axis begins at nothing and ends above the highest.
        height: Of the plot in pixels.
    """
    behind = behind or Behind()
    bands, spans = behind.bands, behind.spans
    sides = [line.values for line in lines] + [side for band in bands for side in (band.low, band.high)]
    drawn = [value for side in sides for value in side]
    scale = (Scale.of_percent if is_percent and not from_zero else Scale.of_counts)(drawn)
    marks = [
        f'<path class="band {band.mark}" d="{area(band.low, band.high, scale, height, len(slots))}"/>'
        for band in bands
    ]
    kept = [rule for rule in behind.rules if scale.low < rule.value < scale.high]
    marks += [
        f'<path class="rule {rule.mark}" d="M0 {scale.place(rule.value, height):.5g}H{WIDTH}"/>'
        for rule in kept
    ]
    marks += [
        f'<path class="line {line.mark}" d="{path(line.values, scale, height, len(slots))}"/>'
        for line in reversed(lines)
    ]
    marks += [_strip(span, slots) for span in spans]
    marks += [_upright(moment, slots, height) for moment in behind.moments]
    known = [value for value in lines[0].values if value is not None] if lines else []
    said = _said(title, slots, known, is_percent=is_percent)
    if behind.moments:
        said += f"; {count(len(behind.moments), 'configuration change')}"
    shown = percent_cell if is_percent else count_cell
    return Chart(
        name=name,
        title=title,
        said=said,
        picture=framed(
            "".join(marks), slots, scale, height=height, unit="\u202f%" if is_percent else "",
            words=said,
        ),
        keys=[*_keys(lines, bands, kept, spans), *([_CHANGE] if behind.moments else [])],
        columns=(slots.title, *(line.name for line in lines), *(f"{band.name}, {side}" for band in bands for side in ("from", "to"))),
        cells=table(slots.labels, sides, shown),
        values=table(slots.exact, sides, lambda value: value),
        is_empty=not any(value is not None for value in drawn),
    )  # fmt: skip


def path(values: Values, scale: Scale, height: float, number: int) -> str:
    """A line through the middle of every slot; a value between two gaps is a dot (a line of no length with round ends)."""
    step = WIDTH / max(number, 1)
    parts: list[str] = []
    is_drawing = False
    for place, value in enumerate(values):
        if value is None or not math.isfinite(value):
            is_drawing = False
            continue
        at = f"{(place + 0.5) * step:.5g} {scale.place(value, height):.4g}"
        parts.append(f"L{at}" if is_drawing else f"M{at}h0")
        is_drawing = True
    return "".join(parts)


def area(low: Values, high: Values, scale: Scale, height: float, number: int) -> str:
    """The plane between two lines, in as many pieces as gaps leave; each slot is filled over its whole width."""
    step = WIDTH / max(number, 1)
    parts: list[str] = []
    piece: list[int] = []
    ends: list[float | None] = [
        None if one is None or other is None else one for one, other in zip(low, high, strict=True)
    ]
    for place in range(len(ends) + 1):
        if place < len(ends) and ends[place] is not None:
            piece.append(place)
            continue
        if piece:
            parts.append(_piece(piece, low, high, scale, height, step))
            piece = []
    return "".join(parts)


def _piece(piece: Sequence[int], low: Values, high: Values, scale: Scale, height: float, step: float) -> str:
    def y(values: Values, place: int) -> str:
        value = values[place]
        return f"{scale.place(0.0 if value is None else value, height):.4g}"

    first, last = piece[0], piece[-1]
    over = [f"{(place + 0.5) * step:.5g} {y(high, place)}" for place in piece]
    under = [f"{(place + 0.5) * step:.5g} {y(low, place)}" for place in reversed(piece)]
    left, right = f"{first * step:.5g}", f"{(last + 1) * step:.5g}"
    corners = [
        f"{left} {y(high, first)}", *over, f"{right} {y(high, last)}",
        f"{right} {y(low, last)}", *under, f"{left} {y(low, first)}",
    ]  # fmt: skip
    return f"M{'L'.join(corners)}Z"


def _strip(span: Span, slots: Slots) -> str:
    left, right = WIDTH * slots.share(span.begin), WIDTH * slots.share(span.end)
    return (
        f'<rect class="span {span.mark}" x="{left:.5g}" y="0" width="{max(right - left, 3):.4g}" height="5"/>'
    )


def _upright(moment: Moment, slots: Slots, height: int) -> str:
    x = f"{WIDTH * slots.share(moment.at):.5g}"
    return f'<path class="moment" d="M{x} 0V{height}"><title>{escape(moment.words)}</title></path>'


def _keys(
    lines: Sequence[Line], bands: Sequence[Band], rules: Sequence[Rule], spans: Sequence[Span]
) -> list[Key]:
    keys = [Key(line.name, line.mark) for line in lines] if len(lines) + len(bands) > 1 else []
    keys += [Key(band.name, band.mark, "area") for band in reversed(bands)]
    keys += [Key(f"{rule.name} below {rule.value:g}\u202f%", rule.mark, "dash") for rule in rules]
    worst = sorted({span.mark for span in spans})
    return keys + [Key("Incident", mark, "area") for mark in worst[:1]]


def _said(title: str, slots: Slots, known: Sequence[float], *, is_percent: bool) -> str:
    about = f"{title}, {slots.about}"
    if not known:
        return f"{about}: nothing was measured"
    shown = percent_cell if is_percent else count_cell
    return f"{about}: from {shown(min(known))} to {shown(max(known))}, last {shown(known[-1])}"


def table(
    labels: Sequence[str], sides: Sequence[Values], shown: Callable[[float | None], T]
) -> list[list[str | T]]:
    """Rows of the table of a chart: the label of each slot, then a value of each side."""
    return [[label, *(shown(side[place]) for side in sides)] for place, label in enumerate(labels)]


def percent_cell(value: float | None) -> str:
    """A percentage of a table, or a dash."""
    return "–" if value is None else f"{rounded_down(value):.1f}\u202f%"


def count_cell(value: float | None) -> str:
    """A number of things, or a dash."""
    return "–" if value is None else f"{value:,.0f}"
