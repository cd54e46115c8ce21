"""Weeks of history behind an organisation: days and nights, weekends, gaps, a decline, forecasts, causes."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import polars as pl

from mist_pipeline.tables import analysis, history
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.publish import publish
from mist_pipeline_tests.support.overview.organisations import METRICS, POLLED, Organisation, full

YESTERDAY = POLLED.date() - timedelta(days=1)
BLAMED = ("weak-signal", "wifi-interference", "dhcp-unresponsive")
FORECAST_DAYS = 7


def with_weeks(organisation: Organisation, days: int, hours_of_days: int = 35) -> Organisation:
    """Fill the days up to yesterday, and publish.

    Args:
        organisation: Made already, without days of its own.
        days: So many, the last of them yesterday.
        hours_of_days: So many of the last have their hours; earlier ones only days.
    """
    warehouse = organisation.warehouse
    spans = [YESTERDAY - timedelta(days=back - 1) for back in range(days, 0, -1)]
    # So many days in one transaction as fit into memory.
    size = max(1, 3000 // max(len(organisation.names), 1))
    for part in (spans[first : first + size] for first in range(0, len(spans), size)):
        made = [
            day_of(organisation, day, days=days, with_hours=(YESTERDAY - day).days < hours_of_days)
            for day in part
        ]
        frames = {
            table: pl.concat([one[table] for one in made if table in one]) for one in made for table in one
        }
        warehouse.replace_all(frames, part)
    warehouse.replace_all(_newest(organisation), [YESTERDAY])
    publish(warehouse, organisation.places.published)
    return organisation


def day_of(
    organisation: Organisation, day: date, *, days: int, with_hours: bool = True
) -> dict[Table, pl.DataFrame]:
    """Everything of one day: site 1 misses its seventh day before, site 2 lost access points in the afternoons."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    age = (YESTERDAY - day).days
    sites = organisation.sites().with_columns(day=pl.lit(day))
    hours = _hours(sites, midnight, age, days)
    daily = hours.group_by("day", "site_id", "metric").agg(
        score_pct=pl.col("score_pct").mean(),
        total_user_minutes=pl.col("total_user_minutes").sum(),
        degraded_user_minutes=pl.col("degraded_user_minutes").sum(),
        state=pl.lit("ok"),
        hours_covered=pl.len(),
        num_users=pl.lit(40),
    )
    severity = (
        pl.when(pl.col("score_pct") < 70)
        .then(pl.lit("critical"))
        .when(pl.col("score_pct") < 80)
        .then(pl.lit("major"))
        .when(pl.col("score_pct") < 90)
        .then(pl.lit("warning"))
        .otherwise(pl.lit("info"))
    )
    daily = daily.with_columns(severity=severity)
    blamed = hours.filter(pl.col("score_pct") < 94).join(
        pl.DataFrame({"classifier": BLAMED, "share": [0.6, 0.3, 0.1]}), how="cross"
    )
    blamed = blamed.with_columns(degraded_user_minutes=pl.col("degraded_user_minutes") * pl.col("share"))
    series = daily.select("day", "site_id", "metric")
    health = daily.group_by("day", "site_id").agg(score=pl.col("score_pct").mean())
    made = {
        history.SITES: sites,
        history.DEVICES: _devices(sites),
        history.SLE_DAILY: full(history.SLE_DAILY, daily),
        history.CLASSIFIERS_DAILY: full(
            history.CLASSIFIERS_DAILY,
            blamed.group_by("day", "site_id", "metric", "classifier").agg(
                pl.col("degraded_user_minutes").sum(),
                num_aps=pl.lit(3),
                num_users=pl.lit(12),
                impact_state=pl.lit("known"),
            ),
        ),
        analysis.BASELINES: full(
            analysis.BASELINES,
            series.with_columns(
                day_of_week=pl.lit(-1), mean_pct=pl.lit(95.5), std_pct=pl.lit(1.2), is_mature=pl.lit(True)
            ),
        ),
        analysis.HEALTH_SCORES: full(
            analysis.HEALTH_SCORES,
            health.with_columns(
                change=pl.lit(-0.4),
                status=pl.when(pl.col("score") < 80).then(pl.lit("UNHEALTHY")).otherwise(pl.lit("HEALTHY")),
            ),
        ),
    }
    if age == 0:
        made[history.CHANGES] = _changes(midnight)
    if with_hours:
        made |= {
            history.SLE_HOURLY: full(history.SLE_HOURLY, hours),
            history.CLASSIFIERS_HOURLY: full(history.CLASSIFIERS_HOURLY, blamed.drop("share")).select(
                history.CLASSIFIERS_HOURLY.column_names
            ),
            history.SITE_HOURLY: _load(sites, midnight),
        }
        made[history.SLE_HOURLY] = made[history.SLE_HOURLY].select(history.SLE_HOURLY.column_names)
    return made


def _changes(midnight: datetime) -> pl.DataFrame:
    """An RF template of site 0 in the morning, and a login."""
    template = {"change_id": "c1", "kind": "rf_template", "action": "updated", "title": "North <b>", "site_ids": ["site-0"]}  # fmt: skip
    login = {"change_id": "c2", "kind": "other", "action": "other", "title": None, "site_ids": None}
    common = {"day": midnight.date(), "changed_at": midnight + timedelta(hours=10), "source": "log", "state": "ok"}  # fmt: skip
    return pl.DataFrame([{**common, **template}, {**common, **login}], schema=history.CHANGES.polars_schema())


def _hours(sites: pl.DataFrame, midnight: datetime, age: int, days: int) -> pl.DataFrame:
    """Scores by hour: busy hours are worse, weekends better, the first sites decline to where they are now."""
    number = pl.int_range(pl.len())
    grid = (
        sites.select("day", "site_id", place=number)
        .filter(~((pl.col("place") == 1) & (age == 7)))
        .join(pl.DataFrame({"metric": METRICS}).with_row_index("step"), how="cross")
        .join(pl.DataFrame({"of": range(24)}), how="cross")
    )
    # A number that looks like chance and is the same whenever it is asked for.
    noise = ((pl.col("place") * 7919 + pl.col("step") * 104729 + pl.col("of") * 1299709 + age * 15485863)
             .cast(pl.UInt64).hash(1) % 1000) / 1000.0 - 0.5  # fmt: skip
    is_busy = pl.col("of").is_between(8, 17) & (midnight.weekday() < 5)
    decline = (
        pl.when(pl.col("place") == 0).then(24.0 * (1 - age / days) * (pl.col("step") == 0)).otherwise(0.0)
    )
    score = 97.0 - decline - pl.when(is_busy).then(3.0).otherwise(0.5) + noise * 3.0
    score = (score - pl.when(pl.col("place") % 37 == 0).then(6.0).otherwise(0.0)).clip(20.0, 100.0)
    minutes = pl.when(is_busy).then(2400.0).otherwise(240.0)
    return grid.select(
        "day",
        "site_id",
        "metric",
        hour=pl.lit(midnight) + pl.duration(hours="of"),
        score_pct=score,
        total_user_minutes=minutes,
        degraded_user_minutes=minutes * (100.0 - score) / 100.0,
        state=pl.lit("ok"),
    )


def _devices(sites: pl.DataFrame) -> pl.DataFrame:
    """An access point and a switch each; the switch of site 2 is lost."""
    grid = sites.select("day", "site_id", place=pl.int_range(pl.len())).join(
        pl.DataFrame({"type": ["ap", "switch"]}), how="cross"
    )
    is_lost = (pl.col("place") == 2) & (pl.col("type") == "switch")
    return full(
        history.DEVICES,
        grid.select(
            "day",
            "site_id",
            "type",
            device_id=pl.col("site_id") + "-" + pl.col("type"),
            name=pl.col("type").str.to_uppercase() + " <b>1</b>",
            model=pl.lit("AP45"),
            status=pl.when(is_lost).then(pl.lit("disconnected")).otherwise(pl.lit("connected")),
            num_clients=pl.lit(4, pl.Int64),
        ),
    ).select(history.DEVICES.column_names)


def _load(sites: pl.DataFrame, midnight: datetime) -> pl.DataFrame:
    grid = sites.select("day", "site_id", place=pl.int_range(pl.len())).join(
        pl.DataFrame({"of": range(24)}), how="cross"
    )
    is_lost = (pl.col("place") == 2) & pl.col("of").is_between(13, 16)
    return full(
        history.SITE_HOURLY,
        grid.select(
            "day",
            "site_id",
            hour=pl.lit(midnight) + pl.duration(hours="of"),
            num_clients=5 + 40 * pl.col("of").is_between(8, 17).cast(pl.Int64),
            num_aps=pl.lit(12, pl.Int64),
            num_aps_connected=pl.when(is_lost).then(10).otherwise(12).cast(pl.Int64),
        ),
    )


def _newest(organisation: Organisation) -> dict[Table, pl.DataFrame]:
    """What yesterday's analysis says of the days to come, and of what sites share."""
    sites = organisation.sites().select("day", "site_id", place=pl.int_range(pl.len()))
    series = sites.join(pl.DataFrame({"metric": METRICS}), how="cross")
    ahead = series.join(pl.DataFrame({"horizon_days": range(1, FORECAST_DAYS + 1)}), how="cross")
    falls = (pl.col("place") == 0) & (pl.col("metric") == METRICS[0])
    mean = pl.when(falls).then(70.0 - pl.col("horizon_days")).otherwise(95.0)
    wide = 1.0 + pl.col("horizon_days") * 0.6
    few = [f"site-{one}" for one in range(min(3, len(organisation.names)))]
    return {
        analysis.FORECASTS: full(
            analysis.FORECASTS,
            ahead.select(
                "day",
                "site_id",
                "metric",
                "horizon_days",
                target_day=pl.col("day") + pl.duration(days="horizon_days"),
                mean_pct=mean,
                lower_pct=mean - 2 * wide,
                upper_pct=(mean + 2 * wide).clip(upper_bound=100.0),
                lower_80_pct=mean - wide,
                upper_80_pct=(mean + wide).clip(upper_bound=100.0),
                model=pl.lit("arima(1,1,1)"),
                state=pl.lit("ok"),
            ),
        ),
        analysis.TRENDS: full(
            analysis.TRENDS,
            series.drop("place").with_columns(indicator=pl.lit("↑"), change_pct=pl.lit(-1.5)),
        ),
        analysis.CORRELATIONS: _pairs(few),
        analysis.INCIDENTS: full(
            analysis.INCIDENTS,
            pl.DataFrame(
                {
                    "day": [YESTERDAY],
                    "cause_fingerprint": ["c1"],
                    "scope": ["infrastructure"],
                    "metrics": [["capacity"]],
                    "site_ids": [few],
                    "cause": ["Capacity fell at 3 sites with firmware <b>0.14</b>"],
                    "evidence": ["{}"],
                    "attribute": ["firmware"],
                    "value": ["<b>0.14</b>"],
                }
            ),
        ),
    }  # fmt: skip


def _pairs(few: Iterable[str]) -> pl.DataFrame:
    first, *others = few
    return full(
        analysis.CORRELATIONS,
        pl.DataFrame(
            {
                "day": [YESTERDAY] * len(others),
                "metric": [METRICS[0]] * len(others),
                "site_a": [first] * len(others),
                "site_b": others,
                "coefficient": [0.83] * len(others),
                "n": [28] * len(others),
            },
            schema_overrides={"day": pl.Date, "metric": pl.String, "site_a": pl.String, "site_b": pl.String},
        ),
    )
