"""A sum of user-minutes is the same to the last bit, in whichever order the raw answers are read."""

import random
from datetime import timedelta

import polars as pl
import pytest

from mist_pipeline.collect.history.frames import Wanted, make_history
from mist_pipeline_tests.support.collect.fake_cloud import DAY, UTC_ZONE, epoch
from mist_pipeline_tests.support.collect.raw_records import Counted, detail, scores

pytestmark = pytest.mark.slow

SITES = [f"s{number:02}" for number in range(40)]
METRICS = ("capacity", "coverage", "throughput")
DAYS = (DAY, DAY + timedelta(days=1))
WANTED = Wanted(
    pl.DataFrame(
        [(day, site) for day in DAYS for site in SITES],
        schema={"day": pl.Date, "site_id": pl.String},
        orient="row",
    ),
    METRICS,
    DAYS,
    UTC_ZONE,
)


def answers(interval: int) -> list[Counted]:
    """Buckets whose sum depends on the order of adding: user-minutes of every size, none of them a round number."""
    chance = random.Random(11)
    count = 48 * 3600 // interval

    def minutes() -> list[float]:
        return [10 ** chance.uniform(-3, 5) for _ in range(count)]

    return [
        detail(
            epoch(DAY),
            epoch(DAY, 48),
            DAYS,
            site=site,
            metric=metric,
            interval=interval,
            total=(total := minutes()),
            degraded=[value * chance.random() for value in total],
            value=minutes(),
            classifiers={name: [value * chance.random() for value in total] for name in ("one", "two")},
        )
        for site in SITES
        for metric in METRICS
    ]


def organisation() -> list[Counted]:
    """Scores by hour of the sites that have no detail."""
    chance = random.Random(12)
    return [
        scores(
            hour,
            [
                {"site_id": site, "num_clients": chance.randrange(1, 999), "coverage": chance.random()}
                for site in SITES
            ],
        )
        for hour in range(24)
    ]


@pytest.mark.parametrize("interval", [600, 3600, 21_600])
def test_sums_are_the_same_to_the_bit_in_whichever_order_answers_are_read(interval: int) -> None:
    read = answers(interval)
    first = make_history(read, [], WANTED).tables()
    assert first["sle_daily"]["total_user_minutes"].null_count() == 0
    for turn in range(4):
        random.Random(turn).shuffle(read)
        again = make_history(read, [], WANTED).tables()
        for name, frame in first.items():
            key = [column for column in frame.columns if not frame.schema[column].is_float()]
            assert frame.sort(key).equals(again[name].sort(key)), name


def test_an_estimated_day_is_the_same_to_the_bit_in_whichever_order_answers_are_read() -> None:
    read = organisation()
    first = make_history([], read, WANTED).sle_daily
    assert first["score_pct"].count() == len(SITES)
    for turn in range(4):
        random.Random(turn).shuffle(read)
        assert first.equals(make_history([], read, WANTED).sle_daily)
