"""Plausible report data without a cloud: 24 sites, 45 days, one shared fault, slow declines, silence, odd names."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from mist_pipeline.analysis.scores.bands import with_severity
from mist_pipeline.analysis.scores.status import site_status
from mist_pipeline.report import Links, ReportData
from mist_pipeline.tables import analysis, history
from mist_pipeline.tables.schema import Table

DAY = date(2026, 11, 22)
AS_OF = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
METRICS = (
    "capacity", "coverage", "roaming", "successful-connect", "throughput", "time-to-connect", "ap-health", "ap-availability",
)  # fmt: skip
CLASSIFIERS = {
    "capacity": ("client-count", "wifi-interference", "non-wifi-interference", "client-usage"),
    "coverage": ("weak-signal", "asymmetry-uplink"),
    "roaming": ("latency-slow-standard-roam", "signal-quality-sticky-client"),
    "successful-connect": ("dhcp-discover-unresponsive", "association", "arp"),
    "throughput": ("capacity-wifi-interference", "network-issues", "device-capability"),
    "time-to-connect": ("dhcp-unresponsive", "association", "authorization"),
    "ap-health": ("ap-disconnected-switch-down", "low-power"),
    "ap-availability": ("ap-disconnected",),
}
TOWNS = (
    "Leeds Briggate", "York Coppergate", "Hull Whitefriargate", "Durham Silver Street", "Ripon Market Place", "Whitby Pier",
    "Bath Milsom Street", "Bristol Cabot Circus", "Exeter Princesshay", "Truro Lemon Quay", "Cardiff St David's", "Swansea Oxford St",
    "London Oxford Street", "London Covent Garden", "London Westfield", "Croydon Centrale", "Brighton Lanes", "Canterbury Whitefriars",
    "Glasgow Buchanan", "Edinburgh Princes St", "Dundee Overgate", "Inverness Eastgate", "Aberdeen Union Sq", "Perth St John's",
)  # fmt: skip
HOSTILE_NAMES = (
    "<script>document.title='owned'</script>",
    "",
    "Two\nlines\tand \x1b[31mred",
    "\u202egnp.exe \u202d",
    "محل دبي الرئيسي",
    "x" * 300,
    "Twin",
    "twin",
    "\u200b\u200b",
    '"><img src=x onerror="document.title=\'owned\'">',
    "{{ 7 * 7 }} {% raw %}",
    "a\u0301\u0301\u0301\u0301\u0301\u0301\u0301 & <b>",
)


def types(table: Table, columns: str) -> dict[str, pl.DataType]:
    """Some columns of a table with their types."""
    schema = table.polars_schema()
    return {name: schema[name] for name in columns.split()}


def site_id(number: int) -> str:
    """An id as the cloud has them."""
    return f"{(number * 2654435761) % 2**32:08x}-0000-4000-8000-{number:012x}"


def _scores(sites: int, days: int, rng: np.random.Generator) -> np.ndarray:
    """Scores by site, metric, day: a level of its own, weekends, noise, and what went wrong."""
    level = np.array([95, 96.5, 97, 97.5, 94.5, 96, 99, 99.4])
    own = rng.normal(0, 1.1, (sites, len(METRICS), 1))
    weekday = np.array([(DAY - timedelta(days=days - 1 - back)).weekday() for back in range(days)])
    weekend = np.where(weekday >= 5, rng.normal(-1.0, 0.3), 0.0)[None, None, :]
    scores = level[None, :, None] + own + weekend + rng.normal(0, 0.8, (sites, len(METRICS), days))
    at = METRICS.index
    for number in range(sites):
        kind = number % 24
        if kind < 5:  # one DHCP service, three days ago
            scores[number, at("time-to-connect"), -3:] -= np.array([14.0, 22.0, 29.0]) + rng.normal(0, 2.5, 3)
            scores[number, at("successful-connect"), -3:] -= np.array([6.0, 9.0, 13.0]) + rng.normal(
                0, 1.5, 3
            )
        elif kind == 7:  # slow decline
            scores[number, at("capacity"), -12:] -= np.linspace(0.5, 20.5, 12)
        elif kind == 13:  # accelerating
            scores[number, at("coverage"), -9:] -= 0.2 * np.arange(9) ** 2
        elif kind == 16:
            scores[number, at("roaming"), -10:] -= np.linspace(0, 6, 10)
        elif kind == 19:  # always mediocre
            scores[number, at("throughput"), :] -= 8
        elif kind == 21:  # a step
            scores[number, at("throughput"), -2:] -= 16
    return np.clip(scores, 3, 100)


def make_report(
    sites: int = 24,
    days: int = 45,
    *,
    seed: int = 7,
    names: tuple[str, ...] | None = None,
    analysed: bool = True,
) -> ReportData:
    """Report data of ``sites`` sites; with ``analysed``, every optional frame too."""
    rng = np.random.default_rng(seed)
    ids = [site_id(number) for number in range(sites)]
    calendar = [DAY - timedelta(days=days - 1 - back) for back in range(days)]
    scores = _scores(sites, max(days, 14), rng)[:, :, -days:]
    towns = names or TOWNS
    labels = [
        towns[number % len(towns)] + (f" {number // len(towns) + 1}" if number >= len(towns) else "")
        for number in range(sites)
    ]
    described = pl.DataFrame(
        {"day": [DAY] * sites, "site_id": ids, "name": labels, "timezone": ["Europe/London"] * sites},
        schema=types(history.SITES, "day site_id name timezone"),
    )
    shape = scores.shape
    users = np.broadcast_to(rng.integers(25, 400, (sites, 1, 1)), shape)
    sle = pl.DataFrame(
        {
            "day": np.broadcast_to(np.array(calendar, dtype="datetime64[D]")[None, None, :], shape).ravel(),
            "site_id": np.broadcast_to(np.array(ids, dtype=object)[:, None, None], shape).ravel(),
            "metric": np.broadcast_to(np.array(METRICS, dtype=object)[None, :, None], shape).ravel(),
            "score_pct": scores.ravel(),
            "num_users": users.ravel(),
        },
        schema=types(history.SLE_DAILY, "day site_id metric score_pct num_users"),
    ).with_columns(total_user_minutes=pl.col("num_users") * 210.0, state=pl.lit("ok"))
    silent, idle = (
        [ids[n] for n in range(sites) if n % 24 == 10],
        [ids[n] for n in range(sites) if n % 24 == 22],
    )
    recent = pl.col("day") >= DAY - timedelta(days=1)
    sle = sle.with_columns(
        state=pl.when(pl.col("site_id").is_in(silent) & recent).then(pl.lit("missing")).otherwise("state"),
        num_users=pl.when(pl.col("site_id").is_in(idle)).then(pl.lit(2, pl.Int64)).otherwise("num_users"),
    ).with_columns(
        score_pct=pl.when(pl.col("state") == "ok").then("score_pct"),
        num_users=pl.when(pl.col("state") == "ok").then("num_users"),
        total_user_minutes=pl.when(pl.col("state") == "ok").then(pl.col("num_users") * 210.0),
    )
    sle = with_severity(sle).with_columns(
        degraded_user_minutes=pl.col("total_user_minutes") * (1 - pl.col("score_pct") / 100)
    )
    report = ReportData(
        day=DAY,
        as_of=AS_OF,
        organisation="Fenwick & Sons",
        sites=described,
        sle_daily=sle,
        classifiers_daily=_classifiers(sle, rng),
        site_status=site_status(sle, METRICS, sle.select("day", "site_id").unique()),
        trends=_trends(sle),
        links=Links(
            "https://manage.mist.com", "9777c1a0-6ef6-11e6-8bbf-02e208b2d34f", "http://localhost:3000"
        ),
    )
    if not analysed:
        return report
    return replace(_analysed(report, ids, rng), changes=_changes(ids, (names or ("Retail",))[0]))


def _changes(ids: list[str], title: str) -> pl.DataFrame:
    """A template saved twice at every site a week ago, site settings at the first one, a day of which nobody knows."""
    columns = "day change_id changed_at action kind title site_ids state"
    week_ago = DAY - timedelta(days=7)
    at = datetime(week_ago.year, week_ago.month, week_ago.day, 21, tzinfo=UTC)
    rows = [
        (week_ago, "a", at, "updated", "network_template", title, ids, "ok"),
        (week_ago, "b", at + timedelta(minutes=9), "updated", "network_template", title, ids, "ok"),
        (
            DAY - timedelta(days=3),
            "c",
            at + timedelta(days=4),
            "updated",
            "site_settings",
            None,
            ids[:1],
            "ok",
        ),
        (DAY - timedelta(days=3), "d", at + timedelta(days=4), "other", "other", None, ids, "ok"),
        (DAY - timedelta(days=3), "e", at + timedelta(days=4), "updated", "wlan", "Nobody's", None, "ok"),
        (DAY - timedelta(days=2), "", None, None, None, None, None, "missing"),
        (DAY + timedelta(days=1), "f", at + timedelta(days=8), "updated", "wlan", "Tomorrow", ids, "ok"),
    ]
    return pl.DataFrame(rows, schema=types(history.CHANGES, columns), orient="row")


def _classifiers(sle: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    today = sle.filter((pl.col("day") == DAY) & (pl.col("state") == "ok"))
    rows = []
    for metric, names in CLASSIFIERS.items():
        parts = today.filter(pl.col("metric") == metric)
        weights = (
            rng.dirichlet([6.0, *[1.0] * (len(names) - 1)], parts.height)
            if parts.height
            else np.zeros((0, len(names)))
        )
        for place, name in enumerate(names):
            share = pl.Series(weights[:, place], dtype=pl.Float64)
            rows.append(
                parts.select(
                    "day",
                    "site_id",
                    "metric",
                    classifier=pl.lit(name),
                    degraded_user_minutes=pl.col("degraded_user_minutes") * share,
                    degraded_pct=(100 - pl.col("score_pct")) * share,
                    num_users=(pl.col("num_users") * share * 0.6).cast(pl.Int64),
                    num_aps=(1 + 12 * share).cast(pl.Int64),
                )
            )
    return pl.concat(rows)


def _trends(sle: pl.DataFrame) -> pl.DataFrame:
    change = pl.col("score_pct") - pl.col("score_pct").shift(1)
    velocity = (pl.col("score_pct") - pl.col("score_pct").shift(6)) / 6
    return (
        sle.sort("site_id", "metric", "day")
        .with_columns(
            change_pct=change.over("site_id", "metric"),
            velocity_pct_per_day=velocity.over("site_id", "metric"),
        )
        .with_columns(
            indicator=pl.when(pl.col("change_pct") < -2.2)
            .then(pl.lit("↑"))
            .when(pl.col("change_pct") > 2.2)
            .then(pl.lit("↓"))
            .when(pl.col("change_pct").is_not_null())
            .then(pl.lit("→")),
            is_degrading=pl.col("change_pct") < -5,
        )
        .select(
            "day",
            "site_id",
            "metric",
            "score_pct",
            "change_pct",
            "velocity_pct_per_day",
            "indicator",
            "is_degrading",
        )
    )


def _analysed(report: ReportData, ids: list[str], rng: np.random.Generator) -> ReportData:
    """Every optional frame, as the analysis would give it."""
    sle, sites = report.sle_daily, len(ids)
    judged = sle.filter(pl.col("severity").is_not_null())
    credit = {"critical": 0.1, "major": 0.25, "warning": 0.65, "info": 1.0}
    health = (
        judged.group_by("day", "site_id")
        .agg(
            score=(
                pl.col("score_pct") * pl.col("severity").replace_strict(credit, return_dtype=pl.Float64)
            ).mean(),
            confidence=pl.len() / len(METRICS),
        )
        .sort("site_id", "day")
        .with_columns(
            change=(pl.col("score") - pl.col("score").shift(1)).over("site_id"),
            is_at_risk=pl.col("site_id").is_in([ids[n] for n in range(sites) if n % 24 in (7, 13)]),
        )
    )
    falling = [
        (n, m)
        for n in range(sites)
        for kind, m in ((7, "capacity"), (13, "coverage"), (16, "roaming"))
        if n % 24 == kind
    ]
    risks, forecasts = [], []
    for number, metric in falling:
        series = sle.filter((pl.col("site_id") == ids[number]) & (pl.col("metric") == metric)).sort("day")[
            "score_pct"
        ]
        last, speed = series[-1], (series[-1] - series[-7]) / 6
        line = "major" if metric == "roaming" else "critical"
        risks.append(
            (
                DAY,
                ids[number],
                metric,
                line,
                "crossing",
                2.4,
                2.1,
                2.9,
                0.71 if metric == "capacity" else 0.55,
            )
        )
        for ahead in range(1, 8):
            mean, wide = last + speed * ahead, 1.6 * np.sqrt(ahead)
            bounds = [float(np.clip(mean + k * wide, 0, 100)) for k in (0, -1.96, 1.96, -1.28, 1.28)]
            forecasts.append((DAY, ids[number], metric, ahead, DAY + timedelta(days=ahead), *bounds))
    risks += [
        (DAY, ids[number], "time-to-connect", "critical", "already", None, None, None, None)
        for number in range(min(sites, 3))
    ]
    odd = [n for n in range(sites) if n % 24 in (3, 13, 21)]
    shared = [ids[n] for n in range(sites) if n % 24 < 5]
    baselines = (
        judged.group_by("site_id", "metric")
        .agg(mean_pct=pl.col("score_pct").mean(), std_pct=pl.col("score_pct").std())
        .with_columns(day=pl.lit(DAY), day_of_week=pl.lit(-1, pl.Int64))
    )
    deviations = (
        sle.filter(pl.col("day") == DAY)
        .join(baselines.drop("day"), on=["site_id", "metric"])
        .with_columns(
            expected_pct="mean_pct", sigma=(pl.col("score_pct") - pl.col("mean_pct")) / pl.col("std_pct")
        )
        .with_columns(is_deviating=pl.col("sigma") < -2)
    )
    return replace(
        report,
        health_scores=health,
        baselines=baselines,
        deviations=deviations,
        risks=pl.DataFrame(
            risks,
            schema=types(
                analysis.RISKS, "day site_id metric severity state days days_low days_high probability"
            ),
            orient="row",
        ),
        forecasts=pl.DataFrame(
            forecasts,
            schema=types(
                analysis.FORECASTS,
                "day site_id metric horizon_days target_day mean_pct lower_pct upper_pct lower_80_pct upper_80_pct",
            ),
            orient="row",
        ),
        anomalies=pl.DataFrame(
            {
                "day": [DAY] * len(odd),
                "site_id": [ids[n] for n in odd],
                "anomaly_score": [0.93 - 0.04 * place / max(len(odd), 1) for place in range(len(odd))],
                "is_anomaly": [True] * len(odd),
                "contributions": [
                    json.dumps(dict(zip(METRICS, np.sort(rng.dirichlet([0.5] * len(METRICS)))[::-1].tolist(), strict=True)))
                    for _ in odd
                ],
            },
            schema=types(analysis.ANOMALIES, "day site_id anomaly_score is_anomaly contributions"),
        ),
        incidents=pl.DataFrame(
            {
                "day": [DAY],
                "cause_fingerprint": ["c0ffee"],
                "scope": ["infrastructure"],
                "metrics": [["time-to-connect", "successful-connect"]],
                "site_ids": [shared],
                "cause": [f"dhcp-unresponsive at {len(shared)} of {len(shared) + 1} sites of group North → DHCP service of that group"],
                "p_value": [3.1e-7],
            },
            schema=types(analysis.INCIDENTS, "day cause_fingerprint scope metrics site_ids cause p_value"),
        ),
        findings=pl.DataFrame(
            [
                (DAY, ids[10 % sites], "", "site_down", "critical", "All 14 access points are disconnected since 02:10"),
                (DAY, "", "", "collector", "warning", "3 of 192 readings came late; they will be asked for again"),
            ],
            schema=types(analysis.FINDINGS, "day site_id metric kind severity summary"),
            orient="row",
        ),
    )  # fmt: skip
