"""The charts of the cookbook: small, one colour, drawn as SVG."""

import json
from collections.abc import Callable
from typing import Any

import polars as pl

from mist_pipeline.charts.theme import described, libraries, rows, theme
from mist_pipeline.cli.cookbook.page import Chart
from mist_pipeline.domain.palette import LIGHT

SERIES = LIGHT["series"]
_WIDTH, _STEP, _HEIGHT = 440, 20, 180
_THEME = theme(
    font="Helvetica, Arial, sans-serif",
    muted=LIGHT["muted"],
    grid=LIGHT["grid"],
    background=LIGHT["card"],
    label_size=11,
)


def svg(chart: Chart, frame: pl.DataFrame) -> str:
    """A result as a picture.

    Raises:
        ValueError: The kind is unknown, or a column is not there.
    """
    missing = sorted(set(chart.fields.values()) - set(frame.columns))
    if missing:
        raise ValueError(f"The chart names columns that the result lacks: {', '.join(missing)}")
    if chart.kind not in _KINDS:
        raise ValueError(f"There is no chart {chart.kind!r}; there are {', '.join(_KINDS)}")
    alt, vl_convert = libraries()
    data = rows(json.loads(json.dumps(frame.to_dicts(), default=str)))
    drawn = _KINDS[chart.kind](alt, alt.Chart(data), frame, **chart.fields)
    return str(vl_convert.vegalite_to_svg(described(drawn, _THEME)))


def _bar(alt: Any, base: Any, _: pl.DataFrame, x: str, y: str) -> Any:
    return base.mark_bar(color=SERIES).encode(x=_value(alt, x), y=_names(alt, y)).properties(**_rows())


def _stack(alt: Any, base: Any, _: pl.DataFrame, x: str, y: str, colour: str) -> Any:
    legend = alt.Legend(title=None, orient="bottom", columns=3, labelColor=LIGHT["muted"], labelLimit=220)
    return (
        base.mark_bar()
        .encode(x=_value(alt, x), y=_names(alt, y), color=alt.Color(f"{colour}:N", legend=legend))
        .properties(**_rows())
    )


def _line(alt: Any, base: Any, _: pl.DataFrame, x: str, y: str) -> Any:
    return (
        base.mark_line(color=SERIES, point=alt.OverlayMarkDef(color=SERIES, size=18))
        .encode(x=alt.X(f"{x}:Q", axis=_titled(alt, x)), y=alt.Y(f"{y}:Q", axis=_titled(alt, y)))
        .properties(width=_WIDTH, height=_HEIGHT)
    )


def _band(alt: Any, base: Any, frame: pl.DataFrame, x: str, y: str, low: str, high: str, middle: str) -> Any:
    bottom = alt.Scale(zero=False, nice=True)
    over = alt.X(f"{x}:T", axis=alt.Axis(format="%d %b", tickCount=7))
    score = _titled(alt, f"{frame['metric'][0]}, %" if "metric" in frame.columns and frame.height else y)
    band = base.mark_area(color=SERIES, opacity=0.18).encode(
        x=over, y=alt.Y(f"{low}:Q", scale=bottom, axis=score), y2=f"{high}:Q"
    )
    expected = base.mark_line(color=SERIES, strokeDash=[4, 3]).encode(
        x=over, y=alt.Y(f"{middle}:Q", scale=bottom)
    )
    actual = base.mark_point(color=LIGHT["ink"], filled=True, size=28, opacity=1).encode(
        x=over, y=alt.Y(f"{y}:Q", scale=bottom)
    )
    return (band + expected + actual).properties(width=_WIDTH, height=_HEIGHT)


def _range(alt: Any, base: Any, _: pl.DataFrame, y: str, x: str, low: str, high: str) -> Any:
    names = _names(alt, y)
    span = base.mark_rule(color=SERIES, strokeWidth=5, opacity=0.3).encode(
        x=_value(alt, low, title=x), x2=f"{high}:Q", y=names
    )
    return (
        span + base.mark_point(color=SERIES, filled=True, size=50, opacity=1).encode(x=f"{x}:Q", y=names)
    ).properties(**_rows())


_KINDS: dict[str, Callable[..., Any]] = {
    "bar": _bar,
    "stack": _stack,
    "line": _line,
    "band": _band,
    "range": _range,
}


def _rows() -> dict[str, Any]:
    return {"width": _WIDTH, "height": {"step": _STEP}}


def _titled(alt: Any, name: str) -> Any:
    return alt.Axis(title=name.replace("_", " "), titleColor=LIGHT["muted"], titleFontWeight="normal")


def _value(alt: Any, name: str, title: str = "") -> Any:
    return alt.X(f"{name}:Q", axis=_titled(alt, title or name))


def _names(alt: Any, name: str) -> Any:
    return alt.Y(f"{name}:N", sort=None, axis=alt.Axis(labelLimit=220))
