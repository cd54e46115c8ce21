"""The week before today as arrays: hours put together are as if made together, and what does not fit is refused."""

from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from mist_pipeline.analysis.evidence.hourly_matrix import HourlyMatrix, hourly_matrix
from mist_pipeline.analysis.evidence.model import LOOK_BACK, EvidenceState, PastWeek, evidence, past_week_of
from mist_pipeline.analysis.stats.local_time import hour_number
from mist_pipeline_tests.support.analysis.evidence_frames import START, Frames, history, since, until

DAYS = 12
NOW = START + timedelta(days=DAYS - 1)
BEGIN, MIDDLE = hour_number(START), hour_number(NOW)
END = MIDDLE + 24
HOURS = ("sle_hourly", "classifiers_hourly", "site_hourly")


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Of four sites, the second of which is new today and the last of which is gone; one has a cause today that it never had."""
    found = history(days=DAYS)
    is_today = pl.col("hour") >= NOW
    kept = ~((pl.col("site_id") == "site-001") & ~is_today) & ~((pl.col("site_id") == "site-003") & is_today)
    found = {name: frame.filter(kept) if name in HOURS else frame for name, frame in found.items()}
    causes = found["classifiers_hourly"]
    is_new = is_today & (pl.col("site_id") == "site-002") & (pl.col("classifier") == "weak-signal")
    renamed = pl.when(is_new).then(pl.lit("another")).otherwise("classifier")
    return found | {"classifiers_hourly": causes.with_columns(classifier=renamed)}


def matrix(frames: Frames, first: int, end: int, known: HourlyMatrix | None = None) -> HourlyMatrix:
    nothing = pl.DataFrame(schema=dict.fromkeys(("site_id", "metric", "classifier"), pl.String))
    return hourly_matrix(
        *(frames[name] for name in HOURS),
        first_hour=first,
        end_hour=end,
        known_series=known.series if known else nothing,
        known_sites=known.site_ids if known else [],
    )


def differences(one: HourlyMatrix, other: HourlyMatrix) -> list[str]:
    def same(name: str) -> bool:
        a, b = getattr(one, name), getattr(other, name)
        if isinstance(a, np.ndarray):
            return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        return bool(a.equals(b)) if isinstance(a, pl.DataFrame) else bool(a == b)

    return [each.name for each in fields(HourlyMatrix) if not same(each.name)]


def test_hours_put_together_are_as_if_made_together(frames: Frames) -> None:
    before = matrix(frames, BEGIN, MIDDLE)
    after = matrix(frames, MIDDLE, END, known=before)
    assert after.series.height > before.series.height
    assert set(after.site_ids) > set(before.site_ids)
    assert differences(before.followed_by(after), matrix(frames, BEGIN, END)) == []
    same = matrix(frames, MIDDLE - 48, MIDDLE - 24)
    assert (
        differences(
            same.followed_by(matrix(frames, MIDDLE - 24, MIDDLE, known=same)),
            matrix(frames, MIDDLE - 48, MIDDLE),
        )
        == []
    )


def test_hours_between_and_series_that_are_lost_are_refused(frames: Frames) -> None:
    before = matrix(frames, BEGIN, MIDDLE - 24)
    with pytest.raises(ValueError, match="hours from"):
        before.followed_by(matrix(frames, MIDDLE, END, known=before))
    known = matrix(frames, BEGIN, MIDDLE)
    with pytest.raises(ValueError, match="series are missing"):
        known.followed_by(matrix(frames, MIDDLE, END))
    with pytest.raises(ValueError, match="1 sites are missing"):
        replace(known, site_ids=[*known.site_ids, "site-x"]).followed_by(
            matrix(frames, MIDDLE, END, known=known)
        )


@pytest.fixture(scope="module")
def state(frames: Frames) -> EvidenceState:
    return evidence(**until(frames, NOW)).state


@pytest.fixture(scope="module")
def week(frames: Frames, state: EvidenceState) -> PastWeek:
    needed = since(frames, NOW - timedelta(hours=LOOK_BACK))
    return past_week_of(*(needed[name] for name in HOURS), state)


@pytest.mark.parametrize("hours", [1, 9, 24])
def test_evidence_of_today_is_the_same_with_the_week_as_arrays(
    frames: Frames, state: EvidenceState, week: PastWeek, hours: int
) -> None:
    end = NOW + timedelta(hours=hours)
    here = until(frames, end)
    whole = evidence(
        **since(here, NOW - timedelta(hours=LOOK_BACK)), state=state, from_hour=NOW, until_hour=end
    )
    kept = PastWeek.from_arrays(week.arrays())
    short = evidence(**since(here, NOW), state=kept, from_hour=NOW, until_hour=end)
    assert short.rows.equals(whole.rows)
    assert short.state.rows().equals(whole.state.rows())
    # And again: what is kept is not changed by being used.
    assert evidence(**since(here, NOW), state=kept, from_hour=NOW, until_hour=end).rows.equals(whole.rows)
    assert kept.state.rows().equals(week.state.rows())


def test_a_day_on_which_nothing_was_read_is_walked_too(frames: Frames, week: PastWeek) -> None:
    end = NOW + timedelta(hours=30)
    run = evidence(**until(since(frames, NOW), NOW), state=week, until_hour=end)
    assert run.rows.is_empty()
    assert run.state.next_hour == week.state.next_hour + 24
    assert evidence(**since(frames, NOW), state=week, until_hour=NOW).rows.is_empty()


def test_all_of_it_comes_back(week: PastWeek) -> None:
    back = PastWeek.from_arrays(dict(week.arrays()))
    assert differences(back.hours, week.hours) == []
    assert back.state.rows().equals(week.state.rows())
    for name in ("series", "pools", "tails"):
        assert getattr(back.state, name).equals(getattr(week.state, name)), name


def test_arrays_that_do_not_fit_together_are_refused(week: PastWeek) -> None:
    whole = dict(week.arrays())
    for name, array in whole.items():
        with pytest.raises(ValueError, match=r"no week of evidence|Expecting|JSON"):
            PastWeek.from_arrays({each: values for each, values in whole.items() if each != name})
        with pytest.raises(ValueError, match=r"no week of evidence|Expecting|Unterminated|JSON"):
            PastWeek.from_arrays(whole | {name: array[:-1]})
