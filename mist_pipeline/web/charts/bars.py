"""Stacked bars over time, or over classes of a value."""

from collections.abc import Sequence

from mist_pipeline.web.charts.chart import WIDTH, Chart, Key, framed
from mist_pipeline.web.charts.lines import HEIGHT, Line, Values, count_cell, table
from mist_pipeline.web.charts.scales import Scale
from mist_pipeline.web.charts.slots import Slots

_GAP = 0.14
"""Share of a slot that stays free."""


def stacked_chart(
    name: str,
    title: str,
    slots: Slots,
    parts: Sequence[Line],
    *,
    unit: str,
    height: int = HEIGHT,
    note: str = "",
) -> Chart:
    """Bars over time, one part above the other.

    Args:
        name: In the address of its CSV.
        title: What it shows.
        slots: Time; every part has a value for each slot, None where nothing is known.
        parts: From the bottom up.
        unit: What is counted, in the plural.
        height: Of the plot in pixels.
        note: What is to be known about it.
    """
    totals = [_sum([part.values[place] for part in parts]) for place in range(len(slots))]
    scale = Scale.of_counts(totals)
    floor = [0.0] * len(slots)
    marks = []
    for part in parts:
        marks.append(f'<path class="bar {part.mark}" d="{_boxes(part.values, floor, scale, height)}"/>')
        floor = [below + (value or 0.0) for below, value in zip(floor, part.values, strict=True)]
    known = [total for total in totals if total is not None]
    about = f"{title}, {slots.about}"
    said = f"{about}: {count_cell(sum(known))} {unit} together" if known else f"{about}: nothing is known"
    values = [part.values for part in parts]
    return Chart(
        name=name,
        title=title,
        said=said,
        picture=framed("".join(marks), slots, scale, height=height, words=said),
        keys=[Key(part.name, part.mark, "area") for part in reversed(parts)] if len(parts) > 1 else [],
        columns=(slots.title, *(part.name for part in parts)),
        cells=table(slots.labels, values, count_cell),
        values=table(slots.exact, values, lambda value: value),
        note=note,
        is_empty=not known,
    )


def _boxes(values: Values, floor: Sequence[float], scale: Scale, height: int) -> str:
    step = WIDTH / max(len(values), 1)
    width = step * (1 - _GAP)
    found = []
    for place, (value, below) in enumerate(zip(values, floor, strict=True)):
        if not value:
            continue
        bottom, top = scale.place(below, height), scale.place(below + value, height)
        left = place * step + (step - width) / 2
        found.append(f"M{left:.5g} {top:.4g}h{width:.4g}v{bottom - top:.4g}h{-width:.4g}z")
    return "".join(found)


def _sum(values: Values) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
