"""Background of an incident: read from a published copy as it is, and never a reason for silence."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mist_pipeline.notification.context import HOURS, MOST_CLASSIFIERS, read_background
from mist_pipeline.notification.message_context import Ahead, Background, Blamed, Pair, Usual
from mist_pipeline.tables import analysis, history, live
from mist_pipeline.tables.schema import Table
from mist_pipeline.warehouse.connection import connect
from mist_pipeline.warehouse.publish import publish, publish_live
from mist_pipeline.warehouse.store import Warehouse

pytestmark = pytest.mark.slow  # a warehouse is published

TODAY = date(2026, 11, 22)
AS_OF = datetime(2026, 11, 23, 4, 25, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PAIR = ("s1", "coverage")


def frame(table: Table, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows with nulls where nothing is given."""
    every = [
        {**dict.fromkeys(table.column_names), "site_id": "s1", "metric": "coverage", **row} for row in rows
    ]
    return pl.DataFrame(every, schema=table.polars_schema())


def changes(table: Table, *rows: Mapping[str, Any]) -> pl.DataFrame:
    """Changes of a WLAN of the site."""
    wlan = {"day": TODAY, "kind": "wlan", "action": "updated", "site_ids": ["s1"], "state": "ok"}
    return pl.DataFrame([{**wlan, **row} for row in rows], schema=table.polars_schema())


def frames() -> dict[Table, pl.DataFrame]:
    """A site with 40 days and three days of hours, and another that must not be mixed up with it."""
    daily = [{"day": TODAY - number * DAY, "score_pct": 90.0 + number / 10} for number in range(40)]
    daily[3]["score_pct"] = None
    daily += [
        {"day": TODAY, "score_pct": 12.0, "site_id": "s2"},
        {"day": TODAY, "score_pct": 13.0, "metric": "roaming"},
    ]
    hourly = [
        {"hour": MIDNIGHT - number * HOUR, "day": TODAY - number // 24 * DAY, "score_pct": 80.0 + number / 10}
        for number in range(1, 73)
    ]
    normal = {"mean_pct": 95.5, "std_pct": 1.5, "day_of_week": -1, "is_mature": True, "is_pooled": False}
    baselines = [
        {**normal, "day": TODAY - DAY, "mean_pct": 50.0},
        {**normal, "day": TODAY},
        {**normal, "day": TODAY, "day_of_week": 6, "mean_pct": 40.0},
        {**normal, "day": TODAY, "site_id": "s2", "is_mature": False},
    ]
    forecasts = [
        {
            "day": issued,
            "horizon_days": ahead,
            "target_day": issued + ahead * DAY,
            "mean_pct": mean - ahead,
            "lower_pct": mean - 9.0,
            "upper_pct": mean + 1.0,
            "lower_80_pct": mean - 6.0,
            "upper_80_pct": mean + 0.5,
        }
        for issued, mean in ((TODAY - DAY, 10.0), (TODAY, 88.0))
        for ahead in (1, 2)
    ]
    blamed = [
        {"day": TODAY - DAY, "classifier": "asymmetry-uplink", "degraded_pct": 50.0},
        {"day": TODAY, "classifier": "asymmetry-uplink", "degraded_pct": 3.0},
        {"day": TODAY, "classifier": "weak-signal", "degraded_pct": 7.0, "num_users": 31},
        {"day": TODAY, "classifier": "asymmetry-downlink", "degraded_pct": 0.0},
    ]
    return {
        history.SLE_DAILY: frame(history.SLE_DAILY, daily),
        history.SLE_HOURLY: frame(history.SLE_HOURLY, hourly),
        history.CLASSIFIERS_DAILY: frame(history.CLASSIFIERS_DAILY, blamed),
        analysis.BASELINES: frame(analysis.BASELINES, baselines),
        analysis.FORECASTS: frame(analysis.FORECASTS, forecasts),
        history.CHANGES: changes(
            history.CHANGES,
            {"change_id": "c1", "changed_at": MIDNIGHT - 10 * HOUR},
            {"change_id": "c2", "changed_at": MIDNIGHT - 11 * HOUR, "kind": "other"},
            {"change_id": "c3", "changed_at": MIDNIGHT - 12 * HOUR, "site_ids": ["s2"]},
            {"change_id": "c4", "changed_at": MIDNIGHT - 60 * HOUR},
        ),
        live.CHANGES: changes(
            live.CHANGES,
            {"change_id": "c1", "changed_at": MIDNIGHT - 10 * HOUR},
            {"change_id": "c5", "changed_at": MIDNIGHT + HOUR / 2},
            {"change_id": "c6", "changed_at": AS_OF + HOUR},
        ),
        live.SLE_HOURLY: frame(
            live.SLE_HOURLY,
            [
                {"hour": MIDNIGHT - HOUR, "day": TODAY, "score_pct": 1.0},
                {"hour": MIDNIGHT, "day": TODAY + DAY, "score_pct": 55.0},
                {"hour": MIDNIGHT + HOUR, "day": TODAY + DAY, "score_pct": None},
                {"hour": AS_OF + HOUR, "day": TODAY + DAY, "score_pct": 2.0},
            ],
        ),
    }


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published copy of a small warehouse."""
    folder = tmp_path_factory.mktemp("published")
    warehouse = Warehouse(folder / "warehouse.duckdb")
    warehouse.replace_tables(frames())
    publish_live(warehouse, folder / "today.duckdb")
    return publish(warehouse, folder / "published.duckdb")


def background_of(published: Path, pairs: list[Pair], as_of: datetime) -> dict[Pair, Background]:
    """What is known by the two files of a folder."""
    return read_background(published, published.with_name("today.duckdb"), pairs, as_of)


@pytest.mark.slow
def test_background_is_what_the_published_copy_knows_of_the_pair(published: Path) -> None:
    found = background_of(published, [PAIR], AS_OF)[PAIR]
    assert found.days[0] == (TODAY - 29 * DAY, 92.9)
    assert found.days[-1] == (TODAY, 90.0)
    assert len(found.days) == 29, "thirty days, one of which has no score"
    assert found.usual == Usual(95.5, 1.5)
    assert found.forecast == (
        Ahead(TODAY + DAY, 87.0, 79.0, 89.0, 82.0, 88.5),
        Ahead(TODAY + 2 * DAY, 86.0, 79.0, 89.0, 82.0, 88.5),
    )
    assert found.classifiers == (Blamed("weak-signal", 7.0, 31), Blamed("asymmetry-uplink", 3.0, None))
    assert found.classifiers_day == TODAY
    assert found.picture is None


def test_hours_are_the_last_forty_eight_those_of_today_included(published: Path) -> None:
    hours = background_of(published, [PAIR], AS_OF)[PAIR].hours
    assert len(hours) == HOURS
    assert hours[-1] == (MIDNIGHT, 55.0), "from the last look"
    assert hours[-2] == (MIDNIGHT - HOUR, 80.1), "what the day says supersedes the look"
    assert hours[0][0] == MIDNIGHT - (HOURS - 1) * HOUR
    assert {hour.tzinfo for hour, _ in hours} == {UTC}


def test_changes_are_those_of_the_site_in_its_hours_each_once(published: Path) -> None:
    found = background_of(published, [PAIR, ("s2", "coverage")], AS_OF)
    assert found[PAIR].changes == (MIDNIGHT - 10 * HOUR, MIDNIGHT + HOUR / 2)
    assert found["s2", "coverage"].changes == (), "it has no hours to be marked in"


def test_nothing_that_came_later_is_read(published: Path) -> None:
    found = background_of(published, [PAIR], AS_OF - 2 * DAY)[PAIR]
    assert found.days[-1][0] == TODAY - DAY
    assert found.hours[-1][0] == AS_OF.replace(minute=0) - 2 * DAY


def test_pairs_come_in_their_order_and_those_of_which_nothing_is_known_do_not(published: Path) -> None:
    pairs = [("s2", "coverage"), ("s9", "coverage"), PAIR, ("s1", "roaming"), PAIR, ("s2", "roaming")]
    found = background_of(published, pairs, AS_OF)
    assert list(found) == [("s2", "coverage"), PAIR, ("s1", "roaming")]
    assert found["s2", "coverage"].days == ((TODAY, 12.0),)
    assert found["s2", "coverage"].usual is None, "its baseline is not to be relied on"
    assert found["s1", "roaming"].days == ((TODAY, 13.0),)


def test_hours_of_long_ago_are_not_the_last_hours(published: Path) -> None:
    found = background_of(published, [PAIR], AS_OF + 3 * DAY)[PAIR]
    assert found.hours == ()
    assert found.days[-1] == (TODAY, 90.0)
    assert background_of(published, [PAIR], AS_OF + 60 * DAY) == {}


def test_a_name_is_a_value_and_never_a_part_of_the_question(published: Path) -> None:
    name = "s1' OR 1=1; DROP TABLE history.sle_daily; --"
    assert background_of(published, [(name, "coverage"), ("s1", name)], AS_OF) == {}
    assert background_of(published, [PAIR], AS_OF)


@pytest.mark.slow
def test_only_the_first_classifiers_are_kept(tmp_path: Path) -> None:
    many = [
        {"day": TODAY, "classifier": f"c{number:02}", "degraded_pct": 99.0 - number} for number in range(30)
    ]
    Warehouse(tmp_path / "w").replace_tables(
        {history.CLASSIFIERS_DAILY: frame(history.CLASSIFIERS_DAILY, many)}
    )
    published = publish(Warehouse(tmp_path / "w"), tmp_path / "p")
    found = background_of(published, [PAIR], AS_OF)[PAIR]
    assert [one.classifier for one in found.classifiers] == [
        f"c{number:02}" for number in range(MOST_CLASSIFIERS)
    ]


def test_without_a_copy_there_is_no_background(tmp_path: Path) -> None:
    assert background_of(tmp_path / "none.duckdb", [PAIR], AS_OF) == {}


@pytest.mark.slow
def test_each_file_gives_what_it_has_where_the_other_is_not_there(published: Path, tmp_path: Path) -> None:
    today, none = published.with_name("today.duckdb"), tmp_path / "none.duckdb"
    assert read_background(none, today, [PAIR], AS_OF)[PAIR].hours[-1] == (MIDNIGHT, 55.0)
    assert read_background(none, today, [PAIR], AS_OF)[PAIR].days == ()
    assert read_background(published, none, [PAIR], AS_OF)[PAIR].hours[-1][0] == MIDNIGHT - HOUR


def test_nothing_is_opened_for_nobody(tmp_path: Path) -> None:
    assert background_of(tmp_path, [], AS_OF) == {}


def test_a_copy_of_an_earlier_version_gives_what_it_has(tmp_path: Path) -> None:
    with connect(tmp_path / "old", read_only=False) as connection:
        connection.execute("CREATE SCHEMA history")
        connection.execute(
            "CREATE TABLE history.sle_daily AS SELECT 's1' site_id, 'coverage' metric, DATE '2026-11-22' AS day, 91.0 score_pct"
        )
        connection.execute("CREATE TABLE history.classifiers_daily AS SELECT 's1' site_id, 'coverage' metric")
    found = background_of(tmp_path / "old", [PAIR], AS_OF)[PAIR]
    assert found.days == ((TODAY, 91.0),)
    assert [*found.classifiers, *found.hours, *found.forecast] == []


@pytest.mark.parametrize("content", [b"", b"this is no database", b"x" * 9000])
def test_a_file_that_cannot_be_read_is_no_background_and_a_line_in_the_log(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "published.duckdb"
    broken.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert background_of(broken, [PAIR], AS_OF) == {}
    assert "no background for messages" in caplog.text or not content


@pytest.mark.slow
def test_a_copy_that_was_cut_off_is_no_background(published: Path, tmp_path: Path) -> None:
    whole = published.read_bytes()
    for size in range(1, len(whole), len(whole) // 23):
        cut = tmp_path / f"{size}.duckdb"
        cut.write_bytes(whole[:size])
        found = background_of(cut, [PAIR], AS_OF)
        assert set(found) <= {PAIR}


def test_a_defect_of_ours_is_not_taken_for_a_missing_copy(published: Path) -> None:
    with pytest.raises(TypeError):
        background_of(published, [("s1", object())], AS_OF)  # type: ignore[list-item]


def test_an_instant_needs_a_zone(published: Path) -> None:
    with pytest.raises(ValueError, match="needs an instant with a zone"):
        background_of(published, [PAIR], AS_OF.replace(tzinfo=None))
