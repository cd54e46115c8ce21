"""Charts as SVG text: Altair describes them, vl-convert draws them without a browser and without a network.

Here: pictures that need axes. Not here: marks inside tables, of which a page has hundreds (`sparklines`). A chart holds
numbers, dates and our own words only, never a name that people typed. Colours are roles of the palette: each is drawn
as a code that stands for a CSS variable of the page, so that one picture serves light, dark and paper.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from mist_pipeline.charts.theme import described, libraries, rows, scale_bottom, theme
from mist_pipeline.domain.metrics import title_of
from mist_pipeline.domain.numbers import percent
from mist_pipeline.domain.palette import LIGHT, role_of_severity
from mist_pipeline.domain.text import count
from mist_pipeline.report.document.formatting import THRESHOLD_NAMES
from mist_pipeline.report.document.model import STATUSES, AtRisk
from mist_pipeline.report.document.replay_model import ReplayQuality

_COLOUR = {role: f"#0a{number:04x}" for number, role in enumerate(LIGHT, 1)}
"""Role → the code that is drawn in its place."""
_STATUS_COLOUR = {status: _COLOUR[status.lower()] for status in STATUSES if status != "HEALTHY"} | {
    "HEALTHY": _COLOUR["healthy-soft"]
}
_UTC = {"type": "utc"}
"""Days are days: on a scale of local time a chart would differ between machines."""


def _svg(chart: Any, name: str, title: str) -> str:
    """Draw a chart and make the drawing part of a page.

    Args:
        chart: Of Altair.
        name: Letters and hyphens, unique on the page; ids inside of the picture start with it.
        title: What it shows, for who cannot see it. Our own words; escaped here.
    """
    _, vl_convert = libraries()
    config = theme(
        font="inherit", muted=_COLOUR["muted"], grid=_COLOUR["line"], background=None, label_size=11
    )
    spec = described(chart, {**config, "aria": False})
    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return _for_page(svg, name, title)


def _for_page(svg: str, name: str, title: str) -> str:
    """Colours become variables, ids unique and the same every time, what only editors need goes."""
    ids: dict[str, str] = {}
    for found in re.findall(r'\sid="([^"]+)"', svg):
        ids.setdefault(found, f"{name}-{len(ids)}")
    for old, new in ids.items():
        svg = svg.replace(f'id="{old}"', f'id="{new}"').replace(f"url(#{old})", f"url(#{new})")
    for role, code in _COLOUR.items():
        svg = svg.replace(f'"{code}"', f'"var(--{role})"')
    svg = re.sub(r'\s(?:class|role|aria-[a-z]+|pointer-events|style|xmlns:xlink|version)="[^"]*"', "", svg)
    svg = re.sub(r'<path d="(?:M0,0h0v0h0Z)?"(?:\sdisplay="none")?/>', "", svg)
    svg = re.sub(
        r'\s(?:font-family="inherit"|opacity="1"|stroke-miterlimit="10"|font-weight="normal")', "", svg
    )
    while (smaller := svg.replace("<g></g>", "")) != svg:
        svg = smaller
    said = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(
        r"^<svg([^>]*)>",
        lambda root: (
            f'<svg{root[1]} class="chart" role="img" aria-labelledby="{name}-title"><title id="{name}-title">{said}</title>'
        ),
        svg,
        count=1,
    )


def _threshold_colour(name: str) -> str:
    """The colour of a threshold; a pre-warning line looks like that of a warning."""
    return _COLOUR[role_of_severity("warning" if name == "pre_warning" else name)]


def fan_chart(risk: AtRisk, days: Sequence[str], thresholds: Mapping[str, float], name: str) -> str:
    """History, the courses that may come with their middle one, and the threshold of a series, as SVG.

    Courses that cross the threshold have its colour: their share is the probability of the sentence. Where there are none
    (rows of an earlier version) the forecast is drawn with its 80 and 95 % bands.

    Args:
        risk: The series with its history (a value for each of ``days``) and forecast.
        days: ISO days of the history.
        thresholds: Percent by threshold name; the one about to be crossed is drawn.
        name: Unique on the page.
    """
    alt, _ = libraries()
    past: list[dict[str, Any]] = [
        {"day": day, "score": score}
        for day, score in zip(days, risk["history"], strict=True)
        if score is not None
    ]
    ahead: list[dict[str, Any]] = [dict(day) for day in risk["forecast"]]
    joint = (
        [
            {
                "day": past[-1]["day"],
                **dict.fromkeys(
                    ("mean_pct", "lower_pct", "upper_pct", "lower_80_pct", "upper_80_pct"), past[-1]["score"]
                ),
            }
        ]
        if past
        else []
    )
    fan = joint + ahead if ahead else []
    courses = risk["courses"]
    line = risk["threshold_pct"] if risk["threshold"] != "pre_warning" else None
    ways: list[dict[str, Any]] = [
        {
            "day": at["day"],
            "level": level,
            "course": number,
            "crosses": line is not None and min(course) < line,
        }
        for number, course in enumerate(courses)
        for at, level in zip(ahead, course, strict=True)
    ]
    shown = {key: thresholds[key] for key in (risk["threshold"],) if key in thresholds}
    lows = (
        [point["score"] for point in past] + [point["lower_80_pct"] for point in ahead] + list(shown.values())
    )
    bottom = scale_bottom(lows)
    x = alt.X(
        "day:T", scale=alt.Scale(**_UTC), axis=alt.Axis(title=None, format="%-d %b", tickCount=5, grid=False)
    )
    y_scale = alt.Scale(domain=[bottom, 100], clamp=True, nice=False)
    y = alt.Y("score:Q", scale=y_scale, axis=alt.Axis(title=None, tickCount=4))

    def band(low: str, high: str, role: str) -> Any:
        return (
            alt.Chart(rows(fan))
            .mark_area(color=_COLOUR[role], clip=True)
            .encode(x=x, y=alt.Y(f"{low}:Q", scale=y_scale), y2=f"{high}:Q")
        )

    lines = [
        {"at": value, "label": f"{THRESHOLD_NAMES[key]} {value:g} %"} for key, value in sorted(shown.items())
    ]
    rules = [
        alt.Chart(rows([line]))
        .mark_rule(color=_threshold_colour(key), strokeDash=[2, 3], strokeWidth=1.5)
        .encode(y=alt.Y("at:Q", scale=y_scale))
        for (key, _), line in zip(sorted(shown.items()), lines, strict=True)
    ]

    def threshold_names(**look: Any) -> Any:
        return (
            alt.Chart(rows(lines))
            .mark_text(align="left", baseline="top", dx=2, dy=4, fontSize=10.5, **look)
            .encode(x=alt.value(0), y=alt.Y("at:Q", scale=y_scale), text="label:N")
        )

    def way(*, crosses: bool) -> Any:
        colour = _threshold_colour(risk["threshold"]) if crosses else _COLOUR["series"]
        return (
            alt.Chart(rows(row for row in ways if row["crosses"] is crosses))
            .mark_line(color=colour, strokeWidth=0.8, opacity=0.4, clip=True)
            .encode(x=x, y=alt.Y("level:Q", scale=y_scale), detail="course:N")
        )

    spread = (
        [way(crosses=False), way(crosses=True)]
        if courses
        else [band("lower_pct", "upper_pct", "band-95"), band("lower_80_pct", "upper_80_pct", "band-80")]
    )
    changed = sorted({change["day"] for change in risk["changes"]})
    layers = [
        *spread,
        *rules,
        *_changes(changed, x),
        alt.Chart(rows(past))
        .mark_line(color=_COLOUR["series"], strokeWidth=2, strokeJoin="round")
        .encode(x=x, y=y),
        # The level does not begin at the last score, which has a weekday and noise of its own.
        alt.Chart(rows(ahead if courses else fan))
        .mark_line(color=_COLOUR["series"], strokeWidth=2, strokeDash=[4, 3], clip=True)
        .encode(x=x, y=alt.Y("mean_pct:Q", scale=y_scale)),
        alt.Chart(rows(past[-1:]))
        .mark_point(
            color=_COLOUR["series"], filled=True, size=46, opacity=1, stroke=_COLOUR["card"], strokeWidth=1.5
        )
        .encode(x=x, y=y),
        *_crossing(risk, days[-1], x, y_scale),
        # A halo keeps the name readable where the score runs through it.
        threshold_names(color=_COLOUR["card"], stroke=_COLOUR["card"], strokeWidth=3),
        threshold_names(color=_COLOUR["muted"]),
    ]
    last = f"last {percent(past[-1]['score'])} on {past[-1]['day']}" if past else "no history"
    title = f"{title_of(risk['metric'])}: {last}. {risk['sentence']}."
    if changed:
        title += f" Configuration changed on {', '.join(changed)}."
    return _svg(alt.layer(*layers).properties(width=302, height=150), name, title)


def _changes(days: Sequence[str], x: Any) -> list[Any]:
    """Days on which the configuration of the site was changed, as upright lines."""
    if not days:
        return []
    alt, _ = libraries()
    marked = alt.Chart(rows({"day": day} for day in days))
    return [marked.mark_rule(color=_COLOUR["muted"], strokeDash=[2, 3]).encode(x=x)]


def _crossing(risk: AtRisk, day: str, x: Any, y_scale: Any) -> list[Any]:
    """When the line is crossed: the days of the sentence along it, the middle one as a point with its date."""
    alt, _ = libraries()
    line, ahead = risk["threshold_pct"], [at["day"] for at in risk["forecast"]]
    if risk["crosses_on"] is None or line is None or not ahead:
        return []
    first, last = date.fromisoformat(day), date.fromisoformat(max(ahead))

    def at(days: float | None) -> str:
        return min(first + timedelta(days=max(1, math.ceil(days or 1))), last).isoformat()

    colour = _threshold_colour(risk["threshold"])
    y = alt.Y("at:Q", scale=y_scale)
    span = [{"day": at(risk["days_low"]), "to": at(risk["days_high"]), "at": line}]
    marks = [
        alt.Chart(rows(span))
        .mark_rule(color=colour, strokeWidth=4, opacity=0.55, strokeCap="round")
        .encode(x=x, x2=alt.X2("to:T"), y=y)
    ]
    if risk["crosses_on"] <= max(ahead):
        when = date.fromisoformat(risk["crosses_on"])
        point = [{"day": risk["crosses_on"], "at": line, "label": f"{when:%a} {when.day} {when:%b}"}]
        place = {
            "baseline": "top",
            "dy": 6,
            "fontSize": 10.5,
            "fontWeight": 600,
            "align": "right",
            "dx": -2,
        }
        marks += [
            alt.Chart(rows(point))
            .mark_point(
                color=colour, filled=True, size=60, opacity=1, stroke=_COLOUR["card"], strokeWidth=1.5
            )
            .encode(x=x, y=y),
            alt.Chart(rows(point))
            .mark_text(color=_COLOUR["card"], stroke=_COLOUR["card"], strokeWidth=3, **place)
            .encode(x=x, y=y, text="label:N"),
            alt.Chart(rows(point))
            .mark_text(color=_threshold_ink(risk["threshold"]), **place)
            .encode(x=x, y=y, text="label:N"),
        ]
    return marks


def _threshold_ink(name: str) -> str:
    """The colour of text about a threshold."""
    return _COLOUR[f"{role_of_severity('warning' if name == 'pre_warning' else name)}-ink"]


def status_chart(by_day: Sequence[Mapping[str, int | str]], name: str) -> str:
    """How many sites had each status, a column a day, as SVG; worst at the bottom, where lengths compare best."""
    alt, _ = libraries()
    counts = [
        {"day": row["day"], "status": status, "sites": row[status], "place": place}
        for row in by_day
        for place, status in enumerate(STATUSES)
        if row[status]
    ]
    first, last = date.fromisoformat(str(by_day[0]["day"])), date.fromisoformat(str(by_day[-1]["day"]))
    width = 380
    bar = max(2.0, width / ((last - first).days + 1) - 2)
    chart = (
        alt.Chart(rows(counts))
        .mark_bar(width=bar)
        .encode(
            x=alt.X(
                "day:T",
                scale=alt.Scale(**_UTC, padding=bar),
                axis=alt.Axis(title=None, format="%-d %b", tickCount=5, grid=False),
            ),
            y=alt.Y("sites:Q", axis=alt.Axis(title=None, tickCount=3, tickMinStep=1, format=",d")),
            color=alt.Color(
                "status:N",
                scale=alt.Scale(domain=list(STATUSES), range=[_STATUS_COLOUR[status] for status in STATUSES]),
                legend=None,
            ),
            order=alt.Order("place:Q"),
        )
        .properties(width=width, height=120)
    )
    ends = ", ".join(f"{by_day[-1][status]} {status.lower()}" for status in STATUSES)
    return _svg(chart, name, f"Sites by status from {first} to {last}; on the last day {ends}.")


def curve_chart(levels: Sequence[ReplayQuality], name: str) -> str:
    """What sensitivity costs: messages a day against the known troubles that were heard of, a point a level, as SVG.

    Where too few troubles are known, against all alerts.

    Args:
        levels: Of one replay each; their names are our own words.
        name: Unique on the page.
    """
    alt, _ = libraries()
    is_known = all(row["recall"] is not None for row in levels)
    points = [
        {
            "messages": row["messages_per_day"],
            "heard": 100 * (row["recall"] or 0) if is_known else row["alerts"],
            "low": 100 * (row["recall_low"] or 0),
            "high": 100 * (row["recall_high"] or 0),
            "level": row["name"],
            "place": place,
        }
        for place, row in enumerate(levels)
    ]
    x = alt.X("messages:Q", axis=alt.Axis(title="messages a day", tickCount=6, grid=False))
    title = "% of known troubles heard of" if is_known else "alerts"
    y = alt.Y(
        "heard:Q",
        scale=alt.Scale(domain=[0, 100]) if is_known else alt.Scale(zero=True),
        axis=alt.Axis(title=title, tickCount=5),
    )
    chart = alt.Chart(rows(points))
    layers = [
        chart.mark_line(color=_COLOUR["line"], strokeWidth=2).encode(x=x, y=y, order="place:Q"),
        *(
            [chart.mark_rule(color=_COLOUR["series"], opacity=0.5).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")]
            if is_known
            else []
        ),
        chart.mark_point(color=_COLOUR["series"], filled=True, size=70, opacity=1).encode(x=x, y=y),
        # Above and below in turn: levels that cost nearly the same stand close together.
        *(
            alt.Chart(rows([point]))
            .mark_text(color=_COLOUR["ink"], align="left", dx=7, dy=12 if place % 2 else -12, fontSize=12)
            .encode(x=x, y=y, text="level:N")
            for place, point in enumerate(points)
        ),
    ]
    said = "; ".join(
        f"{row['name']}: {row['messages_per_day']:.1f} messages a day, {count(row['alerts'], 'alert')}"
        for row in levels
    )
    return _svg(alt.layer(*layers).properties(width=620, height=260), name, said)
