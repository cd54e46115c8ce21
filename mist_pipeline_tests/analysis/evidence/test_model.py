"""The loop over blocks: what becomes evidence, and that no hour knows of a later one."""

from datetime import datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mist_pipeline.analysis.evidence import peer_groups
from mist_pipeline.analysis.evidence.model import LOOK_BACK, EvidenceOptions, EvidenceState, evidence
from mist_pipeline.tables.analysis import EVIDENCE
from mist_pipeline_tests.support.analysis.evidence_frames import START, Frames, history, since, until

BAD_FROM = 24 * 24 + 9
BAD = {(1, "coverage"): (BAD_FROM, BAD_FROM + 8, 0.5)}


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


@pytest.fixture(scope="module")
def frames() -> Frames:
    return history(days=28, extra=BAD)


@pytest.fixture(scope="module")
def rows(frames: Frames) -> pl.DataFrame:
    return evidence(**frames).rows


@pytest.mark.slow
def test_rows_have_the_columns_of_the_table_in_order_of_its_key(rows: pl.DataFrame) -> None:
    key = ["hour", "site_id", "metric", "classifier", "window_hours"]
    assert dict(rows.schema) == EVIDENCE.polars_schema()
    assert rows.select(key).is_unique().all()
    assert rows.equals(rows.sort(key))


@pytest.mark.slow
def test_half_the_users_suddenly_degraded_is_seen_in_the_first_hour_as_whole_and_as_classifier(
    rows: pl.DataFrame,
) -> None:
    first = rows.filter(
        (pl.col("hour") == at(BAD_FROM)) & (pl.col("site_id") == "site-001") & (pl.col("window_hours") == 1)
    )
    assert {"", "weak-signal"} <= set(first["classifier"])
    whole = first.filter((pl.col("classifier") == "") & (pl.col("metric") == "coverage")).row(0, named=True)
    assert whole["surprise"] > 6
    assert whole["excess_pct"] == pytest.approx(50, abs=6)
    assert whole["observed_pct"] - whole["expected_pct"] == pytest.approx(whole["excess_pct"])
    assert whole["excess_user_minutes"] == pytest.approx(
        whole["excess_pct"] * whole["total_user_minutes"] / 100
    )


def test_the_strongest_evidence_of_all_is_the_planted_trouble(rows: pl.DataFrame) -> None:
    strongest = rows.sort("surprise", descending=True).row(0, named=True)
    assert (strongest["site_id"], strongest["metric"]) == ("site-001", "coverage")
    assert at(BAD_FROM) <= strongest["hour"] < at(BAD_FROM + 32)


@pytest.mark.slow
@pytest.mark.parametrize("cut", [24 * 20, 24 * 24 + 12, 24 * 27])
def test_later_hours_never_change_earlier_rows(frames: Frames, rows: pl.DataFrame, cut: int) -> None:
    assert_frame_equal(
        evidence(**until(frames, at(cut))).rows, rows.filter(pl.col("hour") < at(cut)), check_exact=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("step", [24, 7])
def test_going_on_from_a_stored_state_gives_the_rows_of_the_whole_history(
    frames: Frames, rows: pl.DataFrame, step: int
) -> None:
    begin, end = 24 * 22, 24 * 26
    state = evidence(**until(frames, at(begin))).state
    parts = []
    for hour in range(begin, end, step):
        state = EvidenceState.from_rows(state.rows().sample(fraction=1.0, shuffle=True, seed=1))
        stop = min(hour + step, end)
        needed = since(until(frames, at(stop)), at(state.next_hour - _epoch_hours() - LOOK_BACK))
        run = evidence(**needed, state=state, from_hour=at(hour), until_hour=at(stop))
        parts.append(run.rows)
        state = run.state
    expected = rows.filter(pl.col("hour").is_between(at(begin), at(end), closed="left"))
    assert expected.height > 50
    assert_frame_equal(pl.concat(parts), expected, check_exact=True)


def _epoch_hours() -> int:
    return int(START.timestamp() // 3600)


@pytest.mark.slow
def test_the_order_of_input_rows_and_of_sites_changes_nothing(frames: Frames, rows: pl.DataFrame) -> None:
    shuffled = {name: frame.sample(fraction=1.0, shuffle=True, seed=5) for name, frame in frames.items()}
    assert_frame_equal(evidence(**shuffled).rows, rows, check_exact=True)


@pytest.mark.slow
def test_a_state_does_not_go_back_in_time(frames: Frames) -> None:
    state = evidence(**frames).state
    with pytest.raises(ValueError, match="pass an older one"):
        evidence(**frames, state=state, from_hour=at(24), until_hour=at(24 * 30))


@pytest.mark.slow
def test_a_state_for_other_windows_is_refused(frames: Frames) -> None:
    state = evidence(**frames).state
    with pytest.raises(ValueError, match="begin anew"):
        evidence(**frames, state=state, until_hour=at(24 * 30), options=EvidenceOptions(windows=(1, 24)))


@pytest.mark.parametrize("windows", [(24, 1), (1, 2), (1, 24, 200), (2, 24)])
def test_windows_that_cannot_work_are_refused(windows: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="windows must ascend"):
        EvidenceOptions(windows=windows)


def test_no_history_is_no_evidence_and_no_state_is_invented(frames: Frames) -> None:
    run = evidence(**until(frames, START))
    assert run.rows.is_empty()
    assert dict(run.rows.schema) == EVIDENCE.polars_schema()
    assert EvidenceState.from_rows(run.state.rows()).next_hour == 0


@pytest.mark.slow
def test_sites_that_share_nothing_else_borrow_from_the_organisation_alone(frames: Frames) -> None:
    strangers = frames["sites"].with_columns(
        sitegroup_ids=pl.lit(None, pl.List(pl.String)),
        attributes=pl.lit(None, pl.String),
        country_code=pl.col("site_id"),
    )
    found = evidence(**frames | {"sites": strangers}).rows
    assert set(found["group_id"].drop_nulls()) <= {peer_groups.EVERYBODY}
    assert found.filter(pl.col("group_id").is_null())["group_surprise"].max() == 0.0


@pytest.mark.slow
def test_a_later_change_of_site_groups_changes_no_earlier_row(frames: Frames, rows: pl.DataFrame) -> None:
    moved = frames["sites"].with_columns(
        day=pl.lit(at(24 * 20).date()),
        sitegroup_ids=pl.concat_list(pl.col("site_id")),
        attributes=pl.lit("{}"),
        country_code=pl.col("site_id"),
    )
    before = pl.col("hour") < at(24 * 20)
    found = evidence(**frames | {"sites": pl.concat([frames["sites"], moved])}).rows
    assert_frame_equal(found.filter(before), rows.filter(before), check_exact=True)
    assert set(found.filter(~before)["group_id"].drop_nulls()) <= {peer_groups.EVERYBODY}
    assert "site_group:north" in set(rows.filter(~before)["group_id"])


@pytest.mark.slow
def test_an_episode_goes_on_through_hours_without_users_of_which_no_share_is_said() -> None:
    closing = 24 * 24 + 20
    trouble = {(1, "coverage"): (closing - 6, closing, 0.5)}
    found = evidence(**history(days=26, extra=trouble)).rows
    empty = found.filter(pl.col("total_user_minutes") == 0)
    assert empty.height > 0
    assert empty["expected_pct"].unique().to_list() == [0.0]
    assert empty["excess_pct"].unique().to_list() == [0.0]
    assert found["expected_pct"].is_between(0, 100).all()


@pytest.mark.slow
def test_a_level_of_weeks_is_accepted_once_and_told_of_no_more() -> None:
    begins = 24 * 15
    lasting = {(1, "coverage"): (begins, 24 * 60, 0.35)}
    found = evidence(**history(days=60, metrics=("coverage",), extra=lasting)).rows.filter(
        pl.col("site_id") == "site-001", pl.col("metric") == "coverage", pl.col("classifier") == ""
    )
    accepted = found.filter(pl.col("is_accepted"))
    assert accepted.height > 0
    first = accepted["hour"].min()
    assert at(begins + 24 * 20) <= first <= at(begins + 24 * 26)
    after = found.filter(pl.col("hour") > first + timedelta(days=1), pl.col("recovery") < 1)
    assert after.filter(pl.col("surprise") >= 5).is_empty()
