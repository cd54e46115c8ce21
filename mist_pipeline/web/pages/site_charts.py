"""The charts of one site: service levels with what is usual, what is blamed, health, clients, access points."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from mist_pipeline.domain.metrics import classifier_title, title_of
from mist_pipeline.domain.severity import status_of
from mist_pipeline.overview.past.model import MetricPast, SitePast, Values
from mist_pipeline.overview.past.ranges import Period
from mist_pipeline.overview.past.site import USUAL_DAYS, blamed_most
from mist_pipeline.web.charts.bars import stacked_chart
from mist_pipeline.web.charts.chart import Chart, Key
from mist_pipeline.web.charts.lines import Band, Behind, Line, Moment, Rule, Span, line_chart
from mist_pipeline.web.charts.slots import Slots, day_slots, hour_slots

MOST_PARTS = 4
"""Causes with a colour of their own; the others are one part."""
_SMALL = 90
_STATUS_RULES = ("critical", "major", "warning")

Lines = Mapping[str, float]
"""Scores below which a service level is critical, major or a warning."""


def slots_of(past: SitePast, ahead: int = 0) -> Slots:
    """The time axis, with so many days behind its end."""
    period = past.period
    if period.is_hourly:
        return hour_slots(period.begin, period.number, past.zone)
    return day_slots(period.first_day, period.number + ahead, period.zone)


def usual_in_words(period: Period) -> str:
    """What the usual band is."""
    if period.is_hourly:
        return (
            f"Usual is where four of five hours were in the {USUAL_DAYS} days before: the same hour of the day, working days "
            "and weekends apart."
        )
    return "Usual is the mean of the 30 days before each day with two standard deviations to both sides."


def metric_chart(
    past: SitePast, one: MetricPast, lines: Lines, at: datetime, *, name: str = "", title: str = ""
) -> Chart:
    """One service level: its line, what is usual, the forecast, thresholds, and where an alert was.

    Args:
        past: The site.
        one: The service level.
        lines: Scores below which it is critical, major or a warning.
        at: Until when an alert that goes on is marked.
        name: In the address of its CSV, instead of the metric's.
        title: Instead of the metric's.
    """
    ahead = [day for day in one.forecast if day.day > past.period.last_day]
    slots = slots_of(past, len(ahead))
    number = len(slots)
    bands = []
    if any(value is not None for value in one.usual_low):
        bands.append(Band("Usual", _padded(one.usual_low, number), _padded(one.usual_high, number)))
    drawn = [Line("Score", _padded(one.scores, number))]
    if ahead:
        before: Values = (None,) * past.period.number
        wide = Band("Forecast 95 %", (*before, *(day.low_95 for day in ahead)), (*before, *(day.high_95 for day in ahead)), "band-95")  # fmt: skip
        narrow = Band("Forecast 80 %", (*before, *(day.low_80 for day in ahead)), (*before, *(day.high_80 for day in ahead)), "band-80")  # fmt: skip
        bands += [wide, narrow]
        drawn.append(Line("Forecast", (*before, *(day.mean for day in ahead)), "ahead"))
    return line_chart(
        name or one.metric,
        title or title_of(one.metric) or one.metric,
        slots,
        drawn,
        behind=Behind(
            bands=bands,
            rules=[
                Rule(lines[name], name.capitalize(), status_of(name).lower())
                for name in _STATUS_RULES
                if name in lines
            ],
            spans=[
                Span(trouble.begin, trouble.end or at, status_of(trouble.severity).lower())
                for trouble in past.troubles
                if trouble.metric == one.metric
                and trouble.begin < _end(slots)
                and slots.begin < (trouble.end or at)
            ],
            moments=[
                Moment(change.at, f"{change.at.astimezone(past.zone):%Y-%m-%d %H:%M}: {change.words}")
                for change in past.changes
            ],
        ),
    )


def _end(slots: Slots) -> datetime:
    return slots.begin + slots.size * len(slots)


def _padded(values: Values, number: int) -> Values:
    return (*values, *((None,) * (number - len(values))))


def load_charts(past: SitePast) -> list[Chart]:
    """Health, clients, access points and devices that are not connected; those of which nothing is known are left out."""
    slots = slots_of(past)
    charts = []
    if any(value is not None for value in past.health):
        health = [Line("Health", past.health)]
        charts.append(line_chart("health", "Health", slots, health, is_percent=False, height=_SMALL))
    if any(value is not None for value in past.clients):
        clients = [Line("Clients", past.clients)]
        charts.append(line_chart("clients", "Clients", slots, clients, is_percent=False, height=_SMALL))
    if any(value is not None for value in past.lost):
        lost = [Line("Not connected", past.lost, "lost")]
        title = "Access points not connected"
        charts.append(stacked_chart("access-points", title, slots, lost, unit="access points", height=_SMALL))
    if any(value is not None for value in past.down):
        down = [Line("Not connected", past.down, "lost")]
        title = "Devices not connected in the last snapshot"
        charts.append(stacked_chart("devices", title, slots, down, unit="devices", height=_SMALL))
    return charts


def blame_charts(past: SitePast, metric: str) -> list[Chart]:
    """What the cloud blames for a service level, and how many access points it hit."""
    slots = slots_of(past)
    title = title_of(metric) or metric
    parts = _parts(past.blamed.get(metric, {}))
    about = f"{title}: degraded user-minutes by cause"
    blamed = stacked_chart("blamed", about, slots, parts, unit="degraded user-minutes")
    charts = [replace(blamed, nothing=f"Nothing is blamed in the last {past.period.title}.")]
    hit = past.hit.get(metric, ())
    if any(value is not None for value in hit):
        parts = [Line("Access points hit", hit)]
        charts.append(
            stacked_chart(
                "hit", f"{title}: access points hit", slots, parts, unit="access points", height=_SMALL,
                note="Of the cause that hit most of them: several causes may hit the same ones.",
            )
        )  # fmt: skip
    return charts


def _parts(blamed: Mapping[str, Values]) -> Sequence[Line]:
    """The largest causes from the bottom up, and the others together."""
    ordered = sorted(blamed, key=lambda name: (-sum(value or 0.0 for value in blamed[name]), name))
    parts = [
        Line(classifier_title(name), blamed[name], f"part-{place}")
        for place, name in enumerate(ordered[:MOST_PARTS])
    ]
    others = [blamed[name] for name in ordered[MOST_PARTS:]]
    if others:
        together = tuple(sum(value or 0.0 for value in values) for values in zip(*others, strict=True))
        parts.append(Line(f"{len(others)} other causes", together, "part-4"))
    return parts


def blamed_metrics(past: SitePast) -> list[str]:
    """Service levels for which something is blamed, the most minutes first."""
    return blamed_most(past.blamed)


def legend(charts: Sequence[Chart]) -> list[Key]:
    """One legend for charts of the same kind: what several say is said once."""
    return list(dict.fromkeys(key for chart in charts for key in chart.keys))
