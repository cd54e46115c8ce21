"""What every kind of chart ends in, and the frame around its marks: axes, grid, labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from mist_pipeline.web.charts.scales import Scale
from mist_pipeline.web.charts.slots import Slots

WIDTH = 1000
"""Units across the plot, which is stretched to the width that there is; lines keep their strength."""
TOP, BOTTOM = 8, 20
"""Pixels above and below it."""


@dataclass(frozen=True)
class Key:
    """One entry of a legend.

    Attributes:
        words: What it is.
        mark: Class of its colour.
        shape: ``line``, ``dash`` or ``area``.
    """

    words: str
    mark: str
    shape: str = "line"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart, ready for a template.

    Attributes:
        name: In the address of its CSV: letters, digits and hyphens.
        title: What it shows, for everybody.
        said: The same in a sentence, for who cannot see it.
        picture: Its SVG.
        keys: Its legend.
        columns: Names of the columns of its table.
        cells: Rows of its table as they are read.
        values: The same rows as they are computed with, for CSV.
        note: What is to be known about it, '' if nothing is.
        is_empty: Whether there is nothing to show.
        nothing: What is said then.
    """

    name: str
    title: str
    said: str
    picture: Markup
    columns: Sequence[str]
    cells: Sequence[Sequence[str]]
    values: Sequence[Sequence[object]]
    keys: Sequence[Key] = ()
    note: str = ""
    is_empty: bool = False
    nothing: str = "Nothing was measured."


def framed(marks: str, slots: Slots, scale: Scale, *, height: int, unit: str = "", words: str = "") -> Markup:
    """A plot with its axes; the numbers stand left of it, where the stylesheet leaves room.

    Args:
        marks: SVG in a plane of `WIDTH` × ``height``; of ours alone.
        slots: Time.
        scale: Values.
        height: Of the plot in pixels.
        unit: Behind the topmost number of the axis.
        words: Says the chart to who cannot see it.
    """
    rules, numbers = [], []
    for tick in scale.ticks:
        y = scale.place(tick, height)
        rules.append(f"M0 {y:.5g}H{WIDTH}")
        last = unit if tick == scale.ticks[-1] else ""
        numbers.append(f'<text x="-6" y="{y + TOP + 4:.4g}">{_short(tick)}{last}</text>')
    uprights = "".join(f"M{share * WIDTH:.5g} 0V{height}" for share, _ in slots.ticks)
    texts = "".join(
        f'<text x="{100 * share:.4g}%" y="14"{_anchor(share)}>{escape(text)}</text>'
        for share, text in slots.ticks
    )
    total = height + TOP + BOTTOM
    return Markup(  # noqa: S704 - numbers, and words that are escaped
        f'<svg class="plot" width="100%" height="{total}" role="img" aria-label="{escape(words)}">'
        f'<g class="numbers">{"".join(numbers)}</g>'
        f'<svg class="field" y="{TOP}" width="100%" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'preserveAspectRatio="none"><path class="grid" d="{"".join(rules)}{uprights}"/>{marks}</svg>'
        f'<svg class="times" y="{height + TOP}" width="100%" height="{BOTTOM}">{texts}</svg></svg>'
    )


def _anchor(share: float) -> str:
    """A label at an edge does not leave the picture."""
    return ' class="first"' if share < 0.02 else ' class="last"' if share > 0.96 else ""


def _short(value: float) -> str:
    """A number of an axis.

    >>> _short(90.0), _short(25000.0)
    ('90', '25k')
    """
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}"
