"""A small organisation with something in every table that analysts ask: 35 days, five sites, three incidents."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from mist_pipeline.alerts.ledger.ledger import Ledger, NotificationRules
from mist_pipeline.alerts.ledger.outbox import Outbox
from mist_pipeline.alerts.notify.escalation import EscalationPolicy, EscalationStep
from mist_pipeline.alerts.notify.outcome import Accepted
from mist_pipeline.alerts.notify.routes import Route
from mist_pipeline.domain.site_names import display_names
from mist_pipeline.tables import analysis, history, live, scorecard
from mist_pipeline.warehouse.publish import publish, publish_ledger, publish_live
from mist_pipeline.warehouse.reading import Published
from mist_pipeline.warehouse.store import Warehouse
from mist_pipeline_tests.support.alerts.histories import HOUR, START, finding
from mist_pipeline_tests.support.alerts.histories import live as evaluation
from mist_pipeline_tests.support.alerts.impacts import impact
from mist_pipeline_tests.support.overview.organisations import full

LAST = date(2026, 3, 1)
DAYS = [LAST - timedelta(days=back) for back in range(34, -1, -1)]
NAMES = {"s1": "Ålesund", "s2": "Bergen", "s3": "<script>alert(1)</script>", "s4": "Dark", "s5": ""}
SILENT = "s4"
"""It has sent no data for ten days."""
METRICS = ("capacity", "coverage", "throughput", "successful-connect")
STEPS = (EscalationStep(after_minutes=15, sink="pager", to="ada"),)
TELL = NotificationRules(
    routes=[Route(name="all", sinks=("mail",), escalation="duty")],
    escalations={"duty": EscalationPolicy(steps=STEPS)},
)


def small_world(folder: Path) -> Published:
    """Make it.

    Args:
        folder: An empty data folder.

    Returns:
        Its published files.
    """
    warehouse = Warehouse(folder / "warehouse.duckdb")
    sites, daily = _sites(), _daily()
    hourly = _hourly(daily)
    warehouse.replace_all(
        {
            history.SITES: sites,
            history.SLE_DAILY: daily,
            history.SLE_HOURLY: full(history.SLE_HOURLY, hourly.drop("at")),
            history.SITE_HOURLY: _clients(hourly),
            history.CLASSIFIERS_DAILY: _blamed(daily),
            history.DEVICES: _devices(),
            **_predicted(daily),
        },
        DAYS,
    )
    status = daily.filter(pl.col("day") == LAST).select("site_id", "metric", "score_pct", "severity", "state")
    warehouse.replace_tables({live.STATUS: full(live.STATUS, status.with_columns(as_of=pl.lit(START)))})
    published = folder / "published"
    places = Published(
        days=published / "mist.duckdb", today=published / "today.duckdb", ledger=published / "ledger.duckdb"
    )
    publish(warehouse, places.days)
    publish_live(warehouse, places.today)
    with Ledger(folder / "ledger.db") as ledger:
        _happened(ledger)
        publish_ledger(
            ledger.frames(),
            display_names(NAMES),
            places.ledger,
            read_at=START + 4 * HOUR,
            evaluated_at=START + 4 * HOUR,
        )
    return places


def _sites() -> pl.DataFrame:
    sites = pl.DataFrame(
        {
            "site_id": list(NAMES),
            "name": list(NAMES.values()),
            "country_code": ["NO", "NO", "DE", "DE", None],
            "timezone": ["Europe/Oslo", "Europe/Oslo", "Europe/Berlin", "UTC", "UTC"],
            "sitegroup_ids": [["g-0"], ["g-1"], ["g-0"], [], ["g-1"]],
            "attributes": [
                f'{{"firmware": {{"0.1{number % 2}": 5, "21.2": 1}}}}' for number in range(len(NAMES))
            ],
        }
    )
    return full(history.SITES, sites.join(pl.DataFrame({"day": DAYS}), how="cross"))


def _daily() -> pl.DataFrame:
    """Site n is the better the greater n is; the first one's coverage declines."""
    number = pl.col("site_id").str.slice(1).cast(pl.Int64)
    grid = (
        pl.DataFrame({"day": DAYS})
        .with_row_index("step")
        .join(pl.DataFrame({"site_id": list(NAMES)}), how="cross")
        .join(pl.DataFrame({"metric": METRICS}), how="cross")
    )
    declines = (pl.col("site_id") == "s1") & (pl.col("metric") == "coverage")
    wave = (pl.col("step") * 7 % 5).cast(pl.Float64) - 2
    level = 70.0 + 5 * number + wave - pl.when(declines).then(pl.col("step") * 0.4).otherwise(0.0)
    is_silent = (pl.col("site_id") == SILENT) & (pl.col("day") > LAST - timedelta(days=10))
    score = pl.when(is_silent).then(None).otherwise(level)
    return full(
        history.SLE_DAILY,
        grid.with_columns(score_pct=score).select(
            "day",
            "site_id",
            "metric",
            "score_pct",
            state=pl.when(is_silent).then(pl.lit("missing")).otherwise(pl.lit("ok")),
            num_users=pl.lit(50),
            total_user_minutes=pl.lit(6000.0),
            degraded_user_minutes=60 * (100 - pl.col("score_pct")),
            severity=pl.when(pl.col("score_pct") < 70)
            .then(pl.lit("critical"))
            .when(pl.col("score_pct") < 80)
            .then(pl.lit("major"))
            .when(pl.col("score_pct").is_not_null())
            .then(pl.lit("info")),
        ),
    )


def _hourly(daily: pl.DataFrame) -> pl.DataFrame:
    midnight = pl.col("day").cast(pl.Datetime("us", "UTC"))
    return (
        daily.select("day", "site_id", "metric", "score_pct", "state")
        .join(pl.DataFrame({"at": range(24)}), how="cross")
        .with_columns(
            hour=midnight + pl.duration(hours="at"),
            total_user_minutes=pl.lit(250.0),
            degraded_user_minutes=2.5 * (100 - pl.col("score_pct")),
        )
    )


def _clients(hourly: pl.DataFrame) -> pl.DataFrame:
    at = pl.col("at")
    return full(
        history.SITE_HOURLY,
        hourly.filter(pl.col("metric") == METRICS[0]).select(
            "hour",
            "site_id",
            "day",
            num_clients=pl.when(at.is_between(8, 16)).then(40 + at).otherwise(2),
            num_aps=pl.lit(4),
        ),
    )


def _blamed(daily: pl.DataFrame) -> pl.DataFrame:
    shares = pl.DataFrame({"classifier": ["weak-signal", "interference"], "share": [0.7, 0.3]})
    return full(
        history.CLASSIFIERS_DAILY,
        daily.filter(pl.col("state") == "ok")
        .join(shares, how="cross")
        .select(
            "day",
            "site_id",
            "metric",
            "classifier",
            degraded_user_minutes=pl.col("degraded_user_minutes") * pl.col("share"),
            impact_state=pl.lit("not_asked"),
        ),
    )


def _devices() -> pl.DataFrame:
    firmware = {"s1": "0.12.1", "s2": "0.14.2", "s3": "0.14.2", "s4": "0.12.1", "s5": "0.14.2"}
    rows = [
        {
            "day": LAST,
            "device_id": f"{site_id}-{number}",
            "site_id": site_id,
            "name": f"AP {number}",
            "type": "ap",
            "model": "AP45",
            "firmware": version,
            "status": "connected",
        }
        for site_id, version in firmware.items()
        for number in range(3)
    ]
    return full(history.DEVICES, pl.DataFrame(rows))


def _predicted(daily: pl.DataFrame) -> dict[object, pl.DataFrame]:
    """Forecasts of the next day and of two weeks, one coming crossing, health."""
    known = daily.filter(pl.col("state") == "ok")
    series = known.select("day", "site_id", "metric", "score_pct")
    ahead = series.join(pl.DataFrame({"horizon_days": range(1, 15)}), how="cross").select(
        "day",
        "site_id",
        "metric",
        "horizon_days",
        target_day=pl.col("day") + pl.duration(days="horizon_days"),
        mean_pct=pl.col("score_pct"),
        lower_pct=pl.col("score_pct") - 4,
        upper_pct=pl.col("score_pct") + 4,
        lower_80_pct=pl.col("score_pct") - 2,
        upper_80_pct=pl.col("score_pct") + 2,
        model=pl.lit("arima(0,1,1)"),
    )
    coming = series.filter(
        (pl.col("day") == LAST) & (pl.col("site_id") == "s1") & (pl.col("metric") == "capacity")
    ).with_columns(
        severity=pl.lit("critical"),
        state=pl.lit("crossing"),
        days=pl.lit(2.4),
        days_low=pl.lit(1.0),
        days_high=pl.lit(6.0),
        probability=pl.lit(0.8),
        threshold_pct=pl.lit(70.0),
        is_pre_warning=pl.lit(True),
    )
    health = pl.DataFrame({"site_id": list(NAMES)}).join(pl.DataFrame({"day": DAYS}), how="cross")
    return {
        analysis.FORECASTS: full(analysis.FORECASTS, ahead.with_columns(state=pl.lit("ok"))),
        analysis.RISKS: full(analysis.RISKS, coming),
        analysis.HEALTH_SCORES: full(
            analysis.HEALTH_SCORES,
            health.with_columns(
                score=pl.when(pl.col("site_id") == SILENT).then(None).otherwise(pl.lit(88.0)),
                status=pl.when(pl.col("site_id") == "s1")
                .then(pl.lit("CRITICAL"))
                .otherwise(pl.lit("HEALTHY")),
                change=pl.lit(-1.5),
            ),
        ),
        scorecard.ISSUED_FORECASTS: full(
            scorecard.ISSUED_FORECASTS,
            ahead.with_columns(issued_at=pl.lit(datetime(2026, 3, 2, 3, tzinfo=UTC)), version=pl.lit("1")),
        ),
    }


def _happened(ledger: Ledger) -> None:
    """One incident acknowledged, one closed and called a false alarm, one that escalated."""
    ledger.record_evaluation(evaluation(0, finding("s1"), finding("s2", "connect")), TELL)
    first, second = sorted(
        ledger.lifecycle_state(START).incidents.values(), key=lambda incident: incident.family
    )
    Outbox(ledger.engine).work({"mail": lambda _row: Accepted()}, "worker", lambda: START + 0.1 * HOUR)
    ledger.escalate(TELL, START + 0.3 * HOUR)
    Outbox(ledger.engine).work(
        {"mail": lambda _row: Accepted(), "pager": lambda _row: Accepted()},
        "worker",
        lambda: START + 0.3 * HOUR,
    )
    ledger.acknowledge(first.incident_id, "ada", START + 0.5 * HOUR)
    ledger.resolve(second.incident_id, "bob", START + HOUR)
    ledger.add_feedback("wrong", "bob", START + HOUR, incident_id=second.incident_id)
    ledger.record_impacts([impact(incident_id=first.incident_id)])
    ledger.record_evaluation(evaluation(4, finding("s5", "throughput")), TELL)
