"""What became of predicted crossings: hit, prevented, unattributed, false alarm, censored; and crossings nobody predicted.

Warnings of one series on days that follow one another are one prediction. It begins with the first of them, and it may take
until the latest day that any of them named, at most 14 days after the first. On the day on which its outcome is known it becomes a
row of ``scorecard.crossings``; predictions of one series that are decided on the same day count as the first of them.

A capacity that is predicted to fall under 80 % in three days, and does on the second:

>>> from datetime import UTC, datetime
>>> day = date(2026, 3, 2)
>>> issued = pl.DataFrame({
...     "day": [day], "site_id": "a", "metric": "capacity", "state": "crossing", "is_pre_warning": True, "is_withheld": False,
...     "days": 3.0, "days_low": 2.0, "days_high": 4.5, "probability": 0.8, "threshold_pct": 80.0, "score_pct": 86.0,
...     "issued_at": datetime(2026, 3, 3, 2, tzinfo=UTC),
... })
>>> came = pl.DataFrame({
...     "day": [day, date(2026, 3, 3), date(2026, 3, 4)], "site_id": "a", "metric": "capacity", "score_pct": [86.0, 83.0, 79.0],
...     "severity": ["major", "major", "critical"],
... })
>>> crossings(issued, came, NOBODY_ACTED, date(2026, 3, 4)).select("outcome", "lead_days", "deadline").row(0)
('hit', 2, datetime.date(2026, 3, 7))
"""

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from mist_pipeline.analysis.risks.horizon import LOOK_AHEAD_DAYS, WARNING_DAYS
from mist_pipeline.tables.scorecard import CROSSINGS

GAP_DAYS = 3
"""Warnings further apart than this are two predictions."""

LOOK_BACK_DAYS = 45
"""Issued risks and readings before a day that its outcomes need."""

MIN_RISE_PCT = 2.0
"""Points by which a score has to come back, at least, to call a decline reversed; else half its distance to the threshold."""

LATE_ISSUE = timedelta(days=2)
"""What is issued later than this after its day was not there when somebody could have acted on it."""

NOBODY_ACTED = pl.DataFrame(
    schema={
        "site_id": pl.String(),
        "metric": pl.String(),
        "acted_at": pl.Datetime("us", "UTC"),
        "action": pl.String(),
    }
)
"""Columns of what people did; ``action`` is acknowledged, resolved or ticket."""

_SERIES = ("site_id", "metric")
_MOST_PREDICTIONS = 64


def crossings(
    issued: pl.DataFrame, sle_daily: pl.DataFrame, actions: pl.DataFrame, day: date
) -> pl.DataFrame:
    """``scorecard.crossings`` whose outcome was known on one day.

    A prediction whose service level became critical before its deadline is a *hit*. Else, at the deadline: *censored* with
    readings on fewer than half of the days; *prevented* if somebody acted before the predicted time and the score rose
    afterwards; *unattributed* if it rose by itself; *false_alarm* if it did not. *Missed* is a series that became critical
    after at least three readings that were not, without a warning in the week before; it ``is_sudden`` where the last day
    brought more than half of the fall from the median of the seven readings before.

    Args:
        issued: ``scorecard.issued_risks`` of `LOOK_BACK_DAYS` days up to the day.
        sle_daily: ``history.sle_daily`` of the same days; only readings with a severity count.
        actions: As `NOBODY_ACTED`.
        day: The day.
    """
    first = day - timedelta(days=LOOK_BACK_DAYS)
    readings = sle_daily.filter(
        pl.col("severity").is_not_null() & pl.col("day").is_between(first, day)
    ).select(*_SERIES, "day", "score_pct", is_critical=pl.col("severity") == "critical")
    warned = issued.with_columns(pl.col("is_withheld").fill_null(value=False)).filter(
        (pl.col("is_pre_warning") | pl.col("is_withheld"))
        & (pl.col("state") == "crossing")
        & pl.col("days_high").is_not_null()
        & pl.col("day").is_between(first, day)
    )
    known = predictions(warned, readings)
    decided = _once(known.filter(pl.coalesce("crossing_day", "deadline") == day))
    rows = [_graded(decided, readings, actions, day), _missed(readings, warned, known, day)]
    return CROSSINGS.conform(pl.concat(rows, how="diagonal").with_columns(day=pl.lit(day))).sort(
        *CROSSINGS.key
    )


def _once(decided: pl.DataFrame) -> pl.DataFrame:
    """Of the predictions of one series that one day decides, the first, with the warnings of all: it is one thing that came or did not."""
    rest = [name for name in decided.columns if name not in (*_SERIES, "last_day", "num_warnings")]
    return (
        decided.sort(*_SERIES, "first_day")
        .group_by(_SERIES, maintain_order=True)
        .agg(pl.col(rest).first(), pl.col("last_day").max(), pl.col("num_warnings").sum())
        .select(decided.columns)
    )


def predictions(warned: pl.DataFrame, readings: pl.DataFrame) -> pl.DataFrame:
    """Warnings that belong together as one row a prediction, and when it came true.

    Args:
        warned: Warnings: rows of ``scorecard.issued_risks``.
        readings: site_id, metric, day, score_pct, is_critical.

    Returns:
        site_id, metric, first_day, last_day, num_warnings, predicted_days, predicted_low, predicted_high, probability,
        deadline, threshold_pct, score_pct, is_late_issue, is_withheld, crossing_day (null if it was not critical before the deadline).
    """
    critical = readings.filter("is_critical").select(*_SERIES, crossing_day="day").sort("crossing_day")
    left = (
        warned.with_columns(
            until=pl.col("day")
            + pl.duration(days=1) * pl.col("days_high").ceil().clip(1, LOOK_AHEAD_DAYS).cast(pl.Int64)
        )
        .sort("day")
        .join_asof(
            critical.rename({"crossing_day": "next_critical"}),
            left_on="day",
            right_on="next_critical",
            by=list(_SERIES),
            strategy="forward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .sort(*_SERIES, "day")
    )
    found = list(_one_after_another(left))
    if not found:
        return _no_predictions()
    return pl.concat(found).sort(*_SERIES, "first_day")


def _one_after_another(left: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The first prediction of every series, then the second of those that have one, and so on."""
    for _ in range(_MOST_PREDICTIONS):
        if left.is_empty():
            return
        begun = left.with_columns(
            first_day=pl.col("day").first().over(_SERIES),
            came=pl.col("next_critical").first().over(_SERIES),
            gap=(pl.col("day") - pl.col("day").shift(1).over(_SERIES)).dt.total_days().fill_null(0),
        )
        last_possible = pl.col("first_day") + timedelta(days=LOOK_AHEAD_DAYS)
        # What was named by the warnings before this one: a prediction that has run out is over, whatever is said later.
        named = pl.col("until").cum_max().shift(1).over(_SERIES).fill_null(pl.col("until"))
        belongs = (
            (pl.col("gap") <= GAP_DAYS)
            & (pl.col("day") <= pl.min_horizontal(last_possible, named))
            & (pl.col("came").is_null() | (pl.col("day") < pl.col("came")))
        )
        # Once one does not belong, none after it does.
        marked = begun.with_columns(is_part=belongs.cast(pl.Int8).cum_min().over(_SERIES) == 1)
        yield (
            marked.filter("is_part")
            .group_by(_SERIES, maintain_order=True)
            .agg(
                pl.col("first_day").first(),
                last_day=pl.col("day").last(),
                num_warnings=pl.len(),
                predicted_days=pl.col("days").first(),
                predicted_low=pl.col("days_low").first(),
                predicted_high=pl.col("days_high").first(),
                probability=pl.col("probability").first(),
                deadline=pl.min_horizontal(pl.col("until").max(), last_possible.first()),
                threshold_pct=pl.col("threshold_pct").first(),
                score_pct=pl.col("score_pct").first(),
                is_late_issue=_is_late().first(),
                is_withheld=pl.col("is_withheld").all(),
                crossing_day=pl.col("came").first(),
            )
            .with_columns(
                crossing_day=pl.when(pl.col("crossing_day") <= pl.col("deadline")).then("crossing_day")
            )
        )
        left = marked.filter(~pl.col("is_part")).select(left.columns)


def _is_late() -> pl.Expr:
    after = pl.col("issued_at").dt.date() - pl.col("day")
    return after.dt.total_days() > LATE_ISSUE.days


def _no_predictions() -> pl.DataFrame:
    day, number = pl.Date(), pl.Float64()
    return pl.DataFrame(
        schema={
            "site_id": pl.String(),
            "metric": pl.String(),
            "first_day": day,
            "last_day": day,
            "num_warnings": pl.UInt32(),
            "predicted_days": number,
            "predicted_low": number,
            "predicted_high": number,
            "probability": number,
            "deadline": day,
            "threshold_pct": number,
            "score_pct": number,
            "is_late_issue": pl.Boolean(),
            "is_withheld": pl.Boolean(),
            "crossing_day": day,
        }
    )


def _graded(decided: pl.DataFrame, readings: pl.DataFrame, actions: pl.DataFrame, day: date) -> pl.DataFrame:
    """The predictions that were decided on the day, with their outcome."""
    acted = _first_action(decided, actions)
    during = (
        decided.join(acted, on=[*_SERIES, "first_day"], how="left")
        .join(readings.rename({"score_pct": "reading_pct"}), on=_SERIES)
        .filter(pl.col("day") >= pl.col("first_day"))
    )
    from_action = pl.col("day") >= pl.col("acted_at").dt.date() - timedelta(days=1)
    measured = (
        during.sort("day")
        .group_by(*_SERIES, "first_day")
        .agg(
            lowest_pct=pl.col("reading_pct").min(),
            end_pct=pl.col("reading_pct").tail(3).median(),
            lowest_after_action=pl.col("reading_pct").filter(from_action).min(),
            num_readings=(pl.col("day") > pl.col("first_day")).sum(),
        )
    )
    rows = decided.join(acted, on=[*_SERIES, "first_day"], how="left").join(
        measured, on=[*_SERIES, "first_day"], how="left"
    )
    rise = pl.max_horizontal(pl.lit(MIN_RISE_PCT), (pl.col("score_pct") - pl.col("threshold_pct")) / 2)
    passed = (pl.lit(day) - pl.col("first_day")).dt.total_days()
    outcome = (
        pl.when(pl.col("crossing_day").is_not_null())
        .then(pl.lit("hit"))
        .when(pl.col("num_readings").fill_null(0) * 2 < passed)
        .then(pl.lit("censored"))
        .when((pl.col("end_pct") - pl.col("lowest_after_action")).fill_null(0.0) >= rise)
        .then(pl.lit("prevented"))
        .when(pl.col("end_pct") - pl.col("lowest_pct") >= rise)
        .then(pl.lit("unattributed"))
        .otherwise(pl.lit("false_alarm"))
    )
    return rows.with_columns(
        outcome=outcome,
        action=pl.col("action").fill_null(""),
        is_sudden=pl.lit(None, pl.Boolean),
        lead_days=(pl.col("crossing_day") - pl.col("first_day")).dt.total_days(),
    ).select(name for name in CROSSINGS.column_names if name != "day")


def _first_action(decided: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """What somebody first did about each prediction, between the first warning and the time that it named."""
    acted_on = pl.col("acted_at").dt.date()
    named = pl.col("first_day") + pl.duration(days=1) * pl.col("predicted_high").ceil().cast(pl.Int64)
    return (
        decided.select(*_SERIES, "first_day", "predicted_high")
        .join(actions.filter(pl.col("metric") != ""), on=_SERIES)
        .filter((acted_on >= pl.col("first_day")) & (acted_on <= named))
        .sort("acted_at")
        .unique([*_SERIES, "first_day"], keep="first", maintain_order=True)
        .select(*_SERIES, "first_day", "acted_at", "action")
    )


def _missed(readings: pl.DataFrame, warned: pl.DataFrame, known: pl.DataFrame, day: date) -> pl.DataFrame:
    """Series that became critical on the day without having been warned of."""
    before = readings.filter(pl.col("day") < day).sort("day")
    calm = (
        before.group_by(_SERIES)
        .agg(
            was_critical=pl.col("is_critical").tail(3).any(),
            n=pl.len(),
            score_pct=pl.col("score_pct").last(),
            usual=pl.col("score_pct").tail(7).median(),
        )
        .filter((pl.col("n") >= 3) & ~pl.col("was_critical"))
    )
    week = pl.col("day").is_between(day - timedelta(days=WARNING_DAYS), day, closed="left")
    predicted = [
        warned.filter(week).select(_SERIES),
        known.filter(pl.col("crossing_day") == day).select(_SERIES),
    ]
    today = readings.filter((pl.col("day") == day) & pl.col("is_critical"))
    last_fall = pl.col("score_pct") - pl.col("end_pct")
    return (
        today.select(*_SERIES, lowest_pct="score_pct", end_pct="score_pct", crossing_day="day")
        .join(calm, on=_SERIES)
        .join(pl.concat(predicted), on=_SERIES, how="anti")
        .select(
            *_SERIES,
            "score_pct",
            "lowest_pct",
            "end_pct",
            "crossing_day",
            outcome=pl.lit("missed"),
            action=pl.lit(""),
            num_warnings=pl.lit(0, pl.UInt32),
            is_sudden=last_fall > (pl.col("usual") - pl.col("end_pct")) / 2,
            is_late_issue=pl.lit(value=False),
            is_withheld=pl.lit(value=False),
        )
    )
