"""The document: what it says about a day, and what it never says."""

import json
import math
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mist_pipeline.analysis.scores.bands import Bands
from mist_pipeline.report import (
    ReportData,
    ReportSettings,
    build_dashboard,
    render_html,
    render_json,
    render_text,
)
from mist_pipeline.report.document.model import STATES, STATUSES, Dashboard, Site
from mist_pipeline_tests.support.report.pages import Rendered, rendered
from mist_pipeline_tests.support.report.worlds import DAY, METRICS, make_report, site_id


def by_id(dashboard: Dashboard) -> dict[str, Site]:
    return {site["site_id"]: site for site in dashboard["sites"]}


def with_rows(frame: pl.DataFrame, **columns: list[Any]) -> pl.DataFrame:
    """Rows of these columns in front of a frame, null elsewhere."""
    rows = pl.DataFrame(columns, schema={name: frame.schema[name] for name in columns})
    return pl.concat([rows, frame], how="diagonal")


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [number for part in value.values() for number in numbers(part)]
    if isinstance(value, list):
        return [number for part in value for number in numbers(part)]
    return [value] if isinstance(value, float) else []


@pytest.mark.slow
def test_the_same_frames_give_the_same_characters_in_every_form(report: Rendered) -> None:
    again = make_report()
    assert render_html(again) == report.html
    assert render_text(again) == report.text
    assert render_json(again) == render_json(report.data)


@pytest.mark.slow
def test_the_order_of_rows_in_the_frames_does_not_matter(report: Rendered) -> None:
    frames = (
        "sites",
        "sle_daily",
        "site_status",
        "trends",
        "classifiers_daily",
        "risks",
        "forecasts",
        "health_scores",
        "findings",
        "deviations",
    )
    shuffled = replace(
        report.data,
        **{name: getattr(report.data, name).sample(fraction=1, shuffle=True, seed=3) for name in frames},
    )
    assert build_dashboard(shuffled) == report.dashboard


def test_json_has_a_version_and_reads_back_as_the_document(report: Rendered) -> None:
    text = render_json(report.data)
    assert json.loads(text) == report.dashboard
    assert (report.dashboard["schema"], report.dashboard["version"]) == ("mist-pipeline/dashboard", 2)


@pytest.mark.slow
def test_json_is_harmless_inside_of_markup(hostile: Rendered) -> None:
    text = render_json(hostile.data)
    assert text.isascii()
    assert not set("<>&") & set(text)
    names = {site["name"] for site in json.loads(text)["sites"]}
    assert "<script>document.title='owned'</script>" in names


def test_no_number_is_nan_or_infinite_even_where_the_frames_have_some() -> None:
    data = make_report(4, 5)
    assert data.health_scores is not None
    assert data.risks is not None
    dirty = replace(
        data,
        sle_daily=data.sle_daily.with_columns(
            score_pct=pl.when(pl.col("metric") == "capacity").then(math.nan).otherwise("score_pct")
        ),
        trends=data.trends.with_columns(velocity_pct_per_day=pl.lit(math.inf), change_pct=pl.lit(math.nan)),
        health_scores=data.health_scores.with_columns(score=pl.lit(math.nan)),
        risks=data.risks.with_columns(days_high=pl.lit(math.inf)),
    )
    document = json.loads(render_json(dirty))
    assert all(math.isfinite(number) for number in numbers(document))
    assert "nan" not in render_html(dirty).partition("</style>")[2].lower().replace("nance", "")


def test_sites_come_worst_first_and_what_is_not_known_before_what_is_well(report: Rendered) -> None:
    order = [STATUSES.index(site["status"]) for site in report.dashboard["sites"]]
    assert order == sorted(order)
    assert STATUSES == ("CRITICAL", "UNHEALTHY", "DEGRADED", "UNKNOWN", "HEALTHY")


def test_totals_add_up(report: Rendered) -> None:
    totals = report.dashboard["totals"]
    assert sum(totals["status"].values()) == totals["sites"] == 24
    assert sum(totals["readings"].values()) == 24 * len(METRICS)
    assert tuple(totals["readings"]) == STATES


def test_one_wrong_status_word_counts_as_unknown() -> None:
    data = make_report(3, 2, analysed=False)
    odd = replace(data, site_status=data.site_status.with_columns(status=pl.lit("FINE")))
    assert build_dashboard(odd)["totals"]["status"]["UNKNOWN"] == 3


def test_later_days_are_not_seen(report: Rendered) -> None:
    data = report.data
    assert data.health_scores is not None
    later = timedelta(days=1)

    def and_tomorrow(frame: pl.DataFrame) -> pl.DataFrame:
        tomorrow = frame.filter(pl.col("day") == DAY).with_columns(day=pl.col("day") + later)
        return pl.concat([frame, tomorrow.reverse()])

    names = (
        "sites",
        "sle_daily",
        "classifiers_daily",
        "site_status",
        "trends",
        "risks",
        "forecasts",
        "health_scores",
        "anomalies",
        "incidents",
        "findings",
        "baselines",
        "deviations",
    )
    assert (
        build_dashboard(replace(data, **{name: and_tomorrow(getattr(data, name)) for name in names}))
        == report.dashboard
    )


def test_a_site_without_any_reading_is_unknown_and_not_absent() -> None:
    data = make_report(3, 2, analysed=False)
    sites = with_rows(data.sites, day=[DAY], site_id=["new"], name=["Brand new"])
    site = by_id(build_dashboard(replace(data, sites=sites)))["new"]
    assert site["status"] == "UNKNOWN"
    assert site["reason"] == "no status was computed for this day"
    assert {reading["state"] for reading in site["metrics"]} == {"not_asked"}
    assert set(site["history"]) == {None}


def test_a_site_that_nobody_described_is_shown_by_its_id() -> None:
    data = make_report(3, 2, analysed=False)
    gone = replace(data, sites=data.sites.filter(pl.col("site_id") != site_id(1)))
    assert by_id(build_dashboard(gone))[site_id(1)]["label"] == f"site {site_id(1)[:8]}"


def test_a_site_of_an_earlier_description_that_is_gone_is_not_shown() -> None:
    data = make_report(3, 2, analysed=False)
    sites = with_rows(data.sites, day=[DAY - timedelta(days=9)], site_id=["closed"], name=["Closed"])
    assert "closed" not in by_id(build_dashboard(replace(data, sites=sites)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (["missing"] * 8, "the cloud had no data"),
        (["no_users"] * 8, "no users"),
        (["not_supported"] * 8, "none of the collected service levels is supported here"),
        (["ok"] * 8, "too few users to judge"),
        (
            ["missing"] * 5 + ["no_users"] * 3,
            "the cloud had no data (5 of 8 metrics), no users (3 of 8 metrics)",
        ),
        (["not_supported"] * 4 + ["missing"] * 4, "the cloud had no data"),
    ],
)
def test_an_unknown_site_says_why(states: list[str], reason: str) -> None:
    data = make_report(2, 1, analysed=False)
    own = pl.col("site_id") == site_id(0)
    state = (
        pl.when(own)
        .then(pl.col("metric").replace_strict(dict(zip(METRICS, states, strict=True))))
        .otherwise("state")
    )
    unknown = replace(
        data,
        sle_daily=data.sle_daily.with_columns(state=state, severity=pl.when(~own).then("severity")),
        site_status=data.site_status.with_columns(
            status=pl.when(own).then(pl.lit("UNKNOWN")).otherwise("status")
        ),
    )
    assert by_id(build_dashboard(unknown))[site_id(0)]["reason"] == reason


def test_a_score_is_shown_only_where_the_state_is_ok() -> None:
    data = make_report(2, 1, analysed=False)
    lying = replace(data, sle_daily=data.sle_daily.with_columns(state=pl.lit("missing")))
    for site in build_dashboard(lying)["sites"]:
        assert {(reading["score_pct"], reading["severity"]) for reading in site["metrics"]} == {(None, None)}


def test_a_site_that_is_down_needs_attention_although_nothing_could_be_scored(report: Rendered) -> None:
    item = next(item for item in report.dashboard["attention"] if item["site_id"] == site_id(10))
    assert item["status"] == "UNKNOWN"
    assert item["reason"] == "All 14 access points are disconnected since 02:10"
    critical = [
        place for place, item in enumerate(report.dashboard["attention"]) if item["status"] == "UNHEALTHY"
    ]
    assert report.dashboard["attention"].index(item) < min(critical)


def test_attention_names_the_metric_the_number_and_what_is_behind_it(report: Rendered) -> None:
    item = next(item for item in report.dashboard["attention"] if item["site_id"] == site_id(7))
    assert item["metric"] == "capacity"
    assert item["reason"] == f"Capacity {math.floor((item['score_pct'] or 0) * 10) / 10:.1f} % is unhealthy"
    assert any(note.startswith("mostly Number of clients (") for note in item["notes"])
    assert any(note.startswith("usual 9") for note in item["notes"])
    assert item["history"][-1] == item["score_pct"]


def test_the_worst_hour_is_told_in_the_time_of_the_site() -> None:
    data = make_report(1, 3, analysed=False)
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    hourly = pl.DataFrame(
        {
            "hour": [midnight + timedelta(hours=hour) for hour in (8, 13, 14)],
            "day": [DAY] * 3,
            "site_id": [site_id(0)] * 3,
            "metric": ["time-to-connect"] * 3,
            "score_pct": [0.0, 41.26, None],
            "degraded_user_minutes": [10.0, 900.0, None],
            "state": ["ok", "ok", "missing"],
        },
        schema_overrides={"hour": pl.Datetime("us", "UTC")},
    )
    for zone, said in (("America/New_York", "08:00"), (None, "13:00"), ("No/Where", "13:00")):
        here = replace(
            data, sle_hourly=hourly, sites=data.sites.with_columns(timezone=pl.lit(zone, pl.String))
        )
        notes = build_dashboard(here)["attention"][0]["notes"]
        assert f"most user-minutes lost from {said} local time, at 41.2 %" in notes


@pytest.mark.parametrize(
    ("score", "shown"),
    [(69.999, "69.9 % is critical"), (70.0, "70.0 % is unhealthy"), (89.999, "89.9 % is degraded")],
)
def test_a_score_is_rounded_down_so_that_it_never_contradicts_its_status(score: float, shown: str) -> None:
    from mist_pipeline.analysis.scores.bands import with_severity

    data = make_report(1, 1, analysed=False)
    sle = with_severity(
        data.sle_daily.with_columns(
            score_pct=pl.when(pl.col("metric") == "coverage").then(score).otherwise(99.0)
        )
    )
    status = {"critical": "CRITICAL", "major": "UNHEALTHY", "warning": "DEGRADED"}
    word = status[sle.filter(pl.col("metric") == "coverage")["severity"].item()]
    here = replace(
        data,
        sle_daily=sle,
        site_status=data.site_status.with_columns(status=pl.lit(word)),
        trends=data.trends.with_columns(indicator=pl.lit("↑")),
    )
    assert build_dashboard(here)["attention"][0]["reason"] == f"Coverage {shown}"


def test_at_risk_is_most_serious_and_soonest_first_with_its_sentence(report: Rendered) -> None:
    risks = report.dashboard["at_risk"]
    assert risks is not None
    assert [risk["threshold"] for risk in risks] == ["critical", "critical", "major"]
    assert risks[0]["sentence"] == "Approaching critical in 2–3 days at the current trend (71 %)"
    assert risks[2]["threshold_pct"] == 80.0
    assert len(risks[0]["forecast"]) == 7
    assert risks[0]["history"][-1] is not None


def test_a_series_about_to_cross_two_thresholds_is_listed_once_under_the_more_serious(
    report: Rendered,
) -> None:
    assert report.data.risks is not None
    more = report.data.risks.filter(pl.col("severity") == "critical").with_columns(
        severity=pl.lit("major"), days=pl.lit(0.5)
    )
    both = replace(report.data, risks=pl.concat([more, report.data.risks]))
    assert build_dashboard(both)["at_risk"] == report.dashboard["at_risk"]


def test_a_series_warned_of_early_is_at_risk_although_critical_is_not_in_sight() -> None:
    data = make_report(2, 20)
    assert data.risks is not None
    row = {"day": DAY, "site_id": site_id(0), "metric": "capacity", "severity": "critical", "state": "never"}
    early = pl.DataFrame(
        [{**row, "is_pre_warning": True}], schema={**data.risks.schema, "is_pre_warning": pl.Boolean}
    )
    risks = build_dashboard(replace(data, risks=early))["at_risk"]
    assert risks is not None
    assert [(risk["threshold"], risk["threshold_pct"]) for risk in risks] == [("pre_warning", 85.0)]
    assert risks[0]["sentence"] == "Under the pre-warning line and heading down"
    calm = early.with_columns(is_pre_warning=pl.lit(value=False))
    assert build_dashboard(replace(data, risks=calm))["at_risk"] == []


def test_a_crossing_without_a_range_is_still_told(report: Rendered) -> None:
    assert report.data.risks is not None
    vague = report.data.risks.with_columns(days_low=pl.lit(None, pl.Float64))
    risks = build_dashboard(replace(report.data, risks=vague))["at_risk"]
    assert risks is not None
    assert risks[0]["sentence"] == "Approaching critical soon"


def test_what_can_still_be_averted_leads_the_trends(report: Rendered) -> None:
    alerts = [trend["alert"] for trend in report.dashboard["trends"]]
    kinds = [2 if alert is None else 1 if alert == "critical" else 0 for alert in alerts]
    assert kinds == sorted(kinds)
    assert {0, 1, 2} == set(kinds)
    assert all(len(trend["line"]) == 7 for trend in report.dashboard["trends"])


def test_classifiers_weigh_sites_by_their_user_minutes_and_name_the_worst() -> None:
    data = make_report(2, 1, analysed=False)
    ids = [site_id(0), site_id(1)]
    sle = data.sle_daily.filter(pl.col("metric") == "capacity").with_columns(
        total_user_minutes=pl.when(pl.col("site_id") == ids[0]).then(900.0).otherwise(100.0)
    )
    rows = pl.DataFrame(
        {
            "day": [DAY] * 2,
            "site_id": ids,
            "metric": ["capacity"] * 2,
            "classifier": ["client-count"] * 2,
            "degraded_pct": [1.0, 41.0],
            "degraded_user_minutes": [9.0, 41.0],
            "num_users": [None, 7],
            "num_aps": [None, None],
        },
        schema_overrides={"num_users": pl.Int64, "num_aps": pl.Int64},
    )
    found = build_dashboard(replace(data, sle_daily=sle, classifiers_daily=rows))["classifiers"]
    assert [(row["degraded_pct"], row["worst_pct"], row["worst_site_id"]) for row in found] == [
        (5.0, 41.0, ids[1])
    ]
    assert (found[0]["num_users"], found[0]["num_aps"], found[0]["num_sites"]) == (7, None, 2)
    no_minutes = sle.with_columns(total_user_minutes=pl.lit(None, pl.Float64))
    assert (
        build_dashboard(replace(data, sle_daily=no_minutes, classifiers_daily=rows))["classifiers"][0][
            "degraded_pct"
        ]
        == 21.0
    )


@pytest.mark.parametrize("as_json", [False, True])
def test_incidents_list_their_sites_whether_ids_come_as_a_list_or_as_json(
    report: Rendered, as_json: bool
) -> None:
    frame = report.data.incidents
    assert frame is not None
    if as_json:
        frame = frame.with_columns(
            metrics=pl.lit(json.dumps(frame["metrics"].item().to_list())),
            site_ids=pl.lit(json.dumps(frame["site_ids"].item().to_list())),
        )
    incidents = build_dashboard(replace(report.data, incidents=frame))["incidents"]
    assert incidents == report.dashboard["incidents"]
    assert incidents is not None
    assert len(incidents[0]["sites"]) == incidents[0]["num_sites"] == 5
    assert incidents[0]["metrics"] == ["successful-connect", "time-to-connect"]


def test_anomalies_say_how_much_each_metric_has_to_do_with_it(report: Rendered) -> None:
    anomalies = report.dashboard["anomalies"]
    assert anomalies is not None
    for item in anomalies:
        shares = [share["share"] for share in item["contributions"]]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1, abs=0.01)
    assert any(", usual " in text for item in anomalies for text in item["deviations"])


def test_reasons_are_counted_by_their_main_part(report: Rendered) -> None:
    assert report.dashboard["unknown"] == [
        {"reason": "the cloud had no data", "num_sites": 1},
        {"reason": "too few users to judge", "num_sites": 1},
    ]


def test_thresholds_are_those_of_the_settings() -> None:
    own = ReportSettings(bands_by_metric={"capacity": Bands(60, 75, 85)}, pre_warning={"capacity": 88.0})
    thresholds = build_dashboard(replace(make_report(1, 1, analysed=False), settings=own))["thresholds"]
    assert thresholds["capacity"] == {"critical": 60, "major": 75, "warning": 85, "pre_warning": 88.0}
    assert thresholds["coverage"] == {"critical": 70, "major": 80, "warning": 90}


def test_a_frame_that_lacks_a_column_is_refused_naming_both() -> None:
    data = make_report(1, 1, analysed=False)
    with pytest.raises(ValueError, match=r"'trends' lacks the column\(s\) indicator"):
        replace(data, trends=data.trends.drop("indicator"))


def test_the_text_has_every_section_and_no_line_of_a_site_can_break_it(hostile: Rendered) -> None:
    for title in (
        "WHAT THE TROUBLED SHARE",
        "WHAT NEEDS ATTENTION",
        "CRITICAL WITHIN 3 DAYS",
        "GETTING WORSE",
        "UNUSUAL",
        "SITES, WORST FIRST",
        "WHAT THE CLOUD BLAMES",
    ):
        assert f"\n{title}" in hostile.text
    assert "Day 7: time to connect" in hostile.text
    assert all(line == line.rstrip() and len(line) <= 72 for line in hostile.text.splitlines())


def test_the_text_of_an_empty_organisation_says_so_in_every_section() -> None:
    data = make_report(1, 1)
    frames = {name: frame.clear() for name, frame in vars(data).items() if isinstance(frame, pl.DataFrame)}
    text = render_text(replace(data, **frames))
    assert "There is no site to report on" in text
    assert text.count("Nothing") == 5


@pytest.mark.slow
def test_three_thousand_sites_take_seconds_and_fit_a_page() -> None:
    data: ReportData = make_report(3000, 30)
    started = time.process_time()  # of the processor: a busy machine must not fail this
    page = render_html(data)
    assert time.process_time() - started < 10
    assert len(page.encode()) < 2_000_000
    assert "2,800 more sites not shown here" in page
    assert len(json.loads(render_json(data))["sites"]) == 3000


def test_the_morning_says_whether_it_was_right_before(report: Rendered) -> None:
    assert report.dashboard["scorecard"] == []
    assert "Was it right before?" not in report.text + report.html
    told = rendered(replace(report.data, scorecard=["Of 14 warnings 11 came true.", "<script>"]))
    assert told.dashboard["scorecard"] == ["Of 14 warnings 11 came true.", "<script>"]
    assert "Was it right before? Of 14 warnings 11 came true. <script>" in " ".join(told.text.split())
    assert "Of 14 warnings 11 came true." in told.html
    assert "<bdi><script>" not in told.html
