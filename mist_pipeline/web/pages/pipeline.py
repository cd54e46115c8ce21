"""The health of the pipeline: polls, evaluations, sinks, its own trouble, days with their readings, calls to the cloud."""

from starlette.responses import Response

from mist_pipeline.alerts.lifecycle.observations import COLLECTOR, is_pipeline
from mist_pipeline.overview.past.work import Work
from mist_pipeline.web.charts.bars import stacked_chart
from mist_pipeline.web.charts.chart import Chart
from mist_pipeline.web.charts.lines import Line, line_chart
from mist_pipeline.web.charts.slots import day_slots, hour_slots
from mist_pipeline.web.context import Context, Page
from mist_pipeline.web.pages.now import sink_warnings

_SMALL = 110


def page(context: Context) -> Response:
    """The page."""
    wants_csv = context.address.one_of("as", ("page", "csv")) == "csv"
    chart = context.address.text("chart")
    context.address.finish()
    now = context.overview.now(context.at)
    work = context.past.work(context.at)
    charts = _charts(work)
    if wants_csv:
        return context.numbers(charts, chart)
    return context.page(
        "pipeline.html.j2",
        title="Pipeline",
        now=now,
        work=work,
        sources={"Polls": now.live, "Days": now.days, "Alerts": now.ledger},
        warnings=sink_warnings(now),
        troubles=[one for one in now.incidents if is_pipeline(one.family) or one.family == COLLECTOR],
        charts=charts,
        zone=str(work.period.zone),
    )


def _charts(work: Work) -> list[Chart]:
    period = work.period
    days = day_slots(period.first_day, period.number, period.zone)
    charts = []
    if work.with_readings:
        parts = [
            Line("With readings", work.with_readings, "part-2"),
            Line("Without", work.without, "unhealthy"),
        ]
        charts.append(stacked_chart("days", "Sites by day", days, parts, unit="site-days", height=_SMALL))
    if any(value is not None for value in work.hours):
        hours = [Line("Hours", work.hours)]
        charts.append(
            line_chart(
                "hours", "Hours that a reading stands on", days, hours, is_percent=False, height=_SMALL
            )
        )
    if work.calls:
        charts.append(_calls(work))
    return charts


def _calls(work: Work) -> Chart:
    """Calls of the hours that were counted; hours in between without any are nothing, not unknown."""
    first, last = work.calls[0].hour, work.calls[-1].hour
    number = int((last - first).total_seconds() // 3600) + 1
    slots = hour_slots(first, number, work.period.zone)
    counted = {one.hour: one for one in work.calls}
    hours = [counted.get(first + slots.size * place) for place in range(number)]
    parts = [
        Line("Polls", tuple(float(one.live) if one else 0.0 for one in hours), "part-0"),
        Line("Collecting", tuple(float(one.batch) if one else 0.0 for one in hours), "part-1"),
        Line("By others", tuple(float(one.elsewhere) if one else 0.0 for one in hours), "part-4"),
    ]
    limit = work.calls[-1].limit
    return stacked_chart(
        "calls",
        "Calls to the cloud by hour",
        slots,
        parts,
        unit="calls",
        height=_SMALL,
        note=f"{limit:,} an hour are allowed.",
    )


PAGES = (Page("/pipeline", page, nav="Pipeline"),)
