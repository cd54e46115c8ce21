"""The theme of charts, and the steps that each of them takes.

Altair describes a chart, vl-convert draws it without a browser and without a network. Both are imported when the first
chart is drawn, because that costs a second.

>>> scale_bottom([88.4, 70.0]), scale_bottom([3.0])
(65, 0)
"""

from collections.abc import Iterable, Mapping
from functools import cache
from types import ModuleType
from typing import Any


@cache
def libraries() -> tuple[ModuleType, ModuleType]:
    """Altair and vl-convert."""
    import altair
    import vl_convert

    return altair, vl_convert


def theme(*, font: str, muted: str, grid: str, background: str | None, label_size: int) -> dict[str, Any]:
    """The Vega-Lite configuration of a chart.

    Args:
        font: Family of all text.
        muted: Colour of the labels of axes.
        grid: Colour of grid lines.
        background: Colour behind the chart, None for that of the page.
        label_size: Of the labels of axes, in pixels.
    """
    return {
        "background": background,
        "font": font,
        "view": {"stroke": None},
        "axis": {
            "labelColor": muted,
            "labelFontSize": label_size,
            "domain": False,
            "ticks": False,
            "gridColor": grid,
            "labelPadding": 6,
            "title": None,
        },
    }


def described(chart: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """The Vega-Lite description of an Altair chart, with this configuration."""
    return {**chart.to_dict(validate=False), "config": dict(config)}


def rows(values: Iterable[Mapping[str, Any]]) -> Any:
    """Rows as data that stand inside the chart's description."""
    alt, _ = libraries()
    return alt.InlineData(values=[dict(row) for row in values])


def scale_bottom(values: Iterable[float]) -> int:
    """Where a scale of percent begins: a little below the lowest value, on a multiple of five."""
    return max(0, int(min(values) // 5 * 5 - 5))
