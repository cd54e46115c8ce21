"""The newest reading of every service level, and since when it is so."""

from datetime import UTC, datetime, timedelta

import polars as pl

from mist_pipeline.analysis.scores.live_status import live_status
from mist_pipeline.tables import live

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def hours(*rows: tuple[int, str, float | None, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "hour": [NOON + timedelta(hours=offset) for offset, *_ in rows],
            "site_id": [site for _, site, *_ in rows],
            "metric": ["capacity"] * len(rows),
            "score_pct": [score for *_, score, _ in rows],
            "total_user_minutes": [None] * len(rows),
            "state": [state for *_, state in rows],
        },
        schema_overrides={
            "score_pct": pl.Float64,
            "total_user_minutes": pl.Float64,
            "hour": pl.Datetime("us", "UTC"),
            "site_id": pl.String,
            "metric": pl.String,
            "state": pl.String,
        },
    )


def clients(*rows: tuple[int, str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "hour": [NOON + timedelta(hours=offset) for offset, *_ in rows],
            "site_id": [site for _, site, _ in rows],
            "num_clients": [count for *_, count in rows],
        },
        schema_overrides={"hour": pl.Datetime("us", "UTC"), "site_id": pl.String, "num_clients": pl.Int64},
    )


def test_the_newest_hour_counts() -> None:
    status = live_status(
        live.STATUS.empty(), hours((0, "a", 95.0, "ok"), (-1, "a", 50.0, "ok")), clients((0, "a", 9)), NOON
    )
    assert status.select("score_pct", "severity", "num_clients").rows() == [(95.0, "info", 9)]


def test_predecessor_mistake_14_two_clients_at_night_make_no_site_critical() -> None:
    status = live_status(live.STATUS.empty(), hours((0, "a", 10.0, "ok")), clients((0, "a", 2)), NOON)
    assert status.select("score_pct", "severity", "state").rows() == [(10.0, None, "ok")]


def test_what_stays_as_it_is_keeps_its_beginning_and_what_changes_gets_a_new_one() -> None:
    users = clients((0, "a", 9), (0, "b", 9))
    first = live_status(live.STATUS.empty(), hours((0, "a", 60.0, "ok"), (0, "b", 95.0, "ok")), users, NOON)
    later = NOON + timedelta(minutes=15)
    second = live_status(first, hours((0, "a", 55.0, "ok"), (0, "b", 60.0, "ok")), users, later)
    assert second.select("site_id", "severity", "changed_since").rows() == [
        ("a", "critical", NOON),
        ("b", "critical", later),
    ]
    assert second["as_of"].to_list() == [later, later]


def test_silence_is_no_recovery() -> None:
    first = live_status(live.STATUS.empty(), hours((0, "a", 60.0, "ok")), clients((0, "a", 9)), NOON)
    second = live_status(first, hours(), clients(), NOON + timedelta(minutes=15))
    assert second.equals(first)


def test_a_missing_reading_has_no_severity() -> None:
    status = live_status(live.STATUS.empty(), hours((0, "a", None, "missing")), clients((0, "a", 9)), NOON)
    assert status.select("severity", "state").rows() == [(None, "missing")]


def test_the_rows_fit_their_table() -> None:
    status = live_status(live.STATUS.empty(), hours((0, "a", 60.0, "ok")), clients((0, "a", 9)), NOON)
    assert live.STATUS.conform(status).columns == live.STATUS.column_names
