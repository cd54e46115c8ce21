"""Was it right: how good alerts and forecasts were, whether probabilities kept their word, what became of predicted crossings."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from mist_pipeline.domain.metrics import CATALOGUE, title_of
from mist_pipeline.overview.past.rightness import FEW, Accuracy, Rightness
from mist_pipeline.web.charts.chart import Chart
from mist_pipeline.web.charts.lines import Line, line_chart
from mist_pipeline.web.charts.reliability import HEIGHT, Point, reliability_chart
from mist_pipeline.web.charts.slots import day_slots
from mist_pipeline.web.context import Context, Page

OUTCOMES: Mapping[str, tuple[str, str]] = {
    "hit": ("Came true", "It became critical before the time that was named."),
    "prevented": ("Prevented", "Somebody acted before the time that was named, and the score rose."),
    "unattributed": ("Rose by itself", "The score rose, and nobody had acted."),
    "false_alarm": ("False alarm", "Neither did it become critical nor did it rise."),
    "missed": ("Missed", "It became critical, and nobody was warned."),
    "censored": ("Not known", "Too few readings to say."),
}
"""Outcome of a crossing → its title, and what it means."""

_COLUMNS = ("name", "n", "error_pct", "compared_error_pct", "naive_error_pct", "weekday_error_pct", "inside_80_pct", "inside_95_pct")  # fmt: skip
_RANGES = ("30d", "90d")


def page(context: Context) -> Response:
    """The page."""
    address = context.address
    range_name = address.one_of("range", _RANGES)
    metric = address.one_of("metric", ("", *CATALOGUE), "")
    wants_csv = address.one_of("as", ("page", "csv")) == "csv"
    chart = address.text("chart")
    address.finish()
    right = context.past.rightness(context.past.period(range_name, context.at), metric)
    over_time, diagram = [_inside(right), _calibration(right)], _reliability(right)
    charts = [*over_time, diagram]
    if wants_csv and chart:
        return context.numbers(charts, chart)
    if wants_csv:
        rows = [[getattr(one, name) for name in _COLUMNS] for one in (*right.by_horizon, *right.by_metric)]
        return context.table("accuracy", _COLUMNS, rows)
    labels = {site.site_id: site.label for site in context.overview.now(context.at).sites}
    return context.page(
        "scorecard.html.j2",
        title="Scorecard",
        right=right,
        period=right.period,
        metric=metric,
        metrics=list(CATALOGUE),
        told=context.past.scorecard(),
        inside=over_time[0],
        calibration=[diagram, over_time[1]],
        tables=_tables(right),
        labels=labels,
        outcomes=OUTCOMES,
        judged=sum(number for name, number in right.outcomes.items() if name != "censored"),
        few=FEW,
        ranges=_RANGES,
    )


def _tables(right: Rightness) -> list[tuple[str, str, Sequence[tuple[str, Accuracy]]]]:
    """Caption, title of the first column, and rows with what they are called."""
    ahead = [(f"{one.name} d", one) for one in right.by_horizon]
    by_metric = [(title_of(one.name) or one.name, one) for one in right.by_metric]
    return [
        table
        for table in (("By days ahead", "Ahead", ahead), ("By service level", "Service level", by_metric))
        if table[2]
    ]


def _inside(right: Rightness) -> Chart:
    period = right.period
    slots = day_slots(period.first_day, period.number, period.zone)
    lines = [
        Line("Inside the 95 % range", right.inside_95),
        Line("Inside the 80 % range", right.inside_80, "ahead"),
    ]
    return line_chart("inside", "Scores inside the range that was forecast", slots, lines)


def _calibration(right: Rightness) -> Chart:
    period = right.period
    slots = day_slots(period.first_day, period.number, period.zone)
    lines = [Line("Came", right.came), Line("Said", right.said, "ahead")]
    return line_chart(
        "calibration",
        "Said and came, by the day on which the week ended",
        slots,
        lines,
        from_zero=True,
        height=HEIGHT,
    )


def _reliability(right: Rightness) -> Chart:
    points = [
        Point(one.predicted_pct, one.observed_pct, one.observed_low_pct, one.observed_high_pct)
        for one in right.bins
        if one.n >= FEW
    ]
    return reliability_chart("reliability", "Reliability", points)


PAGES = (Page("/scorecard", page, nav="Scorecard"),)
