"""The picture of one service level for a mail, as PNG: a month and a week ahead, and below it the last two days.

Here: drawing with Altair and vl-convert, without a browser or a network, in a font that comes with vl-convert, so that
every machine draws the same. A picture holds numbers, dates and our own words only, never a name that people typed; its
file name, made in `builder`, says where it is. Light, always: a mail cannot switch a picture. Not here: reading what is
drawn (`context`), pictures of the report, which are SVG and follow the page (``report.rendering.charts``).
"""

import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mist_pipeline.charts.theme import described, libraries, rows, scale_bottom, theme
from mist_pipeline.domain.metrics import CATALOGUE
from mist_pipeline.domain.numbers import percent
from mist_pipeline.domain.palette import LIGHT, role_of_severity
from mist_pipeline.domain.severity import TROUBLE
from mist_pipeline.notification.builder import MOST_PICTURES
from mist_pipeline.notification.context import HOURS
from mist_pipeline.notification.message_context import Background, Pair, Usual

THRESHOLDS: tuple[str, ...] = TROUBLE[::-1]
"""Lines that are drawn, mildest first: the upper ends of the bands of severity."""

_WIDTH, _DAYS_HEIGHT, _HOURS_HEIGHT = 218, 170, 104
"""With its axis and the names beside it, a picture is 360 px wide: on a phone that is its real size, and its text is read."""
_MARGIN = 8
"""Between the plot and the names of the lines beside it."""
_NAME_HEIGHT = 15
_SWATCH = 12
_LEGEND_ROW = 18
_CALM = 90.0
"""The scale of hours begins below this at the latest: seen closely enough, every quiet day is wild."""
_SCALE = 2.5
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FONT = "Liberation Sans"
_LINES = {name: LIGHT[role_of_severity(name)] for name in THRESHOLDS}
_INKS = {name: LIGHT[f"{role_of_severity(name)}-ink"] for name in THRESHOLDS}


def with_pictures(
    background: Mapping[Pair, Background],
    pairs: Sequence[Pair],
    thresholds: Callable[[str], Mapping[str, float]],
    most: int = MOST_PICTURES,
) -> dict[Pair, Background]:
    """The background with a picture of the first few service levels of which there is something to show.

    Args:
        background: As it was read.
        pairs: Site and metric, those that lead the message first.
        thresholds: Metric → percent by name (`THRESHOLDS`).
        most: At most so many pictures.
    """
    pictured = dict(background)
    left = most
    for pair in pairs:
        if left == 0:
            break
        picture = draw(pair[1], background[pair], thresholds(pair[1])) if pair in background else None
        if picture is not None:
            pictured[pair] = replace(background[pair], picture=picture)
            left -= 1
    return pictured


def draw(metric: str, background: Background, thresholds: Mapping[str, float]) -> bytes | None:
    """The picture of one service level as PNG, None where there is too little to show.

    Args:
        metric: Canonical name; one that the catalogue does not know gets a general title.
        background: What is known of it.
        thresholds: Percent by name (`THRESHOLDS`).
    """
    known = {name: thresholds[name] for name in THRESHOLDS if name in thresholds}
    panels = []
    if len(background.days) > 1:
        panels.append(_days(background, known))
    if len(background.hours) > 1:
        panels.append(_hours(background, known))
    if not panels:
        return None
    alt, vl_convert = libraries()
    title = CATALOGUE[metric].title if metric in CATALOGUE else "Service level"
    whole = alt.vconcat(*panels, spacing=22).properties(
        title=alt.Title(
            title,
            subtitle="share of user time within the service level",
            fontSize=15,
            subtitleFontSize=12.5,
            color=LIGHT["ink"],
            subtitleColor=LIGHT["muted"],
            offset=12,
        )
    )
    return _packed(
        vl_convert.vegalite_to_png(described(whole, _config()), scale=_SCALE, allowed_base_urls=[])
    )


def _packed(png: bytes) -> bytes:
    """The same picture in a third of the bytes: vl-convert packs in a hurry, a mail is kept for years."""
    head, body, tail = bytearray(_SIGNATURE), bytearray(), bytearray()
    place = len(_SIGNATURE)
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        chunk = png[place : place + length + 12]
        if chunk[4:8] == b"IDAT":
            body += chunk[8:-4]
        elif body:
            tail += chunk
        else:
            head += chunk
        place += length + 12
    data = b"IDAT" + zlib.compress(zlib.decompress(body), 6)
    packed = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    return bytes(head + packed + tail)


def _config() -> dict[str, Any]:
    """The look of both panels."""
    config = theme(
        font=_FONT, muted=LIGHT["muted"], grid=LIGHT["grid"], background=LIGHT["card"], label_size=12
    )
    return {
        **config,
        "padding": 6,
        "title": {"anchor": "start", "frame": "group", "fontWeight": "bold"},
        "axis": {**config["axis"], "labelPadding": 7},
        "axisX": {"domain": True, "domainColor": LIGHT["axis"]},
    }


@dataclass(frozen=True)
class _Panel:
    """A plot with time along and percent up, and the names of its lines beside it."""

    height: int
    bottom: float
    x: Any

    @property
    def percent(self) -> Any:
        alt, _ = libraries()
        return alt.Scale(domain=[self.bottom, 100], nice=False, clamp=True)

    def up(self, column: str) -> Any:
        alt, _ = libraries()
        axis = alt.Axis(tickCount=4 if self.height > _HOURS_HEIGHT else 3, labelExpr="datum.label + ' %'")
        return alt.Y(f"{column}:Q", scale=self.percent, axis=axis)

    def band(self, rows: Sequence[Mapping[str, Any]], low: str, high: str, colour: str) -> Any:
        return (
            _chart(rows).mark_area(color=colour, clip=True).encode(x=self.x, y=self.up(low), y2=f"{high}:Q")
        )

    def line(self, rows: Sequence[Mapping[str, Any]], column: str, **look: Any) -> Any:
        return (
            _chart(rows)
            .mark_line(color=LIGHT["series"], strokeJoin="round", clip=True, **{"strokeWidth": 2, **look})
            .encode(x=self.x, y=self.up(column))
        )

    def levels(self, thresholds: Mapping[str, float], usual: Usual | None) -> list[Any]:
        """Thresholds and what is usual: a line through the plot and its name to the right of it."""
        alt, _ = libraries()
        shown = {name: at for name, at in thresholds.items() if at >= self.bottom}
        layers = [
            _chart([{"at": at}])
            .mark_rule(color=_LINES[name], strokeDash=[3, 3], strokeWidth=1.25)
            .encode(y=self.up("at"))
            for name, at in shown.items()
        ]
        names = [(at, f"{name} < {at:g} %", _INKS[name]) for name, at in shown.items()]
        if usual is not None and usual.expected_pct >= self.bottom:
            layers.append(
                _chart([{"at": usual.expected_pct}])
                .mark_rule(color=LIGHT["healthy-ink"], strokeWidth=1.25)
                .encode(y=self.up("at"))
            )
            names.append((usual.expected_pct, f"usual {percent(usual.expected_pct)}", LIGHT["healthy-ink"]))
        for place, text, colour in self._spread(names):
            layers.append(
                _chart([{}])
                .mark_text(align="left", baseline="middle", fontSize=12, color=colour)
                .encode(x=alt.value(_WIDTH + _MARGIN), y=alt.value(place), text=alt.value(text))
            )
        return layers

    def _spread(self, names: Sequence[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
        """Names from top to bottom at the height of their lines, moved down where they would overlap."""
        spread: list[tuple[float, str, str]] = []
        lowest = -float(_NAME_HEIGHT)
        for at, text, colour in sorted(names, reverse=True):
            height = self.height * (100 - at) / (100 - self.bottom)
            lowest = max(height, lowest + _NAME_HEIGHT)
            spread.append((lowest, text, colour))
        return spread


def _days(background: Background, thresholds: Mapping[str, float]) -> Any:
    """A month of days with what is usual, and the forecast with its ranges."""
    alt, _ = libraries()
    past = _daily_rows(background.days)
    last_day, last_score = background.days[-1]
    ahead = [one for one in background.forecast if one.day > last_day]
    lows = [score for _, score in background.days] + [one.lower_80_pct for one in ahead]
    x = alt.X(
        "day:T",
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(format="%-d %b", tickCount=4, grid=False),
    )
    panel = _Panel(_DAYS_HEIGHT, scale_bottom([*lows, *thresholds.values()]), x)
    layers = []
    if background.usual is not None:
        usual = background.usual
        span = {
            "low": usual.expected_pct - 2 * usual.std_pct,
            "high": min(usual.expected_pct + 2 * usual.std_pct, 100),
        }
        ends = [background.days[0][0], ahead[-1].day if ahead else last_day]
        layers.append(
            panel.band([{"day": day.isoformat(), **span} for day in ends], "low", "high", LIGHT["usual"])
        )
    if ahead:
        begin = dict.fromkeys(("mean", "low_95", "high_95", "low_80", "high_80"), last_score)
        fan = [
            {"day": last_day.isoformat(), **begin},
            *(
                {
                    "day": one.day.isoformat(),
                    "mean": one.mean_pct,
                    "low_95": one.lower_pct,
                    "high_95": one.upper_pct,
                    "low_80": one.lower_80_pct,
                    "high_80": one.upper_80_pct,
                }
                for one in ahead
            ),
        ]
        layers += [
            panel.band(fan, "low_95", "high_95", LIGHT["band-95"]),
            panel.band(fan, "low_80", "high_80", LIGHT["band-80"]),
            panel.line(fan, "mean", strokeDash=[4, 3]),
        ]
    layers += panel.levels(thresholds, background.usual)
    layers += [
        panel.line(past, "score"),
        # Between two gaps a day is no line.
        _chart(_lonely(past))
        .mark_point(color=LIGHT["series"], filled=True, size=16, opacity=1)
        .encode(x=x, y=panel.up("score")),
        _chart(past[-1:])
        .mark_point(
            color=LIGHT["series"], filled=True, size=60, opacity=1, stroke=LIGHT["card"], strokeWidth=1.5
        )
        .encode(x=x, y=panel.up("score")),
    ]
    until = f"{last_day:%-d %b} ({percent(last_score)})"
    title = f"Day by day until {until}" + (", then the forecast" if ahead else "")
    layers += _legend(is_usual_known=background.usual is not None, is_ahead_known=bool(ahead))
    return alt.layer(*layers).properties(width=_WIDTH, height=_DAYS_HEIGHT, title=_subtitle(title))


def _legend(*, is_usual_known: bool, is_ahead_known: bool) -> list[Any]:
    """What the bands are, each in a row below the days."""
    alt, _ = libraries()
    entries = []
    if is_usual_known:
        entries.append(((LIGHT["usual"], LIGHT["usual"]), "usual ± 2 standard deviations"))
    if is_ahead_known:
        entries.append(((LIGHT["band-95"], LIGHT["band-80"]), "forecast: 95 % and 80 % of what may come"))
    layers = []
    for row, (colours, text) in enumerate(entries):
        middle = _DAYS_HEIGHT + 40 + row * _LEGEND_ROW
        for number, colour in enumerate(colours):
            begin = number * _SWATCH
            layers.append(
                _chart([{}])
                .mark_rect(color=colour)
                .encode(
                    x=alt.value(begin),
                    x2=alt.value(begin + _SWATCH),
                    y=alt.value(middle - 6),
                    y2=alt.value(middle + 5),
                )
            )
        begin = 2 * _SWATCH + _MARGIN
        layers.append(
            _chart([{}])
            .mark_text(align="left", baseline="middle", fontSize=12, color=LIGHT["muted"])
            .encode(x=alt.value(begin), y=alt.value(middle), text=alt.value(text))
        )
    return layers


def _hours(background: Background, thresholds: Mapping[str, float]) -> Any:
    """The last two days hour by hour, each hour in the colour of its severity."""
    alt, _ = libraries()
    rows = _hourly_rows(background.hours, thresholds)
    last = background.hours[-1][0]
    begin, end = last - timedelta(hours=HOURS - 1), last
    x = alt.X(
        "hour:T",
        scale=alt.Scale(type="utc", domain=[_instant(begin), _instant(end)]),
        axis=alt.Axis(
            values=[_instant(hour) for hour in _ticks(begin, end)],
            labelExpr="utcFormat(datum.value, '%H') == '00' ? utcFormat(datum.value, '%-d %b') : utcFormat(datum.value, '%H:%M')",
        ),
    )
    lows = [score for _, score in background.hours]
    near = [at for at in thresholds.values() if at >= min(lows)]
    panel = _Panel(_HOURS_HEIGHT, scale_bottom([*lows, *near, _CALM]), x)
    layers = [
        *panel.levels(thresholds, background.usual),
        panel.line(rows, "score", strokeWidth=1.5),
        _chart(rows)
        .mark_point(filled=True, size=14, opacity=1)
        .encode(x=x, y=panel.up("score"), color=alt.Color("colour:N", scale=None)),
    ]
    title = [f"Hour by hour until {last + timedelta(hours=1):%-d %b %H:%M} UTC"]
    changes = [{"hour": _instant(at)} for at in background.changes if begin <= at <= end + timedelta(hours=1)]
    if changes:
        layers.append(_chart(changes).mark_rule(color=LIGHT["ink"], strokeDash=[2, 3]).encode(x=x))
        title.append("Dotted: a configuration change")
    return alt.layer(*layers).properties(width=_WIDTH, height=_HOURS_HEIGHT, title=_subtitle(*title))


def _subtitle(*text: str) -> Any:
    alt, _ = libraries()
    return alt.Title(list(text), fontSize=12.5, fontWeight="normal", color=LIGHT["muted"], offset=10)


def _chart(values: Sequence[Mapping[str, Any]]) -> Any:
    alt, _ = libraries()
    return alt.Chart(rows(values))


def _daily_rows(days: Sequence[tuple[date, float]]) -> list[dict[str, Any]]:
    """A row a day; days without a score are gaps in the line."""
    known = dict(days)
    first, last = days[0][0], days[-1][0]
    every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [{"day": day.isoformat(), "score": known.get(day)} for day in every]


def _lonely(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    scores = [None, *(row["score"] for row in rows), None]
    return [row for place, row in enumerate(rows) if scores[place] is None and scores[place + 2] is None]


def _hourly_rows(
    hours: Sequence[tuple[datetime, float]], thresholds: Mapping[str, float]
) -> list[dict[str, Any]]:
    """A row an hour, with the colour of its severity; hours without a score are gaps in the line."""
    known = dict(hours)
    first, last = hours[0][0], hours[-1][0]
    count = int((last - first) / timedelta(hours=1)) + 1
    every = [first + timedelta(hours=number) for number in range(count)]
    return [
        {"hour": _instant(hour), "score": known.get(hour), "colour": _colour(known.get(hour), thresholds)}
        for hour in every
    ]


def _colour(score: float | None, thresholds: Mapping[str, float]) -> str:
    below = [
        name for name in THRESHOLDS if name in thresholds and score is not None and score < thresholds[name]
    ]
    return _LINES[below[-1]] if below else LIGHT["series"]


def _ticks(first: datetime, last: datetime) -> list[datetime]:
    """Every twelfth hour of the clock."""
    begin = first.replace(hour=0)
    every = [begin + timedelta(hours=12 * number) for number in range(6)]
    return [hour for hour in every if first <= hour <= last]


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
