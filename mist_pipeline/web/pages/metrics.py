"""Service levels across sites: all of them in a list, and one with its distribution, trend, hours and worst sites."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response

from mist_pipeline.domain.metrics import CATALOGUE, title_of
from mist_pipeline.domain.severity import RANKS, SEVERITIES, UNRANKED, status_of
from mist_pipeline.domain.site_names import folded
from mist_pipeline.domain.text import clean
from mist_pipeline.overview.model import SiteNow
from mist_pipeline.overview.past.across import MetricAcross, SiteScore
from mist_pipeline.overview.past.ranges import RANGES
from mist_pipeline.web.charts.bars import stacked_chart
from mist_pipeline.web.charts.chart import Chart
from mist_pipeline.web.charts.heat import heat_rows
from mist_pipeline.web.charts.lines import Band, Behind, Line, Rule, line_chart
from mist_pipeline.web.charts.slots import day_slots, hour_slots, value_slots
from mist_pipeline.web.context import Context, NotHereError, Page
from mist_pipeline.web.pages.now import status_warnings
from mist_pipeline.web.paging import pages_of

ROWS = 100
_CLASS = 5
"""Points of one class of the distribution."""
_FROM = 60.0
"""The distribution begins here, or lower."""
_COLUMNS: Sequence[str] = ("site_id", "label", "score_pct", "severity", "before_pct", "trend")


def listed(context: Context) -> Response:
    """All service levels."""
    context.address.finish()
    now = context.overview.now(context.at)
    found, trouble = context.past.metrics()
    labels = {site.site_id: site.label for site in now.sites}
    return context.page(
        "metrics.html.j2", title="Service levels", metrics=found, labels=labels, warnings=status_warnings(now), trouble=trouble,
        severities=tuple(reversed(SEVERITIES)),
    )  # fmt: skip


def one(context: Context) -> Response:
    """One service level."""
    address = context.address
    range_name = address.one_of("range", RANGES, "7d")
    typed = address.text("q")
    number = address.number("page", 1, 1, 10_000)
    wants_csv = address.one_of("as", ("page", "csv")) == "csv"
    chart = address.text("chart")
    address.finish()
    metric = context.values["metric"]
    measured = {each.metric for each in context.past.metrics()[0]}
    if metric not in CATALOGUE and metric not in measured:
        raise NotHereError(f"There is no service level {clean(metric, 60)}.")
    now = context.overview.now(context.at)
    across = context.past.metric(metric, context.past.period(range_name, context.at), context.at)
    is_stale = now.live.is_stale(context.at)
    if is_stale:
        # Old data calls nothing healthy.
        across = replace(
            across, sites=[replace(it, severity=None) if it.severity == "info" else it for it in across.sites]
        )
    lines = context.past.lines(metric)
    charts = [_trend(across, lines), _critical(across), _distribution(across, is_stale=is_stale)]
    if wants_csv and chart:
        return context.numbers(charts, chart)
    known = {site.site_id: site for site in now.sites}
    found = _chosen(across.sites, known, typed)
    if wants_csv:
        rows = (
            [site.site_id, site.label, score.score_pct, score.severity, score.before_pct, score.trend]
            for score, site in found
        )
        return context.table(f"{metric if metric in CATALOGUE else 'sites'}", _COLUMNS, rows)
    return context.page(
        "metric.html.j2",
        title=title_of(metric) or clean(metric, 60),
        metric=metric,
        across=across,
        period=across.period,
        zone=str(across.period.zone),
        charts=charts,
        heat=heat_rows(across.heat, lines),
        lines=lines,
        warnings=status_warnings(now),
        unjudged="unknown" if is_stale else "too few users",
        typed=typed,
        sites=pages_of(found, number, ROWS),
        metrics=[name for name in CATALOGUE if name in measured],
    )


def _chosen(
    scores: Sequence[SiteScore], known: dict[str, SiteNow], typed: str
) -> list[tuple[SiteScore, SiteNow]]:
    """Sites that there are and whose names or groups hold every word, the worst first."""
    words = folded(typed).split()
    found = []
    for score in scores:
        site = known.get(score.site_id)
        if site is None:
            continue
        said = folded(" ".join((site.label, site.site_id, *site.groups, score.severity or "")))
        if all(word in said for word in words):
            found.append((score, site))
    return sorted(found, key=lambda row: (-RANKS.get(row[0].severity or "", UNRANKED), *_by_score(row)))


def _by_score(row: tuple[SiteScore, SiteNow]) -> tuple[float, str]:
    return (row[0].score_pct if row[0].score_pct is not None else 101.0, row[1].label)


def _trend(across: MetricAcross, lines: dict[str, float]) -> Chart:
    period = across.period
    slots = (
        hour_slots(period.begin, period.number, period.zone)
        if period.is_hourly
        else day_slots(period.first_day, period.number, period.zone)
    )
    rules = [
        Rule(lines[name], name.capitalize(), status_of(name).lower()) for name in lines if name in SEVERITIES
    ]
    return line_chart(
        "trend",
        "Sites over time",
        slots,
        [Line("Median site", across.middle)],
        behind=Behind(bands=[Band("Four of five sites", across.low, across.high)], rules=rules),
    )


def _critical(across: MetricAcross) -> Chart:
    period = across.period
    slots = (
        hour_slots(period.begin, period.number, period.zone)
        if period.is_hourly
        else day_slots(period.first_day, period.number, period.zone)
    )
    parts = [Line("Critical sites", across.critical, "critical")]
    return stacked_chart("critical", "Sites below the critical line", slots, parts, unit="sites")


def _distribution(across: MetricAcross, *, is_stale: bool) -> Chart:
    """Sites by their newest score, by severity."""
    lowest = min((site.score_pct for site in across.sites if site.score_pct is not None), default=_FROM)
    first = int(min(lowest, _FROM) // _CLASS) * _CLASS
    slots = value_slots(first, 100, _CLASS, "\u202f%", "Score")
    parts = []
    for severity in (*reversed(SEVERITIES), None):
        counted: list[float | None] = [0.0] * len(slots)
        for site in across.sites:
            if site.severity == severity and site.score_pct is not None:
                place = min(int((site.score_pct - first) // _CLASS), len(slots) - 1)
                counted[place] = (counted[place] or 0.0) + 1
        if any(counted):
            name = severity.capitalize() if severity else "Unknown" if is_stale else "Too few users"
            parts.append(Line(name, tuple(counted), status_of(severity).lower()))
    return stacked_chart("distribution", "Sites by their newest score", slots, parts, unit="sites")


PAGES = (
    Page("/metrics", listed, nav="Service levels"),
    Page("/metric/{metric}", one, under="Service levels"),
)
