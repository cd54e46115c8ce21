"""What was said beside what came: a point for each tenth of probability, with how sure it is; on the line both are the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from mist_pipeline.web.charts.chart import WIDTH, Chart, Key, framed
from mist_pipeline.web.charts.lines import percent_cell, table
from mist_pipeline.web.charts.scales import Scale
from mist_pipeline.web.charts.slots import value_slots

HEIGHT = 240
_TENTHS = 10
_ALL = Scale(0.0, 100.0, 20.0)


@dataclass(frozen=True)
class Point:
    """Predictions of one tenth, in percent.

    Attributes:
        said: Mean of what was predicted.
        came: Share that came.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    said: float
    came: float
    low: float
    high: float


def reliability_chart(name: str, title: str, points: Sequence[Point]) -> Chart:
    """A reliability diagram (Murphy and Winkler, *Applied Statistics* 26, 1977).

    Args:
        name: In the address of its CSV.
        title: What it shows.
        points: At most one of a tenth.
    """
    slots = value_slots(0, 100, 100 // _TENTHS, "\u202f%", "Said")
    by_tenth = {min(int(point.said // (100 / _TENTHS)), _TENTHS - 1): point for point in points}
    ordered = [by_tenth.get(place) for place in range(_TENTHS)]
    marks = [f'<path class="rule even" d="M0 {HEIGHT}L{WIDTH} 0"/>']
    for point in points:
        x = WIDTH * point.said / 100
        low, came, high = (_ALL.place(value, HEIGHT) for value in (point.low, point.came, point.high))
        marks.append(f'<path class="whisker" d="M{x:.5g} {low:.4g}V{high:.4g}"/>')
        marks.append(f'<path class="dot" d="M{x:.5g} {came:.4g}h0"/>')
    sides = [
        [None if point is None else getattr(point, side) for point in ordered]
        for side in ("said", "came", "low", "high")
    ]
    words = f"{title}: " + (
        "; ".join(f"said {percent_cell(one.said)}, came {percent_cell(one.came)}" for one in points)
        or "too few cases"
    )
    return Chart(
        name=name,
        title=title,
        said=words,
        picture=framed("".join(marks), slots, _ALL, height=HEIGHT, unit="\u202f%", words=words),
        keys=[Key("Came, with its 95 % interval", "dot"), Key("As often as it was said", "even", "dash")],
        columns=("Said", "Mean said", "Came", "95 % from", "95 % to"),
        cells=table(slots.labels, sides, percent_cell),
        values=table(slots.exact, sides, lambda value: value),
        note="From left to right what was said, upwards what came, in percent. Points below the line: it was said too often.",
        is_empty=not points,
        nothing="Too few cases of every tenth.",
    )
